//! A run in a few lines: metrics by step, what failed, where its reports are, what to do next.

use std::{
    env,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use console::style;
use millstream_core::manifest::Kind;
use serde::Serialize;

use super::{foreign, text};
use crate::overview::{INTERRUPTED, Overview, State, StepView, task_name};

/// How many metrics, and how many tasks of a step, are shown on a terminal; `status` in a pipe and `--json` have all.
const METRICS: usize = 6;
const TASKS: usize = 12;

/// From how many milliseconds on it is said where they went.
const WORTH_A_BREAKDOWN: u64 = 1_000;

/// What is said at the end.
pub struct Summary<'a> {
    pub overview: &'a Overview,
    pub exported: Vec<Exported>,
    /// Commands to try, with what they are for.
    pub next: Vec<(String, String)>,
}

/// A copy of an artifact for people.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exported {
    pub address: String,
    pub kind: Kind,
    pub path: PathBuf,
}

impl Summary<'_> {
    /// To standard output; hints to standard error.
    pub fn print(&self) -> io::Result<()> {
        let overview = self.overview;
        let state = match overview.state {
            "succeeded" => style(overview.state).green(),
            "running" => style(overview.state).cyan(),
            INTERRUPTED => style(overview.state).yellow(),
            _ => style(overview.state).red(),
        };
        let until = if overview.state == INTERRUPTED { "after" } else { "in" };
        let mut text = format!(
            "\n{} {} {until} {}\n",
            style(&overview.run).bold(),
            state.bold(),
            text::duration(overview.milliseconds)
        );
        text.push_str(&results(overview));
        text.push_str(&failures(overview));
        let reports = self.exported.iter().filter(|one| one.path.extension().is_some_and(|e| e == "html"));
        let files = self.exported.iter().filter(|one| one.kind == Kind::File);
        for (title, all) in [("Reports", reports.collect::<Vec<_>>()), ("Files", files.collect())] {
            if !all.is_empty() {
                let _ = writeln!(text, "\n{}", style(title).bold());
                for one in all {
                    let _ = writeln!(text, "  {}", nearby(&one.path).display());
                }
            }
        }
        io::stdout().write_all(foreign::printed(&text).as_bytes())?;
        if !self.next.is_empty() {
            let rows: Vec<Vec<String>> = self
                .next
                .iter()
                .map(|(command, what)| {
                    vec![format!("  {command}"), style(what).for_stderr().dim().to_string()]
                })
                .collect();
            let title = style("Next").for_stderr().bold();
            write!(io::stderr(), "\n{title}\n{}", foreign::printed(&text::table(&rows)))?;
        }
        Ok(())
    }
}

/// As seen from the current folder, if it is below that.
pub fn nearby(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).map_or_else(|_| path.to_owned(), Path::to_owned)
}

/// What each step came to, for steps that have metrics.
fn results(overview: &Overview) -> String {
    let mut rows = Vec::new();
    for step in &overview.steps {
        let tasks: Vec<_> = step.tasks.iter().filter(|task| !task.metrics.is_empty()).collect();
        for (i, task) in tasks.iter().take(TASKS).enumerate() {
            let name = if i == 0 { step.step.as_str() } else { "" };
            let label = if step.count == Some(1) {
                String::new()
            } else {
                format!("[{}]", foreign::line(&task.label))
            };
            rows.push((format!("  {name}"), label, text::metrics(&task.metrics, METRICS)));
        }
        if tasks.len() > TASKS {
            rows.push((String::new(), format!("and {} more", tasks.len() - TASKS), String::new()));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, label, metrics)| vec![name, label, metrics]).collect();
    format!("\n{}\n{}", style("Metrics").bold(), text::table(&rows))
}

/// What went wrong, in full.
fn failures(overview: &Overview) -> String {
    let mut text = String::new();
    for step in &overview.steps {
        let failed = || step.tasks.iter().filter(|task| task.state == State::Failed);
        for task in failed().take(TASKS) {
            // A failure behind the last task is the step's own.
            let name = if step.count.is_some_and(|count| count == 1 || task.task >= count) {
                step.step.clone()
            } else {
                task_name(&step.step, &foreign::line(&task.label))
            };
            let error = foreign::indented(task.error.as_deref().unwrap_or_default(), "    ");
            let code = task.code.map(|code| format!("error[{code}]: ")).unwrap_or_default();
            let (mark, name) = (style("✗").red(), style(name).bold());
            let _ = writeln!(text, "  {mark} {name}: {}{error}", style(code).dim());
        }
        let more = failed().count().saturating_sub(TASKS);
        if more > 0 {
            let _ = writeln!(text, "    and {} more of {}", text::count(more as u64, "task"), step.step);
        }
    }
    let blocked: Vec<&str> = overview
        .steps
        .iter()
        .filter(|step| step.state == State::Blocked)
        .map(|step| step.step.as_str())
        .collect();
    if !blocked.is_empty() {
        let _ = writeln!(text, "  {} did not run: {}", style("-").dim(), blocked.join(", "));
    }
    if text.is_empty() { text } else { format!("\n{}\n{text}", style("Failures").bold()) }
}

