use crate::gradient_boosting;
use crate::param_guard::within;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// How forecasts come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Exponential smoothing of each series by itself (Holt and Winters).
    #[default]
    Ets,
    /// Boosted trees on the latest values, the last seasons and the calendar; learnt from all series together.
    BoostedLags,
    /// The last season again.
    SeasonalNaive,
}

/// How the level moves on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// Not, or by an additive trend: whichever has the least AICc.
    #[default]
    Auto,
    None,
    /// By a difference a step.
    Additive,
    /// By a factor a step; values above 0 only.
    Multiplicative,
}

/// How values go up and down with the season.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seasonal {
    /// Whichever has the least AICc.
    #[default]
    Auto,
    None,
    /// By differences from the level.
    Additive,
    /// By factors of the level; values above 0 only.
    Multiplicative,
}

/// What shapes forecasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Steps ahead. At least 1, at most 10,000.
    pub horizon: u32,
    /// Steps after which a season comes again; 1: there is none. At least 1, at most 10,000.
    pub season_length: u32,
    pub trend: Trend,
    pub seasonal: Seasonal,
    /// Whether the trend fades; none: if that has the lesser AICc.
    pub damped: Option<bool>,
    /// Latest values that boosted lags look at; none: a season's, at least 7, at most 28. 1 to 1,000.
    pub lags: Option<u32>,
    /// Boosting of the lags.
    pub boosting: gradient_boosting::Params,
    /// Ends of the series that back-tests forecast, each a horizon earlier. At least 1.
    pub windows: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            horizon: 1,
            season_length: 1,
            trend: Trend::Auto,
            seasonal: Seasonal::Auto,
            damped: None,
            lags: None,
            boosting: gradient_boosting::Params {
                num_round: 150,
                eta: 0.1,
                max_depth: 5,
                ..Default::default()
            },
            windows: 1,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("horizon", self.horizon, 1..=10_000)?;
        within("season_length", self.season_length, 1..=10_000)?;
        within("lags", self.lags.unwrap_or(1), 1..=1000)?;
        within("windows", self.windows, 1..=1000)?;
        self.boosting.verify()
    }
}
