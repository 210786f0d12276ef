//! Boosted trees that forecast every step at once: from the latest values, the last seasons, the calendar and the step.
//!
//! Values are taken relative to the series' latest mean and spread, so that trees, which cannot go beyond what they have
//! seen, follow trends, and all series teach one another.

use super::{Forecast, Params, Series};
use crate::gradient_boosting::{Data, GradientBoosting, Objective};
use crate::{Check, Checked, Columns, Error};
use std::ops::ControlFlow;

/// Rows to learn from at the most: starts are left out evenly.
const MOST_ROWS: usize = 100_000;

/// One series with what its features are relative to.
struct Prepared<'a> {
    series: &'a Series,
    spread: f64,
}

struct Task<'a> {
    season: usize,
    lags: usize,
    window: usize,
    horizon: usize,
    series: Vec<Prepared<'a>>,
}

/// Features, column by column, with targets.
struct Rows {
    columns: Vec<Vec<f64>>,
    targets: Vec<f64>,
    steps: Vec<usize>,
}

pub(super) fn forecast(params: &Params, series: &[Series]) -> Result<Vec<Forecast>, Error> {
    let (season, horizon) = (params.season(), params.horizon as usize);
    let lags = params.latest();
    let window = if season > 1 { season } else { 8 };
    let prepared = series.iter().map(|series| Prepared { series, spread: spread(&series.values, season) });
    let task = Task { season, lags, window, horizon, series: prepared.collect() };
    let boosting = crate::gradient_boosting::Params {
        objective: Objective::SquaredError,
        early_stopping_rounds: None,
        base_score: None,
        eval_metric: Vec::new(),
        ..params.boosting()
    };
    let boosting = boosting.check()?;

    // How far a model is wrong about what it has not seen: the last steps of each series.
    let held = |length: usize| horizon.max(length / 5).min(length / 2);
    let early = task.rows(|length| length - held(length), false);
    let late = task.rows(held, true);
    let deviations = match (task.fit(&boosting, &early)?, late.targets.is_empty()) {
        (Some(model), false) => deviations(&model.predict_numbers(&columns(&late.columns)?)?, &late, horizon),
        _ => vec![1.0; horizon],
    };
    let all = task.rows(|length| length, false);
    let model = task.fit(&boosting, &all)?;
    let mut forecasts = Vec::with_capacity(series.len());
    for own in &task.series {
        let length = own.series.values.len();
        let mut rows = task.empty();
        (1..=horizon).for_each(|h| task.push(own, length - 1, h, None, &mut rows));
        let predicted = match &model {
            Some(model) => model.predict_numbers(&columns(&rows.columns)?)?,
            // Nothing to learn from: the latest mean.
            None => vec![0.0; horizon],
        };
        let base = task.base(own, length - 1);
        forecasts.push(Forecast {
            mean: predicted.iter().map(|v| base + v * own.spread).collect(),
            sd: deviations.iter().map(|d| d * own.spread).collect(),
            smoothing: None,
        });
    }
    Ok(forecasts)
}

/// How far values lie from those a season before; 0 in a constant series.
fn spread(values: &[f64], season: usize) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let sd = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64).sqrt();
    let naive = super::naive::scale(values, season);
    if naive > 0.0 { naive } else { sd }
}

fn columns(columns: &[Vec<f64>]) -> Result<Columns<'_>, Error> {
    Columns::new(columns.iter().map(Vec::as_slice).collect())
}

/// The root mean squared error of each step; of all steps where one has no row. Never less than of the step before.
fn deviations(predicted: &[f64], rows: &Rows, horizon: usize) -> Vec<f64> {
    let (mut squares, mut counts) = (vec![0.0; horizon], vec![0.0; horizon]);
    for ((p, y), step) in predicted.iter().zip(&rows.targets).zip(&rows.steps) {
        squares[step - 1] += (p - y) * (p - y);
        counts[step - 1] += 1.0;
    }
    let all = (squares.iter().sum::<f64>() / counts.iter().sum::<f64>().max(1.0)).sqrt();
    let mut least: f64 = 0.0;
    let own = |(square, count): (&f64, &f64)| {
        let deviation = if *count > 0.0 { (square / count).sqrt() } else { all };
        least = least.max(deviation);
        least
    };
    squares.iter().zip(&counts).map(own).collect()
}

impl Task<'_> {
    fn fit(
        &self,
        boosting: &Checked<crate::gradient_boosting::Params>,
        rows: &Rows,
    ) -> Result<Option<GradientBoosting>, Error> {
        if rows.targets.len() < 2 {
            return Ok(None);
        }
        let x = columns(&rows.columns)?;
        let data = Data { x: &x, y: &rows.targets, weights: None, groups: None };
        boosting.fit(data, None, &mut |_| ControlFlow::Continue(())).map(Some)
    }

    fn empty(&self) -> Rows {
        let calendar = self.series.first().map_or(0, |own| own.series.calendar.len());
        // Lags, the two last seasons, the slope, the step, the place in the season, the calendar.
        Rows { columns: vec![Vec::new(); self.lags + 5 + calendar], targets: Vec::new(), steps: Vec::new() }
    }

    /// Rows whose targets lie before `end` of each series, or from `end` steps before its end on.
    fn rows(&self, end: impl Fn(usize) -> usize, late: bool) -> Rows {
        let origins: usize = self.series.iter().map(|own| own.series.values.len()).sum();
        // More than 32 bits can count.
        let pairs = origins as u64 * self.horizon as u64;
        let stride = pairs.div_ceil(MOST_ROWS as u64).max(1) as usize;
        let mut rows = self.empty();
        for own in &self.series {
            let length = own.series.values.len();
            if own.spread == 0.0 {
                continue;
            }
            let (from, to) = if late { (length - end(length), length) } else { (0, end(length)) };
            for origin in (0..to).filter(|origin| (length - origin) % stride == 0) {
                for h in 1..=self.horizon {
                    let at = origin + h;
                    if (from..to).contains(&at) && (!late || origin + 1 >= from) {
                        self.push(own, origin, h, Some(own.series.values[at]), &mut rows);
                    }
                }
            }
        }
        rows
    }

    /// The mean of the latest values.
    fn base(&self, own: &Prepared, origin: usize) -> f64 {
        let latest = &own.series.values[(origin + 1).saturating_sub(self.window)..=origin];
        latest.iter().sum::<f64>() / latest.len() as f64
    }

    fn push(&self, own: &Prepared, origin: usize, h: usize, target: Option<f64>, rows: &mut Rows) {
        let values = &own.series.values;
        let base = self.base(own, origin);
        let spread = if own.spread > 0.0 { own.spread } else { 1.0 };
        let relative = |place: Option<usize>| place.map_or(f64::NAN, |place| (values[place] - base) / spread);
        let at = origin + h;
        // The latest step of the same season that is known, and the one before.
        let back = self.season * h.div_ceil(self.season);
        let slope = origin
            .checked_sub(self.window)
            .map_or(f64::NAN, |before| (base - self.base(own, before)) / spread);
        let calendar = own.series.calendar.iter().map(|column| column[at]);
        let features = (0..self.lags)
            .map(|lag| relative(origin.checked_sub(lag)))
            .chain([
                relative(at.checked_sub(back)),
                relative(at.checked_sub(back + self.season)),
                slope,
                h as f64,
                (at % self.season) as f64,
            ])
            .chain(calendar);
        rows.columns.iter_mut().zip(features).for_each(|(column, v)| column.push(v));
        rows.steps.push(h);
        if let Some(target) = target {
            rows.targets.push((target - base) / spread);
        }
    }
}
