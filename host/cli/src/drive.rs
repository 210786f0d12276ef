//! Works on a run until it ends, and shows it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use millstream_control::{Deeds, interrupted};
use millstream_core::{
    completion::{Completion, FailureRecord},
    layout,
    task::Message,
};
use millstream_engine::Execute;
use millstream_language::acts::Act;
use millstream_plan::Plan;
use millstream_state::{Objects as _, Progress, Run, RunState};
use millstream_worker::{
    Home, Notice, Options, Records, Tasks, Watch, Worker,
    home::queue_name,
    presence::{is_served, workers},
};

use crate::{
    artifacts,
    cli::Threads,
    commands::End,
    display::{self, Display, Exported, Summary},
    overview::{Overview, TaskNames},
    place::Place,
};

/// How soon after a task has ended it is looked how the run stands, where looks cost nothing.
const SOON: Duration = Duration::from_millis(10);
/// Looking at a large run takes a while: at most a tenth of the time goes into it.
const LOOK_SHARE: u32 = 10;

/// What reaches the thread that shows a run.
enum Update {
    Notice(Message, Notice),
    Interrupt,
}

struct Sending(Sender<Update>);

impl Watch for Sending {
    fn notice(&self, task: &Message, notice: Notice) {
        // Nobody listens any more only at the very end.
        let _ = self.0.send(Update::Notice(task.clone(), notice));
    }
}

/// Starts a worker on the queue of `place`; `brief`: it ends with a run.
fn start_worker(
    place: &Place,
    threads: &Threads,
    watch: Arc<dyn Watch>,
    brief: bool,
) -> anyhow::Result<Worker> {
    // A home that can only be read has no queue to work on.
    place.home.queue().stats(&queue_name(None)).context("no tasks can be done in this home")?;
    for (name, error) in place.functions.damaged() {
        display::error_line(&format!("function `{name}` cannot be used: {error}"));
    }
    place.executors.start().context("cannot start executor processes")?;
    let execute: Arc<dyn Execute> = place.executors.clone();
    let tasks = Tasks::new(place.home.clone(), execute, Arc::new(Deeds), watch)
        .telling(Arc::new(place.triggers.clone()));
    let options = Options { threads: place.executors.size(), pools: threads.pools.clone(), brief };
    Worker::start(place.home.clone(), tasks, &options).context("cannot start a worker")
}

/// Works on the queue until the run of `plan` ends or somebody presses Ctrl-C.
pub fn drive(
    place: &Place,
    plan: &Plan,
    threads: &Threads,
    display: &mut dyn Display,
) -> anyhow::Result<End> {
    let (updates, heard) = channel();
    on_interrupt(updates.clone(), GIVE_BACK)?;
    display.begin(plan);
    let pools: BTreeSet<&String> = plan.steps.values().filter_map(|step| step.pool.as_ref()).collect();
    let elsewhere = if pools.is_empty() { Vec::new() } else { workers(&place.home)? };
    for pool in pools {
        if !threads.pools.contains(pool) && !is_served(&place.home, &elsewhere, pool)? {
            display.note(&format!(
                "nobody does the tasks of pool `{pool}`: start `millstream worker --pool {pool}`"
            ));
        }
    }
    let worker = start_worker(place, threads, Arc::new(Sending(updates)), true)?;
    let mut ended = Ended::default();
    let mut names = TaskNames::new(&place.home, plan);
    let Some(state) = follow(&place.home, plan, display, &heard, &mut ended, &mut names)? else {
        // Noted at once, as a second Ctrl-C ends the process; and once more, as tasks may have ended meanwhile.
        interrupted::note(&place.home, plan)?;
        worker.abort();
        return let_go(place, plan, display);
    };
    if state == RunState::Succeeded {
        worker.finish()
    } else {
        worker.abort()
    }
    // A task tells what became of it after it has written that down.
    while let Ok(update) = heard.try_recv() {
        if let Update::Notice(task, notice) = update
            && task.run == plan.run
            && ended.is_news(&task, &notice)
        {
            display.notice(&task, &names.of(&task.step, task.task), &notice);
        }
    }
    finish(place, plan, state, display)
}

