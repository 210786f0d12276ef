use crate::gradient_boosting;
use crate::param_guard::hyperparams;
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

hyperparams! {
    /// What shapes forecasts.
    pub struct Params {
        /// Steps ahead. See [`Lengths`].
        #[schemars(skip)]
        pub horizon: u32 = 1;
        /// Steps after which a season comes again; 1: there is none. See [`Lengths`].
        #[schemars(skip)]
        pub season_length: u32 = 1;
        /// Ends of the series that back-tests forecast, each a horizon earlier.
        pub backtest_windows: u32 = 1, "minimum" = 1, "maximum" = 1000;
        /// Of `ets`: how the level moves on: `auto`, `none`, `additive` or `multiplicative` (values above 0 only, else
        /// additive).
        #[schemars(with = "String", extend("enum" = ["auto", "none", "additive", "multiplicative"]))]
        pub trend: Trend = Trend::Auto;
        /// Of `ets`: how values go up and down with the season: `auto`, `none`, `additive` or `multiplicative` (values above 0
        /// only, else additive).
        #[schemars(with = "String", extend("enum" = ["auto", "none", "additive", "multiplicative"]))]
        pub seasonal: Seasonal = Seasonal::Auto;
        /// Of `ets`: whether the trend fades; if not given, whichever explains the series better.
        pub damped: Option<bool> = None;
        /// Of `boosted-lags`: latest values that are looked at; a season's, 7 to 28, if not given.
        pub lags: Option<u32> = None, "minimum" = 1, "maximum" = 1000;
        /// Of `boosted-lags`: rounds of boosting.
        pub num_round: u32 = 150, "minimum" = 1;
        /// Of `boosted-lags`: how much of each tree's step is taken.
        pub eta: f64 = 0.1, "exclusiveMinimum" = 0, "maximum" = 1;
        /// Of `boosted-lags`: splits from the root to a leaf at the most.
        pub max_depth: u32 = 5, "minimum" = 1, "maximum" = 64;
        /// Of `boosted-lags`. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

hyperparams! {
    /// Numbers of steps, each by two names. What is not given is found in the series, or asked for.
    pub struct Lengths {
        /// How many steps ahead; must be given.
        pub horizon: Option<u32> = None, "minimum" = 1, "maximum" = 10_000;
        /// The same as `horizon`, which SageMaker's DeepAR calls so.
        pub prediction_length: Option<u32> = None, "minimum" = 1, "maximum" = 10_000;
        /// Steps after which a season comes again; 1 for none. If not given: a day's for parts of a day, else 7 for days, 5 for
        /// days from Monday to Friday, a year's for weeks (52), months (12) and quarters (4), 1.
        pub season_length: Option<u32> = None, "minimum" = 1, "maximum" = 10_000;
        /// The same as `season_length`, which statsmodels calls so.
        pub seasonal_periods: Option<u32> = None, "minimum" = 1, "maximum" = 10_000;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        let (horizon, season_length) = (Some(self.horizon), Some(self.season_length));
        Lengths { horizon, season_length, ..Lengths::default() }.verify_ranges()?;
        self.verify_ranges()?;
        self.boosting().verify()
    }
}

impl Params {
    /// Boosting of the lags.
    pub(super) fn boosting(&self) -> gradient_boosting::Params {
        gradient_boosting::Params {
            num_round: self.num_round,
            eta: self.eta,
            max_depth: self.max_depth,
            seed: self.seed,
            ..Default::default()
        }
    }
}
