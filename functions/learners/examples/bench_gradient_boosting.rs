//! Times boosting: `bench_gradient_boosting DIRECTORY ROWS WIDTH [ROUNDS]` reads `x_ROWS_WIDTH.bin` (columns of f64, with
//! more rows than are learnt from), `b_...` (classes) and `y_...` (numbers), fits, and predicts the rows left over.
//!
//! Fitting is timed by the processor, predicting by the clock. The sum of the predictions is the same on every machine.

use millstream_learners::gradient_boosting::{Data, Objective, Params};
use millstream_learners::metrics::{curves, regression};
use millstream_learners::{Check, Columns};
use std::ops::ControlFlow;
use std::time::Instant;

/// Seconds of processor time, where the system tells them (Linux); else of time.
fn seconds(start: Instant) -> f64 {
    let own = std::fs::read_to_string("/proc/self/schedstat").ok();
    let own = own.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    own.map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn read(path: String) -> Vec<f64> {
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [directory, rows, width] = &arguments[1..4] else { panic!("DIRECTORY ROWS WIDTH") };
    let (n, d): (usize, usize) = (rows.parse().unwrap(), width.parse().unwrap());
    let began = Instant::now();
    let num_round = arguments.get(4).map_or(100, |rounds| rounds.parse().unwrap());
    let x = read(format!("{directory}/x_{rows}_{width}.bin"));
    let all = x.len() / d;
    let part = |from: usize, to: usize| -> Columns {
        Columns::new((0..d).map(|j| &x[j * all + from..j * all + to]).collect()).unwrap()
    };
    let (train, test) = (part(0, n), part(n, all));
    for (objective, name) in [(Objective::BinaryLogistic, "b"), (Objective::SquaredError, "y")] {
        let y = read(format!("{directory}/{name}_{rows}_{width}.bin"));
        let params = Params { objective, eta: 0.1, num_round, ..Params::default() }.check().unwrap();
        let mut best = [f64::INFINITY; 2];
        let (mut score, mut sum) = (0.0, 0.0);
        for _ in 0..if n < 1_000_000 { 5 } else { 2 } {
            let start = seconds(began);
            let data = Data { x: &train, y: &y[..n], weights: None, groups: None };
            let model = params.fit(data, None, &mut |_| ControlFlow::Continue(())).unwrap();
            best[0] = best[0].min(seconds(began) - start);
            let fitted = Instant::now();
            let predicted = model.predict_numbers(&test).unwrap();
            best[1] = best[1].min(fitted.elapsed().as_secs_f64());
            sum = predicted.iter().sum::<f64>();
            score = match objective {
                Objective::BinaryLogistic => {
                    let truth: Vec<bool> = y[n..].iter().map(|&y| y == 1.0).collect();
                    curves::roc_auc(&truth, &predicted, None).unwrap()
                }
                _ => regression::scores(&y[n..], &predicted, None).unwrap().r2,
            };
        }
        let [fit, predict] = best;
        println!(
            "{rows} x {width} {name}: fit {fit:.4} s, predict {predict:.4} s, score {score:.4}, sum {sum}"
        );
    }
}
