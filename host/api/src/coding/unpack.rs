//! Each coding undone: whole, to its end, with its checksum, and nothing after it.

use std::io::{self, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status, bufread::MultiGzDecoder};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::Coding;
use crate::{
    config::Limits,
    fault::{Fault, Kind},
    room::{Held, Owner, Room},
};

/// Bytes that are unpacked at a time.
const PIECE: usize = 64 << 10;
/// How far back zstd may refer: what RFC 9659 asks of every decoder.
const ZSTD_WINDOW: u64 = 8 << 20;

/// What was unpacked so far.
pub struct Unpacked<'a> {
    bytes: Vec<u8>,
    room: Option<Room>,
    limits: &'a Limits,
    held: &'a Held,
    owner: &'a Owner,
}

impl<'a> Unpacked<'a> {
    pub fn new(limits: &'a Limits, held: &'a Held, owner: &'a Owner) -> Self {
        Self { bytes: Vec::new(), room: None, limits, held, owner }
    }

    pub fn finish(self) -> (Bytes, Option<Room>) {
        (Bytes::from(self.bytes), self.room)
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        let size = self.bytes.len() + piece.len();
        if size as u64 > self.limits.body {
            return Err(Fault::new(
                Kind::BodyTooLarge,
                format!(
                    "the body has more than {} bytes when it is unpacked, and this server takes no more; send fewer rows at a time, \
                     use batch prediction, or raise the server's limit",
                    self.limits.body
                ),
            ));
        }
        if size > self.bytes.capacity() {
            let most = usize::try_from(self.limits.body).unwrap_or(usize::MAX);
            let wanted = (2 * self.bytes.capacity()).min(most).max(size);
            self.held.grow(&mut self.room, self.owner, wanted as u64, self.limits)?;
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn read(&mut self, coding: Coding, mut from: impl Read) -> Result<(), Fault> {
        let mut piece = vec![0; PIECE];
        loop {
            match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => self.push(&piece[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(coding, &error)),
            }
        }
    }
}

fn broken(coding: Coding, why: &dyn std::fmt::Display) -> Fault {
    let name = coding.name();
    Fault::new(
        Kind::BadRequest,
        format!("the body is not whole {name}, as Content-Encoding says it is: {why}"),
    )
    .parameter("Content-Encoding")
}

const CUT_OFF: &str = "it is cut off";

fn after_the_end(coding: Coding, count: usize) -> Fault {
    broken(coding, &format!("{count} bytes come after its end"))
}

/// Undoes one coding.
pub fn one(coding: Coding, packed: &[u8], into: &mut Unpacked<'_>) -> Result<(), Fault> {
    match coding {
        Coding::Gzip => into.read(coding, MultiGzDecoder::new(packed)),
        Coding::Deflate => deflate(packed, into),
        Coding::Brotli => brotli(packed, into),
        Coding::Zstd => zstd(packed, into),
    }
}

/// Deflate in zlib's format, as the standard has it; or bare, as some clients send it.
fn deflate(packed: &[u8], into: &mut Unpacked<'_>) -> Result<(), Fault> {
    let coding = Coding::Deflate;
    let is_zlib = matches!(packed, [first, second, ..]
        if first & 15 == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0);
    let mut state = Decompress::new(is_zlib);
    let mut piece = vec![0; PIECE];
    loop {
        let (taken, made) = (state.total_in() as usize, state.total_out());
        let status = state
            .decompress(&packed[taken..], &mut piece, FlushDecompress::None)
            .map_err(|error| broken(coding, &error))?;
        let count = (state.total_out() - made) as usize;
        into.push(&piece[..count])?;
        match status {
            Status::StreamEnd => {
                let rest = packed.len() - state.total_in() as usize;
                return if rest == 0 { Ok(()) } else { Err(after_the_end(coding, rest)) };
            }
            _ if count == 0 && state.total_in() as usize == taken => return Err(broken(coding, &CUT_OFF)),
            _ => {}
        }
    }
}

fn brotli(packed: &[u8], into: &mut Unpacked<'_>) -> Result<(), Fault> {
    let coding = Coding::Brotli;
    let alloc = StandardAlloc::default;
    // Strict: without the large windows that the standard does not have.
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let (mut left, mut taken, mut total) = (packed.len(), 0, 0);
    let mut piece = vec![0; PIECE];
    loop {
        let (mut free, mut count) = (piece.len(), 0);
        let result = BrotliDecompressStream(
            &mut left, &mut taken, packed, &mut free, &mut count, &mut piece, &mut total, &mut state,
        );
        into.push(&piece[..count])?;
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess if left == 0 => return Ok(()),
            BrotliResult::ResultSuccess => return Err(after_the_end(coding, left)),
            BrotliResult::NeedsMoreInput => return Err(broken(coding, &CUT_OFF)),
            BrotliResult::ResultFailure => return Err(broken(coding, &"it is damaged, or something else")),
        }
    }
}

/// One frame after the other; those that hold no data are passed over.
fn zstd(packed: &[u8], into: &mut Unpacked<'_>) -> Result<(), Fault> {
    let coding = Coding::Zstd;
    let mut rest = packed;
    while !rest.is_empty() {
        if let Some(length) = skippable(rest) {
            rest = rest.get(8 + length..).ok_or_else(|| broken(coding, &CUT_OFF))?;
            continue;
        }
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW.max(into.limits.body));
        let mut frame =
            StreamingDecoder::new_with_decoder(&mut rest, decoder).map_err(|error| broken(coding, &error))?;
        into.read(coding, &mut frame)?;
        let decoder = frame.into_frame_decoder();
        if let Some(sum) = decoder.get_checksum_from_data()
            && decoder.get_calculated_checksum() != Some(sum)
        {
            return Err(broken(coding, &"its checksum does not fit"));
        }
    }
    Ok(())
}

