//! What a workflow will cost on AWS, and how long it takes: from times that were measured, published prices and limits.

use std::collections::BTreeMap;

use millstream_core::pools::{Pools, Unfit};
use serde::Serialize;

use crate::{
    prices::{self, M5_2XLARGE, M5_LARGE, M5_XLARGE, Price, QUEUE_REQUESTS, STORE_REQUESTS},
    settings::StackSettings,
};

/// What was measured of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredStep {
    /// Its name.
    pub name: String,
    /// The steps before it.
    pub needs: Vec<String>,
    /// How long each of its tasks took, in milliseconds.
    pub tasks: Vec<f64>,
    /// The pool that it names.
    pub pool: Option<String>,
    /// Its limit of memory, in bytes.
    pub memory: Option<u64>,
}

/// What is expected of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// In the order of the plan.
    pub steps: Vec<StepEstimate>,
    /// On Lambda.
    pub lambda: Expected,
    /// On instances of SageMaker, each step a job.
    pub sagemaker: Vec<Expected>,
    /// What all this rests on.
    pub assumptions: Vec<String>,
}

/// What is expected of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepEstimate {
    /// Its name.
    pub name: String,
    /// Where its tasks are done.
    pub pool: String,
    /// How many tasks it has.
    pub tasks: usize,
    /// From its first task to the end of its last one, in seconds.
    pub seconds: f64,
    /// Its share of the cost.
    pub usd: f64,
}

/// What one way of doing it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Expected {
    /// Which way.
    pub on: String,
    /// From the start of the run to its end, in seconds.
    pub seconds: f64,
    /// All of it.
    pub usd: f64,
}

/// MB that give a function one vCPU.
const ONE_CPU: f64 = 1769.0;
/// Seconds from the end of a task to the start of the next one: a message sent, polled, and the function called.
const HOP: f64 = 0.2;
/// Seconds until a job of SageMaker does its work.
const JOB_START: f64 = 180.0;

/// Estimates a workflow by the times of its tasks in an earlier run.
///
/// # Errors
/// No pool can run a step.
pub fn estimate(steps: &[MeasuredStep], settings: &StackSettings, pools: &Pools) -> Result<Estimate, Unfit> {
    let mut all = Vec::new();
    let (mut ends, mut jobs): (BTreeMap<&str, f64>, BTreeMap<&str, f64>) = Default::default();
    let (mut machine_seconds, mut tasks) = (0.0, 0);
    for step in steps {
        let pool = pools.of(step.pool.as_deref(), step.memory)?;
        let concurrency =
            settings.pools.iter().find(|own| own.name == pool.name).map_or(1, |own| own.concurrency as usize);
        // A function in WebAssembly has one thread: more than one vCPU does not make it faster, less makes it slower.
        let slower = (ONE_CPU / pool.memory as f64).max(1.0);
        let taken: Vec<f64> = step.tasks.iter().map(|ms| ms / 1e3 * slower).collect();
        let storage = settings.temporary_storage.into();
        let one = |seconds: &f64| prices::task(settings.architecture, pool.memory, storage, seconds * 1e3);
        let usd: f64 = taken.iter().map(one).sum();
        let seconds = side_by_side(&taken, concurrency);
        let before = |ends: &BTreeMap<&str, f64>| {
            step.needs.iter().filter_map(|need| ends.get(need.as_str())).copied().fold(0.0, f64::max)
        };
        let end = before(&ends) + seconds + if taken.is_empty() { 0.0 } else { HOP };
        ends.insert(&step.name, end);
        // One instance does the tasks of a step one after the other.
        let work: f64 = step.tasks.iter().map(|ms| ms / 1e3).sum();
        let job = before(&jobs) + work + if work > 0.0 { JOB_START } else { 0.0 };
        jobs.insert(&step.name, job);
        machine_seconds += work;
        tasks += taken.len();
        all.push(StepEstimate {
            name: step.name.clone(),
            pool: pool.name.clone(),
            tasks: taken.len(),
            seconds,
            usd,
        });
    }
    let last = |ends: &BTreeMap<&str, f64>| ends.values().copied().fold(0.0, f64::max);
    let lambda = Expected {
        on: format!("Lambda, {}", settings.architecture.name()),
        seconds: last(&ends),
        usd: all.iter().map(|step| step.usd).sum(),
    };
    let on_instance = |price: Price| Expected {
        on: price.what.to_owned(),
        seconds: last(&jobs),
        usd: machine_seconds / 3600.0 * price.usd,
    };
    Ok(Estimate {
        steps: all,
        lambda,
        sagemaker: [M5_LARGE, M5_XLARGE, M5_2XLARGE].map(on_instance).to_vec(),
        assumptions: assumptions(tasks),
    })
}

