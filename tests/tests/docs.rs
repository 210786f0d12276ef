//! What is made from types and manifests is in the project as it is made today.

use std::fs;

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
