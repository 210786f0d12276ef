//! A graph that is run for each row: distances to neighbours are exported so.

use super::shapes;
use crate::fault::{Fault, ensure};
use crate::graph::Graph;
use crate::node::{Attributes, Kernel};
use crate::tensor::Tensor;

fn scan(attributes: &Attributes<'_>, version: i64) -> Result<Kernel, Fault> {
    for name in ["scan_input_axes", "scan_input_directions", "scan_output_axes", "scan_output_directions"] {
        ensure!(attributes.ints(name).iter().all(|&value| value == 0), "`{name}` is not supported");
    }
    let body = Graph::read(attributes.graph("body")?, version)?;
    let scanned = usize::try_from(attributes.int("num_scan_inputs", 0)).unwrap_or(usize::MAX);
    let states = body.inputs().len().checked_sub(scanned);
    let states = states.filter(|&states| states <= body.outputs().len() && scanned > 0);
    let states = states.ok_or_else(|| Fault::new("its inputs do not go with its graph"))?;
    Ok(Box::new(move |inputs| {
        ensure!(inputs.len() == states + scanned, "its inputs do not go with its graph");
        let mut state: Vec<Tensor> =
            (0..states).map(|place| inputs.get(place).cloned()).collect::<Result<_, _>>()?;
        let lists: Vec<&Tensor> =
            (states..states + scanned).map(|place| inputs.get(place)).collect::<Result<_, _>>()?;
        let length = lists[0].shape().first().copied();
        let length = length.filter(|&length| lists.iter().all(|list| list.shape().first() == Some(&length)));
        let length = length.ok_or_else(|| Fault::new("the arrays that it goes through differ in length"))?;
        let mut collected = vec![Vec::new(); body.outputs().len() - states];
        for step in 0..length {
            let slices = lists
                .iter()
                .map(|list| shapes::picked(list, 0, &[step])?.reshaped(list.shape()[1..].to_vec()));
            let given = state.drain(..).map(Ok).chain(slices).collect::<Result<Vec<_>, Fault>>()?;
            let mut results = body.run_noting(given, inputs.rehearsal, inputs.unknown)?.into_iter();
            state.extend(results.by_ref().take(states));
            for (line, result) in collected.iter_mut().zip(results) {
                let shape = [&[1], result.shape()].concat();
                line.push(result.reshaped(shape)?);
            }
        }
        let stacked = collected.iter().map(|line| {
            ensure!(!line.is_empty(), "there is no row to go through");
            shapes::concatenated(&line.iter().collect::<Vec<_>>(), 0)
        });
        state.into_iter().map(Ok).chain(stacked).collect()
    }))
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str, version: i64) -> Option<Result<Kernel, Fault>> {
    (operator == "Scan").then(|| scan(attributes, version))
}
