//! How an endpoint is served.

use millstream_core::quantity::Duration;
use serde::{Deserialize, Serialize};

use super::names;

/// How an endpoint is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Config {
    /// Keeps a caller on one variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Share of requests that are captured, from 0 to 1.
    pub capture: f64,
    /// Longest time for one answer, in milliseconds.
    pub timeout: u64,
    /// An idle predictor is unloaded after this many milliseconds; none keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// Memory of one predictor, in bytes.
    pub memory: u64,
    /// Requests at once, waiting ones included; more are told to come back.
    pub concurrency: u32,
    /// Rows in one request.
    pub max_rows: u64,
    /// Only approved versions are deployed; else those that wait for approval are too. Rejected ones never are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approved_only: bool,
    /// Serves any registered model whose name begins so, as the request's target model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_model: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sticky: None,
            capture: 0.0,
            timeout: 30_000,
            idle: Some(15 * 60_000),
            memory: 2 << 30,
            concurrency: 256,
            max_rows: 1_000_000,
            approved_only: false,
            multi_model: None,
        }
    }
}

/// What a caller is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sticky {
    /// A request header.
    Header(String),
    /// A cookie.
    Cookie(String),
}

/// The shortest and the longest time limit of one answer: SageMaker gives 60 s; long ones are for batch prediction.
const TIMEOUT: (u64, u64) = (1, 3_600_000);
/// A predictor with less memory cannot load.
const LEAST_MEMORY: u64 = 1 << 20;
/// What a 32-bit component can hold, for each of a pipeline's stages.
const MOST_MEMORY: u64 = 64 << 30;

impl Config {
    /// Refuses what cannot be served.
    ///
    /// # Errors
    /// Which setting is wrong, and what would be right.
    pub fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.capture) {
            return Err(format!("`capture` is a share from 0% to 100%, not {}%", 100.0 * self.capture));
        }
        if !(TIMEOUT.0..=TIMEOUT.1).contains(&self.timeout) {
            return Err(format!(
                "`timeout` is a time from {} to {}, not {}",
                Duration(TIMEOUT.0),
                Duration(TIMEOUT.1),
                Duration(self.timeout)
            ));
        }
        if !(LEAST_MEMORY..=MOST_MEMORY).contains(&self.memory) {
            return Err(format!("`memory` is from 1MiB to 64GiB, not {} bytes", self.memory));
        }
        if self.concurrency == 0 || self.max_rows == 0 {
            return Err("`concurrency` and `max-rows` are at least 1".to_owned());
        }
        match &self.sticky {
            Some(Sticky::Header(name) | Sticky::Cookie(name)) => names::check_token(name)?,
            None => {}
        }
        match &self.multi_model {
            Some(prefix) if !prefix.is_empty() => names::check_prefix(prefix),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_served_are_refused() {
        let default = Config::default;
        assert_eq!(default().check(), Ok(()));
        for (config, said) in [
            (Config { capture: 1.5, ..default() }, "from 0% to 100%, not 150%"),
            (Config { capture: f64::NAN, ..default() }, "`capture`"),
            (Config { timeout: 0, ..default() }, "`timeout` is a time from 1ms to 1h"),
            (Config { memory: 5, ..default() }, "not 5 bytes"),
            (Config { concurrency: 0, ..default() }, "at least 1"),
            (Config { sticky: Some(Sticky::Header("a b".to_owned())), ..default() }, "`a b`"),
            (Config { multi_model: Some("../x".to_owned()), ..default() }, "`../x`"),
        ] {
            let error = config.check().unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn an_older_record_gets_the_defaults() {
        let config: Config = serde_json::from_str("{\"timeout\": 5000}").unwrap();
        assert_eq!(config, Config { timeout: 5000, ..Config::default() });
    }
}
