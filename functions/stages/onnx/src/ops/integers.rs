//! Numbers that single or double precision cannot tell apart, operator by operator, held against onnxruntime.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::file::File;
use crate::proto::element;
use crate::tensor::{Kind, Tensor, Values};

#[derive(serde::Deserialize)]
struct Case {
    /// The file in hexadecimal.
    model: String,
    /// ONNX's number of the input's type.
    kind: i32,
    columns: usize,
    input: Vec<Value>,
    outputs: Vec<Vec<Value>>,
    /// What scikit-learn itself says.
    original: Option<Vec<f64>>,
}

fn ints(values: &[Value]) -> Option<Vec<i64>> {
    values.iter().map(|value| value.as_str()?.parse().ok()).collect()
}

fn input(case: &Case) -> Tensor {
    let numbers = || case.input.iter().map(|value| value.as_f64().unwrap()).collect::<Vec<f64>>();
    let values = match case.kind {
        element::INT32 | element::INT64 => Values::Int(ints(&case.input).unwrap()),
        element::FLOAT => Values::Single(numbers().into_iter().map(|number| number as f32).collect()),
        element::DOUBLE => Values::Double(numbers()),
        kind => panic!("inputs of type {kind}"),
    };
    Tensor::new(vec![case.input.len() / case.columns, case.columns], values).unwrap()
}

/// Whether an output is theirs. Integers are the same; numbers are as near to scikit-learn's own as theirs are, if there are any.
fn alike(ours: &Tensor, theirs: &[Value], original: Option<&[f64]>) -> bool {
    if let (Values::Int(ours), Some(theirs)) = (ours.values(), ints(theirs)) {
        return *ours == theirs;
    }
    let ours = ours.numbers().unwrap();
    let theirs: Vec<f64> =
        theirs.iter().map(|v| v.as_f64().or(v.as_bool().map(|b| f64::from(u8::from(b)))).unwrap()).collect();
    let off = |a: &[f64], b: &[f64]| {
        let pairs = a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
        if a.len() == b.len() { pairs.fold(0.0, f64::max) } else { f64::INFINITY }
    };
    match original {
        None => off(&ours, &theirs) < 1e-7,
        Some(original) => off(&ours, original) < 1e-6 && off(&ours, &theirs) < 1e-6,
    }
}

/// onnxruntime sums integers in double precision, and what goes beyond 64 bits it cuts off; ours are whole numbers, and wrap as
/// numpy's.
const WHOLE: [(&str, [i64; 2]); 2] = [
    ("ReduceProd", [-9_007_199_254_740_992, -5_809_643_865_052_807_173]),
    ("ReduceSum", [27_021_597_764_222_976, 1_143_914_376_219_066_373]),
];

#[test]
fn large_numbers_are_told_apart_as_onnxruntime_does() {
    let text = include_str!("../../tests/reference/integers.json");
    let cases: BTreeMap<String, Case> = serde_json::from_str(text).unwrap();
    assert!(cases.len() > 130, "{}", cases.len());
    let mut wrong = Vec::new();
    for (name, case) in &cases {
        let byte = |at: usize| u8::from_str_radix(&case.model[at..at + 2], 16).unwrap();
        let file: Vec<u8> = (0..case.model.len()).step_by(2).map(byte).collect();
        let file = File::read(&file).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let outputs = match file.graph.run(vec![input(case)], false) {
            Ok(outputs) => outputs,
            Err(fault) => {
                wrong.push(format!("{name}: {fault}"));
                continue;
            }
        };
        assert_eq!(outputs.len(), case.outputs.len(), "{name}");
        for (place, (ours, theirs)) in outputs.iter().zip(&case.outputs).enumerate() {
            // Labels are integers; scores are scikit-learn's.
            let original = case.original.as_deref().filter(|_| ours.kind() != Kind::Int);
            let held = match WHOLE.iter().find(|(own, _)| own == name) {
                Some((_, whole)) => matches!(ours.values(), Values::Int(ours) if ours == whole),
                None => alike(ours, theirs, original),
            };
            if !held {
                wrong.push(format!("{name}, output {place}: {:?}, theirs {theirs:?}", ours.values()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
