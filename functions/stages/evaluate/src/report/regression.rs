//! Predicted numbers.

use maud::{Markup, html};
use millstream_charts::{
    Page,
    chart::{Axis, Bar, Chart, Layer, Tone},
    format::{count, counted, figure},
    scale::{extent, padded},
};

use crate::evaluation::{Evaluation, Regression};

const BINS: usize = 30;

pub fn sections(page: Page, of: &Regression, evaluation: &Evaluation) -> Page {
    let unit = evaluation.target.as_deref().unwrap_or("target");
    page.section("predictions", "Predictions", predictions(of, unit)).section(
        "worst",
        "Largest errors",
        worst(of),
    )
}

fn predictions(of: &Regression, unit: &str) -> Markup {
    let pairs = || of.truth.iter().copied().zip(of.predicted.iter().copied());
    let both = padded(extent(of.truth.iter().chain(&of.predicted).copied()), 0.04);
    let against = Chart::new("Predicted against actual", "Rows on the dashed line are predicted right.")
        .x(Axis::new(format!("actual {unit}"), both))
        .y(Axis::new(format!("predicted {unit}"), both))
        .size(480.0, 360.0)
        .layer(Layer::dots(pairs().collect(), Tone::Series(0)))
        .layer(Layer::dashed(vec![(both[0], both[0]), (both[1], both[1])], Tone::Muted).named("perfect"));
    let residuals: Vec<f64> = pairs().map(|(truth, predicted)| truth - predicted).collect();
    let [least, most] = extent(residuals.iter().copied());
    let reach = least.abs().max(most.abs()) * 1.08;
    let across = padded(extent(of.predicted.iter().copied()), 0.04);
    let spread = Chart::new(
        "Residuals",
        "Actual minus predicted over the prediction; a pattern means that something is left to learn.",
    )
    .x(Axis::new(format!("predicted {unit}"), across))
    .y(Axis::new("actual − predicted", [-reach, reach]))
    .size(480.0, 360.0)
    .layer(Layer::dots(
        of.predicted.iter().copied().zip(residuals.iter().copied()).collect(),
        Tone::Series(1),
    ))
    .layer(Layer::dashed(vec![(across[0], 0.0), (across[1], 0.0)], Tone::Muted).named("perfect"));
    let named =
        |name: &str| of.residual_quantiles.get(name).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
    html! {
        div.grid2 {
            div.card { (against.render()) }
            div.card { (spread.render()) }
            div.card { (distribution(&residuals, [least, most])) }
            div.card {
                table {
                    caption { "Actual minus predicted" }
                    tbody {
                        @for (label, value) in [
                            ("Mean", of.residual_mean), ("5% are below", named("p05")), ("25% are below", named("p25")),
                            ("Median", named("p50")), ("75% are below", named("p75")), ("95% are below", named("p95")),
                        ] { tr { th scope="row" { (label) } td.number { (figure(value)) } } }
                    }
                }
            }
        }
    }
}

fn distribution(residuals: &[f64], [least, most]: [f64; 2]) -> Markup {
    let width = (most - least) / BINS as f64;
    let mut counts = [0u64; BINS];
    for residual in residuals {
        let bin = if width > 0.0 { ((residual - least) / width) as usize } else { BINS / 2 };
        counts[bin.min(BINS - 1)] += 1;
    }
    let width = if width > 0.0 { width } else { 1.0 / BINS as f64 };
    let edge = |i: usize| least + i as f64 * width;
    let bar = |(i, n): (usize, &u64)| {
        let title = format!("{} to {}: {}", figure(edge(i)), figure(edge(i + 1)), counted(*n, "row", "rows"));
        Bar { from: edge(i), to: edge(i + 1), height: *n as f64, title }
    };
    let tallest = counts.iter().copied().max().unwrap_or(0) as f64;
    Chart::new("How large the errors are", "Histogram of actual minus predicted.")
        .x(Axis::new("actual − predicted", [edge(0), edge(BINS)]))
        .y(Axis::new("rows", [0.0, tallest]))
        .layer(Layer::bars(counts.iter().enumerate().map(bar).collect(), Tone::Series(1)))
        .render()
}

fn worst(of: &Regression) -> Markup {
    html! {
        div.card { div.scroll { table {
            thead { tr {
                th.number scope="col" { "Row" } th.number scope="col" { "Actual" } th.number scope="col" { "Predicted" }
                th.number scope="col" { "Actual − predicted" }
            } }
            tbody { @for miss in &of.worst { tr {
                td.number { (count(miss.row)) } td.number { (figure(miss.truth)) } td.number { (figure(miss.predicted)) }
                td.number { (figure(miss.truth - miss.predicted)) }
            } } }
        } } }
    }
}
