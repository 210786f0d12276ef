//! Random workflows: steps of all shapes, conditions, tasks that fail.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::task::Task;
use millstream_state::ResolvedTask;

/// Numbers that depend on the seed alone (xorshift64).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        // Seeds that are close to each other give numbers that are not.
        Self((seed.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    /// Whether something happens that happens once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }
}

/// A workflow, and which of its tasks fail.
pub fn workflow(dice: &mut Dice) -> (String, BTreeSet<Task>) {
    let mut text = "name: random\nsteps:\n  t: { uses: extract, inputs: { source: ./a.csv } }\n".to_owned();
    let mut failing = BTreeSet::new();
    for i in 0..1 + dice.roll(8) {
        let mut needs = BTreeSet::new();
        for _ in 0..dice.roll(3).min(i) {
            needs.insert(dice.roll(i));
        }
        let first = needs.first().map(|need| format!("\"${{{{ steps.s{need}.outputs.OUT }}}}\""));
        let needs: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
        let (mut uses, mut is_matrix, mut widest) = ("noop", false, 1);
        let shape = match (dice.roll(13), first) {
            (0, _) => {
                widest = 40;
                "for-each: { shards: 40 },".to_owned()
            }
            (1, _) => {
                (is_matrix, widest) = (true, 3);
                "matrix: { x: [1, 2, 3] },".to_owned()
            }
            (2, Some(first)) => {
                widest = 3;
                format!("for-each: {first}, inputs: {{ in: \"${{{{ item }}}}\" }},")
            }
            // Aligned with a step that has the same matrix, and a list of another one's results.
            (3, Some(first)) => {
                (is_matrix, widest) = (true, 3);
                format!("matrix: {{ x: [1, 2, 3] }}, inputs: {{ in: {first} }},")
            }
            (4, Some(first)) => format!("inputs: {{ in: {first} }},"),
            (5, _) => "for-each: { items: [] },".to_owned(),
            (6, _) => {
                (uses, widest) = ("split", 3);
                "for-each: { shards: auto }, inputs: { table: \"${{ steps.t.outputs.table }}\" },".to_owned()
            }
            (7, _) => {
                widest = 6;
                "tune: { strategy: grid, objective: maximize score, max-parallel: 4, search: { x: [a, b], n: { range: [1, 3] } } },"
                    .to_owned()
            }
            (11, _) => {
                (uses, widest) = ("boosting", 4);
                "inputs: { train: \"${{ steps.t.outputs.table }}\" }, with: { target: y }, cross-validate: { k: 3 },"
                    .to_owned()
            }
            // The last round of trials is a short one, and a task on all rows comes after it.
            (12, _) => {
                (uses, widest) = ("boosting", 11);
                "inputs: { train: \"${{ steps.t.outputs.table }}\" }, with: { target: y }, cross-validate: { k: 2 }, \
                 tune: { strategy: random, objective: minimize validation:loss, max-jobs: 5, max-parallel: 2, search: { eta: { \
                 range: [0.1, 1] } } },"
                    .to_owned()
            }
            // How many rounds there are follows from what was measured.
            (8, first) => {
                widest = 9;
                let inputs = first.map(|first| format!("inputs: {{ in: {first} }},")).unwrap_or_default();
                format!(
                    "tune: {{ strategy: random, objective: maximize score, max-jobs: 9, max-parallel: 2, target: 0.8, \
                     search: {{ n: {{ range: [1, 100], scale: log }} }} }}, seed: {}, {inputs}",
                    dice.roll(100)
                )
            }
            (9, _) => "tune: { strategy: grid, objective: maximize score, max-parallel: 1, search: { x: [unmeasured, 1] } },"
                .to_owned(),
            _ => String::new(),
        };
        let condition = match dice.roll(10) {
            0 => "if: false,",
            1 => "if: always(),",
            2 => "if: failure(),",
            3 => "if: success(),",
            4 if is_matrix => "if: matrix.x != 2,",
            _ => "",
        };
        text += &format!("  s{i}: {{ uses: {uses}, {shape} {condition} needs: [{}] }}\n", needs.join(", "));
        if dice.once_in(7) {
            failing.insert(Task { step: format!("s{i}"), task: dice.roll(widest) as u32 });
        }
    }
    // The first output of whatever a step uses.
    for i in 0..8 {
        let uses = |function: &str| text.contains(&format!("s{i}: {{ uses: {function}"));
        let output = if uses("split") {
            "train"
        } else if uses("boosting") {
            "model"
        } else {
            "out"
        };
        let (from, to) = (format!("s{i}.outputs.OUT"), format!("s{i}.outputs.{output}"));
        text = text.replace(&from, &to);
    }
    (text, failing)
}

/// What a task measures: something that its parameters decide, and nothing where they say so.
pub fn score(task: &ResolvedTask) -> BTreeMap<String, f64> {
    let x = task.params.get("x").map(ToString::to_string).unwrap_or_default();
    if x.contains("unmeasured") {
        return BTreeMap::new();
    }
    let n = task.params.get("n").and_then(serde_json::Value::as_f64).unwrap_or_default();
    if let Some(eta) = task.params.get("eta").and_then(serde_json::Value::as_f64) {
        let rows = task.inputs.get("train").map(|rows| format!("{rows:?}").len()).unwrap_or_default();
        let loss = (eta * 1e5 + rows as f64) % 997.0;
        let of = |name: &str| (name.to_owned(), loss);
        return if task.inputs.contains_key("validation") {
            [of("validation:loss")].into()
        } else {
            [of("train:loss")].into()
        };
    }
    [("score".to_owned(), (n * 37.0 + x.len() as f64) % 100.0 / 100.0)].into()
}
