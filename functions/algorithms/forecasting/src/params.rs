//! What the user may set.

use crate::time::Missing;
use millstream_learners::forecasting::{self, Seasonal, Trend};
use millstream_learners::{Check, Checked, gradient_boosting};
use millstream_sdk::{Failure, failure::shown, invalid_parameter};
use millstream_training::{alias, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is to be forecast, and how.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to forecast: numbers.
    pub target: String,
    /// The column of dates, times or whole numbers.
    pub time: String,
    /// The column that tells series apart; one series if not given.
    #[serde(default)]
    pub item_id: Option<String>,
    /// How many steps ahead; must be given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    horizon: Option<u32>,
    /// The same as `horizon`, which SageMaker's DeepAR calls so.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    prediction_length: Option<u32>,
    /// How far steps are apart, by pandas' names: `us`, `ms`, `s`, `min`, `h`, `D`, `B` (Monday to Friday), `W`, `M`, `Q`, `Y`,
    /// or a number of them such as `15min` or `30D`; a whole number for a time column of numbers. `MS` and `ME` are months
    /// whose times are their first or last days, `BMS` and `BME` their first or last days from Monday to Friday; `QS`, `QE`,
    /// `BQS`, `BQE`, `YS`, `YE`, `BYS` and `BYE` the same of quarters and years; `M`, `Q` and `Y` take the day of the month
    /// that all times of a series are of. `W-MON`, `QE-DEC` or `YS-APR` name the day or month as well. If not given, what is
    /// most frequent: months if all times are of one day of the month, `B` if they leave out weekends, else the difference.
    #[serde(default)]
    frequency: Option<String>,
    /// The same as `frequency`, which SageMaker's DeepAR calls so.
    #[serde(default)]
    time_freq: Option<String>,
    /// The time zone whose clock days, weeks and months go by, as the IANA database names it: `Europe/Berlin`. For times with
    /// a zone, which are kept in UTC: where the clock is turned, local days are 23 or 25 hours long. UTC if not given.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Steps after which a season comes again; 1 for none. If not given: a day's for parts of a day, else 7 for days, 5 for
    /// days from Monday to Friday, a year's for weeks (52), months (12) and quarters (4), 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    season_length: Option<u32>,
    /// The same as `season_length`, which statsmodels calls so.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    seasonal_periods: Option<u32>,
    /// How forecasts come about; `auto` takes what back-tests find best.
    #[serde(default)]
    pub method: Method,
    /// What stands in for steps without a value.
    #[serde(default)]
    pub missing: Missing,
    /// The quantiles that come out beside the mean: between 0 and 1.
    #[serde(default = "quantiles")]
    #[schemars(length(max = 99))]
    pub quantiles: Vec<f64>,
    /// Ends of the series that back-tests forecast, each a horizon earlier.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    backtest_windows: u32,
    /// Of `ets`: how the level moves on: `auto`, `none`, `additive` or `multiplicative` (values above 0 only, else
    /// additive).
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["auto", "none", "additive", "multiplicative"]))]
    trend: Trend,
    /// Of `ets`: how values go up and down with the season: `auto`, `none`, `additive` or `multiplicative` (values above 0
    /// only, else additive).
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["auto", "none", "additive", "multiplicative"]))]
    seasonal: Seasonal,
    /// Of `ets`: whether the trend fades; if not given, whichever explains the series better.
    #[serde(default)]
    damped: Option<bool>,
    /// The same as `damped`, which statsmodels calls so.
    #[serde(default)]
    damped_trend: Option<bool>,
    /// Of `boosted-lags`: latest values that are looked at; a season's, 7 to 28, if not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    lags: Option<u32>,
    /// Of `boosted-lags`: rounds of boosting.
    #[serde(default = "rounds")]
    #[schemars(range(min = 1))]
    num_round: u32,
    /// Of `boosted-lags`: how much of each tree's step is taken.
    #[serde(default = "tenth")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    eta: f64,
    /// Of `boosted-lags`: splits from the root to a leaf at the most.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 64))]
    max_depth: u32,
}

/// How forecasts come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Whichever of the others is best in back-tests; `ets` where series are too short for them.
    #[default]
    Auto,
    /// Exponential smoothing of each series by itself (Holt and Winters), its paces fitted.
    Ets,
    /// Boosted trees on the latest values, the last seasons and the calendar; learnt from all series together.
    BoostedLags,
    /// The last season again.
    SeasonalNaive,
}

fn quantiles() -> Vec<f64> {
    vec![0.1, 0.5, 0.9]
}

fn one() -> u32 {
    1
}

fn rounds() -> u32 {
    150
}

fn tenth() -> f64 {
    0.1
}

fn five() -> u32 {
    5
}

impl Method {
    /// The methods to be tested.
    pub fn candidates(self) -> Vec<forecasting::Method> {
        match self {
            Self::Auto => vec![
                forecasting::Method::Ets,
                forecasting::Method::BoostedLags,
                forecasting::Method::SeasonalNaive,
            ],
            Self::Ets => vec![forecasting::Method::Ets],
            Self::BoostedLags => vec![forecasting::Method::BoostedLags],
            Self::SeasonalNaive => vec![forecasting::Method::SeasonalNaive],
        }
    }
}

impl Params {
    /// How many steps ahead, by whichever name.
    pub fn horizon(&self) -> Result<u32, Failure> {
        let horizon = ("horizon", self.horizon);
        alias::either(horizon, ("prediction_length", self.prediction_length))?.ok_or_else(|| {
            invalid_parameter("horizon", "it is not given: how many steps ahead are to be forecast?")
                .allowed("whole numbers from 1 to 10000")
        })
    }

    /// How far steps are apart, by whichever name.
    pub fn frequency(&self) -> Result<Option<&str>, Failure> {
        let frequency = ("frequency", self.frequency.as_deref());
        alias::either(frequency, ("time_freq", self.time_freq.as_deref()))
    }

    /// Whether the user says how long a season is.
    pub fn has_season(&self) -> bool {
        self.season_length.is_some() || self.seasonal_periods.is_some()
    }

    /// What the kernel takes, for a season of so many steps.
    pub fn kernel(&self, season_length: u32, seed: u64) -> Result<Checked<forecasting::Params>, Failure> {
        if let Some(level) = self.quantiles.iter().find(|level| !(**level > 0.0 && **level < 1.0)) {
            return Err(invalid_parameter("quantiles", format!("{} is no quantile", shown(*level)))
                .allowed("numbers above 0 and below 1"));
        }
        let season = ("season_length", self.season_length);
        let season = alias::either(season, ("seasonal_periods", self.seasonal_periods))?;
        let damped = alias::either(("damped", self.damped), ("damped_trend", self.damped_trend))?;
        let params = forecasting::Params {
            horizon: self.horizon()?,
            season_length: season.unwrap_or(season_length),
            trend: self.trend,
            seasonal: self.seasonal,
            damped,
            lags: self.lags,
            boosting: gradient_boosting::Params {
                num_round: self.num_round,
                eta: self.eta,
                max_depth: self.max_depth,
                seed,
                ..Default::default()
            },
            windows: self.backtest_windows,
        };
        params.check().map_err(blame::parameter)
    }
}
