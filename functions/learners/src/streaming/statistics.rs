use super::{Batch, Features, View};
use crate::SparseRows;

/// Weighted means and variances of columns and of the target, batch by batch.
///
/// T. F. Chan, G. H. Golub, R. J. LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances,
/// 1979.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// Of the columns and, last, the target.
    pub means: Vec<f64>,
    squares: Vec<f64>,
    /// The sum of the weights.
    pub total: f64,
    pub rows: u64,
    /// The weight of each class.
    pub classes: Vec<f64>,
}

impl Statistics {
    pub fn new(width: usize, classes: usize) -> Self {
        let zeros = || vec![0.0; width + 1];
        Self { means: zeros(), squares: zeros(), total: 0.0, rows: 0, classes: vec![0.0; classes] }
    }

    /// Adds a checked batch.
    pub fn add<X: Features>(&mut self, batch: Batch<X>) {
        let total: f64 = batch.total();
        if total > 0.0 {
            match batch.x.view() {
                View::Dense(x) => x.iter().enumerate().for_each(|(k, column)| {
                    let (mean, square) = of_column(column, |i| batch.weight(i), total);
                    self.merge(k, mean, square, total);
                }),
                View::Sparse(x) => self.add_sparse(x, |i| batch.weight(i), total),
            }
        }
        self.add_target(batch);
    }

    /// Adds a checked batch, but for its features: of statistics without any.
    pub fn add_target<X: Features>(&mut self, batch: Batch<X>) {
        let total: f64 = batch.total();
        self.rows += batch.y.len() as u64;
        if !self.classes.is_empty() {
            batch
                .y
                .iter()
                .enumerate()
                .for_each(|(i, &class)| self.classes[class as usize] += batch.weight(i));
        }
        if total > 0.0 {
            let (mean, square) = of_column(batch.y, |i| batch.weight(i), total);
            self.merge(self.means.len() - 1, mean, square, total);
            self.total += total;
        }
    }

    /// Weighted means and squares of features whose other values are 0.
    fn add_sparse(&mut self, x: &SparseRows, weight: impl Fn(usize) -> f64, total: f64) {
        let (mut means, mut squares) = (vec![0.0; x.width()], vec![0.0; x.width()]);
        // The weight of the rows where the feature is not 0.
        let mut present = vec![0.0; x.width()];
        for i in 0..x.rows() {
            for (j, value) in x.row(i) {
                means[j as usize] += weight(i) * value;
                present[j as usize] += weight(i);
            }
        }
        means.iter_mut().for_each(|mean| *mean /= total);
        for i in 0..x.rows() {
            for (j, value) in x.row(i) {
                squares[j as usize] += weight(i) * (value - means[j as usize]).powi(2);
            }
        }
        for k in 0..x.width() {
            let absent = (total - present[k]).max(0.0);
            self.merge(k, means[k], squares[k] + absent * means[k] * means[k], total);
        }
    }

    /// Takes note of a batch's mean and squares of column `k`.
    fn merge(&mut self, k: usize, mean: f64, square: f64, total: f64) {
        let delta = mean - self.means[k];
        let all = self.total + total;
        self.squares[k] += square + delta * delta * self.total * total / all;
        self.means[k] += delta * total / all;
    }

    /// The standard deviation of a column; 1 for a constant one.
    pub fn scale(&self, k: usize) -> f64 {
        let scale = (self.squares[k] / self.total).sqrt();
        let noise = 1e-12 * self.means[k].abs();
        if scale > noise && scale.is_normal() { scale } else { 1.0 }
    }
}

/// The weighted mean of a column, and the sum of the squares around it.
fn of_column(column: &[f64], weight: impl Fn(usize) -> f64, total: f64) -> (f64, f64) {
    let mean = column.iter().enumerate().map(|(i, v)| weight(i) * v).sum::<f64>() / total;
    let square = column.iter().enumerate().map(|(i, v)| weight(i) * (v - mean).powi(2)).sum();
    (mean, square)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;

    #[test]
    fn batches_add_up() {
        let a: Vec<f64> = (0..100).map(|i| 1e6 + f64::from(i * i % 17)).collect();
        let y: Vec<f64> = (0..100).map(|i| f64::from(i % 3)).collect();
        let w: Vec<f64> = (0..100).map(|i| f64::from(i % 4)).collect();
        let mut parts = Statistics::new(1, 3);
        for range in [0..7, 7..64, 64..100] {
            let x = Columns::new(vec![&a[range.clone()]]).unwrap();
            parts.add(Batch { x: &x, y: &y[range.clone()], weights: Some(&w[range]) });
        }
        let mut whole = Statistics::new(1, 3);
        whole.add(Batch { x: &Columns::new(vec![&a]).unwrap(), y: &y, weights: Some(&w) });
        let mut sparse = Statistics::new(1, 3);
        let x = SparseRows::of_columns(&Columns::new(vec![&a]).unwrap());
        sparse.add(Batch { x: &x, y: &y, weights: Some(&w) });
        assert!((sparse.scale(0) / whole.scale(0) - 1.0).abs() < 1e-9 && sparse.means[1] == whole.means[1]);
        assert!((parts.means[0] - whole.means[0]).abs() < 1e-8);
        assert!((parts.scale(0) / whole.scale(0) - 1.0).abs() < 1e-9);
        assert_eq!((parts.rows, &parts.classes), (100, &whole.classes));
        assert!((whole.scale(0) - 5.0).abs() < 1.0);
    }
}