/// Shows a run that others work on, until it ends or somebody presses Ctrl-C: it goes on then.
pub fn watch(place: &Place, plan: &Plan, display: &mut dyn Display) -> anyhow::Result<End> {
    let (updates, heard) = channel();
    on_interrupt(updates.clone(), "The run goes on without being watched")?;
    display.begin(plan);
    let mut names = TaskNames::new(&place.home, plan);
    let mut ended = Ended { others: true, ..Ended::default() };
    let Some(state) = follow(&place.home, plan, display, &heard, &mut ended, &mut names)? else {
        let rows = [("logs", "watch it again, with `--follow`"), ("cancel", "end it")];
        let row = |(verb, what): (&str, &str)| (format!("millstream {verb} {}", plan.run), what.to_owned());
        display.end(&Summary {
            overview: &Overview::read(&place.home, plan)?,
            exported: Vec::new(),
            next: rows.map(row).to_vec(),
        })?;
        return Ok(End::Interrupted);
    };
    drop(updates);
    finish(place, plan, state, display)
}

/// Says how to continue a run that was interrupted.
fn let_go(place: &Place, plan: &Plan, display: &mut dyn Display) -> anyhow::Result<End> {
    let home = &place.home;
    let records = Records::new(home.store().clone());
    let state = Run::new(plan, &records).progress()?.state;
    if state.has_ended() {
        return finish(place, plan, state, display);
    }
    interrupted::note(home, plan)?;
    display.end(&Summary {
        overview: &Overview::read(home, plan)?,
        exported: Vec::new(),
        next: vec![
            (format!("millstream retry {}", plan.run), "continue it; what is done stays".to_owned()),
            (format!("millstream cancel {}", plan.run), "end it".to_owned()),
        ],
    })?;
    Ok(End::Interrupted)
}

/// The tasks whose end has been shown. A message may be delivered twice, and each delivery tells that the task is done.
#[derive(Default)]
struct Ended {
    tasks: HashSet<(String, u32)>,
    /// Nobody here does tasks: what has ended is read from the records.
    others: bool,
}

impl Ended {
    fn is_news(&mut self, task: &Message, notice: &Notice) -> bool {
        match notice {
            Notice::Completed(_) | Notice::Failed(_) => self.tasks.insert((task.step.clone(), task.task)),
            _ => true,
        }
    }

    /// What others have ended since, in the order of the plan.
    fn news(
        &mut self,
        records: &Records,
        plan: &Plan,
        progress: &Progress,
    ) -> anyhow::Result<Vec<(Message, Notice)>> {
        let mut news = Vec::new();
        for (step, now) in &progress.steps {
            let known = self.tasks.iter().filter(|(of, _)| of == step).count();
            if known >= (now.done + now.failed) as usize {
                continue;
            }
            let run = plan.run.as_str();
            let mut keys = records.list(&layout::all_done(run, Some(step)))?;
            keys.extend(records.list(&layout::all_failed(run, Some(step)))?);
            let message = |task| Message { run: run.to_owned(), step: step.clone(), task };
            keys.retain(|key| {
                layout::step_and_task(key)
                    .is_some_and(|(_, task)| !self.tasks.contains(&(step.clone(), task)))
            });
            for (key, bytes) in keys.iter().zip(records.get_many(&keys)?) {
                let Some(bytes) = bytes else { continue };
                let damaged = || format!("the record {key} is damaged");
                let (task, notice) = if key.starts_with(&layout::all_done(run, Some(step))) {
                    let done: Completion = serde_json::from_slice(&bytes).with_context(damaged)?;
                    (done.task, Notice::Completed(Box::new(done)))
                } else {
                    let failed: FailureRecord = serde_json::from_slice(&bytes).with_context(damaged)?;
                    (failed.task, Notice::Failed(Box::new(failed)))
                };
                let task = message(task);
                if self.is_news(&task, &notice) {
                    news.push((task, notice));
                }
            }
        }
        Ok(news)
    }
}

