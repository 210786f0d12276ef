//! A line for each step, with a bar while it runs.

use std::{
    collections::{HashMap, HashSet},
    io,
    time::{Duration, Instant},
};

use console::style;
use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use millstream_core::{
    completion::{Completion, Outcome},
    task::Message,
};
use millstream_engine::{Event, Level};
use millstream_plan::Plan;
use millstream_state::Progress;
use millstream_worker::Notice;

use super::{Display, Summary, bars_are, foreign, text};

/// Steps that run have a bar; a step that has ended is a line above the bars.
pub struct Terminal {
    bars: MultiProgress,
    steps: IndexMap<String, Step>,
    width: usize,
}

#[derive(Default)]
struct Step {
    count: Option<u32>,
    /// Its tasks are made while the run goes on: there may be more than are known.
    in_rounds: bool,
    done: u32,
    /// Tasks whose end was seen here: a message may be delivered twice.
    seen: HashSet<u32>,
    cached: u32,
    failed: Option<String>,
    /// Why it was skipped as a whole.
    skipped: Option<String>,
    message: String,
    started: Option<Instant>,
    /// Of tasks that run: done and total in the function's own unit.
    running: HashMap<u32, (u64, Option<u64>)>,
    bar: Option<ProgressBar>,
    settled: bool,
}

impl Terminal {
    /// Draws on standard error.
    pub fn new() -> Self {
        Self { bars: MultiProgress::new(), steps: IndexMap::new(), width: 0 }
    }

    fn line(&self, line: String) {
        // Drawing fails only with the terminal.
        let _ = self.bars.println(foreign::printed(&line));
    }

