//! What is likely to hurt a model, and what to do about it.

use millstream_charts::{
    format::{count, counted, figure, percent},
    parts::Severity,
};
use serde::Serialize;

use crate::{
    profile::{ColumnProfile, Profile},
    target::{Association, Target, Task, shown},
    values::{Column, Kind},
};

/// Something to know before training.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    #[serde(serialize_with = "severity")]
    pub severity: Severity,
    /// What sort of finding, for programs: `leakage`, `constant_column`, ...
    pub kind: &'static str,
    pub columns: Vec<String>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub action: String,
}

impl Finding {
    /// Whether what is built on the table as it is would be wrong.
    pub fn is_critical(&self) -> bool {
        self.severity == Severity::Critical
    }
}

fn severity<S: serde::Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    })
}

/// Fewest rows from which a perfect rule means something.
const ENOUGH_ROWS: u64 = 20;
/// A column that alone ranks or predicts this well leaks the target.
const LEAK: f64 = 0.99;
/// A column that alone predicts this much is worth a second look.
const STRONG: f64 = 0.95;
/// The same for the correlation with a numeric target, whose noise a real feature shares.
const NUMERIC_LEAK: f64 = 0.999;
const NEARLY_EQUAL: f64 = 0.999;
const STRONG_CORRELATION: f64 = 0.95;
const MOSTLY_MISSING: f64 = 0.5;
const SOME_MISSING: f64 = 0.05;
const MANY_CATEGORIES: u64 = 50;
const ONE_VALUE: f64 = 0.995;
const SKEWED: f64 = 3.0;
const RARE_CLASS: f64 = 0.1;
/// Fewest rows of a class from which five folds or a stratified split have some everywhere.
const FEW_IN_CLASS: u64 = 10;
const READS_AS: f64 = 0.95;
/// Pairs that a finding lists; the correlation matrix has them all.
const PAIRS: usize = 8;

/// Collects findings.
struct Found(Vec<Finding>);

impl Found {
    fn add(
        &mut self,
        severity: Severity,
        kind: &'static str,
        columns: &[&str],
        message: String,
        action: &str,
    ) {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        self.0.push(Finding { severity, kind, columns, message, action: action.to_owned() });
    }
}

/// All findings, the most severe first.
pub fn find(profile: &Profile, duplicates: &[Vec<usize>]) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    if let Some(target) = &profile.target {
        about_target(target, profile, &mut found);
    }
    let is_target = |name: &str| profile.target.as_ref().is_some_and(|target| target.name == name);
    for column in profile.columns.iter().filter(|column| !is_target(&column.name)) {
        about_column(column, profile, &mut found);
    }
    about_groups(profile, duplicates, &mut found);
    found.0.sort_by_key(|finding| finding.severity);
    found.0
}

fn about_target(target: &Target, profile: &Profile, found: &mut Found) {
    let Some(own) = profile.columns.iter().find(|column| column.name == target.name) else { return };
    let name = target.name.as_str();
    if own.distinct < 2 {
        let message = format!("The target `{name}` has {}.", counted(own.distinct, "value", "values"));
        found.add(
            Severity::Critical,
            "constant_target",
            &[name],
            message,
            "There is nothing to learn from it. Choose another target, or other rows.",
        );
        return;
    }
    if own.missing > 0 {
        let message = format!(
            "The target `{name}` is missing in {} ({}).",
            counted(own.missing, "row", "rows"),
            percent(own.missing_fraction)
        );
        found.add(
            Severity::Warning,
            "missing_target",
            &[name],
            message,
            "Drop these rows before training; no model can learn from them.",
        );
    }
    if let Some(numbers) = own.numbers.as_ref().filter(|numbers| numbers.infinite > 0) {
        let message =
            format!("The target `{name}` is infinite in {}.", counted(numbers.infinite, "row", "rows"));
        found.add(
            Severity::Critical,
            "infinite_target",
            &[name],
            message,
            "Drop or mend these rows; training refuses them.",
        );
    }
    if own.count >= ENOUGH_ROWS {
        for association in &target.associations {
            about_leak(association, target, found);
        }
    }
    let total: u64 = target.classes.iter().map(|class| class.count).sum();
    if target.task != Task::Regression && target.classes.len() as u64 > MANY_CATEGORIES {
        let message = format!("The target `{name}` has {} classes.", count(target.classes.len() as u64));
        found.add(
            Severity::Warning,
            "many_classes",
            &[name],
            message,
            "Check that it is the column to predict; group rare classes, or predict a number.",
        );
    } else if let Some(rarest) = target.classes.last() {
        let share = rarest.count as f64 / total as f64;
        let class = shown(&rarest.value);
        if rarest.count < FEW_IN_CLASS {
            let message =
                format!("Class `{class}` of the target has only {}.", counted(rarest.count, "row", "rows"));
            found.add(
                Severity::Warning,
                "rare_class",
                &[name],
                message,
                "Gather more of it, or merge or drop the class: no split or fold can hold enough of it.",
            );
        } else if share < RARE_CLASS {
            let message =
                format!("The classes are imbalanced: `{class}` has {} of the rows.", percent(share));
            found.add(Severity::Warning, "imbalanced_classes", &[name], message, "Split with `stratify`, weight the classes, and judge by average precision or balanced accuracy instead of accuracy.");
        }
    }
}

