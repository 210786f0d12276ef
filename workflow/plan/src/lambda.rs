//! What cannot run on AWS Lambda, as far as a workflow's file says so: steps, and triggers.
//!
//! A step with a `pool` that the stack does not have is refused too: a laptop may serve any queue, but nothing of the stack would.

use std::ops::Range;

use millstream_core::{pools::Pools, quantity};
use millstream_errors::Code;
use millstream_language::{diagnostic::Diagnostic, yaml::Node};

use crate::compile::Checked;

/// How long an invocation may last at most, in milliseconds.
pub const MOST_TIME: u64 = 15 * 60 * 1000;

/// What is kept of an invocation's `whole` time, in milliseconds, for ending a task that has used up its own and for writing down what
/// became of it: a tenth, 10 seconds at most.
pub const fn margin(whole: u64) -> u64 {
    let tenth = whole / 10;
    if tenth < 10_000 { tenth } else { 10_000 }
}

/// What of a workflow cannot run on Lambda with these pools: time limits that no invocation can keep, memory that no pool has,
/// pools that are not there; and triggers that need somebody who is always there. In order of place; empty if nothing is known to be in the way.
pub fn unfit(checked: &Checked, pools: &Pools) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let most = MOST_TIME - margin(MOST_TIME);
    for (name, step) in &checked.workflow.steps {
        let limits = step.limits.unwrap_or_default();
        let mut refuse = |path: &[&str], message: String, help: &str| {
            let span = span(checked.root(), name, path);
            found.push(Diagnostic { code: Code::StepSettings, span, message, help: Some(help.to_owned()) });
        };
        for (limit, path) in [(step.timeout, &["timeout"][..]), (limits.time, &["limits", "time"])] {
            if let Some(time) = limit.filter(|time| time.0 > most) {
                let message = format!(
                    "step `{name}` may take {time}, and Lambda ends an invocation after {}, of which {} are kept for its end",
                    quantity::Duration(MOST_TIME),
                    quantity::Duration(margin(MOST_TIME))
                );
                refuse(path, message, "lower the limit, and split what takes longer (`for-each`)");
            }
        }
        if let Err(why) = pools.of(step.pool.as_deref(), limits.memory.map(|size| size.0)) {
            let path: &[&str] = if step.pool.is_some() { &["pool"] } else { &["limits", "memory"] };
            refuse(
                path,
                format!("step `{name}` finds no place on Lambda: {why}"),
                "name one that is there, or lower the limit",
            );
        }
    }
    for trigger in &checked.workflow.on.0 {
        if let Some(why) = trigger.unfit_in_lambda() {
            let path = trigger.path();
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            found.push(Diagnostic {
                code: Code::TriggerUnfit,
                span: checked.root().at(&path).1.span.clone(),
                message: format!("trigger `{}` cannot work on Lambda: {why}", trigger.name),
                help: None,
            });
        }
    }
    found.sort_by_key(|diagnostic| diagnostic.span.start);
    found
}

/// Where a key of a step is.
fn span(root: &Node, step: &str, path: &[&str]) -> Range<usize> {
    let path: Vec<&str> = ["steps", step].into_iter().chain(path.iter().copied()).collect();
    root.at(&path).1.span.clone()
}

#[cfg(test)]
mod tests {
    use millstream_core::{
        artifact::Digest,
        manifest::{Exports, Manifest},
        pools::Pool,
    };
    use millstream_language::Functions;
    use serde_json::json;

    use super::*;
    use crate::compile;

    struct One(Manifest);

    impl Functions for One {
        fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
            (name == self.0.name).then(|| (Digest::of(b"one"), &self.0))
        }

        fn names(&self) -> Vec<&str> {
            vec![&self.0.name]
        }
    }

    fn found(step: &str) -> Vec<String> {
        found_in(&format!("name: w\nsteps:\n  a: {{ uses: make{step} }}\n"))
    }

    fn found_in(text: &str) -> Vec<String> {
        let manifest = Manifest {
            name: "make".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Makes.".to_owned(),
            description: String::new(),
            channels: vec![],
            outputs: vec![],
            metrics: vec![],
            parameters: json!({"type": "object"}),
            exports: Exports { job: true, model: false },
        };
        let checked = compile::check("w.yaml", text, &One(manifest)).unwrap();
        let pool = |name: &str, memory| Pool { name: name.to_owned(), memory };
        let pools = Pools::new(vec![pool("small", 1769), pool("large", 10240)]);
        let said = |one: Diagnostic| format!("{}: {}", &text[one.span.clone()], one.message);
        unfit(&checked, &pools).into_iter().map(said).collect()
    }

    #[test]
    fn what_fits_passes() {
        for step in ["", ", timeout: 10m", ", limits: { time: 14m, memory: 4GiB }", ", pool: large"] {
            assert_eq!(found(step), [""; 0], "{step}");
        }
    }

    #[test]
    fn triggers_that_need_somebody_who_is_always_there_are_shown() {
        let on = |on: &str| found_in(&format!("name: w\non: {on}\nsteps:\n  a: {{ uses: make }}\n"));
        assert_eq!(on("{ object-created: { prefix: in/ }, schedule: rate(1 minute), http: {} }"), [""; 0]);
        let said = on("{ schedule: [rate(1 hour), rate(10 seconds)], queue: orders }");
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with("rate(10 seconds): trigger `schedule-2` cannot work on Lambda: "),
            "{said:?}"
        );
        assert!(
            said[1].starts_with("orders: trigger `queue` cannot work on Lambda: nobody listens"),
            "{said:?}"
        );
    }

    #[test]
    fn what_does_not_is_shown_with_its_place() {
        for (step, expected) in [
            (", timeout: 15m", "15m: step `a` may take 15m, and Lambda ends an invocation after 15m"),
            (", limits: { time: 1h }", "1h: step `a` may take 1h"),
            (
                ", limits: { memory: 12GiB }",
                "12GiB: step `a` finds no place on Lambda: no pool has the 12288 MB",
            ),
            (", pool: gpu", "gpu: step `a` finds no place on Lambda: there is no pool `gpu`"),
            (
                ", pool: small, limits: { memory: 2GiB }",
                "small: step `a` finds no place on Lambda: pool `small` has 1769 MB",
            ),
        ] {
            let found = found(step);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{step}: {found:?}");
        }
    }
}
