//! Products of matrices.

use super::broadcast;
use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Inputs, Kernel};
use crate::tensor::{Tensor, count};

/// Rows of `a` times columns of `b`, in double precision: n x m times m x k.
pub fn product(a: &[f64], b: &[f64], [n, m, k]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; n * k];
    if k == 0 || m == 0 {
        return out;
    }
    for (row, out) in a.chunks_exact(m).zip(out.chunks_exact_mut(k)) {
        for (&value, line) in row.iter().zip(b.chunks_exact(k)) {
            for (sum, &other) in out.iter_mut().zip(line) {
                *sum += value * other;
            }
        }
    }
    out
}

fn matmul(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let (a, b) = (inputs.get(0)?, inputs.get(1)?);
    ensure!(a.kind() == b.kind(), "matrices of one type are expected");
    ensure!(!a.shape().is_empty() && !b.shape().is_empty(), "matrices are expected, not single numbers");
    // A list is a row on the left, a column on the right.
    let (row, column) = (a.shape().len() == 1, b.shape().len() == 1);
    let left = if row { vec![1, a.shape()[0]] } else { a.shape().to_vec() };
    let right = if column { vec![b.shape()[0], 1] } else { b.shape().to_vec() };
    let (outer_a, [n, m]) = split(&left)?;
    let (outer_b, [other, k]) = split(&right)?;
    ensure!(m == other, "a matrix of {m} columns cannot be multiplied with one of {other} rows");
    let outer = broadcast::shape(outer_a, outer_b)?;
    count(&[outer.as_slice(), &[n, k]].concat())?;
    let (x, y) = (a.numbers()?, b.numbers()?);
    let mut numbers = Vec::new();
    for (i, j) in broadcast::pairs(outer_a, outer_b, &outer)? {
        numbers.extend(product(&x[i * n * m..(i + 1) * n * m], &y[j * m * k..(j + 1) * m * k], [n, m, k]));
    }
    let mut shape = outer;
    shape.extend((!row).then_some(n));
    shape.extend((!column).then_some(k));
    Ok(vec![Tensor::of_numbers(shape, numbers, a.kind())?])
}

fn split(shape: &[usize]) -> Result<(&[usize], [usize; 2]), Fault> {
    let (outer, last) = shape.split_last_chunk::<2>().ok_or_else(|| Fault::new("a matrix is expected"))?;
    Ok((outer, *last))
}

/// A matrix row after row, turned over if asked for.
fn matrix(tensor: &Tensor, turned: bool) -> Result<(Vec<f64>, usize, usize), Fault> {
    let (rows, columns) = tensor.rows_and_columns()?;
    let numbers = tensor.numbers()?;
    if !turned {
        return Ok((numbers, rows, columns));
    }
    let places = (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
    Ok((places.map(|place| numbers[place]).collect(), columns, rows))
}

fn gemm(attributes: &Attributes<'_>) -> Kernel {
    let (alpha, beta) = (attributes.float("alpha", 1.0), attributes.float("beta", 1.0));
    let (turn_a, turn_b) = (attributes.flag("transA", false), attributes.flag("transB", false));
    Box::new(move |inputs| {
        let (x, n, m) = matrix(inputs.get(0)?, turn_a)?;
        let (y, other, k) = matrix(inputs.get(1)?, turn_b)?;
        ensure!(m == other, "a matrix of {m} columns cannot be multiplied with one of {other} rows");
        count(&[n, k])?;
        let mut numbers = product(&x, &y, [n, m, k]);
        numbers.iter_mut().for_each(|number| *number *= f64::from(alpha));
        if let Some(c) = inputs.optional(2) {
            ensure!(
                broadcast::shape(c.shape(), &[n, k])? == [n, k],
                "what is added is larger than the product"
            );
            let added = c.numbers()?;
            let places = broadcast::places(c.shape(), &[n, k])?;
            for (number, place) in numbers.iter_mut().zip(places) {
                *number += f64::from(beta) * added[place];
            }
        }
        Ok(vec![Tensor::of_numbers(vec![n, k], numbers, inputs.get(0)?.kind())?])
    })
}

/// Distances between the rows of two matrices (onnxruntime's own operator, for neighbours).
fn distances(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let metric = attributes.text("metric", "sqeuclidean")?;
    let squared = match metric.as_str() {
        "euclidean" => false,
        "sqeuclidean" => true,
        _ => return Err(Fault::new(format!("the metric `{metric}` is not supported"))),
    };
    Ok(Box::new(move |inputs| {
        let (a, b) = (inputs.get(0)?, inputs.get(1)?);
        let ((n, m), (k, other)) = (a.rows_and_columns()?, b.rows_and_columns()?);
        ensure!(m == other, "rows of {m} and of {other} values have no distance");
        count(&[n, k])?;
        let (x, y) = (a.numbers()?, b.numbers()?);
        let row = |at: usize| at * m..(at + 1) * m;
        let mut numbers = Vec::with_capacity(n * k);
        for i in 0..n {
            for j in 0..k {
                let pairs = x[row(i)].iter().zip(&y[row(j)]);
                let sum: f64 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
                numbers.push(if squared { sum } else { sum.sqrt() });
            }
        }
        Ok(vec![Tensor::of_numbers(vec![n, k], numbers, a.kind())?])
    }))
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Kernel> {
    Some(match operator {
        "MatMul" => Box::new(matmul),
        "Gemm" => gemm(attributes),
        _ => return None,
    })
}

/// The operator of onnxruntime's own domain.
pub fn own_kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Result<Kernel, Fault>> {
    (operator == "CDist").then(|| distances(attributes))
}
