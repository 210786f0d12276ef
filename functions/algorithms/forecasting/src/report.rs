//! What is said of a job: how far steps are apart, which method was chosen, and with which parameters.

use crate::params::Params;
use crate::series::All;
use millstream_learners::Checked;
use millstream_learners::forecasting::{self, Backtest, Forecast, Method, Seasonal, Smoothing, Trend};
use millstream_sdk::{Classes, Context, Failure};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub struct Report {
    chosen: Method,
    /// As the parameter of that name has it.
    frequency: String,
    /// The same for people.
    step: String,
    timezone: Option<String>,
    season_length: u32,
    /// Of exponential smoothing, series by series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ets: Vec<Smoothed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boosted_lags: Option<Boosted>,
    backtests: Vec<Tested>,
}

/// What a method's back-test came to.
#[derive(Serialize)]
pub struct Tested {
    pub method: Method,
    series: usize,
    windows: usize,
    pub mase: Option<f64>,
    pub smape: f64,
    pub mae: f64,
    pub rmse: f64,
    pub wql: Option<f64>,
    /// The share of values within the interval from the quantile 0.1 to 0.9.
    pub coverage_80: f64,
}

#[derive(Serialize)]
struct Smoothed {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    values: usize,
    trend: Trend,
    damped: bool,
    seasonal: Seasonal,
    alpha: f64,
    beta: f64,
    gamma: f64,
    phi: f64,
    sigma: f64,
    log_likelihood: f64,
    aicc: f64,
}

#[derive(Serialize)]
struct Boosted {
    lags: usize,
    num_round: u32,
    eta: f64,
    max_depth: u32,
}

impl Tested {
    pub fn new(method: Method, test: &Backtest) -> Self {
        let scores = test.scores;
        Self {
            method,
            series: test.series,
            windows: test.windows,
            mase: scores.mase,
            smape: scores.smape,
            mae: scores.mae,
            rmse: scores.rmse,
            wql: scores.wql,
            coverage_80: scores.coverage,
        }
    }
}

impl Report {
    pub fn new(
        params: &Params,
        kernel: &Checked<forecasting::Params>,
        all: &All,
        chosen: Method,
        forecasts: &[Forecast],
        backtests: Vec<Tested>,
    ) -> Self {
        let names = all.items.as_ref().map(Classes::names);
        let smoothed = |(place, forecast): (usize, &Forecast)| {
            let Smoothing { shape, paces, sigma, log_likelihood, aicc } = forecast.smoothing?;
            Some(Smoothed {
                item: names.as_ref().map(|names| names[place].clone()),
                values: all.series[place].values.len(),
                trend: shape.trend,
                damped: shape.damped,
                seasonal: shape.seasonal,
                alpha: paces.alpha,
                beta: paces.beta,
                gamma: paces.gamma,
                phi: paces.phi,
                sigma,
                log_likelihood,
                aicc,
            })
        };
        Self {
            chosen,
            frequency: all.frequency(),
            step: all.step_text(),
            timezone: params.timezone.clone(),
            season_length: kernel.season_length,
            ets: forecasts.iter().enumerate().filter_map(smoothed).collect(),
            boosted_lags: (chosen == Method::BoostedLags).then(|| Boosted {
                lags: kernel.latest(),
                num_round: kernel.num_round,
                eta: kernel.eta,
                max_depth: kernel.max_depth,
            }),
            backtests,
        }
    }
}

/// What people call a method.
pub fn name(method: Method) -> &'static str {
    match method {
        Method::Ets => "exponential smoothing",
        Method::BoostedLags => "boosted lags",
        Method::SeasonalNaive => "the last season again",
    }
}

/// Says how far steps are apart, and what a season is.
pub fn steps(
    params: &Params,
    kernel: &Checked<forecasting::Params>,
    all: &All,
    context: &Context,
) -> Result<(), Failure> {
    let how = if params.frequency()?.is_some() { "as given" } else { "as the times have it" };
    let season = match kernel.season_length {
        1 => "there is no season".to_owned(),
        length => format!("a season is {length} of them"),
    };
    let zone = params.timezone.as_deref().map_or(String::new(), |zone| format!(", by the clock of {zone}"));
    context.info(format!(
        "steps of {}{zone} (`frequency: {}`, {how}); {season}",
        all.step_text(),
        all.frequency()
    ));
    Ok(())
}

