//! `functions check`: what is no function is refused with every reason.

use std::fs;

use millstream_core::failure::Failure;
use millstream_engine::Report;

use crate::support::{Home, component};

fn check(bytes: &[u8]) -> Report {
    Home::new().local().engine().check(bytes)
}

#[test]
fn a_function() {
    let bytes = component("faulty");
    let report = check(&bytes);
    assert!(report.is_function(), "{:?}", report.faults);
    assert_eq!(report.world(), Some("algorithm"));
    assert_eq!(report.size, bytes.len() as u64);
    assert!(report.imports.contains(&"millstream:function/inputs@0.1.0".to_owned()), "{:?}", report.imports);
    assert_eq!(report.foreign_imports().count(), 0);
    assert_eq!(check(&component("noop")).world(), Some("stage"));
}

#[test]
fn what_is_none() {
    let component = |text: &str| wat::parse_str(text).unwrap();
    let cases: [(Vec<u8>, &str); 8] = [
        (b"".to_vec(), "not WebAssembly"),
        (b"#!/bin/sh".to_vec(), "not WebAssembly"),
        (component("(module)"), "a core WebAssembly module"),
        (component("(component)"), "does not export millstream:function/about"),
        (component(r#"(component (import "acme:gadget/spin" (func)))"#), "it imports `acme:gadget/spin`"),
        (
            component(r#"(component (import "wasi:nowhere/at-all@0.2.0" (instance (export "f" (func)))))"#),
            "wasi:nowhere/at-all",
        ),
        (
            component(
                r#"(component
                    (core module $m (func (export "f")))
                    (core instance $i (instantiate $m))
                    (func $f (canon lift (core func $i "f")))
                    (instance $about (export "describe" (func $f)))
                    (export "millstream:function/about@0.1.0" (instance $about))
                    (instance $job (export "run" (func $f)))
                    (export "millstream:function/job@0.1.0" (instance $job)))"#,
            ),
            "not that of version 0.1.0",
        ),
        (super::support::component("faulty")[..1000].to_vec(), "not a component that can run here"),
    ];
    for (bytes, expected) in cases {
        let report = check(&bytes);
        assert!(
            report.faults.iter().any(|fault| fault.contains(expected)),
            "{expected}: {:?}",
            report.faults
        );
        assert_eq!(report.manifest, None);
    }
}

/// Truncated or flipped anywhere, it is refused or it still is a component; it never harms the process.
#[test]
fn damaged_bytes_are_refused_or_harmless() {
    let home = Home::new();
    let local = home.local();
    let whole = component("noop");
    for step in 0..40 {
        let mut bytes = whole.clone();
        let at = step * bytes.len() / 40;
        bytes[at] ^= 0x55;
        let _ = local.engine().check(&bytes);
        assert!(!local.engine().check(&whole[..at]).is_function());
    }
}

#[test]
fn a_file_in_an_executor() {
    let home = Home::new();
    let pool = home.pool(1);
    let file = home.path().join("f.wasm");
    fs::write(&file, component("noop")).unwrap();
    let report = pool.check(&file).unwrap();
    assert!(report.is_function());
    assert_eq!(report, check(&component("noop")));
    let failure = pool.check(&home.path().join("nowhere.wasm")).unwrap_err();
    assert!(
        matches!(&failure, Failure::InvalidInput { message, .. } if message.contains("nowhere.wasm")),
        "{failure:?}"
    );
}

/// The engine knows no function by name: none of the workspace's is mentioned in its source.
#[test]
fn the_engine_knows_no_algorithm_by_name() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["algorithms", "stages"].map(|kind| root.join("../../functions").join(kind));
    let names: Vec<String> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap().flatten())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        // Words of their own right.
        .filter(|name| !["split", "features", "extract"].contains(&name.as_str()))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let source = fs::read_to_string(entry.path()).unwrap();
            for name in &names {
                let found = source.contains(&format!("\"{name}\"")) || source.contains(&format!("`{name}`"));
                assert!(!found, "{} mentions `{name}`", entry.path().display());
            }
        }
    }
}
