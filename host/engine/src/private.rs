//! Files that are this user's alone, and a key that nobody else has.
//!
//! What lies in the cache is executed, or becomes a guest's memory. A folder that is ours alone now may have been open to
//! others before, so each file is looked at when it is open: no link, this user's, nobody else's to write. And each carries a
//! digest that is keyed (BLAKE3): what somebody else has put there, or had put there, is not ours without the key.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

/// Of the cache: 32 random bytes in a file.
pub(crate) struct Key([u8; KEY]);

const KEY: usize = blake3::KEY_LEN;

/// The name of the key's file.
const NAME: &str = "key";

/// A digest that only who has the key can make.
pub(crate) type Mac = blake3::Hash;

impl Key {
    /// The key of the cache at `root`; made if there is none, or none that can be trusted: all that is there is made anew then.
    ///
    /// # Errors
    /// If the file can't be read or written.
    pub fn open(root: &Path) -> io::Result<Self> {
        let path = root.join(NAME);
        // Somebody else may make it, or take it away, at the same time.
        for _ in 0..10 {
            match read_key(&path) {
                Ok(Some(key)) => return Ok(key),
                Ok(None) => match make_key(root, &path, false) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
                    made => made?,
                },
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::warn!(key = %path.display(), %error, "the cache's key is replaced, and what it vouched for is made anew");
                    make_key(root, &path, true)?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("{} changes all the time", path.display())))
    }

    /// A hasher for digests of things of that kind: one kind can't stand for another.
    pub fn hasher(&self, kind: &str) -> blake3::Hasher {
        let mut context = blake3::Hasher::new_derive_key(kind);
        context.update(&self.0);
        blake3::Hasher::new_keyed(context.finalize().as_bytes())
    }
}

fn read_key(path: &Path) -> io::Result<Option<Key>> {
    let mut file = match open(path, File::options().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;

        let metadata = file.metadata()?;
        if metadata.mode() & 0o077 != 0 || metadata.nlink() != 1 {
            return Err(wrong("others can read it, or it has two names"));
        }
    }
    let mut key = [0; KEY];
    let whole = file.read_exact(&mut key).is_ok() && file.read(&mut [0])? == 0;
    if whole && key != [0; KEY] { Ok(Some(Key(key))) } else { Err(wrong("it is no key")) }
}

fn make_key(root: &Path, path: &Path, replace: bool) -> io::Result<()> {
    let mut key = [0; KEY];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(root)?;
    file.write_all(&key)?;
    let kept = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map(drop).map_err(|error| error.error)
}

/// Opens a file of the cache, as `options` say; whoever reads it reads what is this user's.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it is a link or no file, if it is somebody else's, or if others can write to it.
pub(crate) fn open(path: &Path, options: &mut fs::OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

        use rustix::{fs::OFlags, io::Errno};

        let wrong = |why: &str| {
            let place = path.display();
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{place} {why}; remove it if it is not you who put it there"),
            )
        };
        // Nobody waits for a pipe that was put there.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits() as i32);
        let file =
            options.open(path).map_err(|error| match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::LOOP) => wrong("is a link"),
                Some(Errno::NXIO) => wrong("is no file"),
                _ => error,
            })?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(wrong("is no file"));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(wrong("belongs to another user"));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(wrong("can be written to by others"));
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// An error unless the folder belongs to this user and nobody else can write into it.
#[cfg(unix)]
pub(crate) fn check_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = fs::symlink_metadata(folder)?;
    let place = folder.display();
    let refuse = |why: String| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if !metadata.is_dir() {
        return refuse(format!("{place} is not a folder; remove it"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refuse(format!(
            "{place} holds compiled code and belongs to another user; remove it or choose another home"
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return refuse(format!(
            "{place} holds compiled code and others can write into it; remove it (`rm -r {place}`), with whatever others have \
             left there: it is made anew"
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn check_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mac(key: &Key, kind: &str) -> Mac {
        key.hasher(kind).update(b"code").finalize()
    }

    #[test]
    fn a_key_stays_until_others_could_have_seen_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(NAME);
        let first = Key::open(root.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Key::open(root.path()).unwrap();
        assert_eq!(mac(&first, "a"), mac(&again, "a"));
        assert_ne!(mac(&first, "a"), mac(&first, "b"), "kinds are told apart");
        type Harm = fn(&Path);
        let harms: [Harm; 6] = [
            |path| mode(path, 0o644),
            |path| fs::write(path, b"short").unwrap(),
            |path| fs::write(path, [7; 33]).unwrap(),
            |path| fs::write(path, [0; 32]).unwrap(),
            |path| fs::hard_link(path, path.with_extension("twin")).unwrap(),
            |path| {
                let other = path.with_extension("theirs");
                fs::rename(path, &other).unwrap();
                symlink(other, path).unwrap();
            },
        ];
        let mut before = mac(&first, "a");
        for (number, harm) in harms.into_iter().enumerate() {
            harm(&path);
            let key = Key::open(root.path()).unwrap();
            assert_ne!(mac(&key, "a"), before, "harm {number}");
            assert_eq!(mac(&Key::open(root.path()).unwrap(), "a"), mac(&key, "a"));
            before = mac(&key, "a");
        }
    }

    #[test]
    fn what_may_be_others_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let wrong = |path: &Path, why: &str| {
            let error = open(path, File::options().read(true)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
            assert!(error.to_string().contains(why), "{error}");
        };
        fs::write(&path, b"x").unwrap();
        assert!(open(&path, File::options().read(true)).is_ok());
        for open_to_others in [0o666, 0o620, 0o602] {
            mode(&path, open_to_others);
            wrong(&path, "written to by others");
        }
        mode(&path, 0o600);
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        wrong(&link, "is a link");
        wrong(folder.path(), "is no file");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        wrong(&pipe, "is no file");
        let error = open(&folder.path().join("none"), File::options().read(true)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
