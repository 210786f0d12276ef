//! The profile as a page.

use maud::{Markup, html};
use millstream_charts::{
    Page,
    chart::{Axis, Bar, Chart, Layer, Tone},
    format::{count, counted, figure, percent, shortened},
    matrix::{Cell, Matrix},
    parts::{BarRow, Tile, bar_list, notice, sparkline, tiles},
};
use serde_json::Value;

use crate::{
    correlation::{Correlations, MOST_ROWS},
    findings::measure_name,
    numeric::{Histogram, Numbers},
    profile::{ColumnProfile, Profile},
    target::{Target, Task, shown},
    values::Kind,
};

/// Columns that get a card with a chart; the overview and the JSON have them all.
const CARDS: usize = 100;
/// Associations that are drawn.
const ASSOCIATIONS: usize = 25;
/// Columns up to which both correlation matrices fit beside each other.
const SIDE_BY_SIDE: usize = 7;
/// Whole numbers up to which each has its own tick.
const WHOLE_TICKS: usize = 12;
/// Classes that are drawn.
const CLASSES: usize = 20;

/// One self-contained HTML page.
pub fn render(profile: &Profile) -> String {
    let columns = profile.columns.len() as u64;
    let lead = format!(
        "{} and {}{}.",
        counted(profile.rows, "row", "rows"),
        counted(columns, "column", "columns"),
        profile.target.as_ref().map_or(String::new(), |target| format!(", to predict {}", target.name)),
    );
    let mut page = Page::new("Data profile").lead(lead).top(headline(profile)).section(
        "findings",
        "Findings",
        findings(profile),
    );
    if let Some(target) = &profile.target {
        page = page.section(
            "target",
            format!("Target: {}", shortened(&target.name, 40)),
            about_target(target, profile),
        );
    }
    page = page.section("columns", "Columns", overview(profile));
    if profile.correlations.columns.len() > 1 {
        page = page.section("correlations", "Correlations", correlations(&profile.correlations));
    }
    page.section("details", "Column by column", details(profile))
        .colophon(concat!("Millstream analyze ", env!("CARGO_PKG_VERSION")))
        .render()
}

fn headline(profile: &Profile) -> Markup {
    let critical = profile.critical();
    let note = if critical > 0 { format!("{critical} critical") } else { "none critical".to_owned() };
    tiles(&[
        Tile::new("Rows", count(profile.rows)),
        Tile::new("Columns", count(profile.columns.len() as u64)).note(kinds(profile)),
        Tile::new("Missing", percent(profile.missing_fraction)).note(counted(
            profile.missing_cells,
            "cell",
            "cells",
        )),
        Tile::new("Repeated rows", count(profile.duplicate_rows))
            .note(percent(profile.duplicate_rows as f64 / profile.rows as f64)),
        Tile::new("Findings", count(profile.findings.len() as u64)).note(note),
    ])
}

fn kinds(profile: &Profile) -> String {
    let kinds = [Kind::Integer, Kind::Float, Kind::Boolean, Kind::Text, Kind::Date, Kind::Timestamp];
    let tally = |kind| profile.columns.iter().filter(|column| column.kind == kind).count();
    let present = kinds.into_iter().map(|kind| (tally(kind), kind)).filter(|(n, _)| *n > 0);
    present.map(|(n, kind)| format!("{n} {}", kind.name())).collect::<Vec<_>>().join(", ")
}

fn findings(profile: &Profile) -> Markup {
    html! {
        @if profile.findings.is_empty() {
            p.note { "Nothing stands out." }
        } @else {
            ul.notices { @for finding in &profile.findings { (notice(finding.severity, &finding.message, &finding.action)) } }
        }
    }
}

