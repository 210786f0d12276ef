//! How a shadow's answers compare with those that callers got.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use crate::seen::predictions;

/// Numbers closer than this, relative to the larger one, are the same prediction.
const TOLERANCE: f64 = 1e-9;
/// Predictions of one answer that are compared.
const COMPARED: usize = 100;

/// What was compared since this server serves the variant as a shadow.
#[derive(Default)]
pub struct Agreement {
    agreed: AtomicU64,
    disagreed: AtomicU64,
    failed: AtomicU64,
    difference: Mutex<f64>,
}

/// What came of a shadow's copies so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreed {
    /// Predictions that were the same as the caller's.
    pub agreed: u64,
    /// Those that were not.
    pub disagreed: u64,
    /// Copies that the shadow failed.
    pub failed: u64,
    /// Sum of the absolute differences, where predictions are numbers.
    pub difference: f64,
}

/// An answer: media type and body.
pub type Answered = (String, Bytes);

impl Agreement {
    /// The shadow failed where the caller got an answer.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Both answered. The first predictions of each are compared; an answer in Arrow, which is not looked into, as a whole.
    pub fn compare(&self, callers: &Answered, shadows: &Answered) {
        let of = |(content_type, body): &Answered| predictions(content_type, body);
        let (mut theirs, mut ours) = (of(callers).take(COMPARED), of(shadows).take(COMPARED));
        let (mut agreed, mut disagreed, mut difference) = (0, 0, 0.0);
        loop {
            match (theirs.next(), ours.next()) {
                (None, None) => break,
                (Some(one), Some(other)) => match (one.trim().parse::<f64>(), other.trim().parse::<f64>()) {
                    (Ok(one), Ok(other)) if one.is_finite() && other.is_finite() => {
                        let apart = (one - other).abs();
                        difference += apart;
                        let same = apart <= TOLERANCE * one.abs().max(other.abs());
                        *(if same { &mut agreed } else { &mut disagreed }) += 1;
                    }
                    _ => *(if one.trim() == other.trim() { &mut agreed } else { &mut disagreed }) += 1,
                },
                // One has more rows than the other.
                _ => disagreed += 1,
            }
        }
        if agreed + disagreed == 0 {
            *(if callers == shadows { &mut agreed } else { &mut disagreed }) += 1;
        }
        self.agreed.fetch_add(agreed, Ordering::Relaxed);
        self.disagreed.fetch_add(disagreed, Ordering::Relaxed);
        if difference > 0.0 {
            *self.difference.lock().unwrap_or_else(PoisonError::into_inner) += difference;
        }
    }

    /// What came of it so far.
    pub fn so_far(&self) -> Agreed {
        Agreed {
            agreed: self.agreed.load(Ordering::Relaxed),
            disagreed: self.disagreed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            difference: *self.difference.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(content_type: &str, callers: &str, shadows: &str) -> (u64, u64, f64) {
        let agreement = Agreement::default();
        let answered = |body: &str| (content_type.to_owned(), Bytes::copy_from_slice(body.as_bytes()));
        agreement.compare(&answered(callers), &answered(shadows));
        let Agreed { agreed, disagreed, difference, .. } = agreement.so_far();
        (agreed, disagreed, difference)
    }

    #[test]
    fn predictions_are_compared_row_by_row() {
        assert_eq!(compare("text/csv", "1.5\n2.0\n", "1.5\n2.25\n"), (1, 1, 0.25));
        assert_eq!(compare("text/csv", "yes,0.9\nno,0.2\n", "yes,0.7\nyes,0.6\n"), (1, 1, 0.0));
        assert_eq!(compare("text/csv", "0.1\n", "0.10000000000000001\n"), (1, 0, 0.0));
        let (one, other) =
            (r#"{"predictions":[{"prediction":"a"}]}"#, r#"{"predictions":[{"prediction":"b"}]}"#);
        assert_eq!(compare("application/json", one, one), (1, 0, 0.0));
        assert_eq!(compare("application/json", one, other), (0, 1, 0.0));
        assert_eq!(compare("text/csv", "1\n2\n", "1\n"), (1, 1, 0.0), "a row without an answer");
        assert_eq!(compare("text/csv", "nan\n", "nan\n"), (1, 0, 0.0));
        assert_eq!(compare("application/vnd.apache.arrow.stream", "x", "x"), (1, 0, 0.0));
        assert_eq!(compare("application/vnd.apache.arrow.stream", "x", "y"), (0, 1, 0.0));
    }
}
