//! Keys of S3 objects as keys of the store.
//!
//! S3 takes any UTF-8 text of 1 to 1,024 bytes: `a` beside `a/b`, `a//b`, a slash at either end, blanks. The store takes plain file
//! names, and no key that is a folder of another. The translation keeps the order of bytes, so that a listing of the store is a
//! listing of the bucket, and leaves letters, digits, `-`, `.` and `@` as they are, so that people recognise it:
//!
//! | S3 | store |
//! |---|---|
//! | `raw/2026/data.csv` | `raw/2026/data.csv+` (a `+` ends every object) |
//! | `year=2026/my file_1.csv` | `year==2026/my,20file__1.csv+` |
//! | `a//b`, `a/`, `.x` | `a/-/b+`, `a/+`, `,2ex+` |
//!
//! A name is cut after 80 bytes, for the sake of file systems. Of a key of more than 256 bytes, what comes behind them is a digest:
//! such keys lie in a folder for all that begin alike ([`Place::Long`]), in no order, and their records say what they are.

use crate::artifact::Digest;

/// Longest key in bytes, as in S3.
pub const MAX_BYTES: usize = 1024;

/// Bytes of a name before it goes on in a folder of its own: three characters each fit into a file's name.
const NAME: usize = 80;
/// Bytes of a key that are spelled out.
const SPELLED: usize = 256;
/// Ends the name of an object. Less than what any byte becomes, as the end is less than any byte.
const END: char = '+';
/// An empty name between two slashes; what goes behind 80 bytes if the next is less than a slash; a folder of long keys.
const EMPTY: char = '-';
/// What goes behind 80 bytes if the next is more than a slash.
const MORE: char = '0';
/// Characters of a digest.
const DIGEST: usize = 64;

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The object of this key.
    Key(String),
    /// One of the objects whose keys begin with the same 256 bytes: the folder of all of them, with the slash at its end.
    Long(String),
}

/// The path of an object, below that of its bucket. None if no object can have that key: it is empty, or too long.
pub fn path(key: &str) -> Option<String> {
    if key.is_empty() || key.len() > MAX_BYTES {
        return None;
    }
    let mut path = prefix(key);
    if key.len() > SPELLED {
        path.push_str(&Digest::of(key.as_bytes()).to_string());
    }
    path.push(END);
    Some(path)
}

/// How the paths of all keys begin that begin with this text. For a text of more than 256 bytes, those of some others do too.
pub fn prefix(text: &str) -> String {
    let mut path = spelled(&text.as_bytes()[..text.len().min(SPELLED)]);
    if text.len() > SPELLED {
        path.push(EMPTY);
        path.push('/');
    }
    path
}

/// What is less than the paths of all keys that are more than this one, but for long ones of the same folder, and not less than
/// those of others.
pub fn after(key: &str) -> String {
    let mut path = prefix(key);
    if key.len() <= SPELLED {
        path.push(END);
    }
    path
}

/// What is more than all paths that begin with this prefix of paths, and less than all later ones.
pub fn past(prefix: &str) -> String {
    match prefix.strip_suffix('/') {
        // The character after the slash.
        Some(folder) => format!("{folder}0"),
        None => format!("{prefix}\x7f"),
    }
}

/// What lies at a path below that of a bucket; none if [`path`] makes no such path.
pub fn read(path: &str) -> Option<Place> {
    let mut key = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    // Bytes since the last slash or cut.
    let mut name = 0;
    let mut start = true;
    while rest != [END as u8] {
        if key.len() == SPELLED {
            let folder = path.len() - rest.len() + 2;
            let digest = rest.strip_prefix(b"-/")?.strip_suffix(b"+")?;
            let fine = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
            return (digest.len() == DIGEST && digest.iter().all(fine))
                .then(|| Place::Long(path[..folder].to_owned()));
        }
        if start && name == 0 && rest.starts_with(b"-/") {
            rest = &rest[1..];
        } else if name == NAME && (rest.starts_with(b"-/") || rest.starts_with(b"0/")) {
            let (less, after) = (rest[0] == EMPTY as u8, &rest[2..]);
            let (byte, left) = unit(after)?;
            if (byte < b'/') != less {
                return None;
            }
            key.push(byte);
            (rest, name, start) = (left, 1, false);
            continue;
        }
        if let Some(after) = rest.strip_prefix(b"/") {
            key.push(b'/');
            (rest, name, start) = (after, 0, true);
        } else {
            let (byte, left) = unit(rest)?;
            key.push(byte);
            (rest, name, start) = (left, name + 1, false);
        }
    }
    let key = String::from_utf8(key).ok()?;
    // One spelling for each key: what is spelled otherwise is none.
    (self::path(&key).as_deref() == Some(path)).then_some(Place::Key(key))
}