/// Every step with its state, time, reason and metrics.
pub fn steps(overview: &Overview) -> String {
    let mut rows = Vec::new();
    let most = text::at_most(TASKS);
    for step in &overview.steps {
        rows.push(match &step.reason {
            Some(reason) if step.state == State::Skipped => {
                let said = format!("skipped: {}", foreign::line(reason));
                vec![icon(step.state), step.step.clone(), said]
            }
            _ => vec![icon(step.state), step.step.clone(), state(step), spent(step), why(step)],
        });
        let several = step.count.is_some_and(|count| count > 1) || step.tasks.len() > 1;
        for task in step.tasks.iter().take(most) {
            let name = if several { format!("  [{}]", foreign::line(&task.label)) } else { String::new() };
            let metrics = text::metrics(&task.metrics, text::at_most(METRICS));
            let said = if metrics.is_empty() { task.message.clone() } else { metrics };
            let said =
                task.error.as_deref().filter(|_| task.state == State::Failed).map_or(said, str::to_owned);
            let phases = text::phases(&task.phases);
            let said = match (phases.is_empty(), task.milliseconds < WORTH_A_BREAKDOWN) {
                (false, false) => format!("{said}  ({phases})"),
                _ => said,
            };
            let said = if task.state == State::Skipped { task.why.clone() } else { said };
            let shown = task.state != State::Skipped || several;
            if task.state != State::Blocked && shown && (several || !said.is_empty()) {
                let first = foreign::line(said.lines().next().unwrap_or_default()).into_owned();
                rows.push(vec![
                    String::new(),
                    name,
                    String::new(),
                    String::new(),
                    style(first).dim().to_string(),
                ]);
            }
        }
        if step.tasks.len() > most {
            let more = format!("  and {} more", step.tasks.len() - most);
            rows.push(vec![String::new(), more]);
        }
    }
    text::table(&rows)
}

fn icon(state: State) -> String {
    match state {
        State::Done | State::Cached | State::Adopted => style("✓").green(),
        State::Failed => style("✗").red(),
        State::Running => style("▸").cyan(),
        State::Waiting => style("·").dim(),
        State::Skipped | State::Blocked => style("-").dim(),
    }
    .to_string()
}

fn state(step: &StepView) -> String {
    let name = match step.state {
        State::Waiting => "waiting",
        State::Running => "running",
        State::Done => "done",
        State::Cached => "cached",
        State::Skipped => "skipped",
        State::Failed => "failed",
        State::Blocked => "blocked",
        State::Adopted => "taken over",
    };
    match step.count {
        Some(count) if count > 1 && step.state != State::Blocked => format!("{name} {}/{count}", step.done),
        _ => name.to_owned(),
    }
}

fn spent(step: &StepView) -> String {
    step.milliseconds
        .filter(|_| !matches!(step.state, State::Skipped | State::Adopted))
        .map(text::duration)
        .unwrap_or_default()
}

/// The reason, if all tasks have the same; otherwise how many ran; and which one was the best, if they were trials.
fn why(step: &StepView) -> String {
    if let Some(pool) = &step.unserved_pool {
        return format!("no worker does pool `{}`", foreign::line(pool));
    }
    let best = step.best.and_then(|best| step.tasks.iter().find(|task| task.task == best));
    let best = best.map(|best| format!("; best: {}", foreign::line(&best.label))).unwrap_or_default();
    reasons(step) + &best
}

fn reasons(step: &StepView) -> String {
    match step.tasks.as_slice() {
        [] => String::new(),
        [first, rest @ ..] if rest.iter().all(|task| task.why == first.why) => {
            foreign::line(&first.why).into_owned()
        }
        tasks => {
            let cached = tasks.iter().filter(|task| task.state == State::Cached).count();
            let failed = tasks.iter().filter(|task| task.state == State::Failed).count();
            let skipped = tasks.iter().filter(|task| task.state == State::Skipped).count();
            let ran = tasks.len() - cached - failed - skipped;
            let parts = [(ran, "ran"), (cached, "cached"), (skipped, "skipped"), (failed, "failed")];
            let parts: Vec<String> =
                parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
            parts.join(", ")
        }
    }
}
