//! Profiles a table: columns, correlations, how the columns go with a target, and what is likely to hurt a model.

mod categories;
mod correlation;
mod findings;
mod numeric;
mod params;
mod profile;
mod report;
mod target;
mod values;

use millstream_charts::format::counted;
use millstream_sdk::{Channel, Context, Direction, Failure, Job, Kind, Manifest, Output, Summary};

pub use params::Params;
pub use profile::{Profile, profile};
pub use report::render;

/// The function.
pub struct Analyze;

impl Job for Analyze {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(
            "analyze",
            env!("CARGO_PKG_VERSION"),
            "Profiles a table and finds what would hurt a model.",
        )
        .description(include_str!("description.md"))
        .channel(Channel::required("table", Kind::Table, "The rows to look at."))
        .output(Output::report("profile", "application/json", "All figures, for programs."))
        .output(Output::report(
            "report",
            "text/html",
            "The same with charts, for people; one self-contained page.",
        ))
        .metric("rows", Direction::Neither, "Rows of the table.")
        .metric("columns", Direction::Neither, "Columns that were profiled.")
        .metric("missing_fraction", Direction::Minimize, "Share of the cells that are missing, 0 to 1.")
        .metric("duplicate_rows", Direction::Minimize, "Rows that repeat an earlier one.")
        .metric("findings", Direction::Minimize, "Findings of any severity.")
        .metric("critical_findings", Direction::Minimize, "Findings that make a model wrong, such as leaks.")
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let table = context.table("table")?;
        let profile = profile(&table, &params, |done, total| context.progress(done, Some(total)))
            .map_err(|failure| failure.channel("table"))?;
        context.put_json("profile", &profile)?;
        context.put("report", "report.html", "text/html", render(&profile).as_bytes())?;
        let critical = profile.critical();
        for finding in profile.findings.iter().filter(|finding| finding.is_critical()) {
            context.warn(&finding.message);
        }
        let message = format!(
            "{}, {}: {}{}",
            counted(profile.rows, "row", "rows"),
            counted(profile.columns.len() as u64, "column", "columns"),
            counted(profile.findings.len() as u64, "finding", "findings"),
            if critical > 0 { format!(", {critical} critical") } else { String::new() },
        );
        Ok(Summary::new(message)
            .metric("rows", profile.rows as f64)
            .metric("columns", profile.columns.len() as f64)
            .metric("missing_fraction", profile.missing_fraction)
            .metric("duplicate_rows", profile.duplicate_rows as f64)
            .metric("findings", profile.findings.len() as f64)
            .metric("critical_findings", critical as f64))
    }
}

millstream_sdk::export!(stage: Analyze);
