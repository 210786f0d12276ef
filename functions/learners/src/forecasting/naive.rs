use super::Forecast;

/// The last season again; the last value where there is no whole season.
pub(super) fn forecast(values: &[f64], season: usize, horizon: usize) -> Forecast {
    let lag = if season < values.len() { season } else { 1 };
    let start = values.len() - lag.min(values.len());
    let mean = (0..horizon).map(|h| values[start + h % lag]).collect();
    let errors: Vec<f64> = values.windows(lag + 1).map(|w| w[lag] - w[0]).collect();
    let sigma = match errors.len() {
        0 => 0.0,
        n => (errors.iter().map(|e| e * e).sum::<f64>() / n as f64).sqrt(),
    };
    // Each further season adds its own chance.
    let sd = (0..horizon).map(|h| sigma * ((h / lag + 1) as f64).sqrt()).collect();
    Forecast { mean, sd, smoothing: None }
}

/// The mean absolute error of the last season as a forecast of the next, within the series.
pub(super) fn scale(values: &[f64], season: usize) -> f64 {
    let lag = if season < values.len() { season } else { 1 };
    let errors = values.windows(lag + 1).map(|w| (w[lag] - w[0]).abs());
    let count = errors.len().max(1) as f64;
    errors.sum::<f64>() / count
}
