//! What a job says of the values that its model had not seen.

use serde_json::{Value, json};

use super::{Novelty, Unseen};
use crate::{Context, Direction, Failure, Manifest, Pipeline, Summary, failure::invalid_input};

/// From this share of a column's rows on it is a warning; below, a line.
pub const WARN_FROM: f64 = 0.1;

/// Columns that get lines of their own and metrics.
const MOST_COLUMNS: usize = 20;

/// Values among all rows of a job that its model had not seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    rows: u64,
    /// The columns with most rows first.
    found: Vec<Unseen>,
}

impl Tally {
    /// What the pipeline found in `rows` rows.
    pub fn of(pipeline: &Pipeline, rows: u64) -> Self {
        Self::new(pipeline.unseen(), rows)
    }

    /// Of what was found in `rows` rows.
    pub fn new(mut found: Vec<Unseen>, rows: u64) -> Self {
        found.sort_by(|a, b| {
            b.rows.cmp(&a.rows).then_with(|| (a.novelty, &a.column).cmp(&(b.novelty, &b.column)))
        });
        Self { rows, found }
    }

    /// Adds the metrics that [`Tally::metrics`] gives.
    pub fn declare(manifest: Manifest) -> Manifest {
        manifest
            .metric(
                "unknown_categories",
                Direction::Minimize,
                "Values that are categories which the model has not seen in training, over all columns.",
            )
            .metric(
                "unknown_share",
                Direction::Minimize,
                "Share of the rows with such a category in the column that has most of them, 0 to 1.",
            )
            .metric(
                "newly_missing",
                Direction::Minimize,
                "Missing values in columns that had none in training.",
            )
            .metric(
                "out_of_range",
                Direction::Minimize,
                "Numbers below the least or above the largest one that training saw in their column.",
            )
    }

    fn of_kind(&self, novelty: Novelty) -> impl Iterator<Item = &Unseen> {
        self.found.iter().filter(move |one| one.novelty == novelty)
    }

    fn share(&self, rows: u64) -> f64 {
        if self.rows == 0 { 0.0 } else { rows as f64 / self.rows as f64 }
    }

    /// Says what was found: a warning from [`WARN_FROM`] of a column's rows on, else a line.
    pub fn say(&self, context: &Context) {
        for one in self.found.iter().take(MOST_COLUMNS) {
            let line = self.line(one);
            match self.share(one.rows) >= WARN_FROM {
                true => context.warn(line),
                false => context.info(line),
            }
        }
        let more = self.found.len().saturating_sub(MOST_COLUMNS);
        if more > 0 {
            context.warn(format!(
                "{more} more columns hold values that training has not seen; `metrics` has their sums"
            ));
        }
    }

    /// What was found in a column, in a sentence.
    pub fn line(&self, one: &Unseen) -> String {
        let Unseen { column, rows, example, near, .. } = one;
        let of = format!("{rows} of {} rows ({} %)", self.rows, percent(self.share(*rows)));
        let example = example.as_ref();
        match one.novelty {
            Novelty::Category => {
                let such = example.map_or(String::new(), |example| format!(", such as `{example}`"));
                let meant =
                    near.as_ref().map_or(String::new(), |near| format!(": did the data mean `{near}`?"));
                format!(
                    "column `{column}`: {of} hold a category that the model has not seen in training{such}{meant}"
                )
            }
            Novelty::OutOfRange => {
                let such = example.map_or(String::new(), |example| format!(": {example}"));
                format!("column `{column}`: {of} hold a number out of the range that training saw{such}")
            }
            Novelty::Missing => {
                format!("column `{column}`: {of} have no value, where none was missing in training")
            }
        }
    }

    /// Fails if more than the share `most` of a column's rows hold unknown categories.
    ///
    /// # Errors
    /// Names the column with most of them.
    pub fn check(&self, most: Option<f64>, channel: &str) -> Result<(), Failure> {
        let Some(most) = most else { return Ok(()) };
        match self.of_kind(Novelty::Category).find(|one| self.share(one.rows) > most) {
            None => Ok(()),
            Some(worst) => {
                let message = format!("{} (`max_unknown` is {most})", self.line(worst));
                Err(invalid_input(message).channel(channel).column(&worst.column))
            }
        }
    }

