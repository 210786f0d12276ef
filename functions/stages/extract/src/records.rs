//! CSV text into records.
//!
//! Follows RFC 4180 and, where that is silent, the `csv` crate, which the tests hold it against: a record ends with
//! `\n`, `\r\n` or `\r`; empty lines are passed over; a quote counts only at the start of a field; what comes after the
//! closing quote belongs to the field. Other than that crate it finds out that a file ends inside a quoted field, or has a
//! blank before a quote, and it is several times as fast in WebAssembly, since records without a quote are neither copied nor taken through a state
//! machine: the places of the bytes that matter are found beforehand, many at a time.

use std::io::Read;

use millstream_sdk::{Failure, invalid_input};

use crate::{source::unreadable, stops::Stops};

const BUFFER: usize = 256 * 1024;

/// Reads records one after another.
pub struct Records<R> {
    text: R,
    stops: Stops,
    quote: u8,
    delimiter: u8,
    /// Whether blanks at the start of a field are left out.
    skip_blanks: bool,
    /// `buffer[start..end]` was read, but not handed out.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// Places of delimiters, line ends and quotes in `buffer[..end]`; those before `next` lie behind us.
    places: Vec<usize>,
    next: usize,
    /// The fields of a record that has quotes, one after another, without them.
    unquoted: Vec<u8>,
    /// Where fields begin and end, in the buffer or in `unquoted`.
    fields: Vec<(usize, usize)>,
}

/// A record's fields.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    bytes: &'a [u8],
    fields: &'a [(usize, usize)],
}

impl<'a> Record<'a> {
    /// How many there are, at least one.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field. Panics if there is no such field.
    #[inline]
    pub fn field(&self, place: usize) -> &'a [u8] {
        let (start, end) = self.fields[place];
        &self.bytes[start..end]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(|place| self.field(place))
    }
}

impl<R: Read> Records<R> {
    /// Of a text from its first record on. Quote and delimiter differ from one another and from line ends.
    pub fn new(text: R, delimiter: u8, quote: u8) -> Self {
        Self {
            text,
            stops: Stops::new([delimiter, b'\n', b'\r', quote]),
            quote,
            delimiter,
            skip_blanks: false,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            at_end: false,
            places: Vec::new(),
            next: 0,
            unquoted: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Whether blanks at the start of a field are left out. Otherwise they are a part of it, and a quote behind them, of which
    /// nobody knows what it means, is refused.
    pub fn skip_initial_space(self, skip_blanks: bool) -> Self {
        Self { skip_blanks, ..self }
    }

    /// The next record, `None` at the end.
    pub fn read(&mut self) -> Result<Option<Record<'_>>, Failure> {
        if !self.skip_line_ends()? {
            return Ok(None);
        }
        self.fields.clear();
        let mut field = self.start;
        // Those of line ends that were skipped, or of a quoted record.
        while self.places.get(self.next).is_some_and(|place| *place < field) {
            self.next += 1;
        }
        loop {
            let Some(&stop) = self.places.get(self.next) else {
                // The record goes on in what is not read yet, behind which it moves to the front of the buffer.
                let start = self.start;
                let more = self.refill()?;
                let moved = start - self.start;
                field -= moved;
                for (start, end) in &mut self.fields {
                    (*start, *end) = (*start - moved, *end - moved);
                }
                if more {
                    continue;
                }
                self.push_field(field, self.end);
                self.start = self.end;
                break;
            };
            self.next += 1;
            let byte = self.buffer[stop];
            if byte == self.delimiter {
                self.push_field(field, stop);
                field = stop + 1;
            } else if byte != self.quote {
                self.push_field(field, stop);
                self.start = stop + 1;
                break;
            } else if stop == field {
                return self.read_quoted().map(Some);
            } else if self.buffer[field..stop].iter().all(is_blank) {
                if self.skip_blanks {
                    return self.read_quoted().map(Some);
                }
                return Err(blank_before_quote(self.fields.len()));
            }
            // Any other quote inside of a field is the field's own.
        }
        Ok(Some(Record { bytes: &self.buffer, fields: &self.fields }))
    }

    #[inline]
    fn push_field(&mut self, start: usize, end: usize) {
        let mut start = start;
        if self.skip_blanks {
            start += self.buffer[start..end].iter().take_while(|byte| is_blank(byte)).count();
        }
        self.fields.push((start, end));
    }

    /// The same for a record that has a quoted field.
    fn read_quoted(&mut self) -> Result<Record<'_>, Failure> {
        self.fields.clear();
        self.unquoted.clear();
        let mut field = 0;
        loop {
            while let Some(byte) = self.peek()?.filter(is_blank).filter(|byte| *byte != self.delimiter) {
                self.unquoted.push(byte);
                self.start += 1;
            }
            let blanks = self.unquoted.len() > field;
            if self.skip_blanks {
                self.unquoted.truncate(field);
            }
            if self.peek()? == Some(self.quote) {
                if blanks && !self.skip_blanks {
                    return Err(blank_before_quote(self.fields.len()));
                }
                self.start += 1;
                self.read_quotation()?;
            }
            let ended = loop {
                match self.peek()? {
                    Some(byte) if byte != self.delimiter && !matches!(byte, b'\n' | b'\r') => {
                        self.unquoted.push(byte);
                        self.start += 1;
                    }
                    other => break other != Some(self.delimiter),
                }
            };
            self.fields.push((field, self.unquoted.len()));
            field = self.unquoted.len();
            self.start = (self.start + 1).min(self.end);
            if ended {
                return Ok(Record { bytes: &self.unquoted, fields: &self.fields });
            }
        }
    }

