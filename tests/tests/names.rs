//! A name means one thing: two public types of one name are twins that somebody has to tell apart, unless their names are meant to
//! be read with their module, or they are the two sides of one contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use millstream_tests::root;

/// Where libraries and programs are; tests, benchmarks and templates have names of their own.
const FOLDERS: [&str; 3] = ["workflow", "host", "functions"];

/// Names that several public types have, with the reason, a line each: see `names.txt`.
fn allowed() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("tests/tests/names.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, reason) = line.split_once(": ").unwrap_or_else(|| panic!("`{line}` has no reason"));
            assert!(!reason.trim().is_empty(), "`{line}` has no reason");
            (name.to_owned(), reason.to_owned())
        })
        .collect()
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "benches", "examples", "target", "testing", "template"].contains(&name.as_str()) {
                sources(&path, into);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            into.push(path);
        }
    }
}

/// The public types of a source file. Those within a module of tests are indented.
fn types(text: &str) -> BTreeSet<&str> {
    const WORDS: [&str; 4] = ["pub struct ", "pub enum ", "pub trait ", "pub type "];
    fn name(line: &str) -> Option<&str> {
        let rest = WORDS.iter().find_map(|word| line.strip_prefix(word))?;
        Some(&rest[..rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())])
    }
    text.lines().filter_map(name).collect()
}

#[test]
fn no_two_public_types_have_one_name() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&root().join(folder), &mut files);
    }
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let shown = file.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        for name in types(&text) {
            places.entry(name.to_owned()).or_default().push(shown.clone());
        }
    }
    assert!(places.len() > 500, "{} types are found", places.len());
    let allowed = allowed();
    let twins = places.iter().filter(|(name, at)| at.len() > 1 && !allowed.contains_key(*name));
    let twins: Vec<String> = twins.map(|(name, at)| format!("{name}: {}", at.join(", "))).collect();
    assert!(
        twins.is_empty(),
        "types of one name; give one a name of its own, or tests/tests/names.txt the reason:\n{}",
        twins.join("\n")
    );
}

#[test]
fn types_are_found_by_how_they_are_declared() {
    let text = "pub struct One;\npub enum Two<T> {\n    pub struct Not;\npub(crate) struct Nor;\npub type Three = u8;\npub trait Four: X {\n";
    assert_eq!(types(text).into_iter().collect::<Vec<_>>(), ["Four", "One", "Three", "Two"]);
}
