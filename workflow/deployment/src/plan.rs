//! How traffic is to move: what people write, checked and with its defaults.

use std::fmt;

use millstream_core::{
    nearest,
    quantity::{self, Duration},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::alarm::Alarm;

/// How traffic moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In one step.
    #[default]
    AllAtOnce,
    /// This share first, in percent; the rest after the interval.
    Canary(f64),
    /// This share more, in percent, after each interval.
    Linear(f64),
}

/// What was asked for. The default: all at once, and nothing is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RolloutPlan {
    /// How traffic moves.
    pub strategy: Strategy,
    /// Between two steps, in milliseconds.
    pub interval: u64,
    /// How long the new version is watched with all of the traffic before the old one is let go, in milliseconds.
    pub bake: u64,
    /// The whole rollout may take this long, in milliseconds; after that it is rolled back.
    pub time_limit: u64,
    /// The new version has to have this many requests at each share before it gets more.
    #[serde(default)]
    pub min_requests: u64,
    /// What rolls it back.
    #[serde(default)]
    pub alarms: Vec<Alarm>,
}

/// A canary's share and a linear rollout's step, in percent.
const SHARE: f64 = 10.0;
/// Between two steps, and the bake time of a rollout that is watched.
const FIVE_MINUTES: u64 = 300_000;
/// The shortest time limit that nobody asked for.
const HOUR: u64 = 3_600_000;

impl Default for RolloutPlan {
    fn default() -> Self {
        Self {
            strategy: Strategy::AllAtOnce,
            interval: FIVE_MINUTES,
            bake: 0,
            time_limit: HOUR,
            min_requests: 0,
            alarms: Vec::new(),
        }
    }
}

/// The keys of a rollout, each with SageMaker's words for it.
const KEYS: [(&str, &[&str]); 7] = [
    ("canary", &["canary-size"]),
    ("linear", &["linear-step-size", "step-size", "step"]),
    ("interval", &["wait-interval", "wait-interval-in-seconds"]),
    ("bake", &["termination-wait", "termination-wait-in-seconds", "bake-time"]),
    ("time-limit", &["maximum-execution-timeout", "maximum-execution-timeout-in-seconds", "timeout"]),
    ("min-requests", &["minimum-requests"]),
    ("alarms", &["auto-rollback", "alarm"]),
];

