//! What rolls a rollout back: conditions such as `error-rate > 1%`.

use std::fmt;

use millstream_core::{nearest, quantity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::observations::Observations;

/// A condition that must not come true while a rollout is watched. Written `METRIC OP VALUE`:
///
/// | alarm | of the new version |
/// |---|---|
/// | `error-rate > 1%` | share of its requests that failed by its own fault |
/// | `p99 > 50ms` (`p50`, `p90`, `p95`, `p99`, `p999`) | time in the model's functions |
/// | `drift > 0.2` | population stability index of its predictions against the old version's |
/// | `workflows.W.steps.S.metrics.M < 0.8` | a metric of workflow W's newest completed run |
///
/// Few requests prove little. A share (of errors, or of answers slower than a percentile's limit) is judged as if at least so
/// many requests had been made that the limit means a whole one: `error-rate > 1%` needs two errors in the first hundred
/// requests, and fires at the second one, however early. A percentile needs more than ten slow answers. `drift` needs
/// 500 predictions of either version. Without data an alarm is silent.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// What is looked at.
    pub metric: Metric,
    /// How it is compared.
    pub operator: Operator,
    /// With what: a share from 0 to 1 of errors, milliseconds of a percentile.
    pub limit: f64,
}

/// What an alarm looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// Share of the new version's requests that failed by its own fault.
    ErrorRate,
    /// A percentile of the time in the new version's functions.
    Latency(Percentile),
    /// Population stability index of the new version's predictions against the old version's.
    Drift,
    /// A metric of a workflow's newest completed run.
    Workflow {
        /// The workflow.
        workflow: String,
        /// The step.
        step: String,
        /// The metric, such as `validation:auc`.
        metric: String,
    },
}

/// A percentile by its usual name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile {
    /// `p99`
    pub name: &'static str,
    /// How many of 1000 are faster.
    per_mille: u16,
}

impl Percentile {
    /// The share of answers that are not slower.
    pub fn share(self) -> f64 {
        f64::from(self.per_mille) / 1000.0
    }

    /// The share of answers that are slower.
    fn slower(self) -> f64 {
        f64::from(1000 - self.per_mille) / 1000.0
    }
}

/// The percentiles that there are.
pub const PERCENTILES: [Percentile; 5] = [
    Percentile { name: "p50", per_mille: 500 },
    Percentile { name: "p90", per_mille: 900 },
    Percentile { name: "p95", per_mille: 950 },
    Percentile { name: "p99", per_mille: 990 },
    Percentile { name: "p999", per_mille: 999 },
];

/// How a figure is compared with the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

const OPERATORS: [(&str, Operator); 4] = [
    // Longer ones first: `>=` begins with `>`.
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    (">", Operator::Above),
    ("<", Operator::Below),
];

impl Operator {
    fn holds(self, figure: f64, limit: f64) -> bool {
        match self {
            Self::Above => figure > limit,
            Self::AtLeast => figure >= limit,
            Self::Below => figure < limit,
            Self::AtMost => figure <= limit,
        }
    }

    fn is_upper(self) -> bool {
        matches!(self, Self::Above | Self::AtLeast)
    }
}

/// A share is judged over at least so many requests.
const LEAST_REQUESTS: f64 = 20.0;
/// A percentile is judged over so many requests that this many may be slower.
const LEAST_SLOW: f64 = 10.0;

const FORMS: &str = "`error-rate > 1%`, `p99 > 50ms` (p50, p90, p95, p99, p999), `drift > 0.2`, \
                     `workflows.NAME.steps.STEP.metrics.METRIC < 0.8`";

