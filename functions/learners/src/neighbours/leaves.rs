use super::{Metric, Rows};

/// Rows that lie together, column by column, so that distances to all of them are taken in vector registers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Leaves {
    /// The row at each place.
    order: Vec<u32>,
    /// For each leaf in turn, column after column.
    values: Vec<f64>,
    /// Where leaves start, and the end of the last one.
    starts: Vec<u32>,
    width: usize,
}

impl Leaves {
    /// Packs rows in the given order; `starts` are places where leaves begin, and the end.
    pub fn pack(rows: &Rows, order: Vec<u32>, starts: Vec<u32>) -> Self {
        let width = rows.width;
        let mut values = vec![0.0; rows.values.len()];
        for ends in starts.windows(2) {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            let out = &mut values[start * width..end * width];
            for (place, &row) in order[start..end].iter().enumerate() {
                let cells = out[place..].iter_mut().step_by(end - start);
                cells.zip(rows.row(row as usize)).for_each(|(out, v)| *out = *v);
            }
        }
        Self { order, values, starts, width }
    }

    /// Rows of a leaf.
    pub fn rows(&self, leaf: usize) -> &[u32] {
        &self.order[self.starts[leaf] as usize..self.starts[leaf + 1] as usize]
    }

    /// How many leaves there are.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All places' rows.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Where a leaf's rows start among all places.
    pub fn start(&self, leaf: usize) -> usize {
        self.starts[leaf] as usize
    }

    /// Writes the reduced distances of a leaf's rows to `query`.
    pub fn distances(&self, leaf: usize, query: &[f64], metric: Metric, out: &mut Vec<f64>) {
        match metric {
            Metric::Euclidean => self.sum(leaf, query, |d| d * d, out),
            Metric::Manhattan => self.sum(leaf, query, f64::abs, out),
        }
    }

    #[inline]
    fn sum(&self, leaf: usize, query: &[f64], part: impl Fn(f64) -> f64, out: &mut Vec<f64>) {
        let (start, end) = (self.starts[leaf] as usize, self.starts[leaf + 1] as usize);
        let rows = end - start;
        out.clear();
        out.resize(rows, 0.0);
        if rows == 0 {
            return;
        }
        let values = &self.values[start * self.width..end * self.width];
        let whole = self.width / 4 * 4;
        for (columns, q) in values.chunks_exact(4 * rows).zip(query.as_chunks::<4>().0) {
            let (a, rest) = columns.split_at(rows);
            let (b, rest) = rest.split_at(rows);
            let (c, d) = rest.split_at(rows);
            for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *out += (part(a - q[0]) + part(b - q[1])) + (part(c - q[2]) + part(d - q[3]));
            }
        }
        for (column, q) in values[whole * rows..].chunks_exact(rows).zip(&query[whole..]) {
            out.iter_mut().zip(column).for_each(|(out, v)| *out += part(v - q));
        }
    }
}