/// Says which method was chosen with which parameters, and which of those that were asked for it could not follow.
pub fn method(
    params: &Params,
    kernel: &Checked<forecasting::Params>,
    all: &All,
    chosen: Method,
    forecasts: &[Forecast],
    context: &Context,
) {
    match chosen {
        Method::SeasonalNaive => {}
        Method::BoostedLags => context.info(format!(
            "boosted lags of {} latest values: {} rounds, eta {}, depth {}",
            kernel.latest(),
            kernel.num_round,
            kernel.eta,
            kernel.max_depth
        )),
        Method::Ets => smoothing(kernel, all, forecasts, params, context),
    }
}

fn smoothing(
    kernel: &Checked<forecasting::Params>,
    all: &All,
    forecasts: &[Forecast],
    params: &Params,
    context: &Context,
) {
    let found: Vec<(usize, Smoothing)> =
        forecasts.iter().enumerate().filter_map(|(place, own)| Some((place, own.smoothing?))).collect();
    let shape = |own: &Smoothing| {
        let damped = if own.shape.damped { ", damped" } else { "" };
        format!("trend {}{damped}, season {}", trend(own.shape.trend), seasonal(own.shape.seasonal))
    };
    if let [(_, own)] = found.as_slice() {
        let paces = own.paces;
        context.info(format!(
            "exponential smoothing: {}; alpha {:.4}, beta {:.4}, gamma {:.4}, phi {:.4}; AICc {:.2}",
            shape(own),
            paces.alpha,
            paces.beta,
            paces.gamma,
            paces.phi,
            own.aicc
        ));
    } else {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        found.iter().for_each(|(_, own)| *counts.entry(shape(own)).or_default() += 1);
        let counts: Vec<String> =
            counts.iter().map(|(shape, count)| format!("{count} series with {shape}")).collect();
        context.info(format!("exponential smoothing: {}", counts.join("; ")));
    }
    // What was asked for, but for `auto`.
    let say =
        |parameter: &str, asked: &str, other: &dyn Fn(&Smoothing) -> Option<&'static str>, needs: &str| {
            let mut others = found.iter().filter_map(|(place, own)| Some((*place, other(own)?)));
            if let Some((place, got)) = others.next() {
                let count = 1 + others.count();
                context.warn(format!(
                "`{parameter}: {asked}` was not followed for {count} of {} series; {} got `{got}`: {needs}",
                found.len(),
                all.name(place)
            ));
            }
        };
    if kernel.trend != Trend::Auto {
        let other = |own: &Smoothing| (own.shape.trend != kernel.trend).then(|| trend(own.shape.trend));
        let needs = "a trend needs 4 values, a multiplicative one values above 0";
        say("trend", trend(kernel.trend), &other, needs);
    }
    let whole = 2 * kernel.season_length;
    if kernel.seasonal != Seasonal::Auto {
        let other =
            |own: &Smoothing| (own.shape.seasonal != kernel.seasonal).then(|| seasonal(own.shape.seasonal));
        let needs = format!(
            "a season needs two whole ones ({whole} values) of more than 1 step, a multiplicative one values above 0"
        );
        say("seasonal", seasonal(kernel.seasonal), &other, &needs);
    } else if kernel.season_length > 1 {
        let short = all.series.iter().filter(|own| own.values.len() < whole as usize).count();
        if short > 0 {
            let text = format!(
                "{short} of {} series have fewer values than two seasons ({whole}): they were smoothed without a season",
                all.series.len()
            );
            if params.has_season() { context.warn(text) } else { context.info(text) }
        }
    }
    if kernel.trend == Trend::None && kernel.damped == Some(true) {
        context.warn("`damped: true` has no effect with `trend: none`");
    }
}

fn trend(trend: Trend) -> &'static str {
    match trend {
        Trend::Auto => "auto",
        Trend::None => "none",
        Trend::Additive => "additive",
        Trend::Multiplicative => "multiplicative",
    }
}

fn seasonal(seasonal: Seasonal) -> &'static str {
    match seasonal {
        Seasonal::Auto => "auto",
        Seasonal::None => "none",
        Seasonal::Additive => "additive",
        Seasonal::Multiplicative => "multiplicative",
    }
}