impl RolloutPlan {
    /// Reads the word `all-at-once`, or an object with `canary` or `linear` (a share), `interval`, `bake` and `time-limit`
    /// (times), `min-requests` and `alarms`. Defaults: shares 10 %, interval 5m, bake 5m (all at once: 5m if there are
    /// alarms, else none), time limit twice the time that it takes, but at least 1h.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::parse_text(text, &[]),
            Value::Object(keys) => {
                let mut written = Map::new();
                for (key, value) in keys {
                    let known = key_of(key)?;
                    let in_seconds = key.to_ascii_lowercase().ends_with("seconds");
                    let value = match value.as_u64() {
                        Some(seconds) if in_seconds => Value::from(format!("{seconds}s")),
                        _ => value.clone(),
                    };
                    if written.insert(known.to_owned(), value).is_some() {
                        return Err(format!("`{known}` is there twice"));
                    }
                }
                Self::read(&written)
            }
            _ => Err(format!("a rollout is `all-at-once` or an object, not {value}")),
        }
    }

    /// Reads what a command line says: `all-at-once`, `canary`, or `canary=10%,interval=5m,bake=5m`, and alarms beside it.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn parse_text(text: &str, alarms: &[String]) -> Result<Self, String> {
        let mut written = Map::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if is_all_at_once(part) {
                continue;
            }
            let (key, value) = match part.split_once('=') {
                Some((key, value)) => (key.trim(), Value::from(value.trim())),
                None => (part, Value::Null),
            };
            let key = key_of(key)?;
            if key == "alarms" {
                return Err("give each alarm on its own: `--alarm 'error-rate > 1%'`".to_owned());
            }
            if value.is_null() && !matches!(key, "canary" | "linear") {
                return Err(format!("`{key}` needs a value, such as `{key}={}`", example(key)));
            }
            if written.insert(key.to_owned(), value).is_some() {
                return Err(format!("`{key}` is there twice"));
            }
        }
        if !alarms.is_empty() {
            written.insert("alarms".to_owned(), alarms.into());
        }
        Self::read(&written)
    }

    /// `written` has known keys alone.
    fn read(written: &Map<String, Value>) -> Result<Self, String> {
        let share = |key: &str| written.get(key).map(|value| read_share(key, value)).transpose();
        let strategy = match (share("canary")?, share("linear")?) {
            (None, None) => Strategy::AllAtOnce,
            (Some(share), None) => Strategy::Canary(share),
            (None, Some(step)) => Strategy::Linear(step),
            (Some(_), Some(_)) => {
                return Err("a rollout is `canary` or `linear`, not both".to_owned());
            }
        };
        let alarms = match written.get("alarms") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => vec![Alarm::parse(text)?],
            Some(Value::Array(alarms)) => alarms
                .iter()
                .map(|alarm| match alarm {
                    Value::String(text) => Alarm::parse(text),
                    other => Err(format!("an alarm is a text such as `error-rate > 1%`, not {other}")),
                })
                .collect::<Result<_, _>>()?,
            Some(other) => return Err(format!("`alarms` is a list of texts, not {other}")),
        };
        let time = |key: &str| written.get(key).map(|value| read_time(key, value)).transpose();
        let watched = strategy != Strategy::AllAtOnce || !alarms.is_empty();
        let min_requests = match written.get("min-requests") {
            None => 0,
            Some(value) => value
                .as_u64()
                .or_else(|| value.as_str()?.parse().ok())
                .ok_or_else(|| format!("`min-requests` is a whole number such as 100, not {value}"))?,
        };
        let mut plan = Self {
            strategy,
            interval: time("interval")?.unwrap_or(FIVE_MINUTES),
            bake: time("bake")?.unwrap_or(if watched { FIVE_MINUTES } else { 0 }),
            time_limit: 0,
            min_requests,
            alarms,
        };
        plan.time_limit = time("time-limit")?.unwrap_or_else(|| HOUR.max(2 * plan.duration()));
        plan.check()?;
        Ok(plan)
    }

    /// Refuses what could never end well.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn check(&self) -> Result<(), String> {
        if let Strategy::Canary(share) | Strategy::Linear(share) = self.strategy
            && !(MIN_SHARE..100.0).contains(&share)
        {
            return Err(format!("a share has to be from {MIN_SHARE}% to below 100%, not {share}%"));
        }
        if self.time_limit <= self.duration() {
            return Err(format!(
                "the time limit of {} is over before the rollout, which takes {}; raise `time-limit`",
                Duration(self.time_limit),
                Duration(self.duration())
            ));
        }
        Ok(())
    }

    /// The share of the new version at the beginning, in percent.
    pub fn first_share(&self) -> f64 {
        match self.strategy {
            Strategy::AllAtOnce => 100.0,
            Strategy::Canary(share) | Strategy::Linear(share) => share,
        }
    }

    /// The share that comes after this one, in percent; none after all of it.
    pub fn next_share(&self, share: f64) -> Option<f64> {
        if share >= 100.0 {
            return None;
        }
        Some(match self.strategy {
            Strategy::AllAtOnce | Strategy::Canary(_) => 100.0,
            // A step of 33.3 % ends in the third, not in a fourth of 0.1 %.
            Strategy::Linear(step) if share + 1.01 * step >= 100.0 => 100.0,
            Strategy::Linear(step) => share + step,
        })
    }

    /// The time that it takes if nothing happens, in milliseconds.
    pub fn duration(&self) -> u64 {
        let mut steps = 0;
        let mut share = self.first_share();
        while let Some(next) = self.next_share(share) {
            share = next;
            steps += 1;
        }
        self.interval.saturating_mul(steps).saturating_add(self.bake)
    }

    /// Whether there is anything to wait for or to watch: if not, traffic moves in the same write that deploys.
    pub fn is_immediate(&self) -> bool {
        self.strategy == Strategy::AllAtOnce && self.bake == 0
    }
}

/// Steps below that would be hundreds.
const MIN_SHARE: f64 = 0.1;

fn is_all_at_once(word: &str) -> bool {
    word.replace('_', "-").eq_ignore_ascii_case("all-at-once")
}

/// The key that is meant, in our own or SageMaker's spelling: `CanarySize`, `canary_size`, `canary`.
fn key_of(written: &str) -> Result<&'static str, String> {
    let mut plain = String::new();
    for c in written.trim().chars() {
        if c.is_ascii_uppercase() && !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
        plain.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    let own = KEYS.iter().find(|(key, synonyms)| *key == plain || synonyms.contains(&plain.as_str()));
    if let Some((key, _)) = own {
        return Ok(key);
    }
    let words = KEYS.iter().map(|(key, _)| *key).chain(["all-at-once"]);
    Err(format!("a rollout has no `{written}`; {}", nearest::or_all(written, words, "it has")))
}

fn example(key: &str) -> &'static str {
    match key {
        "canary" | "linear" => "10%",
        "min-requests" => "100",
        _ => "5m",
    }
}

fn read_share(key: &str, value: &Value) -> Result<f64, String> {
    match value {
        Value::Null => Some(SHARE),
        Value::String(text) => quantity::percent(text),
        _ => None,
    }
    .ok_or_else(|| format!("`{key}` is a share such as `10%`, with its sign, not {value}"))
}

fn read_time(key: &str, value: &Value) -> Result<u64, String> {
    let none = |text: &str| matches!(text.trim(), "0" | "0s" | "0m");
    match value {
        Value::String(text) if none(text) && key != "time-limit" => Some(0),
        Value::Number(number) if number.as_u64() == Some(0) && key != "time-limit" => Some(0),
        Value::String(text) => Duration::parse(text).map(|time| time.0),
        _ => None,
    }
    .ok_or_else(|| format!("`{key}` is a time such as 30s, 5m or 1h30m, not {value}"))
}

