//! Random workflows.

use std::collections::BTreeSet;

/// A workflow, and perhaps one that it runs.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its YAML.
    pub text: String,
    /// The YAML of `child.yaml`, if a step runs it.
    pub child: Option<String>,
    /// Whether it has conditions that ask how other steps ended. What such a step did, or did not do, because of a failure stays so
    /// when the run is retried.
    pub asks_for_status: bool,
}

/// Draws one.
pub fn case(random: &mut fastrand::Rng) -> Case {
    let mut case = Case { text: String::new(), child: None, asks_for_status: false };
    let child = random.u32(0..6) == 0;
    if child {
        let mut inner = Case { text: String::new(), child: None, asks_for_status: false };
        let text = workflow("child", random, false, &mut inner);
        case.asks_for_status |= inner.asks_for_status;
        case.child = Some(text);
    }
    case.text = workflow("main", random, child, &mut case);
    case
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Single,
    Fan,
    Matrix,
    Model,
    /// It puts out nothing.
    Run,
}

fn workflow(name: &str, random: &mut fastrand::Rng, child: bool, case: &mut Case) -> String {
    let mut text = format!("name: {name}\nsteps:\n");
    let mut shapes: Vec<Shape> = Vec::new();
    let steps = random.usize(1..7);
    let runs_child = child.then(|| random.usize(0..steps));
    for step in 0..steps {
        let mut needs = BTreeSet::new();
        if step > 0 {
            for _ in 0..random.usize(0..3) {
                needs.insert(random.usize(0..step));
            }
        }
        let mut fields = Vec::new();
        let first = needs.iter().copied().find(|need| shapes[*need] != Shape::Run);
        let out = |step: usize| format!("\"${{{{ steps.s{step}.outputs.out }}}}\"");
        let from = first.filter(|first| shapes[*first] != Shape::Model);
        let model = first.filter(|first| shapes[*first] == Shape::Model);
        let (mut uses, mut shape, mut x) = ("make", Shape::Single, "0".to_owned());
        if runs_child == Some(step) {
            (uses, shape) = ("run-workflow", Shape::Run);
        } else {
            match (random.u32(0..9), from, model) {
                (0, _, None) => {
                    let wide = random.u32(0..30) == 0;
                    let shards = if wide { 34 } else { random.u32(2..5) };
                    fields.push(format!("for-each: {{ shards: {shards} }}"));
                    shape = Shape::Fan;
                }
                (1 | 2, from, None) => {
                    fields.push("matrix: { x: [1, 2, 3] }".to_owned());
                    (shape, x) = (Shape::Matrix, "\"${{ matrix.x }}\"".to_owned());
                    if let Some(from) = from {
                        fields.push(format!("inputs: {{ in: {} }}", out(from)));
                    }
                }
                (3, Some(from), _) => {
                    fields.push(format!("for-each: {}", out(from)));
                    fields.push("inputs: { in: \"${{ item }}\" }".to_owned());
                    shape = Shape::Fan;
                }
                (4 | 5, Some(from), _) => {
                    fields.push(format!("inputs: {{ in: {} }}", out(from)));
                    (uses, shape) = ("fit", Shape::Model);
                }
                (6, None, None) => {
                    fields.push("for-each: { items: [] }".to_owned());
                    shape = Shape::Fan;
                }
                (_, _, Some(model)) => {
                    fields.push(format!("inputs: {{ model: {} }}", out(model)));
                    uses = "apply";
                }
                (_, Some(from), _) => fields.push(format!("inputs: {{ in: {} }}", out(from))),
                _ => {}
            }
        }
        match random.u32(0..14) {
            0 => fields.push("if: false".to_owned()),
            number @ 1..=3 => {
                let asks = ["if: always()", "if: failure()", "if: success()"];
                fields.push(asks[number as usize - 1].to_owned());
                case.asks_for_status = true;
            }
            4 if shape == Shape::Matrix => fields.push("if: matrix.x != 2".to_owned()),
            5 | 6 if needs.iter().any(|need| matches!(shapes[*need], Shape::Single | Shape::Model)) => {
                let single = needs.iter().find(|need| matches!(shapes[**need], Shape::Single | Shape::Model));
                let single = single.copied().unwrap_or_default();
                fields.push(format!("if: \"${{{{ steps.s{single}.metrics.score >= 0.4 }}}}\""));
            }
            _ => {}
        }
        if uses == "run-workflow" {
            fields.push("with: { file: child.yaml }".to_owned());
        } else {
            let does = match random.u32(0..24) {
                0 => "trap",
                1 => "trap-2",
                2 => "refuse",
                3 => {
                    fields.push("limits: { time: 30s }".to_owned());
                    "endless"
                }
                _ => "well",
            };
            fields.push(format!("with: {{ does: {does}, x: {x} }}"));
        }
        // Most have the patience for what a schedule brings.
        if random.u32(0..4) > 0 {
            fields.push("retry: { max-attempts: 20, backoff: 1s }".to_owned());
        }
        if random.u32(0..8) == 0 {
            fields.push("cache: false".to_owned());
        }
        let needs: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
        text +=
            &format!("  s{step}: {{ uses: {uses}, {}, needs: [{}] }}\n", fields.join(", "), needs.join(", "));
        shapes.push(shape);
    }
    text
}
