//! A zip that depends on its files alone: no times, no order but theirs.

use std::io::{Cursor, Read as _, Write as _};

use millstream_engine::Target;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::{BOOTSTRAP, Error, File, bootstrap};

/// Of deflate: the highest takes three times as long, for a hundredth less.
const LEVEL: i64 = 6;

/// Packs the files, in order of their paths.
pub fn zip(files: &[File]) -> Result<Vec<u8>, Error> {
    let cant = |error: ZipError| Error::Archive(error.to_string());
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

/// What a package has unzipped, in bytes.
///
/// # Errors
/// It is no zip.
pub fn unzipped(zip: &[u8]) -> Result<u64, Error> {
    let mut zip = open(zip)?;
    let all = 0..zip.len();
    all.map(|at| zip.by_index_raw(at).map(|file| file.size()).map_err(unusable)).sum()
}

/// Whether a package can be deployed to functions on that processor.
///
/// # Errors
/// It is no package, or one for another processor.
pub fn check(zip: &[u8], target: Target) -> Result<(), Error> {
    let mut zip = open(zip)?;
    let mut head = Vec::new();
    match zip.by_name(BOOTSTRAP) {
        Ok(mut file) => {
            file.by_ref().take(64).read_to_end(&mut head).map(drop).map_err(|error| unusable(error.into()))?
        }
        Err(ZipError::FileNotFound) => return Err(Error::Unusable("it has no file `bootstrap`".to_owned())),
        Err(error) => return Err(unusable(error)),
    }
    if bootstrap::is_for(target, &head) {
        return Ok(());
    }
    Err(Error::Unusable(format!(
        "it is not for {target}, which the settings name (`architecture`); package again, or deploy with the same --settings"
    )))
}

fn open(zip: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Error> {
    ZipArchive::new(Cursor::new(zip)).map_err(unusable)
}

fn unusable(error: ZipError) -> Error {
    Error::Unusable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_for_one_processor() {
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(64, 0);
        program[18] = 183;
        let file = |path: &str| File { path: path.to_owned(), bytes: program.clone(), executable: true };
        let package = zip(&[file(BOOTSTRAP), file("components/x.code")]).unwrap();
        assert_eq!(unzipped(&package).unwrap(), 128);
        check(&package, Target::Arm64).unwrap();
        let says = |zip: &[u8], target| check(zip, target).unwrap_err().to_string();
        assert!(says(&package, Target::X86_64).contains("not for x86_64"));
        assert!(says(&zip(&[file("x")]).unwrap(), Target::Arm64).contains("no file `bootstrap`"));
        assert!(says(b"text", Target::Arm64).contains("cannot be used"));
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let file = |path: &str, executable| File { path: path.to_owned(), bytes: vec![7; 1000], executable };
        let (a, b) = (file("bootstrap", true), file("components/x.code", false));
        let one = zip(&[a.clone(), b.clone()]).unwrap();
        assert_eq!(one, zip(&[b, a]).unwrap());
        assert!(one.len() < 500, "it is packed: {}", one.len());
        let mut read = ZipArchive::new(Cursor::new(one)).unwrap();
        assert_eq!(read.by_name("bootstrap").unwrap().unix_mode().map(|mode| mode & 0o777), Some(0o755));
        assert_eq!(read.by_name("components/x.code").unwrap().size(), 1000);
    }
}
