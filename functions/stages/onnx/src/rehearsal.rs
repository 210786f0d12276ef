//! What a model does, found out from its file and by running it on a few made-up rows.

use millstream_sdk::{Classes, Failure, invalid_input, invalid_parameter};
use millstream_training::foreign::{self, ClassName};

use crate::fault::Fault;
use crate::file::File;
use crate::fitted::{Answer, Column, Purpose, rows_of};
use crate::graph::{Graph, Input};
use crate::tensor::{Kind, Tensor, Values};

/// So many rows are made up.
pub const ROWS: usize = 4;

/// Made-up rows for each input: as many columns as `widths` says.
pub fn all(graph: &Graph, widths: &[usize]) -> Result<Vec<Tensor>, Fault> {
    graph.inputs().iter().zip(widths).map(|(input, &width)| rows(input, width)).collect()
}

/// Zeros, ones, and some between.
fn rows(input: &Input, width: usize) -> Result<Tensor, Fault> {
    let number = |place: usize| match place / width.max(1) {
        0 => 0.0,
        1 => 1.0,
        _ => (place * 7 % 10) as f64 / 10.0,
    };
    let count = ROWS * width;
    let shape = if input.shape.len() == 1 { vec![ROWS] } else { vec![ROWS, width] };
    match input.kind {
        Kind::Text => Tensor::new(shape, Values::Text(vec![String::new(); count])),
        Kind::Int => Tensor::new(shape, Values::Int((0..count as i64).map(|place| place % 2).collect())),
        kind => Tensor::of_numbers(shape, (0..count).map(number).collect(), kind),
    }
}

/// Whether rows are probabilities: between 0 and 1, and 1 together.
fn add_up(scores: &Tensor) -> bool {
    let (Ok(numbers), Ok((_, width))) = (scores.numbers(), rows_of(scores, ROWS)) else { return false };
    numbers.chunks_exact(width.max(1)).filter(|row| row.iter().all(|value| value.is_finite())).all(|row| {
        let sum: f64 = row.iter().sum();
        (sum - 1.0).abs() < 1e-3 && row.iter().all(|value| (-1e-6..=1.000_001).contains(value))
    })
}

fn columns(output: usize, names: impl IntoIterator<Item = String>) -> Vec<Column> {
    let column = |(place, name)| Column { name, output: output as u32, place: place as u32, label: false };
    names.into_iter().enumerate().map(column).collect()
}

fn label(output: usize) -> Column {
    Column { name: "prediction".to_owned(), output: output as u32, place: 0, label: true }
}

fn numbered(stem: &str, width: usize) -> Vec<String> {
    match width {
        1 => vec![stem.to_owned()],
        _ => (0..width).map(|place| format!("{stem}_{place}")).collect(),
    }
}

/// What the model answers, by what came out of the rehearsal.
pub fn answer(file: &File, outputs: &[Tensor], named: Option<&[ClassName]>) -> Result<Answer, Failure> {
    let refuse = |fault: Fault| invalid_input(fault.to_string());
    let widths: Vec<usize> = outputs
        .iter()
        .map(|output| rows_of(output, ROWS).map(|(_, width)| width))
        .collect::<Result<_, _>>()
        .map_err(refuse)?;
    let labels = outputs
        .iter()
        .zip(&widths)
        .position(|(output, &width)| matches!(output.kind(), Kind::Int | Kind::Text) && width == 1);
    let floats = outputs.iter().position(|output| matches!(output.kind(), Kind::Single | Kind::Double));
    let Some(at) = labels else { return without_label(file, floats, &widths, named) };
    let (classes, by_place) = classes(file, named)?;
    let Some(classes) = classes else { return groups(file, at, floats, outputs, &widths) };
    let mut all = vec![label(at)];
    if let Some(scores) = floats {
        let prefix = if add_up(&outputs[scores]) { "probability" } else { "score" };
        all.extend(match widths[scores] == classes.len() {
            true => columns(scores, classes.names().into_iter().map(|class| format!("{prefix}_{class}"))),
            false => columns(scores, numbered("score", widths[scores])),
        });
    }
    let task = if classes.len() == 2 { Purpose::Binary } else { Purpose::Multiclass };
    Ok(Answer { task, classes: Some(classes), by_place, columns: all })
}

/// The classes of the file, or the user's names for classes 0, 1, 2, ...; and whether labels are places among them.
fn classes(file: &File, named: Option<&[ClassName]>) -> Result<(Option<Classes>, bool), Failure> {
    let own = file.classes.as_ref();
    let places = |ints: &[i64]| ints.iter().copied().eq(0..ints.len() as i64);
    match (own, named) {
        (None, None) => Ok((None, false)),
        (Some(Values::Int(ints)), None) => Ok((Some(Classes::Int(ints.clone())), false)),
        (Some(Values::Text(texts)), None) => Ok((Some(Classes::Text(texts.clone())), false)),
        (Some(Values::Int(ints)), Some(names)) if places(ints) => {
            Ok((Some(foreign::classes(names, ints.len())?), true))
        }
        (None, Some(names)) => Ok((Some(foreign::classes(names, names.len())?), true)),
        (Some(_), _) => {
            Err(invalid_parameter("classes", "the model names its classes itself").allowed("none"))
        }
    }
}

/// A model that gives numbers only.
fn without_label(
    file: &File,
    floats: Option<usize>,
    widths: &[usize],
    named: Option<&[ClassName]>,
) -> Result<Answer, Failure> {
    if named.is_some() {
        return Err(invalid_parameter("classes", "the model tells no classes apart").allowed("none"));
    }
    let Some(at) = floats else {
        let message = "the model gives neither labels nor numbers, one for each row";
        return Err(invalid_input(message));
    };
    let stem = file.graph.outputs()[at].to_owned();
    let (task, names) = match widths[at] {
        1 => (Purpose::Regression, vec!["prediction".to_owned()]),
        width => (Purpose::Transform, numbered(&stem, width)),
    };
    Ok(Answer { task, classes: None, by_place: false, columns: columns(at, names) })
}

/// A model whose labels are no classes: clusters, or 1 and -1 for rows like and unlike the others.
fn groups(
    file: &File,
    at: usize,
    floats: Option<usize>,
    outputs: &[Tensor],
    widths: &[usize],
) -> Result<Answer, Failure> {
    if outputs[at].kind() == Kind::Text {
        let message =
            "the model does not say which classes there are: name them in the order of its probabilities";
        return Err(invalid_parameter("classes", message));
    }
    let mut all = vec![label(at)];
    let width = floats.map(|scores| widths[scores]);
    let (task, stem) = match floats {
        Some(_) if width == Some(1) => (Purpose::AnomalyDetection, "score"),
        Some(scores) if !file.chooses_least && add_up(&outputs[scores]) => {
            (Purpose::Clustering, "probability")
        }
        _ => (Purpose::Clustering, "distance"),
    };
    if let (Some(scores), Some(width)) = (floats, width) {
        all.extend(columns(scores, numbered(stem, width)));
    }
    Ok(Answer { task, classes: None, by_place: false, columns: all })
}
