//! The program of a package.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use millstream_engine::Target;

use crate::Error;

/// The bootstrap for this processor: the file that was given, or the one that lies beside this program, as in releases:
/// `millstream-lambda-x86_64`, `millstream-lambda-arm64`.
///
/// # Errors
/// There is none; the message says where it was looked for and how one is had.
pub fn find(target: Target, given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let name = format!("millstream-lambda-{target}");
    let beside = env::current_exe().ok().and_then(|program| program.canonicalize().ok());
    let looked = beside.map_or_else(|| PathBuf::from(&name), |program| program.with_file_name(&name));
    if looked.is_file() { Ok(looked) } else { Err(Error::NoBootstrap { target, looked }) }
}

/// Its bytes, if they are a program for that processor.
pub fn read(target: Target, path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Bootstrap { path: path.to_owned(), source })?;
    if is_for(target, &bytes) {
        Ok(bytes)
    } else {
        Err(Error::NotForTarget { path: path.to_owned(), target })
    }
}

/// ELF of 64 bits, little endian, with the processor's number.
pub fn is_for(target: Target, program: &[u8]) -> bool {
    let machine = match target {
        Target::X86_64 => [62, 0],
        Target::Arm64 => [183, 0],
    };
    program.starts_with(b"\x7fELF\x02\x01") && program.get(18..20) == Some(&machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_for_another_processor_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap");
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(64, 0);
        program[18] = 183;
        fs::write(&path, &program).unwrap();
        assert_eq!(read(Target::Arm64, &path).unwrap(), program);
        assert!(matches!(read(Target::X86_64, &path), Err(Error::NotForTarget { .. })));
        fs::write(&path, b"#!/bin/sh\n").unwrap();
        assert!(read(Target::X86_64, &path).is_err());
    }

    #[test]
    fn a_missing_one_says_how_it_is_had() {
        let error = find(Target::Arm64, None).unwrap_err().to_string();
        for says in ["--bootstrap FILE", "millstream-lambda-arm64", "cargo xtask lambda --arch arm64"] {
            assert!(error.contains(says), "{error}");
        }
    }
}