fn about_target(target: &Target, profile: &Profile) -> Markup {
    let own = profile.columns.iter().find(|column| column.name == target.name);
    let task = match target.task {
        Task::Binary => "Two classes: a binary classification.",
        Task::Multiclass => "Several classes: a multi-class classification.",
        Task::Regression => "A number: a regression.",
    };
    let rows: Vec<BarRow> = target
        .associations
        .iter()
        .take(ASSOCIATIONS)
        .map(|association| BarRow {
            label: association.column.clone(),
            value: format!("{} {}", measure_name(association.measure), short(association.value)),
            share: association.strength,
        })
        .collect();
    let left = target.associations.len().saturating_sub(ASSOCIATIONS);
    html! {
        p.lead { (task) }
        div.grid2.top {
            div.card {
                @if target.classes.is_empty() {
                    @if let Some(numbers) = own.and_then(|own| own.numbers.as_ref()) { (histogram(&target.name, numbers, [460.0, 280.0])) }
                } @else {
                    (balance(target))
                }
            }
            @if !rows.is_empty() {
                div.card {
                    (bar_list("How strongly each column goes with it", &rows, Tone::Series(0)))
                    @if left > 0 { p.note { "And " (counted(left as u64, "weaker column", "weaker columns")) "." } }
                }
            }
        }
    }
}

fn balance(target: &Target) -> Markup {
    let total: u64 = target.classes.iter().map(|class| class.count).sum();
    let share = |n: u64| n as f64 / total.max(1) as f64;
    let most = target.classes.first().map_or(1, |class| class.count.max(1));
    let mut rows: Vec<BarRow> = target
        .classes
        .iter()
        .take(CLASSES)
        .map(|class| BarRow {
            label: shown(&class.value),
            value: format!("{} · {}", count(class.count), percent(share(class.count))),
            share: class.count as f64 / most as f64,
        })
        .collect();
    let rest = &target.classes[rows.len()..];
    if !rest.is_empty() {
        let sum = rest.iter().map(|class| class.count).sum();
        rows.push(BarRow {
            label: format!("{} others", count(rest.len() as u64)),
            value: format!("{} · {}", count(sum), percent(share(sum))),
            share: sum as f64 / most as f64,
        });
    }
    bar_list("Rows of each class", &rows, Tone::Series(1))
}

fn overview(profile: &Profile) -> Markup {
    html! {
        div.card { div.scroll { table {
            thead { tr {
                th scope="col" { "Column" } th scope="col" { "Type" } th scope="col" { "Distribution" }
                th.number scope="col" { "Missing" } th.number scope="col" { "Distinct" }
                th.number scope="col" { "Minimum" } th.number scope="col" { "Median" } th.number scope="col" { "Maximum" }
            } }
            tbody { @for (at, column) in profile.columns.iter().enumerate() {
                tr {
                    th.name scope="row" {
                        @if at < CARDS { a href=(format!("#column-{at}")) { (shortened(&column.name, 60)) } }
                        @else { (shortened(&column.name, 60)) }
                    }
                    td { (column.kind.name()) }
                    td { (small(column)) }
                    td.number { (percent(column.missing_fraction)) }
                    td.number { (count(column.distinct)) }
                    @match &column.numbers {
                        Some(numbers) if column.kind != Kind::Boolean => {
                            td.number { (plain(&numbers.min)) }
                            td.number { (numbers.quantiles.get("p50").map(plain).unwrap_or_default()) }
                            td.number { (plain(&numbers.max)) }
                        }
                        _ => td.number colspan="3" { (commonest(column)) }
                    }
                }
            } }
        } } }
    }
}

fn commonest(column: &ColumnProfile) -> String {
    column.top.first().map_or(String::new(), |top| {
        let share = top.count as f64 / column.count.max(1) as f64;
        format!("mostly {} ({})", shortened(&shown(&top.value), 24), percent(share))
    })
}