impl Alarm {
    /// Reads `METRIC OP VALUE`.
    ///
    /// # Errors
    /// What is wrong, and the forms that are allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = |why: String| format!("alarm `{text}`: {why}");
        let (at, sign, operator) = OPERATORS
            .iter()
            .filter_map(|(sign, operator)| Some((text.find(sign)?, *sign, *operator)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))
            .ok_or_else(|| wrong(format!("write METRIC OP VALUE, such as {FORMS}")))?;
        let (name, value) = (text[..at].trim(), text[at + sign.len()..].trim());
        let metric = metric(name).map_err(&wrong)?;
        let bad = |what: &str| wrong(format!("`{value}` is not {what}"));
        let limit = match &metric {
            Metric::ErrorRate => match quantity::percent(value) {
                Some(percent) if percent < 100.0 => percent / 100.0,
                _ => return Err(bad("a share below 100%, such as 1% or 0.5%")),
            },
            Metric::Latency(_) => millis(value).ok_or_else(|| bad("a time such as 50ms, 800us or 1.5s"))?,
            Metric::Drift => match number(value) {
                Some(limit) if limit > 0.0 => limit,
                _ => return Err(bad("a number above 0, such as 0.2")),
            },
            Metric::Workflow { .. } => number(value).ok_or_else(|| bad("a number"))?,
        };
        if !matches!(metric, Metric::Workflow { .. }) && !operator.is_upper() {
            return Err(wrong(format!("a low `{name}` is no reason to roll back; use `>` or `>=`")));
        }
        if operator == Operator::AtLeast && limit == 0.0 && metric == Metric::ErrorRate {
            return Err(wrong("that is always true; `error-rate > 0%` rolls back at the first error".into()));
        }
        Ok(Self { metric, operator, limit })
    }

    /// Whether it can only be judged by somebody who has seen the new version's requests.
    pub fn needs_traffic(&self) -> bool {
        !matches!(self.metric, Metric::Workflow { .. })
    }

    /// Why the new version has to go, if this alarm has fired.
    pub fn fired(&self, seen: &Observations) -> Option<String> {
        let (requests, errors) = (seen.requests, seen.errors);
        match &self.metric {
            Metric::ErrorRate => {
                let judged = (requests as f64).max(LEAST_REQUESTS).max(1.0 / self.limit.max(1e-9));
                // With a limit of zero, the first error is one too many; else one alone may be chance.
                let enough = errors > u64::from(self.limit > 0.0);
                let fired = enough && self.operator.holds(errors as f64, self.limit * judged);
                fired.then(|| {
                    let rate = 100.0 * errors as f64 / requests.max(errors) as f64;
                    format!("{self}: {errors} of {requests} requests failed ({})", percent(rate))
                })
            }
            Metric::Latency(percentile) => {
                let (slower, all) = (percentile.slower(), seen.latency.total());
                let slow = seen.latency.longer_than((self.limit * 1e3) as u64);
                let judged = (all as f64).max(LEAST_SLOW / slower);
                (slow as f64 > slower * judged).then(|| {
                    let micros = seen.latency.percentile(percentile.share()).unwrap_or(0);
                    format!(
                        "{self}: {} is {} over {all} requests",
                        percentile.name,
                        time(micros as f64 / 1e3)
                    )
                })
            }
            Metric::Drift => {
                let drift = seen.drift.filter(|drift| drift.predictions >= super::drift::LEAST)?;
                self.operator.holds(drift.index, self.limit).then(|| {
                    format!("{self}: it is {:.3} over {} predictions", drift.index, drift.predictions)
                })
            }
            Metric::Workflow { .. } => {
                let figure = *seen.metrics.get(&self.metric.to_string())?;
                self.operator.holds(figure, self.limit).then(|| format!("{self}: it is {figure}"))
            }
        }
    }
}

fn metric(name: &str) -> Result<Metric, String> {
    if name == "error-rate" {
        return Ok(Metric::ErrorRate);
    }
    if name == "drift" {
        return Ok(Metric::Drift);
    }
    if let Some(percentile) = PERCENTILES.iter().find(|percentile| percentile.name == name) {
        return Ok(Metric::Latency(*percentile));
    }
    let parts: Vec<&str> = name.splitn(6, '.').collect();
    if parts.first() == Some(&"workflows") {
        return match parts[..] {
            ["workflows", workflow, "steps", step, "metrics", metric]
                if [workflow, step, metric].iter().all(|part| !part.is_empty()) =>
            {
                Ok(Metric::Workflow {
                    workflow: workflow.to_owned(),
                    step: step.to_owned(),
                    metric: metric.to_owned(),
                })
            }
            _ => Err("write a workflow's metric as `workflows.NAME.steps.STEP.metrics.METRIC`".to_owned()),
        };
    }
    let known = ["error-rate", "drift"].into_iter().chain(PERCENTILES.iter().map(|p| p.name));
    let help = match nearest::nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("allowed: {FORMS}"),
    };
    Err(format!("there is no metric `{name}`; {help}"))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads `50ms`, `800us`, `1.5s`.
fn millis(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 5] = [("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4)];
    let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number = number(text[..text.len() - unit.len()].trim_end())?;
    (number > 0.0).then_some(number * factor)
}

fn time(ms: f64) -> String {
    if ms < 1.0 {
        format!("{}us", rounded(ms * 1e3))
    } else if ms < 1e3 {
        format!("{}ms", rounded(ms))
    } else {
        format!("{}s", rounded(ms / 1e3))
    }
}

fn percent(percent: f64) -> String {
    format!("{}%", rounded(percent))
}

/// Three decimals at most.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrorRate => f.write_str("error-rate"),
            Self::Latency(percentile) => f.write_str(percentile.name),
            Self::Drift => f.write_str("drift"),
            Self::Workflow { workflow, step, metric } => {
                write!(f, "workflows.{workflow}.steps.{step}.metrics.{metric}")
            }
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign =
            OPERATORS.iter().find(|(_, operator)| *operator == self.operator).map_or("", |(sign, _)| sign);
        write!(f, "{} {sign} ", self.metric)?;
        match self.metric {
            // Written so that it reads back as the same number.
            Metric::ErrorRate => write!(f, "{}%", rounded_share(self.limit)),
            Metric::Latency(_) => write!(f, "{}ms", self.limit),
            _ => write!(f, "{}", self.limit),
        }
    }
}

/// The percentage that reads back as this share, in its shortest form.
fn rounded_share(share: f64) -> f64 {
    let near = (share * 1e12).round() / 1e10;
    if near / 100.0 == share { near } else { share * 100.0 }
}

impl Serialize for Alarm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Alarm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
