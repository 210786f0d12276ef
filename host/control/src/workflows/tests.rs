use std::{sync::Arc, thread};

use millstream_core::manifest::{Channel, Exports, Kind, Manifest};
use millstream_queue::{MemoryQueue, QueueOptions, SystemClock};
use millstream_store::MemoryStore;
use millstream_worker::home::HomeLocation;
use serde_json::json;

use super::*;

struct Noop(Manifest);

impl Noop {
    fn new() -> Self {
        let channel = Channel {
            name: "in".to_owned(),
            description: String::new(),
            kind: Kind::File,
            required: false,
            formats: Vec::new(),
        };
        Self(Manifest {
            name: "noop".to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            description: String::new(),
            channels: vec![channel],
            outputs: Vec::new(),
            metrics: Vec::new(),
            parameters: json!({"type": "object", "additionalProperties": false, "properties": {"x": {}}}),
            exports: Exports { job: true, model: false },
        })
    }
}

impl Functions for Noop {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        (name == "noop").then(|| (Digest::of(b"noop"), &self.0))
    }

    fn names(&self) -> Vec<&str> {
        vec!["noop"]
    }
}

fn home() -> Home {
    let clock = Arc::new(SystemClock);
    let queue = MemoryQueue::new(clock.clone(), QueueOptions::default()).unwrap();
    Home::new(HomeLocation::of_folder("nowhere"), Arc::new(MemoryStore::new()), Arc::new(queue), clock)
}

fn text(x: u32) -> String {
    format!("name: w\nsteps:\n  a: {{ uses: noop, with: {{ x: {x} }} }}\n")
}

fn pushed(home: &Home, text: &str) -> (u32, bool) {
    let pushed = push(home, &Noop::new(), "w.yaml", text, "me").unwrap_or_else(|error| panic!("{error}"));
    (pushed.version.version, pushed.is_new)
}

#[test]
fn versions_count_up_and_the_newest_text_makes_none() {
    let home = home();
    assert_eq!(pushed(&home, &text(1)), (1, true));
    assert_eq!(pushed(&home, &text(1)), (1, false));
    assert_eq!(pushed(&home, &text(2)), (2, true));
    // An earlier text is news again.
    assert_eq!(pushed(&home, &text(1)), (3, true));
    let found = find(&home, "w@2").unwrap();
    assert_eq!((found.text.as_str(), found.digest), (text(2).as_str(), Digest::of(text(2).as_bytes())));
    let with = CheckedWith { version: "1.0.0".to_owned(), digest: Digest::of(b"noop") };
    assert_eq!(found.functions, BTreeMap::from([("noop".to_owned(), with)]));
    assert_eq!(found.by, "me");
    assert_eq!(find(&home, "w").unwrap().version, 3);
}

#[test]
fn of_pushes_at_once_each_has_its_number_and_the_same_text_has_one() {
    let home = home();
    let push_all = |texts: Vec<String>| {
        thread::scope(|scope| {
            let home = &home;
            let all: Vec<_> =
                texts.into_iter().map(|text| scope.spawn(move || pushed(home, &text))).collect();
            let mut all: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
            all.sort_unstable();
            all
        })
    };
    let different = push_all((0..16).map(text).collect());
    assert_eq!(different, (1..=16).map(|n| (n, true)).collect::<Vec<_>>());
    let same = push_all(vec![text(99); 16]);
    assert_eq!(same.iter().filter(|(_, is_new)| *is_new).count(), 1, "{same:?}");
    assert!(same.iter().all(|(number, _)| *number == 17), "{same:?}");
}

