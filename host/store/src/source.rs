//! Files from outside: only what is a file with an end is read.

use std::{
    fs::{self, File, FileType, Metadata},
    io,
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::Path,
};

use crate::{Error, Result, error::Detail};

/// Opens what is in a place of the store, and never waits: not for somebody who writes into a named pipe.
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(NONBLOCK).open(path)
}

/// Opens a regular file, or a link to one. Never waits: a named pipe is refused, whether somebody writes into it or not.
pub(crate) fn open(path: &Path) -> Result<(File, Metadata)> {
    // Asked before opening, as opening a device may do something.
    check(path, &fs::metadata(path).map_err(|e| Error::io("read", path, e))?)?;
    let file = open_without_waiting(path).map_err(|e| Error::io("open", path, e))?;
    // It may have been replaced meanwhile.
    let metadata = file.metadata().map_err(|e| Error::io("read the size of", path, e))?;
    check(path, &metadata)?;
    if let Some(system) = made_up(&file) {
        return Err(refuse(
            path,
            &format!(
                "it is a file that the system makes up ({system}), and may have no end; copy what you need of it into a file"
            ),
        ));
    }
    Ok((file, metadata))
}

/// Refuses what is no regular file, by what it is instead; links are followed.
///
/// # Errors
/// `NotFound`, `Permission`; `Unsupported` if it is no regular file.
pub fn check_source(path: &Path) -> Result<()> {
    open(path).map(drop)
}

fn check(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(refuse(path, &format!("it is {}, not a regular file", called(metadata.file_type()))))
}

fn called(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "something else"
    }
}

fn refuse(path: &Path, why: &str) -> Error {
    Detail::Unsupported { location: path.display().to_string(), why: why.to_owned() }.into()
}

#[cfg(target_os = "linux")]
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;
#[cfg(not(target_os = "linux"))]
const NONBLOCK: i32 = 0x4;

/// File systems whose files are no bytes that somebody has written: they say that they are regular, and reading some of
/// them (`/proc/kmsg`) waits for ever.
#[cfg(target_os = "linux")]
fn made_up(file: &File) -> Option<&'static str> {
    const MADE_UP: [(u32, &str); 14] = [
        (0x9fa0, "proc"),
        (0x6265_6572, "sysfs"),
        (0x6462_6720, "debugfs"),
        (0x7472_6163, "tracefs"),
        (0x7363_6673, "securityfs"),
        (0x0027_e0eb, "cgroup"),
        (0x6367_7270, "cgroup2"),
        (0x6265_6570, "configfs"),
        (0xcafe_4a11, "bpf"),
        (0x6165_676c, "pstore"),
        (0xde5e_81e4, "efivarfs"),
        (0xf97c_ff8c, "selinuxfs"),
        (0x4249_4e4d, "binfmt_misc"),
        (0x1980_0202, "mqueue"),
    ];
    let magic = rustix::fs::fstatfs(file).ok()?.f_type as u32;
    MADE_UP.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
fn made_up(_: &File) -> Option<&'static str> {
    None
}