fn small(column: &ColumnProfile) -> Markup {
    let (heights, what): (Vec<f64>, _) = match &column.numbers {
        Some(numbers) => (numbers.histogram.counts.iter().map(|n| *n as f64).collect(), "Histogram of"),
        None => (column.top.iter().map(|top| top.count as f64).collect(), "Most frequent values of"),
    };
    html! { @if heights.is_empty() { span.note { (if column.count == 0 { "no values" } else { "all differ" }) } } @else { (sparkline(&heights, &format!("{what} {}", column.name))) } }
}

fn correlations(of: &Correlations) -> Markup {
    html! {
        p.note {
            "Pearson's measures straight lines, Spearman's any steady rise or fall. "
            @if of.rows == MOST_ROWS as u64 { "From an even selection of " (count(of.rows)) " rows. " }
            @if !of.omitted.is_empty() {
                (counted(of.omitted.len() as u64, "column is", "columns are")) " left out; raise max_correlation_columns to see more."
            }
        }
        div.grid2[of.columns.len() <= SIDE_BY_SIDE].stack {
            div.card { (matrix("Pearson's correlation", &of.columns, &of.pearson)) }
            div.card { (matrix("Spearman's correlation", &of.columns, &of.spearman)) }
        }
    }
}

fn matrix(title: &str, names: &[String], values: &[Vec<f64>]) -> Markup {
    let cells = values
        .iter()
        .enumerate()
        .flat_map(|(i, row)| row.iter().enumerate().map(move |(j, r)| (i, j, *r)))
        .map(|(i, j, r)| Cell {
            strength: r,
            text: if r.is_nan() { "–".to_owned() } else { format!("{r:.2}").replace('-', "−") },
            title: format!("{} and {}: {}", names[i], names[j], figure(r)),
        })
        .collect();
    let description = format!(
        "{title} of each of {} columns with each other. Blue is positive, orange negative.",
        names.len()
    );
    Matrix {
        title: title.to_owned(),
        description,
        row_axis: String::new(),
        column_axis: String::new(),
        rows: names.to_vec(),
        columns: names.to_vec(),
        cells,
    }
    .render()
}

fn details(profile: &Profile) -> Markup {
    let left = profile.columns.len().saturating_sub(CARDS);
    html! {
        @if left > 0 { p.note { "The first " (CARDS) " columns; the JSON profile has the other " (count(left as u64)) " too." } }
        div.grid2 { @for (at, column) in profile.columns.iter().take(CARDS).enumerate() { (card(at, column)) } }
    }
}

fn card(at: usize, column: &ColumnProfile) -> Markup {
    html! {
        article.card id=(format!("column-{at}")) {
            header {
                h3 { (column.name) }
                span.tag { (column.kind.name()) }
            }
            @match &column.numbers {
                Some(numbers) if column.kind != Kind::Boolean && !numbers.histogram.counts.is_empty() => {
                    (histogram(&column.name, numbers, [460.0, 200.0]))
                }
                _ => (frequencies(column)),
            }
            dl.facts { @for (label, value) in facts(column) { div { dt { (label) } dd { (value) } } } }
        }
    }
}

fn frequencies(column: &ColumnProfile) -> Markup {
    let most = column.top.first().map_or(1, |top| top.count.max(1)) as f64;
    let rows: Vec<BarRow> = column
        .top
        .iter()
        .map(|top| BarRow {
            label: shown(&top.value),
            value: format!(
                "{} · {}",
                count(top.count),
                percent(top.count as f64 / column.count.max(1) as f64)
            ),
            share: top.count as f64 / most,
        })
        .collect();
    html! {
        @if rows.is_empty() {
            p.note { @if column.count == 0 { "No values." } @else { "No value occurs twice." } }
        } @else {
            (bar_list("", &rows, Tone::Series(0)))
        }
    }
}

