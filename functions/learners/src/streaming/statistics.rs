use super::Batch;

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
    pub fn add(&mut self, batch: Batch) {
        let weight = |i: usize| batch.weight(i);
        let total: f64 = (0..batch.x.rows()).map(weight).sum();
        self.rows += batch.x.rows() as u64;
        if !self.classes.is_empty() {
            batch.y.iter().enumerate().for_each(|(i, &class)| self.classes[class as usize] += weight(i));
        }
        if total <= 0.0 {
            return;
        }
        for (k, column) in batch.x.iter().chain([batch.y]).enumerate() {
            let mean = column.iter().enumerate().map(|(i, v)| weight(i) * v).sum::<f64>() / total;
            let square: f64 = column.iter().enumerate().map(|(i, v)| weight(i) * (v - mean).powi(2)).sum();
            let delta = mean - self.means[k];
            let all = self.total + total;
            self.squares[k] += square + delta * delta * self.total * total / all;
            self.means[k] += delta * total / all;
        }
        self.total += total;
    }

    /// The standard deviation of a column; 1 for a constant one.
    pub fn scale(&self, k: usize) -> f64 {
        let scale = (self.squares[k] / self.total).sqrt();
        let noise = 1e-12 * self.means[k].abs();
        if scale > noise && scale.is_normal() { scale } else { 1.0 }
    }
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
        assert!((parts.means[0] - whole.means[0]).abs() < 1e-8);
        assert!((parts.scale(0) / whole.scale(0) - 1.0).abs() < 1e-9);
        assert_eq!((parts.rows, &parts.classes), (100, &whole.classes));
        assert!((whole.scale(0) - 5.0).abs() < 1.0);
    }
}