fn spelled(bytes: &[u8]) -> String {
    let mut path = String::with_capacity(bytes.len() + 16);
    let mut name = 0;
    let mut start = true;
    for &byte in bytes {
        if byte == b'/' {
            if start {
                path.push(EMPTY);
            }
            path.push('/');
            (name, start) = (0, true);
            continue;
        }
        if name == NAME {
            path.push(if byte < b'/' { EMPTY } else { MORE });
            path.push('/');
            (name, start) = (0, true);
        }
        push(&mut path, byte, start);
        (name, start) = (name + 1, false);
    }
    path
}

/// A byte: itself, or a sign and what tells it from others that the same sign stands for. Signs and what follows them are in the
/// order of the bytes.
fn push(path: &mut String, byte: u8, start: bool) {
    use std::fmt::Write as _;
    let _ = match byte {
        0..=b',' => write!(path, ",{byte:02x}"),
        // No name may begin with a dot, and a hyphen there is an empty name.
        b'-' | b'.' if start => write!(path, ",{byte:02x}"),
        b':' => write!(path, "=."),
        b';' => write!(path, "=0"),
        b'<' => write!(path, "=1"),
        b'=' => write!(path, "=="),
        b'>' => write!(path, "=A"),
        b'?' => write!(path, "=B"),
        b'[' => write!(path, "_0"),
        b'\\' => write!(path, "_1"),
        b']' => write!(path, "_2"),
        b'^' => write!(path, "_3"),
        b'_' => write!(path, "__"),
        b'`' => write!(path, "_a"),
        b'{'..=0x7f => write!(path, "~{}", byte - b'{'),
        0x80.. => write!(path, "~{byte:02x}"),
        plain => write!(path, "{}", char::from(plain)),
    };
}

