//! Room on this machine for stores that have none of their own.

use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{Error, ErrorKind, Result, TempFile, create_private_folder, temp::TempFolder};

/// Temporary files below the system's folder for such (`TMPDIR`), in a folder of this user alone. What killed processes left
/// there is removed when the first file is made.
#[derive(Debug, Default)]
pub struct Scratch(Mutex<Option<Arc<TempFolder>>>);

impl Scratch {
    /// An empty file, removed when dropped.
    ///
    /// # Errors
    /// `Full`, `Permission`.
    pub fn file(&self) -> Result<TempFile> {
        let mut folder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = match &mut *folder {
            Some(folder) => folder,
            none => {
                let user = rustix::process::getuid().as_raw();
                let root = std::env::temp_dir().join(format!("millstream-{user}"));
                create_private_folder(&root).map_err(|e| Error::io("create folder", &root, e))?;
                check_ours(&root, user)?;
                TempFolder::clean(&root);
                none.insert(TempFolder::create(&root)?)
            }
        };
        folder.file()
    }
}

/// Others may write to the system's folder, and a name in it is easy to guess.
fn check_ours(root: &Path, user: u32) -> Result<()> {
    let found = root.symlink_metadata().map_err(|e| Error::io("look at", root, e))?;
    if found.is_dir() && found.uid() == user && found.permissions().mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    let message = format!("{} is no folder of this user alone", root.display());
    Err(Error::new(ErrorKind::Permission, message))
}
