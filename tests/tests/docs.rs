//! What is made from types and manifests is in the project as it is made today.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use millstream_tests::{Place, root};

#[test]
fn references_and_schema_are_up_to_date() {
    let place = Place::new();
    for (file, arguments) in [
        ("docs/workflow.md", &["schema", "--reference", "workflow"][..]),
        ("docs/functions.md", &["schema", "--reference", "functions"]),
        ("workflow/examples/workflow.schema.json", &["schema"]),
    ] {
        let made = place.run(arguments).expect(0).stdout;
        let kept = fs::read_to_string(root().join(file)).unwrap_or_default();
        assert!(
            kept == made,
            "{file} is not what `millstream {}` prints: run `cargo xtask docs`",
            arguments.join(" ")
        );
    }
}

#[test]
fn the_examples_are_valid() {
    let place = Place::new();
    let mut checked = 0;
    for entry in fs::read_dir(root().join("workflow/examples")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            place.run(&["validate", &path.to_string_lossy()]).expect(0);
            checked += 1;
        }
    }
    assert!(checked > 0);
}

/// The words in `text` that are written like flags.
fn flags(text: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let mut found = BTreeSet::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(at) = rest.find("--") {
        before = rest[..at].chars().next_back().unwrap_or(before);
        let word: String = rest[at..].chars().take_while(|c| part(*c)).collect();
        let next = rest[at + word.len()..].chars().next();
        let name = word.trim_start_matches('-');
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase()) && word.len() == name.len() + 2;
        // `--{flag}` and CSS variables are none.
        if begins
            && !before.is_alphanumeric()
            && !matches!(before, '-' | '(')
            && !matches!(next, Some('{' | ':' | '_'))
        {
            found.insert(word.trim_end_matches('-').to_owned());
        }
        rest = &rest[at + word.len().max(2)..];
        before = word.chars().next_back().unwrap_or(' ');
    }
    found
}

/// The flags of a command and of those below it, as `--help` shows them.
fn known(place: &Place, verbs: &[&str], all: &mut BTreeSet<String>) {
    let help = place.run(&[verbs, &["--help"]].concat()).expect(0).stdout;
    all.extend(flags(&help));
    let Some((_, commands)) = help.split_once("Commands:\n") else { return };
    for line in commands.lines().take_while(|line| line.starts_with("  ")) {
        let name =
            line.split_whitespace().next().filter(|_| line.starts_with("  ") && !line.starts_with("   "));
        if let Some(name) = name.filter(|name| *name != "help") {
            known(place, &[verbs, &[name]].concat(), all);
        }
    }
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// Programs whose flags are their own.
const OTHERS: [&str; 17] = [
    "cargo",
    "curl",
    "rustc",
    "rustup",
    "rustdoc",
    "python",
    "pip",
    "git",
    "docker",
    "npm",
    "componentize-py",
    "jco",
    "wasm-tools",
    "aws",
    "perf",
    "memory.max",
    "target-libdir",
];

#[test]
fn flags_that_are_named_exist() {
    let place = Place::new();
    let mut all = BTreeSet::new();
    known(&place, &[], &mut all);
    for flag in ["--allowed-host", "--no-cache", "--alarm", "--retries-are-no-flag"] {
        assert_eq!(all.contains(flag), flag != "--retries-are-no-flag", "{flag} in {all:?}");
    }
    let mut sources = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    files(&root().join("docs"), "md", &mut sources);
    // Messages name flags as well.
    for part in ["api", "cli", "endpoint", "engine", "registry", "store", "worker"] {
        files(&root().join("host").join(part).join("src"), "rs", &mut sources);
    }
    files(&root().join("workflow/src"), "rs", &mut sources);
    let mut wrong = Vec::new();
    for file in sources {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let is_shown = !is_rust
                || line.contains('"')
                || line.trim_end().ends_with('\\')
                || line.trim_start().starts_with("--");
            if !is_shown || OTHERS.iter().any(|other| line.contains(other)) {
                continue;
            }
            for flag in flags(line).difference(&all) {
                wrong.push(format!(
                    "{}:{}: {flag}",
                    file.strip_prefix(root()).unwrap().display(),
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "there is no such flag:\n{}", wrong.join("\n"));
}