/// Shows what happens until the run ends. None: somebody pressed Ctrl-C.
fn follow(
    home: &Home,
    plan: &Plan,
    display: &mut dyn Display,
    heard: &Receiver<Update>,
    ended: &mut Ended,
    names: &mut TaskNames,
) -> anyhow::Result<Option<RunState>> {
    let records = Records::new(home.store().clone());
    let run = Run::new(plan, &records);
    let mut due = Instant::now();
    let mut earliest = due;
    let mut settled = HashSet::new();
    // Other processes may do tasks of the run: it is looked at now and then.
    let looks = home.store().looks();
    let (mut pace, soon) = (looks.pace(), if looks.metered { looks.least } else { SOON });
    let mut before = None;
    loop {
        match heard.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(Update::Interrupt) => return Ok(None),
            Ok(Update::Notice(task, notice)) => {
                if task.run == plan.run && ended.is_news(&task, &notice) {
                    let name = names.of(&task.step, task.task);
                    if matches!(notice, Notice::Started { .. }) && waits_for_people(plan, &task) {
                        display.note(&format!(
                            "{name} waits for approval: `millstream approve {} {}`, or with `--reject`",
                            plan.run, task.step
                        ));
                    }
                    if matches!(notice, Notice::Completed(_) | Notice::Failed(_)) {
                        due = due.min(earliest.max(Instant::now() + soon));
                    }
                    display.notice(&task, &name, &notice);
                }
                if Instant::now() < due {
                    continue;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The worker holds the other end.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(looks.least),
        }
        let began = Instant::now();
        let progress = run.progress()?;
        // Nothing of a step that is skipped is done by anybody, so that nobody tells of it.
        for (name, _) in progress.steps.iter().filter(|(_, now)| now.settled && now.failed == 0) {
            if settled.insert(name.clone())
                && let Some(reason) = run.skipped(name)?
            {
                display.skipped(name, &reason);
            }
        }
        if ended.others && before.as_ref() != Some(&progress) {
            for (task, notice) in ended.news(&records, plan, &progress)? {
                display.notice(&task, &names.of(&task.step, task.task), &notice);
            }
        }
        display.progress(&progress);
        if progress.state.has_ended() {
            return Ok(Some(progress.state));
        }
        earliest = began + began.elapsed() * LOOK_SHARE;
        let news = before.as_ref() != Some(&progress);
        due = earliest.max(began + pace.after(news));
        before = Some(progress);
    }
}

fn waits_for_people(plan: &Plan, task: &Message) -> bool {
    let variant = plan.steps.get(&task.step).and_then(|step| step.variant(task.task));
    variant.is_some_and(|variant| variant.is(Act::Approve))
}

/// Copies out what people want to look at, and sums up.
fn finish(place: &Place, plan: &Plan, state: RunState, display: &mut dyn Display) -> anyhow::Result<End> {
    let home = &place.home;
    let exported = artifacts::export_all(home, &place.exports, plan)?
        .into_iter()
        .map(|(made, path)| Exported { address: made.address, kind: made.kind, path })
        .collect();
    let run = &plan.run;
    let next = |rows: &[(&str, &str)]| {
        rows.iter().map(|(verb, what)| (format!("millstream {verb}"), (*what).to_owned())).collect::<Vec<_>>()
    };
    let status = format!("status {run}");
    let next = match state {
        RunState::Succeeded => {
            let registers = plan.steps.values().any(|step| step.is(Act::Register));
            let mut rows = vec![
                (status.as_str(), "each step, and why it ran or was cached"),
                ("artifacts", "all that it produced"),
            ];
            rows.extend(registers.then_some(("models", "registered versions")));
            next(&rows)
        }
        RunState::Cancelled => next(&[(&format!("retry {run}"), "continue it")]),
        RunState::Failed | RunState::Running => next(&[
            (&format!("logs {run}"), "what the tasks logged"),
            (&format!("retry {run}"), "run again what failed; what is done stays"),
        ]),
    };
    display.end(&Summary { overview: &Overview::read(home, plan)?, exported, next })?;
    Ok(if state == RunState::Succeeded { End::Done } else { End::Failed })
}

/// Does whatever tasks come until Ctrl-C, and tells of them.
pub fn serve(place: &Place, threads: &Threads) -> anyhow::Result<()> {
    let (updates, heard) = channel();
    on_interrupt(updates.clone(), GIVE_BACK)?;
    let worker = start_worker(place, threads, Arc::new(Sending(updates)), false)?;
    let pools = threads.pools.iter().map(|pool| format!(" and pool `{pool}`")).collect::<String>();
    display::error_line(&format!(
        "Working on {} at once from the queue{pools} of {}; Ctrl-C stops it",
        display::text::count(place.executors.size() as u64, "task"),
        place.home.location()
    ));
    tell(&place.home, &heard);
    worker.abort();
    Ok(())
}

/// A worker beside other work, until dropped: its tasks go back to the queue then.
pub struct Working(Option<Worker>);

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(worker) = self.0.take() {
            worker.abort();
        }
    }
}

