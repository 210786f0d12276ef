//! What differs between two tasks: why a result of the one does not do for the other.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::{artifact::Parts, key::canonical};
use serde_json::{Map, Value};

use super::{Callee, ResolvedTask};

/// Differences that are told at the most.
const MOST: usize = 4;
/// Characters of a value that are shown at the most.
const LONGEST: usize = 40;

/// A task with what goes into it.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// What it was to do.
    pub task: &'a ResolvedTask,
    /// Its inputs as parts.
    pub inputs: &'a BTreeMap<String, Parts>,
}

/// What makes the keys of two tasks differ, for people; none if they are the same.
pub fn changes(before: Work, now: Work) -> Option<String> {
    let mut all = Vec::new();
    function(&before.task.callee, &now.task.callee, &mut all);
    parameters(&before.task.params, &now.task.params, &mut all);
    inputs(before.inputs, now.inputs, &mut all);
    if before.task.seed != now.task.seed {
        all.push(format!("the seed is {}, was {}", now.task.seed, before.task.seed));
    }
    if before.task.shard != now.task.shard {
        all.push("it takes another share of the rows".to_owned());
    }
    if all.len() > MOST {
        let more = all.len() - MOST + 1;
        all.truncate(MOST - 1);
        all.push(format!("{more} more"));
    }
    (!all.is_empty()).then(|| all.join("; "))
}

fn function(before: &Callee, now: &Callee, all: &mut Vec<String>) {
    let name = |callee: &Callee| match callee {
        Callee::Function { name, .. } => name.clone(),
        Callee::Act(act) => act.name().to_owned(),
    };
    match (before, now) {
        _ if before == now => {}
        _ if name(before) != name(now) => {
            all.push(format!("it uses `{}`, was `{}`", name(now), name(before)));
        }
        (Callee::Function { version: old, .. }, Callee::Function { name, version, .. }) if old != version => {
            all.push(format!("function `{name}` is version {version}, was {old}"));
        }
        _ => all.push(format!("function `{}` is another build of the same version", name(now))),
    }
}

fn parameters(before: &Map<String, Value>, now: &Map<String, Value>, all: &mut Vec<String>) {
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    for name in names {
        let said = match (before.get(name), now.get(name)) {
            (Some(old), Some(new)) if canonical(old) == canonical(new) => continue,
            (Some(old), Some(new)) => format!("is {}, was {}", shown(new), shown(old)),
            (None, Some(new)) => format!("is {}, was not set", shown(new)),
            (Some(old), None) => format!("is not set any more, was {}", shown(old)),
            (None, None) => continue,
        };
        all.push(format!("parameter `{name}` {said}"));
    }
}

fn inputs(before: &BTreeMap<String, Parts>, now: &BTreeMap<String, Parts>, all: &mut Vec<String>) {
    let none = Parts::default();
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name).unwrap_or(&none), now.get(name).unwrap_or(&none));
        let said = match (old.parts.len(), new.parts.len()) {
            (0, 0) => continue,
            (0, _) => "was empty".to_owned(),
            (_, 0) => "is empty now".to_owned(),
            (old, new) if old != new => format!("has {new} parts, had {old}"),
            _ if old.parts.iter().zip(&new.parts).any(|(old, new)| old.digest != new.digest) => {
                "has other content".to_owned()
            }
            // Functions see the names of parts, and what is trained on rows takes over the stages that they went through.
            _ if old
                .parts
                .iter()
                .zip(&new.parts)
                .any(|(old, new)| (&old.name, &old.media_type) != (&new.name, &new.media_type)) =>
            {
                "has parts of other names or types".to_owned()
            }
            _ if old
                .stages
                .iter()
                .map(|s| (s.function, s.state))
                .ne(new.stages.iter().map(|s| (s.function, s.state))) =>
            {
                "came through other fitted stages".to_owned()
            }
            _ => continue,
        };
        all.push(format!("input `{name}` {said}"));
    }
}