/// Seconds for tasks of these lengths, so many at once, each begun as soon as there is room.
fn side_by_side(tasks: &[f64], at_once: usize) -> f64 {
    let mut lanes = vec![0.0_f64; at_once.max(1).min(tasks.len().max(1))];
    for task in tasks {
        let first = lanes.iter_mut().min_by(|a, b| a.total_cmp(b)).expect("there is a lane");
        *first += task;
    }
    lanes.into_iter().fold(0.0, f64::max)
}

fn assumptions(tasks: usize) -> Vec<String> {
    vec![
        format!(
            "{tasks} tasks take as long on one vCPU of Lambda (1,769 MB) as they took in the measured run; less memory makes them slower"
        ),
        format!(
            "from the end of a task to the start of the next one {HOP} s pass; cold starts are not counted"
        ),
        format!(
            "a task takes {STORE_REQUESTS} requests of S3 and {QUEUE_REQUESTS} of SQS at most; storage and transfer are not counted"
        ),
        format!("prices of {}, US East, without free tier", prices::AS_OF),
        format!(
            "SageMaker: each step is a job on one instance, which starts in {} minutes that are not billed, and does the step's tasks \
             one after the other",
            JOB_START / 60.0
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, needs: &[&str], tasks: &[f64]) -> MeasuredStep {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        MeasuredStep { name: name.to_owned(), needs, tasks: tasks.to_vec(), pool: None, memory: None }
    }

    fn of(steps: &[MeasuredStep]) -> Estimate {
        let settings = StackSettings::carried();
        estimate(steps, &settings, &crate::pools(&settings)).unwrap()
    }

    #[test]
    fn steps_that_need_each_other_take_their_time_one_after_the_other() {
        let both =
            of(&[step("a", &[], &[1000.0]), step("b", &["a"], &[2000.0]), step("c", &["a"], &[500.0])]);
        assert!((both.lambda.seconds - (3.0 + 2.0 * HOP)).abs() < 1e-9, "{both:?}");
        let job = &both.sagemaker[0];
        assert!((job.seconds - (3.0 + 2.0 * JOB_START)).abs() < 1e-9, "{job:?}");
        // 3.5 seconds of an instance.
        assert!((job.usd - 3.5 / 3600.0 * 0.115).abs() < 1e-12, "{job:?}");
    }

    #[test]
    fn tasks_of_a_step_are_done_side_by_side() {
        let shards = of(&[step("a", &[], &[1000.0; 250])]);
        // The pool does 100 at once: three rounds.
        assert!((shards.steps[0].seconds - 3.0).abs() < 1e-9, "{shards:?}");
        let one = of(&[step("a", &[], &[1000.0])]);
        assert!((shards.lambda.usd / one.lambda.usd - 250.0).abs() < 1e-6);
        // 1769 MB for a second on Arm, and some requests.
        assert!((2.3e-5..5.0e-5).contains(&one.lambda.usd), "{one:?}");
    }

    #[test]
    fn a_step_goes_to_the_pool_that_holds_it() {
        let large = MeasuredStep { memory: Some(6 << 30), ..step("a", &[], &[1000.0]) };
        let estimate = of(std::slice::from_ref(&large));
        assert_eq!(estimate.steps[0].pool, "large");
        let settings = StackSettings::carried();
        let huge = MeasuredStep { memory: Some(64 << 30), ..large };
        assert!(super::estimate(&[huge], &settings, &crate::pools(&settings)).is_err());
    }

    #[test]
    fn nothing_measured_costs_nothing() {
        let none = of(&[step("a", &[], &[])]);
        assert_eq!((none.lambda.usd, none.lambda.seconds), (0.0, 0.0));
    }
}