/// Bytes of a frame that holds no data, after its head of eight.
fn skippable(frame: &[u8]) -> Option<usize> {
    let word = |at: usize| Some(u32::from_le_bytes(frame.get(at..at + 4)?.try_into().ok()?));
    (word(0)? & !15 == 0x184d_2a50).then(|| word(4).map(|length| length as usize)).flatten()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn unpacked(coding: Coding, packed: &[u8], limit: u64) -> Result<Vec<u8>, Fault> {
        let limits = Limits { body: limit, ..Limits::default() };
        let (held, owner) = (Held::default(), Owner::Key("test".into()));
        let mut into = Unpacked::new(&limits, &held, &owner);
        one(coding, packed, &mut into)?;
        Ok(into.finish().0.to_vec())
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn bare(text: &[u8]) -> Vec<u8> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    /// `0.5,3,2\n` a thousand times, packed by brotli 1.2 and zstd 1.5.
    const BROTLI: &[u8] = include_bytes!("testdata/rows.br");
    const ZSTD: &[u8] = include_bytes!("testdata/rows.zst");

    fn rows() -> Vec<u8> {
        b"0.5,3,2\n".repeat(1000)
    }

    fn packed(coding: Coding) -> Vec<u8> {
        match coding {
            Coding::Gzip => gzip(&rows()),
            Coding::Deflate => zlib(&rows()),
            Coding::Brotli => BROTLI.to_vec(),
            Coding::Zstd => ZSTD.to_vec(),
        }
    }

    #[test]
    fn what_other_programs_packed_is_unpacked() {
        for coding in CODINGS {
            assert_eq!(unpacked(coding, &packed(coding), 8000).unwrap(), rows(), "{coding:?}");
        }
        assert_eq!(unpacked(Coding::Deflate, &bare(&rows()), 8000).unwrap(), rows());
        // Several members or frames are one body.
        let twice = |one: Vec<u8>| [one.clone(), one].concat();
        assert_eq!(unpacked(Coding::Gzip, &twice(gzip(b"ab")), 8).unwrap(), b"abab");
        assert_eq!(unpacked(Coding::Zstd, &twice(ZSTD.to_vec()), 16_000).unwrap().len(), 16_000);
        let skipped = [b"\x50\x2a\x4d\x18\x03\0\0\0abc", ZSTD].concat();
        assert_eq!(unpacked(Coding::Zstd, &skipped, 8000).unwrap(), rows());
        assert_eq!(unpacked(Coding::Gzip, &gzip(b""), 0).unwrap(), b"");
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        for coding in CODINGS {
            let whole = packed(coding);
            // Without a byte there is no body; that is said elsewhere.
            for length in 1..whole.len() {
                let fault = unpacked(coding, &whole[..length], 8000).expect_err("it is not whole");
                assert_eq!(fault.kind, Kind::BadRequest, "{coding:?} {length}");
            }
        }
    }

    #[test]
    fn what_is_damaged_or_followed_by_something_is_refused() {
        for coding in CODINGS {
            let mut longer = packed(coding);
            longer.extend_from_slice(b"??");
            assert_eq!(unpacked(coding, &longer, 8000).unwrap_err().kind, Kind::BadRequest, "{coding:?}");
            for garbage in [&b"0.5,3,2\n"[..], b"\0", &[255; 100]] {
                let outcome = unpacked(coding, garbage, 8000);
                assert!(outcome.is_err(), "{coding:?} {garbage:?}: {outcome:?}");
            }
        }
        // Those with a checksum find every flipped bit of their data.
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let whole = packed(coding);
            for place in 10..whole.len() {
                let mut damaged = whole.clone();
                damaged[place] ^= 4;
                // Bits that only fill up a byte say nothing.
                let harmless = unpacked(coding, &damaged, 8000).is_ok_and(|bytes| bytes == rows());
                let refused = unpacked(coding, &damaged, 8000).is_err();
                assert!(refused || harmless, "{coding:?} {place}");
            }
        }
    }

    #[test]
    fn a_bomb_goes_off_no_further_than_the_limit() {
        for coding in CODINGS {
            let fault = unpacked(coding, &packed(coding), 7999).unwrap_err();
            assert_eq!(fault.kind, Kind::BodyTooLarge, "{coding:?}");
        }
        let bomb = gzip(&vec![0; 100 << 20]);
        assert!(bomb.len() < 200_000);
        let limits = Limits { bodies: 10 << 20, ..Limits::default() };
        let (held, owner) = (Held::default(), Owner::Key("test".into()));
        let mut into = Unpacked::new(&limits, &held, &owner);
        // The limit of all bodies holds while it goes on.
        let fault = one(Coding::Gzip, &bomb, &mut into).unwrap_err();
        assert_eq!(fault.kind, Kind::Unavailable);
        assert!(into.bytes.capacity() <= 10 << 20);
    }
}
