//! Two classes or more.

use maud::{Markup, html};
use millstream_charts::{
    Page,
    chart::{Axis, Bar, Chart, Layer, Tone},
    format::{counted, figure, percent, score, shortened},
    matrix::{Cell, Matrix},
};

use crate::evaluation::{Classification, Curves, Evaluation, Points};

/// Classes whose curves are drawn: as many as there are colours.
const DRAWN: usize = 8;
/// Classes up to which the confusion matrix is drawn whole.
const MATRIX: usize = 40;
/// Confusions that are listed otherwise.
const LISTED: usize = 25;
const UNIT: [f64; 2] = [0.0, 1.0];

pub fn sections(page: Page, of: &Classification, evaluation: &Evaluation) -> Page {
    let page = page.section("confusion", "Right and wrong", confusion(of));
    let page =
        if of.curves.is_empty() { page } else { page.section("curves", "Curves", curves(of, evaluation)) };
    if of.thresholds.is_empty() {
        page
    } else {
        page.section("thresholds", "Choosing a threshold", thresholds(of))
    }
}

fn confusion(of: &Classification) -> Markup {
    html! {
        @if let (Some(positive), Some(threshold)) = (&of.positive, of.threshold) {
            p.note { "A row counts as " (positive) " from a probability of " (figure(threshold)) " on." }
        }
        div.grid2.top[of.classes.len() <= 6].stack {
            div.card { @if of.classes.len() <= MATRIX { (matrix(of)) } @else { (most_confused(of)) } }
            div.card { (per_class(of)) }
        }
    }
}

/// What is taken for what most often, where a matrix would be too large to read.
fn most_confused(of: &Classification) -> Markup {
    let n = of.classes.len();
    let cells = (0..n).flat_map(|truth| (0..n).map(move |predicted| (truth, predicted)));
    let mut errors: Vec<(f64, usize, usize)> = cells
        .filter(|(truth, predicted)| truth != predicted)
        .map(|(truth, predicted)| (of.confusion[truth][predicted], truth, predicted))
        .filter(|(rows, ..)| *rows > 0.0)
        .collect();
    errors.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    html! {
        div.scroll { table {
            caption { "Most frequent confusions; the JSON has the whole matrix" }
            thead { tr { th scope="col" { "Actual" } th scope="col" { "Predicted" } th.number scope="col" { "Rows" } } }
            tbody { @for (rows, truth, predicted) in errors.iter().take(LISTED) { tr {
                td { (shortened(&of.classes[*truth], 40)) } td { (shortened(&of.classes[*predicted], 40)) } td.number { (figure(*rows)) }
            } } }
        } }
    }
}

fn matrix(of: &Classification) -> Markup {
    let total: f64 = of.confusion.iter().flatten().sum();
    let right: f64 = (0..of.classes.len()).map(|class| of.confusion[class][class]).sum();
    let cells = of
        .confusion
        .iter()
        .enumerate()
        .flat_map(|(truth, row)| row.iter().enumerate().map(move |(predicted, n)| (truth, predicted, *n)))
        .map(|(truth, predicted, n)| {
            let share = n / of.confusion[truth].iter().sum::<f64>().max(f64::MIN_POSITIVE);
            Cell {
                // Errors in the other colour.
                strength: if truth == predicted { share } else { -share },
                text: figure(n),
                title: format!(
                    "{} of class {} predicted as {} ({})",
                    figure(n),
                    of.classes[truth],
                    of.classes[predicted],
                    percent(share)
                ),
            }
        })
        .collect();
    Matrix {
        title: "Confusion matrix".to_owned(),
        description: format!("{} of {} are predicted right.", figure(right), figure(total)),
        row_axis: "actual".to_owned(),
        column_axis: "predicted".to_owned(),
        rows: of.classes.clone(),
        columns: of.classes.clone(),
        cells,
    }
    .render()
}