fn about_leak(association: &Association, target: &Target, found: &mut Found) {
    let (column, name) = (association.column.as_str(), target.name.as_str());
    let evidence = if let (Some(accuracy), Some(baseline)) = (association.accuracy, association.baseline) {
        // Above the most frequent class's own share, or a rare class would make every column a leak.
        let skill = (accuracy - baseline) / (1.0 - baseline).max(f64::MIN_POSITIVE);
        let ranked = association.auc.filter(|auc| *auc > LEAK);
        let right = format!(
            "alone predicts {} of the rows right ({} by the most frequent class)",
            percent(accuracy),
            percent(baseline)
        );
        if accuracy > LEAK && skill > 0.95 {
            Some(right)
        } else if ranked.is_none() && accuracy > STRONG && skill > 0.9 {
            let message = format!("`{column}` says almost all about the target `{name}`: it {right}.");
            found.add(
                Severity::Warning,
                "strong_predictor",
                &[column, name],
                message,
                "Is it known at the moment of prediction, missing values included?",
            );
            None
        } else {
            ranked.map(|auc| format!("alone ranks the rows with an AUC of {}", figure(auc)))
        }
    } else if association.strength > NUMERIC_LEAK
        || association.spearman.is_some_and(|rank| rank.abs() > NUMERIC_LEAK)
    {
        Some(format!(
            "alone explains it almost wholly ({} {})",
            measure_name(association.measure),
            figure(association.value)
        ))
    } else {
        None
    };
    if let Some(evidence) = evidence {
        let message = format!("`{column}` leaks the target `{name}`: it {evidence}.");
        found.add(Severity::Critical, "leakage", &[column, name], message, "Is it known at the moment of prediction? If it follows from the outcome, leave it out of the features.");
    }
}

/// A measure's name for people.
pub fn measure_name(measure: &str) -> &'static str {
    match measure {
        "pearson" => "correlation",
        "eta_squared" => "η²",
        _ => "Cramér's V",
    }
}

