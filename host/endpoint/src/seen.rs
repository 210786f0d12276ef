//! What is seen of a variant while it answers.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use millstream_deployment::{
    drift::{self, Drift},
    latency::{self, Latencies},
};

/// Counts of one variant, from its route's beginning or since a rollout's stage began.
pub struct Seen {
    requests: AtomicU64,
    errors: AtomicU64,
    latency: Box<[AtomicU64]>,
    predictions: Mutex<Predictions>,
}

/// A sample of what was predicted.
#[derive(Default)]
struct Predictions {
    numbers: Vec<f64>,
    labels: BTreeMap<String, u64>,
}

/// Predictions of one answer that are looked at, and those that are kept.
const SAMPLE: usize = 100;
const KEPT: usize = 20_000;
/// Different labels that are told apart.
const LABELS: usize = 1000;

impl Default for Seen {
    fn default() -> Self {
        Self {
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            latency: (0..latency::BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            predictions: Mutex::default(),
        }
    }
}

impl Seen {
    /// An answer.
    pub fn answered(&self, time: Duration) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.latency[latency::bucket(time.as_micros() as u64)].fetch_add(1, Ordering::Relaxed);
    }

    /// A request that failed by the version's own fault.
    pub fn failed(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests and errors.
    pub fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.errors.load(Ordering::Relaxed))
    }

    /// How long answers took.
    pub fn latencies(&self) -> Latencies {
        let counts: Vec<u64> = self.latency.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Latencies::of(&counts)
    }

    /// Keeps the first predictions of an answer for [`Seen::drift_from`].
    pub fn predicted(&self, content_type: &str, body: &[u8]) {
        let mut kept = self.predictions.lock().unwrap_or_else(PoisonError::into_inner);
        for prediction in predictions(content_type, body).take(SAMPLE) {
            match prediction.trim().parse::<f64>() {
                Ok(number) if kept.numbers.len() < KEPT => kept.numbers.push(number),
                Ok(_) => {}
                Err(_) if kept.labels.len() < LABELS || kept.labels.contains_key(&prediction) => {
                    *kept.labels.entry(prediction).or_default() += 1;
                }
                Err(_) => {}
            }
        }
    }

    /// How far the predictions are from those of `old` variants; none if either has none.
    pub fn drift_from<'a>(&self, old: impl Iterator<Item = &'a Self>) -> Option<Drift> {
        let new = self.predictions.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut numbers, mut labels) = (Vec::new(), BTreeMap::new());
        for old in old.filter(|old| !std::ptr::eq(*old, self)) {
            let old = old.predictions.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.extend_from_slice(&old.numbers);
            for (label, count) in &old.labels {
                *labels.entry(label.clone()).or_default() += count;
            }
        }
        if labels.is_empty() && new.labels.is_empty() {
            return drift::of_numbers(&numbers, &new.numbers);
        }
        drift::of_labels(&labels, &new.labels)
    }
}

/// The first column of an answer, as text: the prediction. Arrow answers are not looked into.
pub fn predictions(content_type: &str, body: &[u8]) -> Box<dyn Iterator<Item = String>> {
    if content_type.starts_with("text/csv") {
        let text = String::from_utf8_lossy(body).into_owned();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(std::io::Cursor::new(text));
        let first: Vec<String> = reader
            .records()
            .map_while(Result::ok)
            .take(SAMPLE + 1)
            .filter_map(|record| record.get(0).map(str::to_owned))
            .collect();
        // A header is no prediction; a label that is the header's own name would be odd.
        return Box::new(first.into_iter().filter(|value| value != "prediction"));
    }
    let first = |value: &serde_json::Value| {
        let value = match value {
            serde_json::Value::Object(object) => {
                object.get("prediction").or_else(|| object.values().next())?.clone()
            }
            other => other.clone(),
        };
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    if content_type.starts_with("application/json") {
        let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let rows = document.get("predictions").and_then(|rows| rows.as_array()).cloned().unwrap_or_default();
        return Box::new(rows.into_iter().filter_map(move |row| first(&row)));
    }
    if content_type.contains("ndjson") || content_type.contains("jsonlines") {
        let lines: Vec<serde_json::Value> = body
            .split(|byte| *byte == b'\n')
            .take(SAMPLE)
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        return Box::new(lines.into_iter().filter_map(move |row| first(&row)));
    }
    Box::new(std::iter::empty())
}
