//! `millstream logs`

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    thread,
};

use console::style;
use millstream_core::layout;
use millstream_engine::Level;
use millstream_state::Run;
use millstream_worker::{
    Records,
    logs::{self, Line, Said},
};
use serde_json::json;

use super::{End, check_step, find_run};
use crate::{
    cli::{HomeArgs, LogsArgs},
    display::{foreign, text},
    overview::TaskNames,
    place::open_home,
};

pub fn logs(home: &HomeArgs, args: &LogsArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, &args.run.run)?;
    if let Some(step) = &args.step {
        check_step(&plan, step)?;
    }
    let prefix = layout::all_logs(&plan.run, args.step.as_deref());
    let records = Records::new(home.store().clone());
    let mut seen = BTreeSet::new();
    let mut pace = home.store().looks().pace();
    let mut names = TaskNames::new(&home, &plan);
    loop {
        // Asked before reading, so that the last lines are not missed.
        let ended = Run::new(&plan, &records).progress()?.state.has_ended();
        let mut lines = Vec::new();
        logs::read(home.store().as_ref(), &prefix, &mut seen, |place, line| lines.push((place, line)))?;
        // Tasks that ran side by side, by time.
        lines.sort_by_key(|(_, line)| line.at);
        let mut out = io::stdout().lock();
        for (place, line) in &lines {
            if args.output.json {
                let label = names.of(&place.step, place.task);
                let at = json!({
                    "step": place.step, "task": place.task, "label": label, "attempt": place.attempt, "line": line,
                });
                writeln!(out, "{}", foreign::json(&at.to_string()))?;
            } else {
                let name = names.of(&place.step, place.task);
                writeln!(out, "{}", foreign::printed(&shown(&name, line)))?;
            }
        }
        if !args.follow || ended {
            if seen.is_empty() && !args.output.json {
                tell!("No task has logged anything; `millstream status {}` shows their state", plan.run);
            }
            return Ok(End::Done);
        }
        drop(out);
        thread::sleep(pace.after(!lines.is_empty()));
    }
}

fn shown(name: &str, line: &Line) -> String {
    let time = text::moment(line.at);
    let task = foreign::line(name);
    let safe = |message: &String| foreign::indented(message, "    ");
    let said = match &line.event {
        Said::Log { level: Level::Warn, message } => {
            format!("{} {}", style("warning").yellow(), safe(message))
        }
        Said::Log { level: Level::Error, message } => format!("{} {}", style("error").red(), safe(message)),
        Said::Log { level: Level::Debug, message } => style(safe(message)).dim().to_string(),
        Said::Log { level: Level::Info, message } => safe(message),
        Said::Metric { name, value, step } => {
            let value = value.map_or_else(|| "not finite".to_owned(), text::figure);
            format!("{} {} {value}", style(format!("[{step}]")).dim(), foreign::line(name))
        }
    };
    format!("{} {} {said}", style(&time[11..]).dim(), style(task).cyan())
}
