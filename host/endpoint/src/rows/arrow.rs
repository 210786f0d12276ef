//! Rows of an Arrow IPC stream, out of its messages' heads; its columns are not looked at.
//!
//! A few bytes can say that they are a million rows (of nulls, or compressed), so that the size of a body says nothing of its
//! rows. The host needs no more of Arrow than this number, which stands in two tables of the format (`Message.fbs`): that is
//! less than a library for all of it.

/// What comes before a message's length, since format version 0.15.
const CONTINUATION: u32 = 0xFFFF_FFFF;
/// `MessageHeader.RecordBatch`
const RECORD_BATCH: u8 = 3;

/// Rows of all batches up to the end of the stream, or to where it is damaged: the model's reader, which comes after, gets no
/// further either, and says what is wrong.
pub fn rows(stream: &[u8]) -> u64 {
    let (mut rest, mut rows) = (stream, 0_u64);
    while let Some((count, after)) = message(rest) {
        rows = rows.saturating_add(count);
        rest = after;
    }
    rows
}

/// The rows of the first message, and what comes after it; none at the end.
fn message(stream: &[u8]) -> Option<(u64, &[u8])> {
    let first = u32_at(stream, 0)?;
    let (length, rest) = match first {
        CONTINUATION => (u32_at(stream, 4)?, stream.get(8..)?),
        // As it was written before.
        length => (length, stream.get(4..)?),
    };
    if length == 0 {
        return None;
    }
    let length = usize::try_from(length).ok()?;
    let (head, rest) = (rest.get(..length)?, rest.get(length..)?);
    let table = Table::root(head)?;
    let body = table.scalar(3).map_or(Some(0), i64_at_start)?;
    let rest = rest.get(usize::try_from(body).ok()?..)?;
    let kind = table.scalar(1).and_then(|bytes| bytes.first().copied()).unwrap_or_default();
    if kind != RECORD_BATCH {
        return Some((0, rest));
    }
    let length = table.table(2)?.scalar(0).map_or(Some(0), i64_at_start)?;
    Some((u64::try_from(length).ok()?, rest))
}

/// A table of a flatbuffer.
struct Table<'b> {
    buffer: &'b [u8],
    at: usize,
}

impl<'b> Table<'b> {
    fn root(buffer: &'b [u8]) -> Option<Self> {
        let at = usize::try_from(u32_at(buffer, 0)?).ok()?;
        Some(Self { buffer, at })
    }

    /// Where a field is; none if it has its default.
    fn field(&self, number: usize) -> Option<usize> {
        let back = i32::from_le_bytes(array(self.buffer, self.at)?);
        let fields = usize::try_from(i64::try_from(self.at).ok()? - i64::from(back)).ok()?;
        let size = usize::from(u16::from_le_bytes(array(self.buffer, fields)?));
        let slot = 4 + 2 * number;
        if slot + 2 > size {
            return None;
        }
        let offset = usize::from(u16::from_le_bytes(array(self.buffer, fields.checked_add(slot)?)?));
        if offset == 0 { None } else { self.at.checked_add(offset) }
    }

    /// The bytes from a field on.
    fn scalar(&self, number: usize) -> Option<&'b [u8]> {
        self.buffer.get(self.field(number)?..)
    }

    /// The table that a field leads to.
    fn table(&self, number: usize) -> Option<Self> {
        let field = self.field(number)?;
        let offset = usize::try_from(u32_at(self.buffer, field)?).ok()?;
        Some(Self { buffer: self.buffer, at: field.checked_add(offset)? })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn i64_at_start(bytes: &[u8]) -> Option<i64> {
    array(bytes, 0).map(i64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, NullArray, RecordBatch, StringArray};
    use arrow_ipc::writer::StreamWriter;

    use super::*;

    fn stream(batches: &[RecordBatch]) -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn table(rows: usize) -> RecordBatch {
        let numbers = Float64Array::from_iter_values((0..rows).map(|row| row as f64));
        let texts = StringArray::from_iter_values((0..rows).map(|row| row.to_string()));
        RecordBatch::try_from_iter([("a", Arc::new(numbers) as _), ("b", Arc::new(texts) as _)]).unwrap()
    }

    #[test]
    fn rows_of_all_batches_are_counted() {
        assert_eq!(rows(&stream(&[table(7)])), 7);
        assert_eq!(rows(&stream(&[table(7), table(0), table(1000)])), 1007);
    }

    #[test]
    fn a_small_body_may_have_many_rows() {
        let nulls = RecordBatch::try_from_iter([("a", Arc::new(NullArray::new(1_000_000)) as _)]).unwrap();
        let body = stream(&[nulls]);
        assert!(body.len() < 1000);
        assert_eq!(rows(&body), 1_000_000);
    }

    #[test]
    fn a_stream_that_ends_early_or_is_damaged_has_what_was_read() {
        let whole = stream(&[table(3), table(4)]);
        for end in 0..whole.len() {
            assert!([0, 3, 7].contains(&rows(&whole[..end])), "{end}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                rows(&damaged);
            }
        }
    }
}