    /// What is between the opening quote, which was passed, and the closing one.
    fn read_quotation(&mut self) -> Result<(), Failure> {
        loop {
            if self.start == self.end && !self.refill()? {
                return Err(invalid_input("the file ends inside a quoted field: a closing quote is missing"));
            }
            let rest = &self.buffer[self.start..self.end];
            let Some(stop) = memchr::memchr(self.quote, rest) else {
                self.unquoted.extend_from_slice(rest);
                self.start = self.end;
                continue;
            };
            self.unquoted.extend_from_slice(&rest[..stop]);
            self.start += stop + 1;
            if self.peek()? != Some(self.quote) {
                return Ok(());
            }
            self.unquoted.push(self.quote);
            self.start += 1;
        }
    }

    fn skip_line_ends(&mut self) -> Result<bool, Failure> {
        while let Some(byte) = self.peek()? {
            if !matches!(byte, b'\n' | b'\r') {
                return Ok(true);
            }
            self.start += 1;
        }
        Ok(false)
    }

    #[inline]
    fn peek(&mut self) -> Result<Option<u8>, Failure> {
        if self.start == self.end && !self.refill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.start]))
    }

    /// Reads on behind what is waiting, which moves to the front. `false` if there is nothing more. All places that are
    /// known must have been passed.
    fn refill(&mut self) -> Result<bool, Failure> {
        if self.at_end {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            // A record that is longer than the buffer.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let count = self.text.read(&mut self.buffer[self.end..]).map_err(unreadable)?;
        (self.next, self.at_end) = (0, count == 0);
        self.places.clear();
        self.stops.find(&self.buffer[self.end..self.end + count], self.end, &mut self.places);
        self.end += count;
        Ok(count > 0)
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn blank_before_quote(field: usize) -> Failure {
    invalid_input(format!(
        "a blank stands before the quote of field {}: take it out, or leave out blanks after delimiters by \
         `skip_initial_space: true`",
        field + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(out.len()).min(self.0.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    type Fields = Vec<Vec<Vec<u8>>>;

    fn ours(text: &[u8], drip: usize) -> Result<Fields, Failure> {
        let mut records = Records::new(Drip(text, drip), b',', b'"');
        let mut all = Vec::new();
        while let Some(record) = records.read()? {
            all.push(record.iter().map(<[u8]>::to_vec).collect());
        }
        Ok(all)
    }

    fn theirs(text: &[u8]) -> Fields {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
    }

    #[test]
    fn a_quote_that_stays_open_is_found() {
        for text in ["\"", "a,\"b", "a,\"b\n1,2\n", "\"a\"\"", "x\n\"\n\n"] {
            assert!(ours(text.as_bytes(), 3).is_err(), "{text:?}");
        }
        for text in ["a\"", "\"a\"", "\"a\"b\"", "\"\"", "\"a\"\"\""] {
            assert_eq!(ours(text.as_bytes(), 3).unwrap(), theirs(text.as_bytes()), "{text:?}");
        }
    }

    fn skipping(text: &str, drip: usize) -> Result<Fields, Failure> {
        let mut records = Records::new(Drip(text.as_bytes(), drip), b',', b'"').skip_initial_space(true);
        let mut all = Vec::new();
        while let Some(record) = records.read()? {
            all.push(record.iter().map(<[u8]>::to_vec).collect());
        }
        Ok(all)
    }

    #[test]
    fn blanks_before_quotes_are_refused_or_left_out() {
        for (text, field) in [
            ("a, \"b\", c\n", 2),
            (" \"a\"\n", 1),
            ("\"a\",\t\"b\"", 2),
            ("1,\"x\", \"y, z\"", 3),
            ("1, \"", 2),
        ] {
            for drip in 1..5 {
                let refusal = ours(text.as_bytes(), drip).unwrap_err().to_string();
                let expected = format!("a blank stands before the quote of field {field}");
                assert!(refusal.contains(&expected), "{text:?}: {refusal}");
            }
        }
        for text in ["a, b\"c\", d", "a,b \"c\"", "x , y", "\"a\" ,b", "a, ,b"] {
            assert_eq!(ours(text.as_bytes(), 2).unwrap(), theirs(text.as_bytes()), "{text:?}");
        }
        for drip in 1..5 {
            let three = skipping("a, \"x, y\", c\n1,  2,\t3 \n \"\", \"p\"\"q\" ,r\n", drip).unwrap();
            let expected: [&[&[u8]]; 3] =
                [&[b"a", b"x, y", b"c"], &[b"1", b"2", b"3 "], &[b"", b"p\"q ", b"r"]];
            assert_eq!(three, expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Sound or not: what the `csv` crate reads, however the bytes come in.
        #[test]
        fn as_the_csv_crate_reads_it(text in "[ab\",\n\r]{0,24}", drip in 1usize..9) {
            if let Ok(records) = ours(text.as_bytes(), drip) {
                prop_assert_eq!(records, theirs(text.as_bytes()));
            } else {
                // A closing quote at the end mends it.
                let mended = format!("{text}\"");
                prop_assert!(ours(mended.as_bytes(), drip).is_ok());
            }
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Records that are longer than the buffer.
        #[test]
        fn long_records(lengths in prop::collection::vec(0usize..200_000, 1..6), quoted: bool) {
            let quote = if quoted { "\"" } else { "" };
            let fields: Vec<String> = lengths.iter().map(|length| format!("{quote}x{}{quote}", "y".repeat(*length))).collect();
            let text = format!("{}\n1,2\n", fields.join(","));
            prop_assert_eq!(ours(text.as_bytes(), 100_000).unwrap(), theirs(text.as_bytes()));
        }
    }
}