fn histogram(name: &str, numbers: &Numbers, [width, height]: [f64; 2]) -> Markup {
    let Histogram { edges, counts, at, centred } = &numbers.histogram;
    let most = counts.iter().copied().max().unwrap_or(0);
    let timed = numbers.min.is_string();
    let (Some(&first), Some(&last)) = (at.first(), at.last()) else {
        return html! { p.note { "No finite values." } };
    };
    // A column of one value has a bin without width; give it one to be seen.
    let edge = |i: usize| if first == last { first + i as f64 - 0.5 } else { at[i] };
    let bars = (0..counts.len())
        .map(|i| {
            let range = match centred {
                true if timed => plain(&edges[i]),
                true => figure(at[i] + 0.5),
                false => format!("{} to {}", plain(&edges[i]), plain(&edges[i + 1])),
            };
            let title = format!("{range}: {}", counted(counts[i], "row", "rows"));
            Bar { from: edge(i), to: edge(i + 1), height: counts[i] as f64, title }
        })
        .collect();
    let description = format!(
        "Histogram of {name} from {} to {}, median {}; the fullest bin holds {}.",
        plain(&numbers.min),
        plain(&numbers.max),
        numbers.quantiles.get("p50").map(plain).unwrap_or_default(),
        counted(most, "row", "rows"),
    );
    let mut x = Axis::new("", [edge(0), edge(at.len() - 1)]);
    if timed {
        let day = |edge: &Value| plain(edge).chars().take(10).collect::<String>();
        let marks = [0, counts.len() / 2, counts.len()];
        x = x.ticks(marks.into_iter().map(|i| (edge(i), day(&edges[i]))).collect());
    } else if *centred && counts.len() <= WHOLE_TICKS {
        x = x.ticks(at[..counts.len()].iter().map(|edge| (edge + 0.5, figure(edge + 0.5))).collect());
    }
    Chart::new("", description)
        .size(width, height)
        .x(x)
        .y(Axis::new("rows", [0.0, most as f64]))
        .layer(Layer::bars(bars, Tone::Series(0)))
        .render()
}

fn facts(column: &ColumnProfile) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Values", count(column.count))];
    if column.missing > 0 {
        facts.push(("Missing", format!("{} ({})", count(column.missing), percent(column.missing_fraction))));
    }
    facts.push(("Distinct", count(column.distinct)));
    if let Some(numbers) = column.numbers.as_ref().filter(|numbers| !numbers.min.is_null()) {
        let timed = numbers.min.is_string();
        facts.extend([
            ("Minimum", plain(&numbers.min)),
            ("Maximum", plain(&numbers.max)),
            ("Mean", plain(&numbers.mean)),
        ]);
        if !timed {
            facts.push(("Std. deviation", figure(numbers.std)));
            facts.push(("Skewness", figure(numbers.skewness)));
        }
        for (label, name) in
            [("5%", "p05"), ("25%", "p25"), ("Median", "p50"), ("75%", "p75"), ("95%", "p95")]
        {
            if let Some(value) = numbers.quantiles.get(name) {
                facts.push((label, plain(value)));
            }
        }
        for (label, n) in
            [("Zeros", numbers.zeros), ("Negative", numbers.negatives), ("Infinite", numbers.infinite)]
        {
            if n > 0 && column.kind != Kind::Boolean {
                facts.push((label, count(n)));
            }
        }
    }
    if let Some(text) = column.text.as_ref().filter(|_| column.count > 0) {
        facts.push(("Length", format!("{} to {}", count(text.min_length), count(text.max_length))));
        facts.push(("Mean length", figure(text.mean_length)));
        if text.blank > 0 {
            facts.push(("Blank", count(text.blank)));
        }
    }
    facts
}

/// Three decimals; a dash where the measure is undefined, though the column alone predicts something.
fn short(measure: f64) -> String {
    if measure.is_nan() { "–".to_owned() } else { format!("{measure:.3}").replace('-', "−") }
}

/// A figure of the profile for people.
fn plain(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            let text = number.to_string();
            let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("−", digits));
            digits.parse().map_or(text.clone(), |n| format!("{sign}{}", count(n)))
        }
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), figure),
        Value::Null => "–".to_owned(),
        other => shown(other),
    }
}
