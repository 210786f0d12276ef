//! What each algorithm writes for its examples stays the same to the byte, unless somebody means to change it.
//!
//! `MILLSTREAM_UPDATE_DIGESTS=1 cargo test --release -p millstream-catalog` writes the digests anew. A change of them changes what
//! stands in every cache.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs, path::Path};

use millstream_catalog::{Example, Function, algorithms, host, table};
use sha2::{Digest as _, Sha256};

const ROWS: usize = 48;

/// Of all outputs, with their names.
fn digest(function: &Function, example: &Example) -> String {
    let host = host(example, &table(ROWS));
    if let Err(failure) = function.run(&host, &example.on_table()) {
        panic!("{} with {}: {failure}", function.name, example.with);
    }
    let mut outputs = host.outputs();
    outputs.sort_by(|a, b| (&a.output, &a.name).cmp(&(&b.output, &b.name)));
    let mut digest = Sha256::new();
    for written in outputs {
        digest.update(format!("{}/{} {}\n", written.output, written.name, written.bytes.len()));
        digest.update(&written.bytes);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_learnt_is_the_same_to_the_byte() {
    // An algorithm that somebody works on alone has no digests yet.
    if env::var_os("MILLSTREAM_ALGORITHM").is_some() {
        return;
    }
    let mut now = String::new();
    for function in algorithms() {
        for (place, example) in function.examples.iter().enumerate() {
            let _ = writeln!(now, "{}.{place} {}", function.name, digest(&function, example));
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/algorithms/digests.txt");
    if env::var_os("MILLSTREAM_UPDATE_DIGESTS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    let lines = |text: &str| -> BTreeMap<String, String> {
        let pair =
            |line: &str| line.split_once(' ').map(|(name, digest)| (name.to_owned(), digest.to_owned()));
        text.lines().filter_map(pair).collect()
    };
    let (there, now) = (lines(&there), lines(&now));
    let changed: Vec<&String> = now.keys().filter(|name| there.get(*name) != now.get(*name)).collect();
    let gone: Vec<&String> = there.keys().filter(|name| !now.contains_key(*name)).collect();
    assert!(
        changed.is_empty() && gone.is_empty(),
        "other bytes than in digests.txt (function, example): {changed:?}; not there any more: {gone:?}. If that is meant, set \
         MILLSTREAM_UPDATE_DIGESTS=1"
    );
}
