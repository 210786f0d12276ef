//! `millstream status`

use console::style;

use super::{End, find_run, print, print_json};
use crate::{
    cli::HomeArgs,
    display::{self, foreign, text},
    overview::{INTERRUPTED, Overview},
    place::open_home,
};

pub fn status(home: &HomeArgs, run: &str, json: bool) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, run)?;
    let overview = Overview::read(&home, &plan)?;
    if json {
        print_json(&overview)?;
        return Ok(End::Done);
    }
    let head = format!(
        "{} {}{}, started {}, {}\n\n",
        style(&overview.run).bold(),
        plan.version.map(|_| format!("of {}, ", plan.workflow_version())).unwrap_or_default(),
        overview.state,
        text::moment(overview.created),
        text::duration(overview.milliseconds),
    );
    let by = match &plan.trigger {
        Some(by) => format!(
            "Started by {}: event {} of {}\n\n",
            by.name,
            foreign::line(&by.event.id),
            foreign::line(&by.event.source)
        ),
        None => String::new(),
    };
    print(&(head + &by + &display::steps(&overview)))?;
    let hint = match overview.state {
        "failed" | "cancelled" | INTERRUPTED => "retry",
        "running" => "logs --follow",
        _ => return Ok(End::Done),
    };
    tell!("\nNext: `millstream {hint} {}`", overview.run);
    Ok(End::Done)
}
