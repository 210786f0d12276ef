//! The OpenAPI document, held to what the server does.

mod common;

use std::{collections::BTreeSet, env, process::Command};

use common::{Fake, Running, loopback, start, start_with};
use serde_json::Value;

/// Method, path with names filled in, and the operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let filled = |path: &str| {
        let path = path.replace("{name}", "churn").replace("{id}", "nobody-asked").replace("{version}", "3");
        let path = path.replace("{workflow}", "nightly").replace("{run}", "latest");
        assert!(!path.contains('{'), "{path}: another name");
        path
    };
    paths
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| {
                (method.to_ascii_uppercase(), filled(path), operation.clone())
            })
        })
        .collect()
}

fn document(server: &Running) -> Value {
    let answer = server.get("/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    answer.json()
}

#[test]
fn what_is_documented_is_there_and_nothing_else_is() {
    let server = start();
    let document = document(&server);
    assert_eq!(document["openapi"], "3.1.0");
    let all = operations(&document);
    assert!(all.len() > 25, "{}", all.len());
    for (method, path, _) in &all {
        let answer = server.request(method, path, &[], b"");
        assert_ne!(answer.status, 405, "{method} {path}");
        assert_ne!(answer.header("x-millstream-error"), "MS0703", "{method} {path}");
    }
    // Another method is refused, and the answer names those that are documented.
    for (_, path, _) in &all {
        let documented = all.iter().filter(|(_, other, _)| other == path).map(|(method, ..)| method.as_str());
        let answer = server.request("DELETE", path, &[], b"");
        assert_eq!(answer.status, 405, "{path}");
        let allowed = answer.header("allow").split(", ").filter(|method| *method != "HEAD");
        assert_eq!(allowed.collect::<BTreeSet<_>>(), documented.collect::<BTreeSet<_>>(), "{path}");
    }
    assert_eq!(server.get("/v1/nothing").status, 404);
    let index = server.get("/").json();
    let listed = index["routes"].as_array().unwrap().iter().map(|route| route["path"].as_str().unwrap());
    let paths = document["paths"].as_object().unwrap().keys().map(String::as_str);
    assert_eq!(listed.collect::<BTreeSet<_>>(), paths.collect());
}

#[test]
fn keys_are_needed_just_where_it_says_so() {
    let mut config = loopback();
    config.require_keys = true;
    let server = start_with(&config, Fake::with_keys());
    for (method, path, operation) in operations(&document(&server)) {
        // A signature stands for a key there: `tests/tests/triggers.rs` tries both.
        if path == "/workflows/nightly/runs" {
            continue;
        }
        let status = |headers: &[(&str, &str)]| server.request(&method, &path, headers, b"").status;
        let open = operation["security"].as_array().unwrap().is_empty();
        let refused = |status: u16| matches!(status, 401 | 403);
        assert_eq!(refused(status(&[])), !open, "{method} {path}");
        let scope = operation["x-millstream-scope"].as_str().unwrap_or("none");
        assert_eq!(open, scope == "none", "{method} {path}");
        let with_invoke = status(&[("x-api-key", "msk_invoke")]);
        assert_eq!(refused(with_invoke), scope == "deploy", "{method} {path}");
        assert!(!refused(status(&[("x-api-key", "msk_admin")])), "{method} {path}");
    }
}

#[test]
#[ignore = "needs a Python with openapi-spec-validator in OPENAPI_PYTHON: `cargo xtask test` installs one where PyPI can be reached"]
fn the_document_is_valid_openapi() {
    let python = env::var_os("OPENAPI_PYTHON").expect("OPENAPI_PYTHON names a Python");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    let mut document = document(&start());
    let validate = |document: &Value| {
        std::fs::write(&file, document.to_string()).unwrap();
        Command::new(&python).args(["-m", "openapi_spec_validator"]).arg(&file).output().unwrap()
    };
    let output = validate(&document);
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // A validator that finds no fault in this would find none in anything.
    document["paths"]["/ping"]["get"]["responses"] = Value::Null;
    assert!(!validate(&document).status.success());
}
