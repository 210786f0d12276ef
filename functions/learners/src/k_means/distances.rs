//! Squared distances in double precision, in blocks of rows that stay in the cache while all centres pass by.

use crate::Columns;

/// Rows in a block.
const BLOCK: usize = 128;

/// Squared distances of the rows of `x - origin` to every centre, rows x k, row after row.
pub(super) fn all(x: &Columns, origin: &[f64], centres: &[f64]) -> Vec<f64> {
    let (width, rows) = (x.width(), x.rows());
    let k = centres.len() / width;
    let mut all = vec![0.0; rows * k];
    let mut block = vec![0.0; width * BLOCK];
    let mut distances = [0.0; BLOCK];
    for start in (0..rows).step_by(BLOCK) {
        let count = BLOCK.min(rows - start);
        for (j, out) in block.chunks_exact_mut(BLOCK).enumerate() {
            let column = &x.column(j)[start..start + count];
            out.iter_mut().zip(column).for_each(|(out, v)| *out = v - origin[j]);
        }
        for (c, centre) in centres.chunks_exact(width).enumerate() {
            of_block(&block, centre, &mut distances);
            (0..count).for_each(|i| all[(start + i) * k + c] = distances[i]);
        }
    }
    all
}

/// A block's rows to one centre; four columns at a time, so that sums stay in registers.
fn of_block(block: &[f64], centre: &[f64], out: &mut [f64; BLOCK]) {
    out.fill(0.0);
    let (quads, rest) = block.split_at(centre.len() / 4 * 4 * BLOCK);
    for (columns, centre) in quads.chunks_exact(4 * BLOCK).zip(centre.chunks_exact(4)) {
        let (a, b, c, d) = (
            &columns[..BLOCK],
            &columns[BLOCK..2 * BLOCK],
            &columns[2 * BLOCK..3 * BLOCK],
            &columns[3 * BLOCK..],
        );
        for i in 0..BLOCK {
            out[i] += four([a[i], b[i], c[i], d[i]], centre);
        }
    }
    let whole = centre.len() / 4 * 4;
    for (column, centre) in rest.chunks_exact(BLOCK).zip(&centre[whole..]) {
        out.iter_mut().zip(column).for_each(|(out, v)| *out += (v - centre) * (v - centre));
    }
}

#[inline(always)]
fn four(x: [f64; 4], centre: &[f64]) -> f64 {
    let (a, b, c, d) = (x[0] - centre[0], x[1] - centre[1], x[2] - centre[2], x[3] - centre[3]);
    (a * a + b * b) + (c * c + d * d)
}

/// One row to one centre: to the last bit what [`all`] says.
pub(super) fn squared(row: &[f64], centre: &[f64]) -> f64 {
    let (quads, rest) = row.as_chunks::<4>();
    let sum = quads.iter().zip(centre.chunks_exact(4)).fold(0.0, |sum, (x, c)| sum + four(*x, c));
    let whole = quads.len() * 4;
    rest.iter().zip(&centre[whole..]).fold(sum, |sum, (v, c)| sum + (v - c) * (v - c))
}

/// The place of the nearest centre, the first of equally near ones, and the squared distance to it.
pub(super) fn closest(row: &[f64], centres: &[f64]) -> (u32, f64) {
    let mut best = (0, f64::INFINITY);
    for (c, centre) in centres.chunks_exact(row.len()).enumerate() {
        let d = squared(row, centre);
        if d < best.1 {
            best = (c as u32, d);
        }
    }
    best
}
