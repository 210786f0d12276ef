use super::{Method, Params, Series, naive};
use crate::{Checked, Error};

/// Values that a back-test leaves to learn from at the least.
const SHORTEST: usize = 3;

/// How far forecasts were right.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    pub mae: f64,
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, from 0 to 200.
    pub smape: f64,
    /// The mean absolute error over that of the last season as a forecast within the series; none if all are constant.
    pub mase: Option<f64>,
    /// The weighted quantile loss, the mean over the quantiles 0.1, 0.2, ..., 0.9: twice the pinball losses over the sum of
    /// the values' sizes, as GluonTS and SageMaker's DeepAR have it (`mean_wQuantileLoss`); none if all values are 0.
    pub wql: Option<f64>,
    /// The share of values within the interval of 80 percent.
    pub coverage: f64,
}

/// What forecasts of the ends of the series, from what was before, came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backtest {
    pub scores: Scores,
    /// Series that were long enough.
    pub series: usize,
    /// Ends of each at the most.
    pub windows: usize,
}

impl Checked<Params> {
    /// Values that a series needs for a back-test to say something about a method: boosted lags that have seen fewer values
    /// than lags and a horizon are right by chance.
    pub fn least_values(&self, method: Method) -> usize {
        let horizon = self.horizon as usize;
        match method {
            Method::BoostedLags => self.latest() + 2 * horizon,
            Method::Ets | Method::SeasonalNaive => horizon + SHORTEST,
        }
    }

    /// Forecasts the last `windows` horizons of the series, each from what was before, and compares.
    ///
    /// # Errors
    /// As [`Checked::forecast`], and if no series is long enough.
    pub fn backtest(&self, series: &[Series], method: Method) -> Result<Backtest, Error> {
        self.check_series(series)?;
        let horizon = self.horizon as usize;
        let (mut count, mut absolute, mut squares, mut percentages, mut inside) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (mut scaled, mut scaled_count) = (0.0, 0.0);
        let (mut pinball, mut size_of_all) = (0.0, 0.0);
        let (mut longest, mut used) = (0, 0);
        for window in 1..=self.backtest_windows as usize {
            let back = window * horizon;
            let long: Vec<&Series> =
                series.iter().filter(|series| series.values.len() >= back + SHORTEST).collect();
            if long.is_empty() {
                break;
            }
            longest = longest.max(long.len());
            used = window;
            let early: Vec<Series> =
                long.iter().map(|series| series.until(series.values.len() - back, horizon)).collect();
            let forecasts = self.forecast(&early, method)?;
            for ((series, early), forecast) in long.iter().zip(&early).zip(&forecasts) {
                let start = early.values.len();
                let truth = &series.values[start..start + horizon];
                let scale = naive::scale(&early.values, self.season());
                let (low, high) = (forecast.quantile(0.1), forecast.quantile(0.9));
                for level in (1..10).map(|tenth| f64::from(tenth) / 10.0) {
                    let losses = truth.iter().zip(forecast.quantile(level));
                    pinball +=
                        losses.map(|(y, q)| (level * (y - q)).max((level - 1.0) * (y - q))).sum::<f64>();
                }
                size_of_all += truth.iter().map(|y| y.abs()).sum::<f64>();
                for (h, (y, p)) in truth.iter().zip(&forecast.mean).enumerate() {
                    let error = (y - p).abs();
                    count += 1.0;
                    absolute += error;
                    squares += error * error;
                    let size = y.abs() + p.abs();
                    percentages += if size > 0.0 { 200.0 * error / size } else { 0.0 };
                    inside += f64::from(u8::from((low[h]..=high[h]).contains(y)));
                    if scale > 0.0 {
                        scaled += error / scale;
                        scaled_count += 1.0;
                    }
                }
            }
        }
        if count == 0.0 {
            return Err(Error::data(format!(
                "no series is long enough to be tested: {} values are needed for a horizon of {horizon}",
                horizon + SHORTEST
            )));
        }
        let scores = Scores {
            mae: absolute / count,
            rmse: (squares / count).sqrt(),
            smape: percentages / count,
            mase: (scaled_count > 0.0).then(|| scaled / scaled_count),
            wql: (size_of_all > 0.0).then(|| 2.0 * pinball / 9.0 / size_of_all),
            coverage: inside / count,
        };
        Ok(Backtest { scores, series: longest, windows: used })
    }
}
