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
const OTHERS: [&str; 18] = [
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
    "checkov",
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
    for part in ["core", "deployment", "language", "plan", "state"] {
        files(&root().join("workflow").join(part).join("src"), "rs", &mut sources);
    }
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

/// The project's pages for people.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .iter()
        .map(|name| root().join(name))
        .collect();
    files(&root().join("docs"), "md", &mut pages);
    pages
}

/// The targets of a page's links, without those that leave the project.
fn links(text: &str) -> Vec<&str> {
    let after = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    after.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace)).collect()
}

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let anchor = |heading: &str| -> String {
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let mut checked = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            if !heading.is_empty() {
                let there = fs::read_to_string(&target).unwrap();
                let mut headings = there.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == heading);
                assert!(found, "{}: no heading {link}", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} links");
}

#[test]
fn decisions_have_context_choice_and_consequence_and_are_linked() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut decisions = Vec::new();
    files(&root().join("docs/decisions"), "md", &mut decisions);
    decisions.sort();
    assert!(!decisions.is_empty());
    for (number, page) in decisions.iter().enumerate() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with(&format!("{:04}-", number + 1)), "{name}: the number before it is missing");
        let text = fs::read_to_string(page).unwrap();
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, ["## Context", "## Choice", "## Consequence"], "{name}");
        let title = text.lines().next().unwrap_or_default();
        let title =
            title.strip_prefix(&format!("# {}. ", number + 1)).unwrap_or_else(|| panic!("{name}: {title}"));
        assert!(architecture.contains(&format!("[{title}](docs/decisions/{name})")), "{name} is not linked");
    }
}
