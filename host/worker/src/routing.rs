//! Which queue a task goes to: that of its step's pool.

use std::collections::BTreeMap;

use millstream_core::{
    pools::Unfit,
    task::{Message, Task},
};
use millstream_plan::{Plan, Step};
use millstream_queue::{Error, ErrorKind, Outgoing};

use crate::home::{Home, queue_name};

/// Sends tasks to the queues of their pools: of a home with pools, those that their steps name or the least that hold them; else
/// those that their steps name, or the one that everybody serves.
///
/// # Errors
/// What the queue met, or that the pools cannot be read or have none for a task; any of them may have been sent.
pub fn send(home: &Home, plan: &Plan, tasks: &[Task]) -> Result<(), Error> {
    let mut queues = BTreeMap::<String, Vec<Outgoing>>::new();
    for task in tasks {
        let message = Message { run: plan.run.clone(), step: task.step.clone(), task: task.task };
        let body = serde_json::to_string(&message).expect("a message is JSON");
        let queue = queue_of(home, plan.steps.get(&task.step))?;
        queues.entry(queue).or_default().push(Outgoing::new(body).of(&plan.run));
    }
    queues.iter().try_for_each(|(queue, messages)| home.queue().send(queue, messages).map(drop))
}

fn queue_of(home: &Home, step: Option<&Step>) -> Result<String, Error> {
    let named = step.and_then(|step| step.pool.as_deref());
    let Some(pools) = home.pools().map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?
    else {
        return Ok(queue_name(named));
    };
    let memory = step.and_then(|step| step.limits.memory);
    let pool = pools.of(named, memory).map_err(|why| Error::new(ErrorKind::Invalid, why.to_string()))?;
    Ok(queue_name(Some(&pool.name)))
}

/// The steps of a plan that no pool of the home can run, and why.
///
/// # Errors
/// The pools cannot be read.
pub fn unfit(home: &Home, plan: &Plan) -> Result<Vec<(String, Unfit)>, millstream_store::Error> {
    let Some(pools) = home.pools()? else { return Ok(Vec::new()) };
    let wrong = |(name, step): (&String, &Step)| {
        let why = pools.of(step.pool.as_deref(), step.limits.memory).err()?;
        (!step.adopted).then(|| (name.clone(), why))
    };
    Ok(plan.steps.iter().filter_map(wrong).collect())
}
