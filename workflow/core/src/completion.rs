//! What is written down of a task's end.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    artifact::{Digest, Parts},
    failure::Failure,
};

/// The record that a task is done. Created once, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Completion {
    /// The step.
    pub step: String,
    /// Which of its tasks, from 0.
    pub task: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// The task's key; none for a skipped task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// The task whose result this is, if it did not run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<Origin>,
    /// Why it ran, was taken from the cache or was skipped; one line for people.
    pub why: String,
    /// Start, in milliseconds since 1970 UTC.
    pub started: u64,
    /// End, likewise.
    pub finished: u64,
    /// How many attempts it took; 0 if nothing ran.
    pub attempt: u32,
    /// Where the function's time went, if it said so and ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
}

impl Completion {
    /// Of a task that had no work to do.
    pub fn skipped(step: &str, task: u32, reason: String, now: u64) -> Self {
        Self {
            step: step.to_owned(),
            task,
            why: format!("skipped: {reason}"),
            outcome: Outcome::Skipped { reason },
            key: None,
            cached_from: None,
            started: now,
            finished: now,
            attempt: 0,
            phases: Vec::new(),
        }
    }
}

/// A part of a task's time, such as `fit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// The function's own word.
    pub name: String,
    /// All of its parts together.
    pub milliseconds: f64,
}

/// How a task ended when it did not fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    /// It did its work.
    Done(Results),
    /// It had no work to do.
    Skipped {
        /// Why, in one line.
        reason: String,
    },
}

/// What a task put out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Parts by output.
    pub outputs: BTreeMap<String, Parts>,
    /// Final figures by name. Not all are finite.
    #[serde(with = "figures")]
    pub metrics: BTreeMap<String, f64>,
    /// One line for people.
    pub message: String,
}

/// A task of some run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// Which of its tasks.
    pub task: u32,
}

/// The record that a task failed for good. A retry removes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureRecord {
    /// The step.
    pub step: String,
    /// Which of its tasks.
    pub task: u32,
    /// What went wrong.
    pub failure: Failure,
    /// How many attempts were made; 0 only if nothing of the step could start.
    pub attempts: u32,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
    /// The failed step that this one needed. Then nothing of this step ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
}

/// What all tasks of a fanned-out step came to, in task order. Created once, when the last of them is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Gathered {
    /// They did their work.
    Done {
        /// How many tasks.
        count: u32,
        /// Parts by output; a list with an entry for each task.
        outputs: BTreeMap<String, Vec<Parts>>,
        /// Figures by name; a list with an entry for each task, none where the task reported no such figure.
        metrics: BTreeMap<String, Vec<Option<Figure>>>,
        /// The tasks that had no work to do, their own condition being false.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<u32>,
        /// The best of several trials: the lists have one entry, that one's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        best: Option<u32>,
    },
    /// The step had no work to do.
    Skipped {
        /// Why, in one line.
        reason: String,
    },
}

/// What the cache keeps under a task's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// What the task put out.
    pub results: Results,
    /// The task that ran.
    pub origin: Origin,
    /// When it ended, in milliseconds since 1970 UTC.
    pub at: u64,
}

/// A number that JSON can hold: figures that are not finite are written as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure(pub f64);

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(value) => Ok(Self(value)),
            Written::Text(text) => match text.as_str() {
                "NaN" => Ok(Self(f64::NAN)),
                "Infinity" => Ok(Self(f64::INFINITY)),
                "-Infinity" => Ok(Self(f64::NEG_INFINITY)),
                _ => Err(serde::de::Error::custom(format!("{text:?} is not a figure"))),
            },
        }
    }
}

mod figures {
    use super::*;

    pub fn serialize<S: Serializer>(map: &BTreeMap<String, f64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(name, value)| (name, Figure(*value))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, f64>, D::Error> {
        let map = BTreeMap::<String, Figure>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(name, figure)| (name, figure.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_are_not_finite_survive_json() {
        let metrics = [("a", 0.1), ("b", f64::INFINITY), ("c", f64::NEG_INFINITY), ("d", f64::NAN)];
        let results =
            Results { metrics: metrics.map(|(n, v)| (n.to_owned(), v)).into(), ..Results::default() };
        let text = serde_json::to_string(&results).unwrap();
        let back: Results = serde_json::from_str(&text).unwrap();
        assert_eq!(back.metrics["a"], 0.1);
        assert_eq!(back.metrics["b"], f64::INFINITY);
        assert_eq!(back.metrics["c"], f64::NEG_INFINITY);
        assert!(back.metrics["d"].is_nan());
    }
}