/// A value, or its beginning.
fn shown(value: &Value) -> String {
    let text = canonical(value);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_core::{
        artifact::{Artifact, Digest, Stage},
        key::Shard,
    };
    use millstream_plan::{Limits, Retry};
    use serde_json::json;

    fn task(params: Value) -> ResolvedTask {
        let Value::Object(params) = params else { panic!("parameters are an object") };
        ResolvedTask {
            step: "train".to_owned(),
            task: 0,
            callee: callee("forest", "1.0.0", b"one"),
            params,
            inputs: BTreeMap::new(),
            seed: 0,
            shard: None,
            limits: Limits::default(),
            retry: Retry::default(),
            cache: true,
        }
    }

    fn callee(name: &str, version: &str, code: &[u8]) -> Callee {
        Callee::Function { name: name.to_owned(), version: version.to_owned(), digest: Digest::of(code) }
    }

    fn table(parts: &[(&str, &[u8])]) -> BTreeMap<String, Parts> {
        let part = |(name, bytes): &(&str, &[u8])| Artifact {
            name: (*name).to_owned(),
            media_type: "text/csv".to_owned(),
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
        };
        let parts = Parts { parts: parts.iter().map(part).collect(), stages: Vec::new() };
        BTreeMap::from([("train".to_owned(), parts)])
    }

    /// What is said holds exactly where the keys differ.
    #[track_caller]
    fn said(
        before: (&ResolvedTask, &BTreeMap<String, Parts>),
        now: (&ResolvedTask, &BTreeMap<String, Parts>),
    ) -> String {
        let work = |(task, inputs)| Work { task, inputs };
        let said = changes(work(before), work(now));
        assert_eq!(said.is_none(), before.0.key(before.1) == now.0.key(now.1), "{said:?}");
        said.unwrap_or_default()
    }

    #[test]
    fn each_difference_is_named() {
        let (plain, rows) = (task(json!({"n": 100, "path": "a"})), table(&[("a.csv", b"1")]));
        assert_eq!(said((&plain, &rows), (&task(json!({"path": "a", "n": 100.0})), &rows)), "");
        let other = task(json!({"n": 200, "depth": null}));
        assert_eq!(
            said((&plain, &rows), (&other, &rows)),
            "parameter `depth` is null, was not set; parameter `n` is 200, was 100; \
             parameter `path` is not set any more, was \"a\""
        );
        for (inputs, expected) in [
            (table(&[("a.csv", b"2")]), "input `train` has other content"),
            (table(&[("b.csv", b"1")]), "input `train` has parts of other names or types"),
            (table(&[("a.csv", b"1"), ("b.csv", b"2")]), "input `train` has 2 parts, had 1"),
            (table(&[]), "input `train` is empty now"),
            (BTreeMap::new(), "input `train` is empty now"),
        ] {
            assert_eq!(said((&plain, &rows), (&plain, &inputs)), expected);
        }
        assert_eq!(said((&plain, &BTreeMap::new()), (&plain, &table(&[]))), "");
        let mut through = rows.clone();
        through.get_mut("train").unwrap().stages.push(Stage {
            name: "features".to_owned(),
            version: "1.0.0".to_owned(),
            function: Digest::of(b"f"),
            state: Digest::of(b"s"),
            size: 1,
        });
        assert_eq!(
            said((&plain, &rows), (&plain, &through)),
            "input `train` came through other fitted stages"
        );
        for (callee, expected) in [
            (callee("trees", "1.0.0", b"two"), "it uses `trees`, was `forest`"),
            (callee("forest", "1.1.0", b"two"), "function `forest` is version 1.1.0, was 1.0.0"),
            (callee("forest", "1.0.0", b"two"), "function `forest` is another build of the same version"),
        ] {
            assert_eq!(said((&plain, &rows), (&ResolvedTask { callee, ..plain.clone() }, &rows)), expected);
        }
        let shard = Some(Shard { index: 1, count: 2 });
        let other = ResolvedTask { seed: 7, shard, ..plain.clone() };
        let expected = "the seed is 7, was 0; it takes another share of the rows";
        assert_eq!(said((&plain, &rows), (&other, &rows)), expected);
    }

    #[test]
    fn long_values_and_many_differences_are_cut() {
        let before = task(json!({}));
        let now = task(json!({"a": "é".repeat(100), "b": 1, "c": 1, "d": 1, "e": 1}));
        let said = said((&before, &BTreeMap::new()), (&now, &BTreeMap::new()));
        assert!(
            said.starts_with(&format!("parameter `a` is \"{}..., was not set; ", "é".repeat(39))),
            "{said}"
        );
        assert!(said.ends_with("; 2 more"), "{said}");
    }
}