fn per_class(of: &Classification) -> Markup {
    let ranked = of.per_class.iter().any(|class| class.auc.is_some());
    html! {
        div.scroll { table {
            caption { "By class" }
            thead { tr {
                th scope="col" { "Class" } th.number scope="col" { "Precision" } th.number scope="col" { "Recall" }
                th.number scope="col" { "F1" } @if ranked { th.number scope="col" { "AUC" } }
                th.number scope="col" { "Rows" } th.number scope="col" { "Predicted" }
            } }
            tbody { @for class in &of.per_class { tr {
                th.name scope="row" { (shortened(&class.class, 40)) }
                td.number { (score(class.precision)) } td.number { (score(class.recall)) } td.number { (score(class.f1)) }
                @if ranked { td.number { (class.auc.map_or("–".to_owned(), score)) } }
                td.number { (figure(class.support)) } td.number { (figure(class.predicted)) }
            } } }
        } }
    }
}

fn curves(of: &Classification, evaluation: &Evaluation) -> Markup {
    let drawn = &of.curves[..of.curves.len().min(DRAWN)];
    html! {
        @if of.curves.len() > DRAWN {
            p.note { "Of the first " (DRAWN) " classes, each against the rest; the JSON has more of them." }
        } @else if of.curves.len() > 1 {
            p.note { "Of each class against the rest." }
        }
        div.grid2 {
            div.card { (roc(drawn)) }
            div.card { (precision_recall(drawn, of)) }
            @if !of.calibration.is_empty() { div.card { (calibration(of, evaluation)) } }
            @if !of.scores.is_empty() { div.card { (scores(of)) } }
        }
    }
}

fn named(curves: &[Curves], of: &Curves, figure: String) -> String {
    if curves.len() > 1 { format!("{} ({figure})", shortened(&of.class, 24)) } else { figure }
}

fn drawn(points: &Points, alone: bool, tone: Tone) -> Layer {
    if alone { Layer::area(points.pairs(), tone) } else { Layer::line(points.pairs(), tone) }
}

fn roc(curves: &[Curves]) -> Markup {
    let described: Vec<String> =
        curves.iter().map(|curve| format!("{} {}", curve.class, score(curve.auc))).collect();
    let mut chart = Chart::new("ROC curve", format!("Areas under the curve: {}.", described.join(", ")))
        .x(Axis::new("false positive rate", UNIT))
        .y(Axis::new("true positive rate", UNIT))
        .size(480.0, 340.0)
        .layer(Layer::dashed(vec![(0.0, 0.0), (1.0, 1.0)], Tone::Muted).named("chance"));
    for (i, curve) in curves.iter().enumerate() {
        let name = named(curves, curve, format!("AUC {}", score(curve.auc)));
        chart = chart.layer(drawn(&curve.roc, curves.len() == 1, Tone::Series(i)).named(name));
    }
    chart.render()
}

fn precision_recall(curves: &[Curves], of: &Classification) -> Markup {
    let described: Vec<String> =
        curves.iter().map(|curve| format!("{} {}", curve.class, score(curve.average_precision))).collect();
    let mut chart =
        Chart::new("Precision and recall", format!("Average precision: {}.", described.join(", ")))
            .x(Axis::new("recall", UNIT))
            .y(Axis::new("precision", UNIT))
            .size(480.0, 340.0);
    if let Some(class) =
        of.positive.as_ref().and_then(|positive| of.per_class.iter().find(|class| class.class == *positive))
    {
        let total: f64 = of.per_class.iter().map(|class| class.support).sum();
        let share = class.support / total;
        chart = chart.layer(Layer::dashed(vec![(0.0, share), (1.0, share)], Tone::Muted).named("chance"));
    }
    for (i, curve) in curves.iter().enumerate() {
        let name = named(curves, curve, format!("average precision {}", score(curve.average_precision)));
        chart = chart.layer(drawn(&curve.precision_recall, curves.len() == 1, Tone::Series(i)).named(name));
    }
    chart.render()
}

fn calibration(of: &Classification, evaluation: &Evaluation) -> Markup {
    let points: Vec<(f64, f64)> = of.calibration.iter().map(|bin| (bin.predicted, bin.observed)).collect();
    let brier = evaluation
        .metrics
        .get("brier")
        .map_or(String::new(), |brier| format!("Brier score {}", score(brier)));
    let description =
        format!("How often the positive class occurs against its predicted probability. {brier}.");
    Chart::new("Calibration", description)
        .x(Axis::new("predicted probability", UNIT))
        .y(Axis::new("observed share", UNIT))
        .size(480.0, 340.0)
        .layer(Layer::dashed(vec![(0.0, 0.0), (1.0, 1.0)], Tone::Muted).named("perfectly calibrated"))
        .layer(Layer::line(points.clone(), Tone::Series(2)).named(brier))
        .layer(Layer::dots(points, Tone::Series(2)).radius(4.0))
        .render()
}