    /// The sums, and of columns with unknown categories `unknown:<column>`: the share of their rows.
    pub fn metrics(&self) -> Vec<(String, f64)> {
        let sum = |novelty| self.of_kind(novelty).map(|one| one.rows).sum::<u64>() as f64;
        let most = self.of_kind(Novelty::Category).map(|one| one.rows).max().unwrap_or(0);
        let mut metrics = vec![
            ("unknown_categories".to_owned(), sum(Novelty::Category)),
            ("unknown_share".to_owned(), self.share(most)),
            ("newly_missing".to_owned(), sum(Novelty::Missing)),
            ("out_of_range".to_owned(), sum(Novelty::OutOfRange)),
        ];
        let word = |one: &&Unseen| {
            !one.column.contains(|letter: char| letter.is_control()) && one.column.len() <= 200
        };
        for one in self.of_kind(Novelty::Category).filter(word).take(MOST_COLUMNS) {
            let name = format!("unknown:{}", one.column);
            if metrics.iter().all(|(known, _)| *known != name) {
                metrics.push((name, self.share(one.rows)));
            }
        }
        metrics
    }

    /// Adds [`Tally::metrics`] to a summary.
    pub fn add_to(&self, summary: Summary) -> Summary {
        self.metrics().into_iter().fold(summary, |summary, (name, value)| summary.metric(name, value))
    }

    /// What was found, the columns with most rows first: for a report.
    pub fn found(&self) -> &[Unseen] {
        &self.found
    }

    /// The same as JSON, each with its share of the rows.
    pub fn to_json(&self) -> Value {
        let one = |one: &Unseen| {
            let mut value = json!(one);
            value["share"] = json!(self.share(one.rows));
            value
        };
        self.found.iter().map(one).collect()
    }
}

/// A share in percent with two decimals at the most.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    match text.trim_end_matches('0').trim_end_matches('.') {
        "0" | "" => "less than 0.01".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{host::Level, testing::Host};

    fn unseen(
        column: &str,
        novelty: Novelty,
        rows: u64,
        example: Option<&str>,
        near: Option<&str>,
    ) -> Unseen {
        Unseen {
            column: column.into(),
            novelty,
            rows,
            example: example.map(Into::into),
            near: near.map(Into::into),
        }
    }

    fn tally() -> Tally {
        let found = vec![
            unseen("plan", Novelty::Category, 3, Some("gold"), None),
            unseen("job", Novelty::Category, 200, Some(" nurse"), Some("nurse")),
            unseen("age", Novelty::OutOfRange, 40, Some("130, training saw 18 to 91"), None),
            unseen("sum", Novelty::Missing, 1, None, None),
        ];
        Tally::new(found, 400)
    }

    #[test]
    fn much_is_warned_of_and_little_is_said() {
        let host = Host::new();
        tally().say(&host.context());
        let logs = host.logs();
        let expected = [
            (
                Level::Warn,
                "column `job`: 200 of 400 rows (50 %) hold a category that the model has not seen in training, such as \
                 ` nurse`: did the data mean `nurse`?",
            ),
            (
                Level::Warn,
                "column `age`: 40 of 400 rows (10 %) hold a number out of the range that training saw: 130, training saw 18 \
                 to 91",
            ),
            (
                Level::Info,
                "column `plan`: 3 of 400 rows (0.75 %) hold a category that the model has not seen in training, such as \
                 `gold`",
            ),
            (
                Level::Info,
                "column `sum`: 1 of 400 rows (0.25 %) have no value, where none was missing in training",
            ),
        ];
        assert_eq!(logs, expected.map(|(level, line)| (level, line.to_owned())));
    }

    #[test]
    fn metrics_and_the_limit_are_of_categories() {
        let metrics = tally().metrics();
        let expected = [
            ("unknown_categories", 203.0),
            ("unknown_share", 0.5),
            ("newly_missing", 1.0),
            ("out_of_range", 40.0),
            ("unknown:job", 0.5),
            ("unknown:plan", 0.0075),
        ];
        assert_eq!(metrics, expected.map(|(name, value)| (name.to_owned(), value)));
        assert!(tally().check(None, "test").is_ok() && tally().check(Some(0.5), "test").is_ok());
        let refusal = tally().check(Some(0.49), "test").unwrap_err().to_string();
        assert!(
            refusal.starts_with("input `test`, column `job`: ") && refusal.contains("`max_unknown` is 0.49"),
            "{refusal}"
        );
        let nothing = Tally::new(Vec::new(), 0);
        assert!(nothing.check(Some(0.0), "test").is_ok());
        assert!(nothing.metrics().iter().all(|(_, value)| *value == 0.0));
    }

    #[test]
    fn names_of_metrics_are_sound_whatever_columns_are_called() {
        let odd = |name: &str| unseen(name, Novelty::Category, 1, None, None);
        let tally = Tally::new(vec![odd("a\u{1b}[2J"), odd(&"x".repeat(5000)), odd("job"), odd("job")], 9);
        let names: Vec<String> = tally.metrics().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[4..], ["unknown:job"]);
    }
}