fn about_column(column: &ColumnProfile, profile: &Profile, found: &mut Found) {
    let name = column.name.as_str();
    if column.count == 0 {
        found.add(
            Severity::Warning,
            "all_missing",
            &[name],
            format!("`{name}` has no values at all."),
            "Leave it out.",
        );
        return;
    }
    if column.distinct == 1 && column.missing == 0 {
        let value = shown(&column.top[0].value);
        found.add(
            Severity::Warning,
            "constant_column",
            &[name],
            format!("`{name}` is always `{value}`."),
            "Leave it out: it tells no row from another.",
        );
        return;
    }
    if column.missing_fraction > MOSTLY_MISSING {
        let message = format!("`{name}` is missing in {} of the rows.", percent(column.missing_fraction));
        found.add(
            Severity::Warning,
            "mostly_missing",
            &[name],
            message,
            "Leave it out, or keep whether it is there as a feature; imputing would make most of it up.",
        );
    }
    let often = column.top.first().map_or(0.0, |top| top.count as f64 / profile.rows as f64);
    if column.distinct > 1 && often > ONE_VALUE && profile.rows >= 1000 {
        let message =
            format!("`{name}` is `{}` in {} of the rows.", shown(&column.top[0].value), percent(often));
        found.add(
            Severity::Info,
            "nearly_constant",
            &[name],
            message,
            "It rarely tells rows apart; check that the rest is not an error.",
        );
    }
    let all_differ = column.distinct == column.count && column.count >= ENOUGH_ROWS;
    if all_differ && matches!(column.kind, Kind::Text | Kind::Integer) && column.missing == 0 && is_id(column)
    {
        found.add(
            Severity::Warning,
            "id_like",
            &[name],
            format!("`{name}` looks like an identifier: all {} values differ.", count(column.count)),
            "Leave it out of the features; a model would learn the rows by heart.",
        );
    } else if column.kind == Kind::Text && column.distinct > MANY_CATEGORIES && reads_as(column).is_none() {
        let message = format!(
            "`{name}` has {} different texts in {}.",
            count(column.distinct),
            counted(column.count, "row", "rows")
        );
        found.add(Severity::Warning, "high_cardinality", &[name], message, "One-hot encoding would add a column for each: group the rare ones, encode as ordinal, or leave it out.");
    }
    if let Some(numbers) = column.numbers.as_ref().filter(|numbers| numbers.infinite > 0) {
        let message = format!("`{name}` is infinite in {}.", counted(numbers.infinite, "row", "rows"));
        found.add(
            Severity::Warning,
            "infinite_values",
            &[name],
            message,
            "Mend the source, or treat them as missing and impute; most algorithms refuse them.",
        );
    }
    match reads_as(column) {
        Some("date") => found.add(
            Severity::Warning,
            "dates_as_text",
            &[name],
            format!("`{name}` holds dates as text."),
            "Extract it as a date or timestamp, so that it can be ordered and split by time.",
        ),
        Some(_) => {
            let share = column.text.as_ref().map_or(0.0, |text| text.numbers);
            found.add(
                Severity::Warning,
                "numbers_as_text",
                &[name],
                format!("`{name}` is text, yet {} of its values are numbers.", percent(share)),
                "Extract it as a number; add what stands for \"no value\" to the missing-value tokens.",
            );
        }
        None => {}
    }
    if let Some(text) = column.text.as_ref().filter(|text| text.blank > 0) {
        let message =
            format!("`{name}` is blank, yet not missing, in {}.", counted(text.blank, "row", "rows"));
        found.add(
            Severity::Info,
            "blank_text",
            &[name],
            message,
            "Add the blank to the missing-value tokens if it means that the value is unknown.",
        );
    }
}

/// Whole numbers that all differ are an identifier if they are packed closely, as numbers that were dealt out are;
/// texts that all differ if they are short enough to be one and don't read as something else.
fn is_id(column: &ColumnProfile) -> bool {
    match (&column.numbers, &column.text) {
        (Some(numbers), _) => {
            let [lo, _, hi] = numbers.span;
            let named = column.name.to_lowercase();
            let named = named == "id"
                || named.ends_with("_id")
                || named.ends_with(" id")
                || named.ends_with("number");
            named || hi - lo < 4.0 * column.count as f64
        }
        (None, Some(text)) => text.mean_length <= 64.0 && reads_as(column).is_none(),
        (None, None) => false,
    }
}

fn reads_as(column: &ColumnProfile) -> Option<&'static str> {
    let text = column.text.as_ref()?;
    if text.dates >= READS_AS {
        Some("date")
    } else if text.numbers >= READS_AS {
        Some("number")
    } else {
        None
    }
}