fn scores(of: &Classification) -> Markup {
    let n = of.scores.len() as f64;
    let totals = of.scores.iter().fold([0, 0], |[a, b], [x, y]| [a + x, b + y]);
    let share = |bin: &[u64; 2], class: usize| bin[class] as f64 / totals[class].max(1) as f64;
    let most = of.scores.iter().flat_map(|bin| [share(bin, 0), share(bin, 1)]).fold(0.0, f64::max);
    let positive = of.positive.as_deref().unwrap_or_default();
    let negative = of.classes.iter().find(|class| *class != positive).map_or("", String::as_str);
    // Side by side within each bin: neither hides the other.
    let bars = |class: usize, name: &str| -> Vec<Bar> {
        let half = 0.5 / n;
        let bar = |(i, bin): (usize, &[u64; 2])| {
            let from = i as f64 / n + class as f64 * half;
            let title = format!(
                "{name}, {} to {}: {}",
                figure(i as f64 / n),
                figure((i + 1) as f64 / n),
                counted(bin[class], "row", "rows")
            );
            Bar { from, to: from + half, height: share(bin, class), title }
        };
        of.scores.iter().enumerate().map(bar).collect()
    };
    let threshold = of.threshold.unwrap_or(0.5);
    Chart::new("Predicted probabilities", format!("Probability of {positive} for rows of either class."))
        .x(Axis::new(format!("probability of {}", shortened(positive, 30)), UNIT))
        .y(Axis::new("share of the class", [0.0, most]))
        .size(480.0, 340.0)
        .layer(Layer::bars(bars(0, negative), Tone::Series(1)).named(shortened(negative, 30)))
        .layer(Layer::bars(bars(1, positive), Tone::Series(0)).named(shortened(positive, 30)))
        .layer(Layer::dashed(vec![(threshold, 0.0), (threshold, most)], Tone::Muted).named("threshold"))
        .render()
}

fn thresholds(of: &Classification) -> Markup {
    let line = |figure: fn(&crate::evaluation::AtThreshold) -> f64| -> Vec<(f64, f64)> {
        of.thresholds.iter().map(|at| (at.threshold, figure(at))).collect()
    };
    let best =
        of.thresholds.iter().max_by(|a, b| a.f1.total_cmp(&b.f1).then(b.threshold.total_cmp(&a.threshold)));
    let chart = Chart::new("", "Precision, recall and F1 at thresholds from 0.05 to 0.95.")
        .x(Axis::new("threshold", UNIT))
        .y(Axis::new("", UNIT))
        .size(480.0, 340.0)
        .layer(Layer::line(line(|at| at.precision), Tone::Series(0)).named("precision"))
        .layer(Layer::line(line(|at| at.recall), Tone::Series(1)).named("recall"))
        .layer(Layer::line(line(|at| at.f1), Tone::Series(2)).named("F1"));
    html! {
        @if let Some(best) = best {
            p.note { "F1 is highest at " (figure(best.threshold)) ". A threshold that is chosen here must be checked on other rows." }
        }
        div.grid2 {
            div.card { (chart.render()) }
            div.card { div.scroll { table {
                thead { tr {
                    th.number scope="col" { "Threshold" } th.number scope="col" { "Precision" } th.number scope="col" { "Recall" }
                    th.number scope="col" { "F1" } th.number scope="col" { "Accuracy" }
                } }
                tbody { @for at in of.thresholds.iter().skip(1).step_by(2) { tr {
                    td.number { (figure(at.threshold)) } td.number { (score(at.precision)) } td.number { (score(at.recall)) }
                    td.number { (score(at.f1)) } td.number { (score(at.accuracy)) }
                } } }
            } } }
        }
    }
}
