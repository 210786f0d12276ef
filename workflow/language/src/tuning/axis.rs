//! What is tried of one parameter.

use millstream_core::number as numbers;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is tried of one parameter, and when it is tried at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchAxis {
    /// The values.
    #[serde(flatten)]
    pub axis: Axis,
    /// Values that parameters before it must have, one of each list; else this one is left out of the point.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub when: Map<String, Value>,
}

impl SearchAxis {
    /// Whether the parameter belongs to a point that has `others` so far.
    pub fn is_active(&self, others: &Map<String, Value>) -> bool {
        self.when.iter().all(|(name, wanted)| {
            let is = |wanted: &Value| others.get(name).is_some_and(|value| numbers::same(value, wanted));
            match wanted {
                Value::Array(any) => any.iter().any(is),
                one => is(one),
            }
        })
    }
}

impl From<Axis> for SearchAxis {
    fn from(axis: Axis) -> Self {
        Self { axis, when: Map::new() }
    }
}

/// What is tried of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// One of these, as likely as any other.
    Values(Vec<Value>),
    /// Whole numbers from `low` to `high`, both included.
    Integers {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
        /// As likely within 1 to 10 as within 10 to 100.
        log: bool,
    },
    /// Numbers from `low` to `high`.
    Numbers {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// As likely within 1 to 10 as within 10 to 100.
        log: bool,
    },
}

impl Axis {
    /// How many values there are, if they can be counted.
    pub fn values(&self) -> Option<u32> {
        match self {
            Self::Values(values) => u32::try_from(values.len()).ok(),
            Self::Integers { low, high, .. } => u32::try_from(i128::from(*high) - i128::from(*low) + 1).ok(),
            Self::Numbers { .. } => None,
        }
    }

    /// All values of a list, or the ends of a range.
    pub fn ends(&self) -> Vec<Value> {
        match self {
            Self::Values(values) => values.clone(),
            Self::Integers { low, high, .. } => vec![(*low).into(), (*high).into()],
            Self::Numbers { low, high, .. } => vec![number(*low), number(*high)],
        }
    }

    /// The ends of a range on its scale, and whether that is logarithmic; none of a list. Each whole number has the stretch from
    /// a half below it to a half above it.
    pub(super) fn bounds(&self) -> Option<(f64, f64, bool)> {
        let (low, high, log) = match self {
            Self::Values(_) => return None,
            Self::Integers { low, high, log } => (*low as f64 - 0.5, *high as f64 + 0.5, *log),
            Self::Numbers { low, high, log } => (*low, *high, *log),
        };
        Some(if log { (libm::log(low), libm::log(high), log) } else { (low, high, log) })
    }

    /// Whether `value` is one of its values, as far as a range goes.
    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Values(values) => values.iter().any(|other| numbers::same(other, value)),
            Self::Integers { low, high, .. } => numbers::whole(value)
                .is_some_and(|whole| (i128::from(*low)..=i128::from(*high)).contains(&whole)),
            Self::Numbers { low, high, .. } => {
                value.as_f64().is_some_and(|value| (*low..=*high).contains(&value))
            }
        }
    }

    /// Value `n` of those that can be counted.
    pub(super) fn nth(&self, n: u32) -> Value {
        match self {
            Self::Values(values) => values.get(n as usize).cloned().unwrap_or_default(),
            Self::Integers { low, .. } => (low + i64::from(n)).into(),
            Self::Numbers { low, .. } => number(*low),
        }
    }

    /// The value at `share` of the axis, from 0 to below 1.
    pub(super) fn at(&self, share: f64) -> Value {
        match self {
            Self::Values(values) => {
                let place = (share * values.len() as f64) as usize;
                values.get(place.min(values.len().saturating_sub(1))).cloned().unwrap_or_default()
            }
            // Each whole number has the stretch from a half below it to a half above it.
            Self::Integers { low, high, log } => {
                let drawn = spaced(*low as f64 - 0.5, *high as f64 + 0.5, *log, share);
                (drawn.round() as i64).clamp(*low, *high).into()
            }
            Self::Numbers { low, high, log } => number(between(*low, *high, *log, share)),
        }
    }
}

/// What lies at `share` of the way from `low` to `high`, 0 and 1 being the ends; with six digits that count, so that a value is
/// what people see of it.
pub fn between(low: f64, high: f64, log: bool, share: f64) -> f64 {
    let value = spaced(low, high, log, share);
    format!("{value:.5e}").parse().unwrap_or(value).clamp(low, high)
}

fn spaced(low: f64, high: f64, log: bool, share: f64) -> f64 {
    if log {
        // Not the machine's own functions: they differ in the last digit from one to the next.
        libm::exp(libm::log(low) + share * (libm::log(high) - libm::log(low)))
    } else {
        low + share * (high - low)
    }
}

/// A number in the form that parameters have.
pub fn number(value: f64) -> Value {
    let mut value = Value::from(value);
    numbers::normalise(&mut value);
    value
}
