//! `millstream functions new` builds from the versions that this repository is built from.

use std::{collections::BTreeMap, fs, path::Path};

/// `name -> version and features` of the section `[workspace.dependencies]`.
fn dependencies(file: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let section = text.split("[workspace.dependencies]\n").nth(1).expect("a section of dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let entries = lines.filter_map(|line| line.split(" # ").next()?.split_once(" = "));
    entries.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

#[test]
fn the_template_has_the_workspaces_versions() {
    let ours = dependencies("../../Cargo.toml");
    for (name, version) in dependencies("../template/Cargo.toml.in") {
        if name != "millstream-sdk" {
            assert_eq!(Some(&version), ours.get(&name), "{name} in functions/template/Cargo.toml.in");
        }
    }
}

#[test]
fn the_template_has_all_that_the_sdk_needs() {
    let theirs = dependencies("../template/Cargo.toml.in");
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    for name in manifest.lines().filter_map(|line| line.strip_suffix(".workspace = true")) {
        let inherited = ["version", "edition", "rust-version", "license", "repository", "publish"];
        assert!(
            inherited.contains(&name) || theirs.contains_key(name),
            "{name} is not in functions/template/Cargo.toml.in"
        );
    }
}
