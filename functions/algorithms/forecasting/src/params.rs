//! What the user may set.

use crate::time::Missing;
use millstream_learners::forecasting::{self, Lengths};
use millstream_learners::{Check, Checked};
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
    #[serde(flatten)]
    lengths: Lengths,
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
    // Behind the lengths, two of which have the same names: what is given there is not seen here.
    #[serde(flatten)]
    forecasting: forecasting::Params,
    /// The same as `damped`, which statsmodels calls so.
    #[serde(default)]
    damped_trend: Option<bool>,
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
        let horizon = ("horizon", self.lengths.horizon);
        alias::either(horizon, ("prediction_length", self.lengths.prediction_length))?.ok_or_else(|| {
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
        self.lengths.season_length.is_some() || self.lengths.seasonal_periods.is_some()
    }

    /// What the kernel takes, for a season of so many steps.
    pub fn kernel(&self, season_length: u32, seed: u64) -> Result<Checked<forecasting::Params>, Failure> {
        if let Some(level) = self.quantiles.iter().find(|level| !(**level > 0.0 && **level < 1.0)) {
            return Err(invalid_parameter("quantiles", format!("{} is not a quantile", shown(*level)))
                .allowed("numbers above 0 and below 1"));
        }
        let season = ("season_length", self.lengths.season_length);
        let season = alias::either(season, ("seasonal_periods", self.lengths.seasonal_periods))?;
        let damped = ("damped", self.forecasting.damped);
        let params = forecasting::Params {
            horizon: self.horizon()?,
            season_length: season.unwrap_or(season_length),
            damped: alias::either(damped, ("damped_trend", self.damped_trend))?,
            seed,
            ..self.forecasting.clone()
        };
        params.check().map_err(blame::parameter)
    }
}
