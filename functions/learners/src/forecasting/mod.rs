//! Forecasts of series at regular times: exponential smoothing, boosted lags, and the last season again, each with an
//! interval, and back-tests that tell which is best.

mod backtest;
mod boosted;
mod ets;
mod hyperparams;
mod naive;

pub use backtest::{Backtest, Scores};
pub use ets::{Ets, Paces, Shape, Smoothing};
pub use hyperparams::{Lengths, Method, Params, Seasonal, Trend};

use crate::{Checked, Error, shown};

/// A series of finite values at regular times, the last one the latest.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub values: Vec<f64>,
    /// Columns that are known ahead, such as the day of the week: as many of each as values, and `horizon` more. All
    /// series have the same.
    pub calendar: Vec<Vec<f64>>,
}

/// What a series may do next, one value a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forecast {
    pub mean: Vec<f64>,
    /// Standard deviation of what is left to chance.
    pub sd: Vec<f64>,
    /// How it came about, if by exponential smoothing.
    pub smoothing: Option<Smoothing>,
}

impl Forecast {
    /// The quantile of each step, by the normal distribution. `level` is between 0 and 1.
    pub fn quantile(&self, level: f64) -> Vec<f64> {
        let z = normal_quantile(level);
        self.mean.iter().zip(&self.sd).map(|(mean, sd)| mean + z * sd).collect()
    }
}

impl Series {
    /// The first `length` values, with as much of the calendar as `horizon` steps need.
    fn until(&self, length: usize, horizon: usize) -> Self {
        let calendar = self.calendar.iter().map(|column| column[..length + horizon].to_vec()).collect();
        Self { values: self.values[..length].to_vec(), calendar }
    }
}

impl Params {
    fn season(&self) -> usize {
        self.season_length as usize
    }

    /// How many of the latest values boosted lags look at.
    pub fn latest(&self) -> usize {
        self.lags.map_or(self.season().clamp(7, 28), |lags| lags as usize)
    }
}

impl Checked<Params> {
    /// Forecasts each series `horizon` steps ahead by one method.
    ///
    /// # Errors
    /// For no series, empty ones, values that are not finite or above 1e100, and calendars of another length.
    pub fn forecast(&self, series: &[Series], method: Method) -> Result<Vec<Forecast>, Error> {
        self.check_series(series)?;
        let own = |series: &Series| match method {
            Method::SeasonalNaive => naive::forecast(&series.values, self.season(), self.horizon as usize),
            _ => Ets::fit(&series.values, self).forecast(self.horizon as usize),
        };
        let forecasts = match method {
            Method::BoostedLags => boosted::forecast(self, series)?,
            _ => series.iter().map(own).collect(),
        };
        let finite = |f: &Forecast| f.mean.iter().chain(&f.sd).all(|v| v.is_finite());
        match forecasts.iter().position(|forecast| !finite(forecast)) {
            None => Ok(forecasts),
            Some(place) => {
                Err(Error::data(format!("the forecast of series {place} grows beyond all numbers")))
            }
        }
    }

    fn check_series(&self, series: &[Series]) -> Result<(), Error> {
        let Some(first) = series.first() else { return Err(Error::data("there are no series")) };
        for (place, series) in series.iter().enumerate() {
            if series.values.is_empty() {
                return Err(Error::data(format!("series {place} is empty")));
            }
            if let Some(row) = series.values.iter().position(|v| !v.is_finite() || v.abs() > 1e100) {
                let message =
                    format!("series {place}: {} cannot be forecast from", shown(series.values[row]));
                return Err(Error::row(row, message));
            }
            let long = series.values.len() + self.horizon as usize;
            if series.calendar.len() != first.calendar.len()
                || series.calendar.iter().any(|column| column.len() != long)
            {
                return Err(Error::data(format!("series {place} has a calendar of another size")));
            }
        }
        Ok(())
    }
}

