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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_important_comes_first() {
        #[derive(Serialize)]
        struct Share {
            importance: f64,
        }
        let shares = [0.2, 0.8].map(|importance| Share { importance });
        let report = Report::new("shares", &["a".into(), "b".into()], shares, |share| share.importance);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"method":"shares","features":[{"name":"b","importance":0.8},{"name":"a","importance":0.2}]}"#
        );
    }
}
