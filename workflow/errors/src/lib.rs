//! Codes of errors, `MS0101` and so on, each with a page that says what happened, why, and what to do.
//!
//! The table is [`Code`]. Each type of errors that people can meet is [`Coded`]: it maps its variants to codes in a match over
//! all of them, so that a new variant does not compile without one. The pages are in `docs/errors`; the binary carries them
//! ([`pages`]).

mod table;

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

pub use table::Code;

/// An error with a code.
pub trait Coded {
    /// Its code.
    fn code(&self) -> Code;
}

/// Where the pages are read by people.
const PAGES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/errors/");

impl Code {
    /// Its page's address.
    pub fn url(self) -> String {
        format!("{PAGES}{self}.md")
    }
}

/// What the first digits of codes stand for.
const AREAS: [(&str, &str); 9] = [
    ("MS01", "Functions"),
    ("MS02", "Workflows"),
    ("MS03", "Runs"),
    ("MS04", "The store"),
    ("MS05", "The queue"),
    ("MS06", "Models and endpoints"),
    ("MS07", "HTTP"),
    ("MS09", "The command line"),
    ("MS10", "AWS"),
];

/// All codes with their titles, in Markdown.
pub fn index() -> String {
    let mut text = "# Errors\n\nMessages name their code, as in `error[MS0301]`. `millstream explain MS0301` prints its page.\n\
                    This list is what `millstream explain` prints; `cargo xtask docs` writes it.\n"
        .to_owned();
    for (prefix, area) in AREAS {
        text.push_str(&format!("\n## {area}\n\n| code | what happened |\n|---|---|\n"));
        for code in Code::ALL.iter().filter(|code| code.as_str().starts_with(prefix)) {
            text.push_str(&format!("| [{code}]({code}.md) | {} |\n", code.title()));
        }
    }
    text
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// No error has this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchCode;

impl FromStr for Code {
    type Err = NoSuchCode;

    /// Reads `MS0101`, and also `ms101` and `101`.
    fn from_str(text: &str) -> Result<Self, NoSuchCode> {
        let text = text.trim();
        let digits = match text.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case("MS") => &text[2..],
            _ => text,
        };
        let number = |digits: &str| -> Option<u32> {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let wanted = number(digits).ok_or(NoSuchCode)?;
        let found = Self::ALL.iter().find(|code| number(&code.as_str()[2..]) == Some(wanted));
        found.copied().ok_or(NoSuchCode)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
    }

    #[test]
    fn no_code_is_given_twice_and_they_are_in_order() {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for code in codes {
            let digits = code.strip_prefix("MS").expect(code);
            assert!(digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        }
    }

    #[test]
    fn each_page_belongs_to_a_code_and_says_what_to_do() {
        let pages: BTreeSet<String> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "README.md")
            .collect();
        let expected: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{code}.md")).collect();
        assert_eq!(pages, expected);
        let mut titles = BTreeSet::new();
        for code in Code::ALL {
            let page = fs::read_to_string(folder().join(format!("{code}.md"))).unwrap();
            assert!(page.starts_with(&format!("# {code}: {}\n", code.title())), "{code}");
            let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
            assert_eq!(headings, ["## What happened", "## Why", "## What to do"], "{code}");
            for (heading, text) in page.split("\n## ").skip(1).filter_map(|part| part.split_once('\n')) {
                assert!(text.trim().len() > 20, "{code}: nothing is said under `{heading}`");
            }
            assert!(titles.insert(code.title()), "two pages are called `{}`", code.title());
        }
    }

    #[test]
    fn the_index_lists_each_code_once() {
        let index = index();
        for code in Code::ALL {
            let row = format!("| [{code}]({code}.md) | {} |\n", code.title());
            assert_eq!(index.matches(&row).count(), 1, "{code}");
        }
        let kept = fs::read_to_string(folder().join("README.md")).unwrap();
        assert!(
            kept == index,
            "docs/errors/README.md is not what `millstream explain` prints: run `cargo xtask docs`"
        );
    }

    #[test]
    fn pages_link_to_what_is_there() {
        for code in Code::ALL {
            let page = fs::read_to_string(folder().join(format!("{code}.md"))).unwrap();
            for target in page.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
                let path = folder().join(target.0.split('#').next().unwrap_or_default());
                assert!(path.is_file(), "{code}: {}", target.0);
            }
        }
    }

    #[test]
    fn a_code_is_read_however_it_is_written() {
        for text in ["MS0101", "ms0101", "101", "0101", " MS101 "] {
            assert_eq!(text.parse(), Ok(Code::InvalidInput), "{text}");
        }
        for text in ["", "MS", "MS9999", "E0308", "MS01x1", "-101", "MSé"] {
            assert_eq!(text.parse::<Code>(), Err(NoSuchCode), "{text}");
        }
        assert_eq!(Code::InvalidInput.title(), "The data is at fault");
        assert!(Code::InvalidInput.url().ends_with("/docs/errors/MS0101.md"));
    }
}