fn about_groups(profile: &Profile, duplicates: &[Vec<usize>], found: &mut Found) {
    let name = |at: &usize| profile.columns[*at].name.as_str();
    for group in duplicates {
        let names: Vec<&str> = group.iter().map(name).collect();
        found.add(
            Severity::Warning,
            "duplicate_columns",
            &names,
            format!("{} hold the same values.", listed(&names)),
            "Keep one of them.",
        );
    }
    about_pairs(profile, duplicates, found);
    let some: Vec<&str> = profile
        .columns
        .iter()
        .filter(|column| {
            (SOME_MISSING..=MOSTLY_MISSING).contains(&column.missing_fraction) && column.count > 0
        })
        .map(|column| column.name.as_str())
        .collect();
    if !some.is_empty() {
        found.add(
            Severity::Info,
            "missing_values",
            &some,
            format!("More than {} of the values are missing in {}.", percent(SOME_MISSING), listed(&some)),
            "Impute them in a features step, or use an algorithm that takes missing values.",
        );
    }
    let skewed: Vec<&str> = profile
        .columns
        .iter()
        .filter(|column| {
            let skewness = column.numbers.as_ref().map_or(0.0, |numbers| numbers.skewness.abs());
            column.distinct > 10 && matches!(column.kind, Kind::Integer | Kind::Float) && skewness > SKEWED
        })
        .map(|column| column.name.as_str())
        .collect();
    if !skewed.is_empty() {
        found.add(
            Severity::Info,
            "skewed",
            &skewed,
            format!("Heavily skewed: {}.", listed(&skewed)),
            "Linear models and k-means do better on their logarithm; trees don't mind.",
        );
    }
    if profile.duplicate_rows > 0 {
        let share = profile.duplicate_rows as f64 / profile.rows as f64;
        let severity = if share > 0.01 { Severity::Warning } else { Severity::Info };
        found.add(severity, "duplicate_rows", &[], format!("{} ({}) repeat an earlier row.", counted(profile.duplicate_rows, "row", "rows"), percent(share)), "If they are the same event twice, drop them before splitting: copies on both sides of a split flatter the model.");
    }
}

fn about_pairs(profile: &Profile, duplicates: &[Vec<usize>], found: &mut Found) {
    let correlations = &profile.correlations;
    let same = |a: &str, b: &str| {
        let holds = |group: &Vec<usize>, name: &str| group.iter().any(|at| profile.columns[*at].name == name);
        duplicates.iter().any(|group| holds(group, a) && holds(group, b))
    };
    let is_target = |name: &str| profile.target.as_ref().is_some_and(|target| target.name == name);
    let mut pairs: Vec<(f64, &str, &str)> = Vec::new();
    for (i, a) in correlations.columns.iter().enumerate() {
        for (j, b) in correlations.columns.iter().enumerate().take(i) {
            let r = correlations.pearson[i][j];
            if r.abs() >= STRONG_CORRELATION && !is_target(a) && !is_target(b) && !same(a, b) {
                pairs.push((r, b, a));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let perfect = pairs.partition_point(|(r, ..)| r.abs() >= NEARLY_EQUAL);
    for (range, severity, kind, what) in [
        (0..perfect, Severity::Warning, "perfect_correlation", "(Almost) perfectly correlated"),
        (perfect..pairs.len(), Severity::Info, "strong_correlation", "Strongly correlated"),
    ] {
        let pairs = &pairs[range];
        if pairs.is_empty() {
            continue;
        }
        let mut columns: Vec<&str> = pairs.iter().flat_map(|(_, a, b)| [*a, *b]).collect();
        columns.sort_unstable();
        columns.dedup();
        let shown: Vec<String> =
            pairs.iter().take(PAIRS).map(|(r, a, b)| format!("`{a}` and `{b}` ({})", figure(*r))).collect();
        let more = pairs.len().saturating_sub(PAIRS);
        let more = if more > 0 {
            format!("; and {}", counted(more as u64, "more pair", "more pairs"))
        } else {
            String::new()
        };
        found.add(severity, kind, &columns, format!("{what}: {}{more}.", shown.join(", ")), "They carry the same information twice: linear models get unstable coefficients, and importances are shared out. Keep one of each, or regularise.");
    }
}

fn listed(names: &[&str]) -> String {
    millstream_sdk::failure::listing(names)
}

/// Groups of columns that hold the same cells and more than one value; hashes find them, comparison proves them.
pub fn duplicate_columns(columns: &[&Column], prints: &[u64]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in 0..columns.len() {
        if (1..columns[at].len()).all(|row| columns[at].key(row) == columns[at].key(0)) {
            continue;
        }
        let twin = groups.iter_mut().find(|group| {
            let first = group[0];
            prints[first] == prints[at] && columns[first].same_as(columns[at])
        });
        match twin {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}
