//! Each file in `tests/invalid` is a workflow with faults; beside it stands what `validate` must say.
//! `UPDATE=1 cargo test -p millstream-plan --test invalid` writes the expectations anew.

mod common;

use std::{fs, path::Path};

use millstream_plan::compile::check;

#[test]
fn every_fault_is_told_with_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid");
    let catalog = common::catalog();
    let mut wrong = Vec::new();
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 20, "{} files", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let found = match check(name, &text, &catalog) {
            Ok(_) => "no fault\n".to_owned(),
            Err(diagnostics) => diagnostics.to_string(),
        };
        let expectation = file.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expectation, &found).unwrap();
        }
        let expected = fs::read_to_string(&expectation).unwrap_or_default();
        if found != expected || found == "no fault\n" {
            wrong.push(format!("{name}\n--- expected\n{expected}--- found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