impl fmt::Display for RolloutPlan {
    /// As a command line says it, without the alarms.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.strategy {
            Strategy::AllAtOnce => f.write_str("all-at-once")?,
            Strategy::Canary(share) => write!(f, "canary={share}%,interval={}", Duration(self.interval))?,
            Strategy::Linear(step) => write!(f, "linear={step}%,interval={}", Duration(self.interval))?,
        }
        write!(f, ",bake={}", Duration(self.bake))?;
        if self.min_requests > 0 {
            write!(f, ",min-requests={}", self.min_requests)?;
        }
        write!(f, ",time-limit={}", Duration(self.time_limit))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Result<RolloutPlan, String> {
        RolloutPlan::parse_text(text, &[])
    }

    #[test]
    fn what_people_write() {
        let canary = RolloutPlan::parse(&json!({
            "canary": "10%", "interval": "10m", "bake": "5m", "time-limit": "2h",
            "alarms": ["error-rate > 1%", "p99 > 50ms"],
        }))
        .unwrap();
        assert_eq!(canary.strategy, Strategy::Canary(10.0));
        assert_eq!((canary.interval, canary.bake, canary.time_limit), (600_000, 300_000, 7_200_000));
        assert_eq!(canary.alarms.len(), 2);
        let alarms = ["error-rate > 1%".to_owned(), "p99 > 50ms".to_owned()];
        let line = RolloutPlan::parse_text("canary=10%,interval=10m,bake=5m,time-limit=2h", &alarms).unwrap();
        assert_eq!(line, canary);
        assert_eq!(RolloutPlan::parse_text(&canary.to_string(), &alarms).unwrap(), canary);
        assert_eq!(RolloutPlan::parse(&json!("ALL_AT_ONCE")).unwrap(), RolloutPlan::default());
        assert_eq!(text("all-at-once").unwrap(), RolloutPlan::default());
        assert_eq!(text("").unwrap(), RolloutPlan::default());
    }

    #[test]
    fn defaults() {
        assert!(RolloutPlan::default().is_immediate());
        assert_eq!(text("canary").unwrap(), text("canary=10%,interval=5m,bake=5m,time-limit=1h").unwrap());
        let linear = text("linear").unwrap();
        assert_eq!(linear.duration(), 9 * 300_000 + 300_000);
        assert_eq!(linear.time_limit, 6_000_000, "twice the time that it takes");
        let alarms = ["drift > 0.2".to_owned()];
        let watched = RolloutPlan::parse_text("all-at-once", &alarms).unwrap();
        assert_eq!((watched.bake, watched.is_immediate()), (300_000, false));
    }

    #[test]
    fn sagemaker_words() {
        let plan = RolloutPlan::parse(&json!({
            "CanarySize": "20%", "WaitIntervalInSeconds": 60, "termination_wait_in_seconds": "2m",
        }))
        .unwrap();
        assert_eq!(plan, text("canary=20%,interval=1m,bake=2m").unwrap());
        assert!(RolloutPlan::parse(&json!({"canary": "20%", "canary-size": "10%"})).is_err());
    }

    #[test]
    fn shares_go_up_to_all() {
        let shares = |of: &str| {
            let plan = text(of).unwrap();
            let mut shares = vec![plan.first_share()];
            while let Some(next) = plan.next_share(shares[shares.len() - 1]) {
                shares.push(next);
            }
            shares
        };
        assert_eq!(shares("all-at-once,bake=1m"), [100.0]);
        assert_eq!(shares("canary=5%"), [5.0, 100.0]);
        assert_eq!(shares("linear=25%"), [25.0, 50.0, 75.0, 100.0]);
        assert_eq!(shares("linear=33.3%"), [33.3, 66.6, 100.0]);
        assert_eq!(shares("linear=40%"), [40.0, 80.0, 100.0]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (written, said) in [
            ("canary=10", "with its sign"),
            ("canary=0%", "from 0.1%"),
            ("canary=100%", "below 100%"),
            ("canary=10%,linear=10%", "not both"),
            ("canari=10%", "did you mean `canary`?"),
            ("bake", "needs a value, such as `bake=5m`"),
            ("bake=5", "`bake` is a time"),
            ("canary,canary", "twice"),
            ("linear=10%,interval=1h,time-limit=2h", "raise `time-limit`"),
            ("min-requests=many", "whole number"),
            ("time-limit=0", "is a time"),
            ("alarms=x", "--alarm"),
        ] {
            let error = text(written).unwrap_err();
            assert!(error.contains(said), "{written}: {error}");
        }
        for (written, said) in [
            (json!(5), "an object"),
            (json!({"alarms": [1]}), "an alarm is a text"),
            (json!({"alarms": {}}), "a list"),
            (json!({"alarms": ["x > 1"]}), "no metric `x`"),
            (json!({"canary": 0.1}), "`10%`"),
        ] {
            let error = RolloutPlan::parse(&written).unwrap_err();
            assert!(error.contains(said), "{written}: {error}");
        }
    }
}