/// The byte that is spelled first, and what comes after it.
fn unit(text: &[u8]) -> Option<(u8, &[u8])> {
    let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    Some(match text {
        [b',', a, b, rest @ ..] => (hex(&[*a, *b])?, rest),
        [b'=', sign, rest @ ..] => (b':' + b".01=AB".iter().position(|s| s == sign)? as u8, rest),
        [b'_', sign, rest @ ..] => (b'[' + b"0123_a".iter().position(|s| s == sign)? as u8, rest),
        [b'~', low @ b'0'..=b'4', rest @ ..] => (b'{' + (low - b'0'), rest),
        [b'~', a, b, rest @ ..] => (hex(&[*a, *b])?, rest),
        [plain @ (b'-' | b'.' | b'@' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'), rest @ ..] => (*plain, rest),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_recognise_them() {
        for (key, expected) in [
            ("raw/2026/data.csv", "raw/2026/data.csv+"),
            ("year=2026/my file_1.csv", "year==2026/my,20file__1.csv+"),
            ("a", "a+"),
            ("a/b", "a/b+"),
            ("a//b", "a/-/b+"),
            ("a/", "a/+"),
            ("/", "-/+"),
            ("//", "-/-/+"),
            (".x/-y/..", ",2ex/,2dy/,2e.+"),
            ("10:00Z~é`{\u{7f}", "10=.00Z~3~c3~a9_a~0~4+"),
            ("a+b,c", "a,2bb,2cc+"),
        ] {
            assert_eq!(path(key).as_deref(), Some(expected), "{key}");
            assert_eq!(read(expected), Some(Place::Key(key.to_owned())));
        }
        assert_eq!((path(""), path(&"x".repeat(1025))), (None, None));
        for strange in [
            "", "a", "a/", "+", "/+", "a,+", "a,6+", "a=2+", "a+/b+", "a/-+b", ".x+", "~zz+", "~c3+", "a,61+",
        ] {
            assert_eq!(read(strange), None, "{strange}");
        }
    }

    #[test]
    fn long_names_are_cut_and_long_keys_are_digests() {
        let name = "n".repeat(100);
        let cut = path(&name).unwrap();
        assert_eq!(cut, format!("{}0/{}+", "n".repeat(80), "n".repeat(20)));
        assert_eq!(read(&cut), Some(Place::Key(name)));
        let long = format!("{}/x", "k/".repeat(200));
        let place = path(&long).unwrap();
        let folder = format!("{}-/", "k/".repeat(128));
        assert_eq!(read(&place), Some(Place::Long(folder.clone())));
        assert!(place.starts_with(&folder) && after(&long) < place && prefix(&long) == folder);
    }

    /// Text that is hard to tell apart: few characters, those around the slash, and names about as long as a cut.
    fn key() -> impl Strategy<Value = String> {
        let odd = "[-+,./0:=@A_`a~ é\u{10ffff}]{1,8}";
        prop_oneof![
            4 => odd.prop_map(String::from),
            2 => "\\PC{1,40}",
            2 => (78..83_usize, odd).prop_map(|(n, tail)| format!("{}{tail}", "a".repeat(n))),
            2 => (250..260_usize, odd).prop_map(|(n, tail)| format!("{}{tail}", "a".repeat(n))),
            1 => (60..130_usize, odd).prop_map(|(n, tail)| format!("{}{tail}", "a/".repeat(n))),
        ]
    }

    proptest! {
        #[test]
        fn each_key_has_a_path_that_the_store_takes_and_reads_back(key in key()) {
            let path = path(&key).unwrap();
            prop_assert!(path.len() <= 900, "{path}");
            for name in path.split('/') {
                prop_assert!(!name.is_empty() && name.len() <= 255 && !name.starts_with('.'), "{path}");
                prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=+@,~".contains(c)), "{path}");
            }
            match read(&path) {
                Some(Place::Key(back)) => prop_assert!(back == key && key.len() <= SPELLED),
                Some(Place::Long(folder)) => prop_assert!(key.len() > SPELLED && path.starts_with(&folder)),
                None => prop_assert!(false, "{path}"),
            }
        }

        #[test]
        fn order_is_kept_and_no_path_is_a_folder_of_another(a in key(), b in key()) {
            let (one, two) = (path(&a).unwrap(), path(&b).unwrap());
            let same_folder = a.len() > SPELLED && b.len() > SPELLED && a.as_bytes()[..SPELLED] == b.as_bytes()[..SPELLED];
            if !same_folder {
                prop_assert_eq!(one.cmp(&two), a.cmp(&b), "{} {}", one, two);
                prop_assert_eq!(after(&a) < two, a < b, "{} {}", after(&a), two);
            }
            let (one_folder, two_folder) = (one.clone() + "/", two.clone() + "/");
            prop_assert!(!two.starts_with(&one_folder) && !one.starts_with(&two_folder));
        }

        #[test]
        fn a_prefix_of_keys_is_a_prefix_of_paths(key in key(), cut in 0..40_usize, other in key()) {
            let begin: String = key.chars().take(cut).collect();
            prop_assert!(path(&key).unwrap().starts_with(&prefix(&begin)));
            let end = past(&prefix(&begin));
            prop_assert!(path(&key).unwrap() < end);
            let other_path = path(&other).unwrap();
            if begin.len() <= SPELLED {
                prop_assert_eq!(other_path.starts_with(&prefix(&begin)), other.starts_with(&begin));
                if !other.starts_with(&begin) {
                    prop_assert_eq!(other_path > end, other > begin);
                }
            }
        }

        #[test]
        fn any_text_is_read_without_harm(text in "[-+,./0:=@A_a~]{0,12}|\\PC*") {
            if let Some(Place::Key(key)) = read(&text) {
                prop_assert_eq!(path(&key).unwrap(), text);
            }
        }
    }
}