/// Does whatever tasks come, and tells of them on standard error.
pub fn work(place: &Place, threads: &Threads) -> anyhow::Result<Working> {
    let (updates, heard) = channel();
    let worker = start_worker(place, threads, Arc::new(Sending(updates)), false)?;
    let home = place.home.clone();
    std::thread::spawn(move || tell(&home, &heard));
    Ok(Working(Some(worker)))
}

/// Tells of tasks until nobody does any.
fn tell(home: &Home, heard: &Receiver<Update>) {
    let mut display = display::Plain::new(Box::new(std::io::stderr()));
    let records = Records::new(home.store().clone());
    let mut runs: HashMap<String, TaskNames> = HashMap::new();
    while let Ok(Update::Notice(task, notice)) = heard.recv() {
        if !runs.contains_key(&task.run)
            && let Ok(Some(plan)) = records.plan(&task.run)
        {
            runs.insert(task.run.clone(), TaskNames::new(home, &plan));
        }
        let name = match runs.get_mut(&task.run) {
            Some(names) => names.of(&task.step, task.task),
            // Its plan cannot be read, which the notice says.
            None => task.step.clone(),
        };
        display.notice(&task, &format!("{} {name}", task.run), &notice);
    }
}

/// What is said at the first Ctrl-C.
const GIVE_BACK: &str = "Stopping: tasks go back to the queue";

/// The first Ctrl-C (or SIGTERM) lets go of what is in hand, the second ends at once.
fn on_interrupt(updates: Sender<Update>, says: &'static str) -> anyhow::Result<()> {
    let mut pressed = false;
    ctrlc::set_handler(move || {
        if pressed || updates.send(Update::Interrupt).is_err() {
            std::process::exit(130);
        }
        pressed = true;
        display::error_line(&format!("{says}. Press Ctrl-C again to stop at once"));
    })
    .context("cannot listen for Ctrl-C")
}

#[cfg(test)]
mod tests {
    use millstream_core::failure::Failure;

    use super::*;

    #[test]
    fn an_end_is_told_once() {
        let mut ended = Ended::default();
        let failed = |step: &str| {
            let failure = Failure::Host { message: "no".to_owned() };
            let step = step.to_owned();
            Notice::Failed(Box::new(FailureRecord {
                step,
                task: 0,
                failure,
                attempts: 1,
                at: 0,
                blocked_by: None,
            }))
        };
        let task = |step: &str, task| Message { run: "r".to_owned(), step: step.to_owned(), task };
        assert!(ended.is_news(&task("a", 0), &failed("a")));
        assert!(!ended.is_news(&task("a", 0), &failed("a")));
        assert!(ended.is_news(&task("a", 1), &failed("a")) && ended.is_news(&task("b", 0), &failed("b")));
        let started = Notice::Started { attempt: 1 };
        assert!(ended.is_news(&task("a", 0), &started) && ended.is_news(&task("a", 0), &started));
    }
}
