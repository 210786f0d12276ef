//! One schedule, and what must hold after it.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

use millstream_core::{
    completion::{Completion, Outcome},
    layout,
    task::Task,
};
use millstream_language::tuning::Axis;
use millstream_plan::{FanOut, Plan};
use millstream_state::{Error, Run, RunState};

use super::world::{Faults, Hand, Job, Sabotage, World};
use crate::{
    common::{Died, Memory},
    random::{Dice, score, workflow},
    worker::{drive_with, end_state, options, plan, results, work},
};

/// What is tried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Case {
    /// Messages are lost; somebody looks over the run when nothing happens any more.
    pub lossy: bool,
    /// The run is cancelled in its midst, and then retried.
    pub cancelled: bool,
    /// Half of the workers make other rounds.
    pub two_versions: bool,
    pub sabotage: Sabotage,
}

type Fault = String;

/// Runs a workflow to its end as `seed` has it, then once more with its failing tasks mended.
pub fn schedule(seed: u64, case: Case) -> Result<(), Fault> {
    let mut dice = Dice::new(seed);
    let (text, mut failing) = workflow(&mut dice);
    if case.cancelled || case.two_versions {
        failing.clear();
    }
    let plan = plan(&text, &options("r"));
    let calm = Memory::default();
    drive_with(&plan, &calm, &failing, Run::new(&plan, &calm).begin(0).unwrap(), &score);
    let told = |fault: Fault| format!("{fault}\n{text}failing: {failing:?}");

    let store = Memory::default();
    let mut first = disturbed(&plan, &store, &failing, &mut dice, case, vec![Job::Look]).map_err(told)?;
    if case.cancelled {
        Run::new(&plan, &store).retry(0).unwrap();
        first =
            disturbed(&plan, &store, &failing, &mut dice, Case { cancelled: false, ..case }, vec![Job::Look])
                .map_err(told)?;
    }
    // After a retry, what ran because of a failure has other inputs than it had.
    consistent(&plan, &store).map_err(told)?;
    same_end(&plan, &calm, &store, case).map_err(told)?;
    if failing.is_empty() || first == RunState::Succeeded {
        return Ok(());
    }
    let mended = BTreeSet::new();
    drive_with(&plan, &calm, &mended, Run::new(&plan, &calm).retry(0).unwrap(), &score);
    let again = Run::new(&plan, &store).retry(0).unwrap().into_iter().map(Job::Task).collect();
    disturbed(&plan, &store, &mended, &mut dice, case, again).map_err(told)?;
    same_end(&plan, &calm, &store, case).map_err(|fault| told(format!("after a retry: {fault}")))
}

/// Lets workers do all jobs, with faults; what is in the store then is in `store`.
fn disturbed(
    plan: &Plan,
    store: &Memory,
    failing: &BTreeSet<Task>,
    dice: &mut Dice,
    case: Case,
    mut queue: Vec<Job>,
) -> Result<RunState, Fault> {
    let workers = 1 + dice.roll(4);
    let faults = Faults {
        deaths: dice.roll(40),
        duplicates: dice.roll(12),
        losses: if case.lossy { 1 + dice.roll(6) } else { 0 },
        sabotage: case.sabotage,
    };
    let mut cancelled = case.cancelled;
    let mut looks = 0;
    loop {
        if std::mem::take(&mut cancelled) {
            queue.push(Job::Cancel);
        }
        let own = Dice::new(dice.roll(usize::MAX) as u64);
        let world = World::new(own, workers, store.objects.take(), queue, faults);
        let versions = [plan.clone(), if case.two_versions { other_version(plan) } else { plan.clone() }];
        let ends: Vec<Result<(), Fault>> = thread::scope(|scope| {
            let start = |worker: usize| {
                let (world, plan) = (&world, &versions[worker % 2]);
                scope.spawn(move || {
                    let hand = Hand { world, worker };
                    let end = catch_unwind(AssertUnwindSafe(|| worker_of(plan, hand, failing)));
                    world.end();
                    end.unwrap_or_else(|panic| match panic.downcast_ref::<String>() {
                        Some(text) => Err(text.clone()),
                        None => resume_unwind(panic),
                    })
                })
            };
            let threads: Vec<_> = (0..workers).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        *store.objects.borrow_mut() = world.objects();
        ends.into_iter().collect::<Result<(), Fault>>()?;
        let progress = Run::new(plan, store).progress().map_err(|error| format!("{error:?}"))?;
        if progress.state.has_ended() {
            return Ok(progress.state);
        }
        looks += 1;
        if !case.lossy || looks > 50 {
            return Err(format!("nothing happens any more, and the run has not ended: {progress:?}"));
        }
        queue = vec![Job::Look];
    }
}

fn worker_of(plan: &Plan, hand: Hand<'_>, failing: &BTreeSet<Task>) -> Result<(), Fault> {
    while let Some(job) = hand.receive() {
        let run = Run::new(plan, &hand);
        let ready = match &job {
            Job::Task(task) => work(plan, &hand, task, failing, &score),
            Job::Look => run.begin(0),
            Job::Cancel => run.cancel().map(|()| Vec::new()),
        };
        match ready {
            Ok(ready) => hand.settle(Ok(ready)),
            Err(Error::Store(Died)) => hand.settle(Err(Died)),
            Err(other) => return Err(format!("{job:?}: {other:?}")),
        }
    }
    Ok(())
}

/// The same plan, as a version of millstream reads it that draws other points.
fn other_version(plan: &Plan) -> Plan {
    let mut other = plan.clone();
    for step in other.steps.values_mut() {
        let FanOut::Trials(tuning) = &mut step.fan_out else { continue };
        for dimension in tuning.search.values_mut() {
            let axis = &mut dimension.axis;
            match axis {
                Axis::Values(values) => values.reverse(),
                Axis::Integers { high, .. } => *high -= 1,
                Axis::Numbers { high, .. } => *high /= 2.0,
            }
        }
    }
    other
}

fn same_end(plan: &Plan, calm: &Memory, store: &Memory, case: Case) -> Result<(), Fault> {
    if case.two_versions {
        return Ok(());
    }
    let (wanted, found) = (end_state(plan, calm), end_state(plan, store));
    if wanted == found {
        return Ok(());
    }
    let keys: BTreeSet<&String> = wanted.1.keys().chain(found.1.keys()).collect();
    let differs = keys.into_iter().find(|key| wanted.1.get(*key) != found.1.get(*key));
    let which = differs.map(|key| format!("{key} is {:?}, not {:?}", found.1.get(key), wanted.1.get(key)));
    Err(format!("{:?} instead of {:?}: {}", found.0, wanted.0, which.unwrap_or_default()))
}

/// What each completion says is what its task gives, as the records stand.
fn consistent(plan: &Plan, store: &Memory) -> Result<(), Fault> {
    let run = Run::new(plan, store);
    let keys: Vec<String> = store.objects.borrow().keys().cloned().collect();
    for key in keys.iter().filter(|key| key.starts_with(&layout::all_done(&plan.run, None))) {
        let completion: Completion = serde_json::from_slice(&store.objects.borrow()[key]).unwrap();
        let Outcome::Done(found) = completion.outcome else { continue };
        let task = Task { step: completion.step, task: completion.task };
        let resolved = run.again(&task).map_err(|error| format!("{task}: {error:?}"))?;
        let Some(resolved) = resolved else {
            return Err(format!("{task} is done, and there is no such task"));
        };
        if results(plan, &resolved, &score) != found {
            return Err(format!("{task} is done with other parameters than its record has"));
        }
    }
    Ok(())
}