    /// The bar of a step that runs.
    fn draw(&mut self, name: &str) {
        let Some(step) = self.steps.get_mut(name) else { return };
        if step.settled {
            return;
        }
        let padded = format!("{name:<width$}", width = self.width);
        let bar = step.bar.get_or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_prefix(padded);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        let tasks =
            step.count.filter(|count| *count > 1).map(|count| (u64::from(step.done), u64::from(count)));
        let only = step.running.values().next().filter(|_| step.running.len() == 1);
        let within =
            only.and_then(|(done, total)| total.filter(|total| *total > 0).map(|total| (*done, total)));
        let template = match tasks.or(within) {
            Some((done, total)) => {
                bar.set_length(total);
                bar.set_position(done.min(total));
                "{spinner:.cyan} {prefix} {elapsed:>5.dim}  {bar:20.cyan/dim} {pos}/{len}  {wide_msg:.dim}"
            }
            None => "{spinner:.cyan} {prefix} {elapsed:>5.dim}  {wide_msg:.dim}",
        };
        let style = ProgressStyle::with_template(template).expect("the template is right");
        bar.set_style(style.progress_chars("━╸─").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        bar.set_message(foreign::line(&step.message).into_owned());
    }

    /// The line of a step that has ended.
    fn settle(&mut self, name: &str) {
        let Some(step) = self.steps.get_mut(name) else { return };
        if std::mem::replace(&mut step.settled, true) {
            return;
        }
        if let Some(bar) = step.bar.take() {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        let spent =
            step.started.map(|at| text::duration(at.elapsed().as_millis() as u64)).unwrap_or_default();
        let padded = format!("{name:<width$}", width = self.width);
        let several = step.count.is_some_and(|count| count > 1);
        let tasks = if several { text::count(u64::from(step.done), "task") + "  " } else { String::new() };
        let message = foreign::line(&step.message);
        let line = match &step.failed {
            _ if step.skipped.is_some() => {
                let reason = step.skipped.as_deref().map(foreign::line).unwrap_or_default();
                format!("{} {padded} skipped: {reason}", style("-").dim())
            }
            Some(why) => {
                let first = why.lines().next().unwrap_or_default();
                format!("{} {padded} {spent:>6}  {}", style("✗").red(), style(foreign::line(first)).red())
            }
            None if step.done > 0 && step.cached == step.done => {
                format!("{} {padded} {:>6}  {tasks}{}", style("✓").green(), style("cached").cyan(), message)
            }
            None => {
                format!("{} {padded} {:>6}  {tasks}{}", style("✓").green(), style(spent).dim(), message)
            }
        };
        self.line(line);
    }

    fn completed(&mut self, task: &Message, completion: &Completion) {
        let Some(step) = self.steps.get_mut(&task.step) else { return };
        step.running.remove(&task.task);
        if !step.seen.insert(task.task) {
            return;
        }
        step.done += 1;
        step.cached += u32::from(completion.cached_from.is_some());
        match &completion.outcome {
            Outcome::Done(results) => step.message.clone_from(&results.message),
            Outcome::Skipped { reason } => step.message = format!("skipped: {reason}"),
        }
        let all = !step.in_rounds && step.count.is_some_and(|count| step.done >= count);
        if all {
            self.settle(&task.step);
        } else {
            self.draw(&task.step);
        }
    }
}

impl Display for Terminal {
    fn begin(&mut self, plan: &Plan) {
        bars_are(Some(self.bars.clone()));
        self.width = plan.steps.keys().map(|name| name.chars().count()).max().unwrap_or(0).min(32);
        for (name, step) in plan.steps.iter().filter(|(_, step)| !step.adopted) {
            self.steps.insert(name.clone(), {
                let count = step.count();
                Step { count, in_rounds: count.is_none(), ..Step::default() }
            });
        }
        self.line(format!("{} {}", style("run").dim(), style(&plan.run).bold()));
    }

    fn skipped(&mut self, step: &str, reason: &str) {
        if let Some(step) = self.steps.get_mut(step) {
            step.skipped = Some(reason.to_owned());
        }
    }

    fn notice(&mut self, task: &Message, name: &str, notice: &Notice) {
        let name = foreign::line(name);
        let Some(step) = self.steps.get_mut(&task.step) else { return };
        match notice {
            Notice::Started { .. } => {
                step.started.get_or_insert_with(Instant::now);
                step.running.insert(task.task, (0, None));
                self.draw(&task.step);
            }
            Notice::Said(Event::Progress { done, total }) => {
                step.running.insert(task.task, (*done, *total));
                self.draw(&task.step);
            }
            Notice::Said(Event::Metric { name, value, .. }) => {
                step.message = format!("{} {}", foreign::line(name), text::figure(*value));
                self.draw(&task.step);
            }
            Notice::Said(Event::Log { level, message }) if *level >= Level::Warn => {
                let message = foreign::indented(message, "    ");
                self.line(format!("{} {name}: {message}", style("!").yellow()));
            }
            Notice::Said(_) => {}
            Notice::Completed(completion) => self.completed(task, completion),
            Notice::Retrying { failure, wait } => {
                let wait = text::duration(*wait);
                let failure = foreign::indented(&failure.to_string(), "    ");
                self.line(format!("{} {name}: {failure}; tried again in {wait}", style("!").yellow()));
            }
            Notice::Failed(record) => {
                step.running.remove(&task.task);
                step.failed = Some(match *name == *task.step {
                    true => record.failure.to_string(),
                    false => format!("{name}: {}", record.failure),
                });
            }
        }
    }

    fn progress(&mut self, progress: &Progress) {
        for (name, now) in &progress.steps {
            let Some(step) = self.steps.get_mut(name) else { continue };
            step.count = now.count.or(step.count);
            if now.settled {
                step.done = step.done.max(now.done);
                if now.failed > 0 && step.failed.is_none() {
                    step.failed = Some("did not run, as a step that it needs failed".to_owned());
                }
                self.settle(name);
            } else if now.done > step.done {
                // Somebody else did tasks.
                step.done = now.done;
                step.started.get_or_insert_with(Instant::now);
                self.draw(name);
            }
        }
    }

    fn note(&mut self, text: &str) {
        self.line(text.to_owned());
    }

    fn end(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        // Clearing fails only with the terminal.
        let _ = self.bars.clear();
        bars_are(None);
        summary.print()
    }
}
