//! The bytes of a part: unpacked, without a byte order mark, of a known format.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use millstream_sdk::{Context, Failure, PartReader, invalid_input};

use crate::params::Format;

const BUFFER: usize = 256 * 1024;

/// The channel that the files come by.
pub const CHANNEL: &str = "source";

/// The text of a part, from its first byte on.
pub type Text = Box<dyn BufRead>;

/// A part of the channel.
pub struct Source {
    /// Its place in the channel.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// How it is written.
    pub format: Format,
}

impl Source {
    /// Looks at a part: Parquet is known by its magic number, then the name's ending counts, then the first character.
    pub fn new(context: &Context, index: usize, format: Format) -> Result<Self, Failure> {
        let mut part = context.open(CHANNEL, index)?;
        let name = part.name().to_owned();
        let place = |failure: Failure| failure.part(&name).channel(CHANNEL);
        if part.size() == 0 {
            return Err(place(invalid_input("the file is empty")));
        }
        let mut head = [0; 8];
        let length = read_up_to(&mut part, &mut head).map_err(|error| place(unreadable(error)))?;
        let head = &head[..length];
        let parquet = head.starts_with(b"PAR1");
        if head.starts_with(b"ARROW1\0") || head.starts_with(b"FEA1") || head.starts_with(&[0xff; 4]) {
            return Err(place(invalid_input(
                "the file is Arrow (Feather), which is not read here; write it as Parquet, in pandas: `df.to_parquet(path)`",
            )));
        }
        let format = match format {
            Format::Auto if parquet => Format::Parquet,
            Format::Auto => match by_name(&name) {
                Some(format) => format,
                None => by_text(context, index).map_err(place)?,
            },
            other if parquet && other != Format::Parquet => {
                return Err(place(invalid_input(
                    "the file is Parquet; set `format: parquet` or leave it out",
                )));
            }
            given => given,
        };
        Ok(Self { index, name, format })
    }

    /// Says that a failure is about this part.
    pub fn place(&self, failure: Failure) -> Failure {
        failure.part(&self.name).channel(CHANNEL)
    }

    /// The part's text.
    pub fn text(&self, context: &Context) -> Result<Text, Failure> {
        text(context, self.index)
    }
}

fn by_name(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let ending = name.strip_suffix(".gz").unwrap_or(&name).rsplit('.').next()?.to_owned();
    match ending.as_str() {
        "csv" | "tsv" => Some(Format::Csv),
        "jsonl" | "ndjson" | "json" => Some(Format::JsonLines),
        "parquet" | "pq" => Some(Format::Parquet),
        "libsvm" | "svm" | "svmlight" => Some(Format::Libsvm),
        _ => None,
    }
}

fn by_text(context: &Context, index: usize) -> Result<Format, Failure> {
    let mut text = text(context, index)?;
    let head = text.fill_buf().map_err(unreadable)?;
    Ok(if head.trim_ascii_start().starts_with(b"{") { Format::JsonLines } else { Format::Csv })
}

/// The text of a part: gzip (by its magic number) is unpacked, a UTF-8 byte order mark left out, UTF-16 refused.
fn text(context: &Context, index: usize) -> Result<Text, Failure> {
    let mut part = context.open(CHANNEL, index)?;
    let gzip = part.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
    let mut text: Text = if gzip {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(part)))
    } else {
        Box::new(part)
    };
    let head = text.fill_buf().map_err(unreadable)?;
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(invalid_input("the file is UTF-16 text; save it as UTF-8"));
        }
        [0xef, 0xbb, 0xbf, ..] => text.consume(3),
        _ => {}
    }
    Ok(text)
}

/// Passes over lines.
pub fn skip_lines(text: &mut dyn BufRead, lines: u64) -> Result<(), Failure> {
    for _ in 0..lines {
        if text.skip_until(b'\n').map_err(unreadable)? == 0 {
            return Err(invalid_input(format!(
                "the file has fewer lines than `skip_rows` passes over ({lines})"
            )));
        }
    }
    Ok(())
}

/// A failure to read is the host's, or the gzip stream is damaged.
pub fn unreadable(error: io::Error) -> Failure {
    Failure::from_io(error, |message| invalid_input(format!("the gzip stream is damaged: {message}")))
}

fn read_up_to(part: &mut PartReader, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match part.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
