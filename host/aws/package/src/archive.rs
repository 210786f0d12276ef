//! A zip that depends on its files alone: no times, no order but theirs.

use std::io::{Cursor, Write as _};

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{Error, File};

/// Of deflate: the highest takes three times as long, for a hundredth less.
const LEVEL: i64 = 6;

/// Packs the files, in order of their paths.
pub fn zip(files: &[File]) -> Result<Vec<u8>, Error> {
    let cant = |error: zip::result::ZipError| Error::Archive(error.to_string());
    let mut files: Vec<&File> = files.iter().collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            .last_modified_time(DateTime::default())
            .system(zip::System::Unix)
            .unix_permissions(if file.executable { 0o755 } else { 0o644 });
        zip.start_file(file.path.as_str(), options).map_err(cant)?;
        zip.write_all(&file.bytes).map_err(|error| Error::Archive(error.to_string()))?;
    }
    Ok(zip.finish().map_err(cant)?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let file = |path: &str, executable| File { path: path.to_owned(), bytes: vec![7; 1000], executable };
        let (a, b) = (file("bootstrap", true), file("components/x.code", false));
        let one = zip(&[a.clone(), b.clone()]).unwrap();
        assert_eq!(one, zip(&[b, a]).unwrap());
        assert!(one.len() < 500, "it is packed: {}", one.len());
        let mut read = zip::ZipArchive::new(Cursor::new(one)).unwrap();
        assert_eq!(read.by_name("bootstrap").unwrap().unix_mode().map(|mode| mode & 0o777), Some(0o755));
        assert_eq!(read.by_name("components/x.code").unwrap().size(), 1000);
    }
}