#[test]
fn what_was_removed_is_gone_and_its_number_is_not_given_again() {
    let home = home();
    for x in 1..=3 {
        pushed(&home, &text(x));
    }
    assert_eq!(remove(&home, "w@3").unwrap(), [3]);
    assert_eq!(find(&home, "w").unwrap().version, 2);
    let error = find(&home, "w@3").unwrap_err().to_string();
    assert_eq!(error, "workflow `w` has no version 3; versions: 1, 2");
    assert!(matches!(remove(&home, "w@3"), Err(Error::NotFound(_))));
    assert_eq!(pushed(&home, &text(3)), (4, true));
    assert_eq!(remove(&home, "w").unwrap(), [1, 2, 4]);
    assert!(list(&home).unwrap().is_empty());
    assert_eq!(
        find(&home, "w").unwrap_err().to_string(),
        "no workflow `w` was pushed; there are no workflows"
    );
    assert_eq!(pushed(&home, &text(3)), (5, true));
}

#[test]
fn a_damaged_record_spoils_its_own_version_alone() {
    let home = home();
    for x in 1..=2 {
        pushed(&home, &text(x));
    }
    let key = layout::workflow_version("w", 2);
    let whole = home.store().get(&key).unwrap().bytes;
    let other_text = String::from_utf8(whole.clone()).unwrap().replace("x: 2", "x: 7").into_bytes();
    for bytes in [b"{".to_vec(), Vec::new(), whole[..whole.len() / 2].to_vec(), other_text] {
        home.store().put(&key, &bytes, &PutOptions::default()).unwrap();
        for reference in ["w", "w@2"] {
            let error = find(&home, reference).unwrap_err();
            assert!(error.to_string().contains("workflows/w/000002.json is damaged"), "{error}");
        }
        assert_eq!(find(&home, "w@1").unwrap().version, 1);
        let listed = list(&home).unwrap();
        assert!(matches!(listed.as_slice(), [(name, Err(_))] if name == "w"));
    }
    assert_eq!(pushed(&home, &text(2)), (3, true), "nobody can tell that it is the same text");
    assert_eq!(remove(&home, "w@2").unwrap(), [2]);
    assert_eq!(find(&home, "w").unwrap().version, 3);
}

#[test]
fn relative_paths_are_refused_with_the_way_out() {
    let refused = |yaml: &str| {
        let error = push(&home(), &Noop::new(), "w.yaml", yaml, "me").unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        error.to_string()
    };
    for (yaml, said) in [
        (
            "name: w\nsteps:\n  a: { uses: noop, inputs: { in: ./a.csv } }\n",
            "input `in` of step `a` reads ./a.csv",
        ),
        (
            "name: w\nsteps:\n  a: { uses: noop, for-each: { items: [1] }, inputs: { in: \"d/${{ item }}.csv\" } }\n",
            "reads d/${{ item }}.csv",
        ),
        (
            "name: w\nparams: { p: { type: uri, default: a.csv } }\nsteps:\n  a: { uses: noop, inputs: { in: \"${{ params.p }}\" } }\n",
            "the default of parameter `p` reads a.csv",
        ),
        (
            "name: w\nsteps:\n  a: { uses: run-workflow, with: { file: b.yaml } }\n",
            "the workflow of step `a`",
        ),
    ] {
        let error = refused(yaml);
        assert!(error.contains(said) && error.contains("-p NAME=PATH"), "{error}");
    }
    for inputs in ["/a.csv", "file:///a.csv", "[/a.csv, /b/*.csv]"] {
        pushed(&home(), &format!("name: w\nsteps:\n  a: {{ uses: noop, inputs: {{ in: {inputs} }} }}\n"));
    }
}

#[test]
fn references_are_names_with_or_without_a_number() {
    let which = |name: &str, version| Ok(Which { name: name.to_owned(), version });
    assert_eq!(Which::parse("churn"), which("churn", None));
    assert_eq!(Which::parse("churn@12"), which("churn", Some(12)));
    for text in
        ["", "churn.yaml", "a/b", "churn@", "churn@0", "churn@x", "churn@1@2", "Churn", "churn@99999999999"]
    {
        assert!(Which::parse(text).is_err(), "{text}");
    }
}
