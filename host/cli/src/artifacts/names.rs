//! Names of files for artifacts: ones that every file system takes, no two of them the same.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use millstream_core::artifact::Digest;

/// The longest name in bytes, with room for what is put behind it.
const LONGEST: usize = 200;

/// Names that Windows keeps for devices, whatever comes after a dot.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Paths for parts (output and name) of one task: the part's own name, or the output's as a folder above it where two have the
/// same. Case does not tell files apart, as it does not everywhere.
pub fn distinct(parts: &[(&str, &str)]) -> Vec<PathBuf> {
    let mut times: HashMap<String, usize> = HashMap::new();
    for (_, name) in parts {
        *times.entry(folded(&safe(name))).or_default() += 1;
    }
    // A file must not be where a folder is needed.
    let is_folder = |output: &str| {
        parts.iter().any(|(other, name)| folded(&safe(other)) == output && times[&folded(&safe(name))] > 1)
    };
    let mut taken: HashSet<String> = HashSet::new();
    let mut paths = Vec::with_capacity(parts.len());
    for (output, name) in parts {
        let name = safe(name);
        let own = folded(&name);
        let folder = (times[&own] > 1 || is_folder(&own)).then(|| safe(output));
        let path =
            |name: &str| folder.as_ref().map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"));
        let mut full = path(&name);
        let mut number = 2;
        while !taken.insert(folded(&full)) {
            full = path(&numbered(&name, number));
            number += 1;
        }
        paths.push(full.split('/').collect());
    }
    paths
}

/// The same for every name that a file system may take for the same.
fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// `model-2.json`
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem}-{number}.{ending}"),
        _ => format!("{name}-{number}"),
    }
}

/// The name without what some file system does not take, and without what leads out of the folder.
fn safe(name: &str) -> String {
    let fits = |c: char| {
        !c.is_control()
            && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
            && crate::display::foreign::line(c.encode_utf8(&mut [0; 4])).chars().eq([c])
    };
    let mut safe: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    // Neither `.` nor `..`, no hidden file; Windows drops dots and blanks at the end.
    if safe.starts_with('.') || safe.starts_with(' ') {
        safe.replace_range(..1, "_");
    }
    while safe.ends_with(['.', ' ']) {
        safe.pop();
        safe.push('_');
    }
    let stem = safe.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    if DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") {
        safe.insert(0, '_');
    }
    if safe.is_empty() {
        return "part".to_owned();
    }
    if safe.len() > LONGEST {
        let mut end = LONGEST;
        while !safe.is_char_boundary(end) {
            end -= 1;
        }
        safe.truncate(end);
        safe = format!("{safe}-{}", Digest::of(name.as_bytes()).short());
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parts: &[(&str, &str)]) -> Vec<String> {
        distinct(parts).iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn two_parts_never_have_one_name() {
        assert_eq!(
            names(&[("table", "table.arrow"), ("report", "report.html")]),
            ["table.arrow", "report.html"]
        );
        assert_eq!(
            names(&[("model", "model.json"), ("report", "report.html"), ("xgboost", "model.json")]),
            ["model/model.json", "report.html", "xgboost/model.json"]
        );
        assert_eq!(names(&[("a", "Model.JSON"), ("b", "model.json")]), ["a/Model.JSON", "b/model.json"]);
        // Of one output, and outputs that are called alike.
        assert_eq!(
            names(&[("a", "x.csv"), ("a", "X.csv"), ("A", "x.csv")]),
            ["a/x.csv", "a/X-2.csv", "A/x-3.csv"]
        );
        // A file that is called like a folder.
        assert_eq!(
            names(&[("model", "m"), ("other", "m"), ("files", "model")]),
            ["model/m", "other/m", "files/model"]
        );
        assert_eq!(names(&[("a", "x/y"), ("b", "x_y"), ("c", "x?y")]), ["a/x_y", "b/x_y", "c/x_y"]);
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for (name, file) in [
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("..", "__"),
            (".", "_"),
            ("", "part"),
            ("a\u{1b}]0;x\u{7}\nb", "a_]0;x__b"),
            ("a\u{202e}b", "a_b"),
            ("C:\\x", "C__x"),
            ("con.txt", "_con.txt"),
            ("COM1", "_COM1"),
            ("company", "company"),
            ("end. ", "end._"),
            (".hidden", "_hidden"),
            ("Größe.csv", "Größe.csv"),
        ] {
            assert_eq!(names(&[("o", name)]), [file], "{name:?}");
        }
        let long = names(&[("o", &"ä".repeat(300))]);
        assert!(long[0].len() < 255, "{long:?}");
    }
}
