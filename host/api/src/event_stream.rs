//! AWS's event stream: frames with a checksum of their lengths and one of the whole.

use bytes::{BufMut, Bytes, BytesMut};

/// The media type of a stream.
pub const MEDIA_TYPE: &str = "application/vnd.amazon.eventstream";

/// Bytes of payload in one frame: clients refuse frames above 16 MB.
const PAYLOAD: usize = 1 << 20;

/// Lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum of the whole.
const END: usize = 4;
/// A header's value is text.
const STRING: u8 = 7;

/// A body as events of one type.
pub fn parts(event: &str, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(body.len() + 128 * (body.len() / PAYLOAD + 1));
    for payload in body.chunks(PAYLOAD) {
        frame(
            &mut out,
            &[
                (":event-type", event),
                (":content-type", "application/octet-stream"),
                (":message-type", "event"),
            ],
            payload,
        );
    }
    out.freeze()
}

fn frame(out: &mut BytesMut, headers: &[(&str, &str)], payload: &[u8]) {
    let start = out.len();
    let headers_length: usize = headers.iter().map(|(name, value)| 1 + name.len() + 3 + value.len()).sum();
    let total = PRELUDE + headers_length + payload.len() + END;
    // Names and values are ours, and a payload is at most one MiB: the lengths fit.
    out.put_u32(total as u32);
    out.put_u32(headers_length as u32);
    out.put_u32(crc32fast::hash(&out[start..]));
    for (name, value) in headers {
        out.put_u8(name.len() as u8);
        out.put_slice(name.as_bytes());
        out.put_u8(STRING);
        out.put_u16(value.len() as u16);
        out.put_slice(value.as_bytes());
    }
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(&out[start..]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_the_one_that_botocore_reads() {
        // Recorded from a server that botocore 1.44 read.
        let recorded =
            b"\0\0\0m\0\0\0Y\x167\x85\xc5\x0b:event-type\x07\0\x0bPayloadPart\r:content-type\x07\0\
            \x18application/octet-stream\r:message-type\x07\0\x05event0.5,\x14Z'\xdf";
        assert_eq!(parts("PayloadPart", b"0.5,").as_ref(), recorded);
    }

    #[test]
    fn a_long_body_is_several_frames_and_none_is_none() {
        let body = vec![7; PAYLOAD + 1];
        let stream = parts("PayloadPart", &body);
        let first = u32::from_be_bytes(stream[..4].try_into().unwrap()) as usize;
        let second = u32::from_be_bytes(stream[first..first + 4].try_into().unwrap()) as usize;
        assert_eq!(first + second, stream.len());
        assert!(parts("PayloadPart", b"").is_empty());
    }
}