/// The quantile of the standard normal distribution by a rational approximation, good to about 1e-9 (P. J. Acklam, 2003).
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let polynomial = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    let tail = |q: f64| polynomial(&C, q) / (polynomial(&D, q) * q + 1.0);
    if p < 0.02425 {
        tail((-2.0 * libm::log(p)).sqrt())
    } else if p > 1.0 - 0.02425 {
        -tail((-2.0 * libm::log(1.0 - p)).sqrt())
    } else {
        let q = p - 0.5;
        polynomial(&A, q * q) * q / (polynomial(&B, q * q) * q * q + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Check;

    #[test]
    fn normal_quantiles() {
        for (p, z) in
            [(0.5, 0.0), (0.9, 1.2815515655446004), (0.975, 1.959963984540054), (0.001, -3.090232306167813)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-7, "{p}");
            assert!((normal_quantile(1.0 - p) + z).abs() < 1e-7);
        }
    }

    fn series(values: Vec<f64>) -> Series {
        Series { values, calendar: Vec::new() }
    }

    /// Rises, with a season of 12 and a little noise.
    fn rising(length: usize, multiplicative: bool) -> Vec<f64> {
        let value = |i: usize| {
            let season = (i as f64 * std::f64::consts::TAU / 12.0).sin();
            let level = 100.0 + i as f64;
            let noise = ((i * 7919 % 101) as f64 / 101.0 - 0.5) * 2.0;
            if multiplicative { level * (1.0 + 0.3 * season) + noise } else { level + 20.0 * season + noise }
        };
        (0..length).map(value).collect()
    }

    #[test]
    fn every_method_follows_trend_and_season() {
        for multiplicative in [false, true] {
            let all = rising(132, multiplicative);
            for (method, most) in
                [(Method::Ets, 2.0), (Method::BoostedLags, 9.0), (Method::SeasonalNaive, 16.0)]
            {
                let params = Params { horizon: 12, season_length: 12, ..Params::default() }.check().unwrap();
                let forecast = params.forecast(&[series(all[..120].to_vec())], method).unwrap();
                let wrong = |h: usize| (forecast[0].mean[h] - all[120 + h]).abs();
                let worst = (0..12).map(wrong).sum::<f64>() / 12.0;
                assert!(worst < most, "{method:?} {multiplicative}: {worst}");
                assert!(forecast[0].sd.iter().all(|sd| *sd > 0.0));
                let (low, high) = (forecast[0].quantile(0.1), forecast[0].quantile(0.9));
                assert!(low.iter().zip(&high).all(|(low, high)| low < high));
            }
        }
    }

    #[test]
    fn short_and_constant_series() {
        for values in [vec![3.0], vec![3.0, 3.0], vec![1.0, 2.0, 4.0], vec![5.0; 40], vec![0.0; 30]] {
            let last = *values.last().unwrap();
            for method in [Method::Ets, Method::BoostedLags, Method::SeasonalNaive] {
                let params = Params { horizon: 5, season_length: 7, ..Params::default() }.check().unwrap();
                let forecast = params.forecast(&[series(values.clone())], method).unwrap();
                assert_eq!(forecast[0].mean.len(), 5);
                if values.iter().all(|v| *v == last) {
                    assert!(
                        forecast[0].mean.iter().all(|v| (v - last).abs() < 1e-6),
                        "{method:?} {values:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn backtests_choose_the_better_method() {
        let many: Vec<Series> = (0..3).map(|k| series(rising(100 + 10 * k, false))).collect();
        let params = Params { horizon: 6, season_length: 12, backtest_windows: 2, ..Params::default() }
            .check()
            .unwrap();
        let (ets, naive) = (
            params.backtest(&many, Method::Ets).unwrap(),
            params.backtest(&many, Method::SeasonalNaive).unwrap(),
        );
        assert!(ets.scores.mase.unwrap() < 0.5 * naive.scores.mase.unwrap());
        assert_eq!((ets.series, ets.windows), (3, 2));
        // Errors of a unit or less beside values of about 200, however they are spread.
        let wql = ets.scores.wql.unwrap();
        assert!((0.0005..0.01).contains(&wql) && wql < naive.scores.wql.unwrap() / 2.0, "{wql}");
        // One is too short: it is left out.
        let mut mixed = many.clone();
        mixed.push(series(vec![1.0; 8]));
        assert_eq!(params.backtest(&mixed, Method::Ets).unwrap().series, 3);
        assert!(params.backtest(&mixed[3..], Method::Ets).is_err());
        // Twelve lags, a horizon to forecast and one to learn from.
        assert_eq!(params.least_values(Method::BoostedLags), 24);
        assert_eq!(params.least_values(Method::Ets), 9);
    }

    #[test]
    fn what_cannot_be_forecast() {
        let params = Params::default().check().unwrap();
        for bad in [vec![], vec![f64::NAN], vec![1.0, 1e101]] {
            assert!(params.forecast(&[series(bad)], Method::Ets).is_err());
        }
        assert!(params.forecast(&[], Method::Ets).is_err());
        assert_eq!(Params { horizon: 0, ..Params::default() }.check().unwrap_err().name, "horizon");
    }
}
