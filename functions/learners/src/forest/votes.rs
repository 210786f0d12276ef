//! What the trees that did not see a row say of it.

/// Sums of the votes, rows x outputs, and how many there are.
pub(super) struct Votes {
    sums: Vec<f64>,
    counts: Vec<u32>,
    outputs: usize,
}

impl Votes {
    pub fn new(rows: usize, outputs: usize) -> Self {
        Self { sums: vec![0.0; rows * outputs], counts: vec![0; rows], outputs }
    }

    pub fn add(&mut self, row: usize, values: &[f64]) {
        let sums = &mut self.sums[row * self.outputs..(row + 1) * self.outputs];
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        self.counts[row] += 1;
    }

    /// Rows with a vote, ascending.
    pub fn rows(&self) -> Vec<usize> {
        (0..self.counts.len()).filter(|&row| self.counts[row] > 0).collect()
    }

    /// The means of the votes, rows x outputs.
    pub fn means(&self, rows: &[usize]) -> Vec<f64> {
        let mean = |&row: &usize| {
            let sums = &self.sums[row * self.outputs..(row + 1) * self.outputs];
            sums.iter().map(move |sum| sum / f64::from(self.counts[row]))
        };
        rows.iter().flat_map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_the_rows_that_have_votes() {
        let mut votes = Votes::new(3, 2);
        votes.add(2, &[1.0, 0.0]);
        votes.add(2, &[0.0, 1.0]);
        votes.add(0, &[0.25, 0.75]);
        assert_eq!(votes.rows(), [0, 2]);
        assert_eq!(votes.means(&[0, 2]), [0.25, 0.75, 0.5, 0.5]);
    }
}
