//! The report of how much each feature counts.

use serde::Serialize;

/// Features by what they count, the most important first.
#[derive(Serialize)]
pub struct Report<T> {
    /// What the figures mean.
    method: &'static str,
    features: Vec<Entry<T>>,
}

/// One feature.
#[derive(Serialize)]
struct Entry<T> {
    name: String,
    #[serde(flatten)]
    figures: T,
}

impl<T> Report<T> {
    /// Sorts features by `rank`, high to low; equal ones keep their order.
    pub fn new(
        method: &'static str,
        names: &[String],
        figures: impl IntoIterator<Item = T>,
        rank: impl Fn(&T) -> f64,
    ) -> Self {
        let entry = |(name, figures): (&String, T)| Entry { name: name.clone(), figures };
        let mut features: Vec<_> = names.iter().zip(figures).map(entry).collect();
        features.sort_by(|a, b| rank(&b.figures).total_cmp(&rank(&a.figures)));
        Self { method, features }
    }
}

/// A feature's share in what the splits of trees lower the impurity by.
#[derive(Serialize)]
pub struct Share {
    importance: f64,
}

/// The report of trees: one share a feature.
pub fn shares(names: &[String], importances: &[f64]) -> Report<Share> {
    let shares = importances.iter().map(|&importance| Share { importance });
    Report::new("impurity", names, shares, |share| share.importance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_important_comes_first() {
        let report = shares(&["a".into(), "b".into()], &[0.2, 0.8]);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"method":"impurity","features":[{"name":"b","importance":0.8},{"name":"a","importance":0.2}]}"#
        );
    }
}
