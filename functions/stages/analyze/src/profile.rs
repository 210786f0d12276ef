//! The profile of a table: what the JSON output holds.

use std::hash::BuildHasher;

use arrow_array::RecordBatch;
use foldhash::quality::FixedState;
use millstream_sdk::{Failure, failure::invalid_input};
use serde::Serialize;

use crate::{
    categories::{self, Categories, Tally, Text},
    correlation::{self, Correlations},
    findings::{self, Finding},
    numeric::{self, Numbers},
    params::Params,
    target::{self, Target},
    values::{Column, Kind},
};

/// Version of the JSON's shape; grows when a reader of the old one would misread it.
pub const FORMAT: u32 = 1;

/// All that is known of a table.
#[derive(Debug, Serialize)]
pub struct Profile {
    pub format: u32,
    pub rows: u64,
    pub missing_cells: u64,
    /// Share of the cells that are missing, 0 to 1.
    pub missing_fraction: f64,
    /// Rows that are equal to an earlier row (by 64-bit hashes of the cells).
    pub duplicate_rows: u64,
    pub findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    pub columns: Vec<ColumnProfile>,
    pub correlations: Correlations,
}

/// All that is known of a column.
#[derive(Debug, Serialize)]
pub struct ColumnProfile {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Values that are not missing.
    pub count: u64,
    /// NaN counts as missing.
    pub missing: u64,
    pub missing_fraction: f64,
    /// Exact.
    pub distinct: u64,
    /// The most frequent values; empty if no value occurs twice.
    pub top: Vec<Tally>,
    /// For all types but text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// For text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

impl ColumnProfile {
    fn of(column: &Column, categories: &Categories, params: &Params) -> Self {
        let rows = column.len() as u64;
        let count: u64 = categories.members.iter().map(|(_, count)| count).sum();
        let distinct = categories.distinct() as u64;
        let numbers = column.is_numeric().then(|| {
            let mut sorted: Vec<f64> = column.numbers().into_iter().filter(|x| x.is_finite()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            numeric::numbers(column, &sorted, params.bins)
        });
        Self {
            name: column.name.to_owned(),
            kind: column.kind,
            count,
            missing: rows - count,
            missing_fraction: (rows - count) as f64 / rows as f64,
            distinct,
            top: if distinct == count && count > 1 { Vec::new() } else { categories.top(column, params.top) },
            numbers,
            text: (column.kind == Kind::Text).then(|| categories::text(column, categories)),
        }
    }
}

/// Profiles `table`. `progress` is told how many columns are done, of how many.
///
/// # Errors
/// Invalid input if the table has no rows or no columns, or a named column is not there.
pub fn profile(
    table: &RecordBatch,
    params: &Params,
    progress: impl Fn(u64, u64),
) -> Result<Profile, Failure> {
    if table.num_rows() == 0 || table.num_columns() == 0 {
        return Err(invalid_input("there is nothing to analyse: the table has no rows"));
    }
    let all = Column::all(table)?;
    let find = |name: &String| {
        let names = || all.iter().map(|column| column.name);
        let found = all.iter().position(|column| column.name == name);
        found.ok_or_else(|| millstream_sdk::failure::missing_column(name, names()))
    };
    let target = params.target.as_ref().map(find).transpose()?;
    let mut chosen: Vec<usize> = match &params.columns {
        Some(names) => names.iter().map(find).collect::<Result<_, _>>()?,
        None => (0..all.len()).collect(),
    };
    chosen.extend(target.filter(|target| !chosen.contains(target)));
    chosen.sort_unstable();
    chosen.dedup();

    let steps = chosen.len() as u64 + 1;
    let rows = table.num_rows();
    let state = FixedState::default();
    let mut hashes = vec![0u64; rows];
    let about_target = target.map(|at| {
        let categories = Categories::of(&all[at]);
        let task = target::task_of(&all[at], &categories);
        (at, task, target::rows_of(&all[at], &categories, task), target::classes(&all[at], &categories, task))
    });
    let mut columns = Vec::new();
    let mut prints = Vec::new();
    let mut associations = Vec::new();
    for (done, &at) in chosen.iter().enumerate() {
        progress(done as u64, steps);
        let column = &all[at];
        let mut print = 0;
        for (row, cell) in hashes.iter_mut().zip(column.hashes()) {
            *row = state.hash_one((*row, cell));
            print = state.hash_one((print, cell));
        }
        prints.push(print);
        let categories = Categories::of(column);
        columns.push(ColumnProfile::of(column, &categories, params));
        if let Some((target, _, target_rows, _)) = &about_target
            && at != *target
        {
            associations.extend(target::associate(column, &categories, target_rows));
        }
    }
    progress(steps - 1, steps);
    let views: Vec<&Column> = chosen.iter().map(|at| &all[*at]).collect();
    let target = about_target.map(|(at, task, _, classes)| Target {
        name: all[at].name.to_owned(),
        task,
        classes,
        associations: target::ordered(associations),
    });
    let missing_cells = columns.iter().map(|column| column.missing).sum();
    let mut profile = Profile {
        format: FORMAT,
        rows: rows as u64,
        missing_cells,
        missing_fraction: missing_cells as f64 / (rows as f64 * columns.len() as f64),
        duplicate_rows: duplicates(hashes),
        findings: Vec::new(),
        correlations: correlations(&views, &columns, target.as_ref(), params.max_correlation_columns),
        target,
        columns,
    };
    profile.findings = findings::find(&profile, &findings::duplicate_columns(&views, &prints));
    progress(steps, steps);
    Ok(profile)
}

fn duplicates(mut hashes: Vec<u64>) -> u64 {
    hashes.sort_unstable();
    hashes.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}

fn correlations(
    views: &[&Column],
    columns: &[ColumnProfile],
    target: Option<&Target>,
    most: usize,
) -> Correlations {
    let is_target = |at: &usize| target.is_some_and(|target| target.name == views[*at].name);
    let qualifies = |at: &usize| views[*at].is_numeric() && columns[*at].distinct > 1;
    let mut taken: Vec<usize> = (0..views.len()).filter(qualifies).collect();
    taken.sort_by_key(|at| (!is_target(at), *at));
    let mut omitted = taken.split_off(most.min(taken.len()));
    taken.sort_unstable();
    omitted.sort_unstable();
    let rows = correlation::selection(views.first().map_or(0, |column| column.len()));
    let number = |column: &Column, row: usize| {
        let x = column.number(row);
        if x.is_finite() { x } else { f64::NAN }
    };
    let values: Vec<Vec<f64>> =
        taken.iter().map(|at| rows.iter().map(|row| number(views[*at], *row)).collect()).collect();
    let [pearson, spearman] = correlation::matrices(&values);
    let names = |of: &[usize]| of.iter().map(|at| views[*at].name.to_owned()).collect();
    Correlations {
        columns: names(&taken),
        rows: rows.len() as u64,
        omitted: names(&omitted),
        pearson,
        spearman,
    }
}

impl Profile {
    /// How many findings are critical.
    pub fn critical(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_critical()).count()
    }
}
