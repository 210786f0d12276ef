//! Random workflows, done in any order, with repeated messages and death between any two writes.

use std::collections::BTreeSet;

use millstream_core::task::Task;
use millstream_state::{Error, Run};
use proptest::prelude::*;

use crate::{
    common::{Died, Memory},
    worker::{drive, end_state, no_metrics, options, plan, work},
};

/// A step of a random workflow.
#[derive(Clone, Debug)]
struct Random {
    needs: Vec<prop::sample::Index>,
    shape: u8,
    condition: u8,
    fails: bool,
}

fn random() -> impl Strategy<Value = Vec<Random>> {
    let step = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        0..8u8,
        0..10u8,
        prop::bool::weighted(0.15),
    )
        .prop_map(|(needs, shape, condition, fails)| Random { needs, shape, condition, fails });
    prop::collection::vec(step, 1..9)
}

fn workflow(steps: &[Random]) -> (String, BTreeSet<Task>) {
    let mut text = "name: random\nsteps:\n".to_owned();
    let mut failing = BTreeSet::new();
    for (i, step) in steps.iter().enumerate() {
        let needs: BTreeSet<usize> =
            if i == 0 { BTreeSet::new() } else { step.needs.iter().map(|n| n.index(i)).collect() };
        let first = needs.first().copied();
        let needs: Vec<String> = needs.iter().map(|n| format!("s{n}")).collect();
        let shape = match (step.shape, first) {
            (0, _) => "for-each: { shards: 40 },".to_owned(),
            (1, _) => "matrix: { x: [1, 2, 3] },".to_owned(),
            (2, Some(first)) => format!(
                "for-each: \"${{{{ steps.s{first}.outputs.out }}}}\", inputs: {{ in: \"${{{{ item }}}}\" }},"
            ),
            // Aligned with a step that has the same matrix, and a list of another one's results.
            (4, Some(first)) => {
                format!(
                    "matrix: {{ x: [1, 2, 3] }}, inputs: {{ in: \"${{{{ steps.s{first}.outputs.out }}}}\" }},"
                )
            }
            (5, _) => "for-each: { items: [] },".to_owned(),
            (3, Some(first)) => format!("inputs: {{ in: \"${{{{ steps.s{first}.outputs.out }}}}\" }},"),
            _ => String::new(),
        };
        let condition = match step.condition {
            0 => "if: false,",
            1 => "if: always(),",
            2 => "if: failure(),",
            3 => "if: success(),",
            4 if matches!(step.shape, 1) || (step.shape == 4 && first.is_some()) => "if: matrix.x != 2,",
            _ => "",
        };
        text += &format!("  s{i}: {{ uses: noop, {shape} {condition} needs: [{}] }}\n", needs.join(", "));
        if step.fails {
            failing.insert(Task { step: format!("s{i}"), task: 0 });
        }
    }
    (text, failing)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_order_and_any_death_lead_to_the_same_end(steps in random(), seed in any::<u64>()) {
        let (text, failing) = workflow(&steps);
        let plan = plan(&text, &options("r"));
        let calm = Memory::default();
        drive(&plan, &calm, &failing, Run::new(&plan, &calm).begin(0).unwrap());
        let wanted = end_state(&plan, &calm);
        prop_assert!(wanted.0.has_ended(), "{:?}\n{}", Run::new(&plan, &calm).progress().unwrap(), text);

        let mut state = seed | 1;
        let mut dice = |sides: usize| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % sides as u64) as usize
        };
        let store = Memory::default();
        let mut queue = loop {
            store.fuse.set(Some(dice(6)));
            if let Ok(first) = Run::new(&plan, &store).begin(0) {
                break first;
            }
        };
        let mut deaths = 0;
        while !queue.is_empty() {
            let task = queue[dice(queue.len())].clone();
            store.fuse.set((deaths < 400 && dice(2) == 0).then(|| dice(5)));
            match work(&plan, &store, &task, &failing, &no_metrics) {
                Ok(ready) => {
                    let at = queue.iter().position(|other| *other == task).unwrap();
                    // Now and then the message is delivered again.
                    if dice(10) > 0 {
                        queue.swap_remove(at);
                    }
                    queue.extend(ready);
                }
                Err(Error::Store(Died)) => deaths += 1,
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
        store.fuse.set(None);
        prop_assert_eq!(end_state(&plan, &store), wanted, "{}", text);
    }
}
