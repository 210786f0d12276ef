//! Runs one job on this thread.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use millstream_core::{artifact::Artifact, failure::Failure, manifest::Manifest};

use crate::{
    Done, Event, Job,
    contract::{self, types},
    engine::Engine,
    error,
    function::{self, Function},
    host::{
        State,
        report::{MAX_MESSAGE, Reporter},
    },
    interrupt::Interrupt,
    memory::Budget,
    text::truncate,
    trap,
};

/// Runs `job` to its end. `received` is when its request came.
pub(crate) fn run(
    engine: &Engine,
    job: &Arc<Job>,
    interrupt: Interrupt,
    reporter: &Reporter,
    received: Instant,
) -> Result<Done, Failure> {
    let function = engine.load(&job.function)?;
    check_inputs(&function, job)?;
    let memory = Budget::new(job.limits.memory);
    let state = State::for_job(engine, &function, job, interrupt, memory, reporter.clone());
    let mut store = function::store(engine, state);
    let guest = function.job(&mut store)?;
    reporter.send(Event::Started { preparation: received.elapsed() });
    let answer = guest.call_run(&mut store, &job.params);
    reporter.flush();
    let summary = match answer {
        Ok(Ok(summary)) => summary,
        Ok(Err(failure)) => return Err(contract::failure(failure)),
        Err(error) => return Err(trap::failure(error, store.data())),
    };
    let outputs = store.into_data().into_outputs().map(|outputs| outputs.finished()).unwrap_or_default();
    check_outputs(function.manifest(), &outputs)?;
    Ok(Done { message: truncate(&summary.message, MAX_MESSAGE), metrics: metrics(summary)?, outputs })
}

/// The caller checks a workflow before it runs; a job that comes here with inputs that don't fit is the host's fault.
fn check_inputs(function: &Function, job: &Job) -> Result<(), Failure> {
    let manifest = function.manifest();
    for name in job.inputs.keys() {
        if manifest.channel(name).is_none() {
            return Err(error::host(format!(
                "the job has input `{name}`, but `{}` has no such channel",
                manifest.name
            )));
        }
    }
    for channel in manifest.channels.iter().filter(|channel| channel.required) {
        if job.inputs.get(&channel.name).is_none_or(|parts| parts.parts.is_empty()) {
            return Err(Failure::InvalidInput {
                message: format!("`{}` needs this input, but it has no parts", manifest.name),
                channel: Some(channel.name.clone()),
                part: None,
                row: None,
                column: None,
            });
        }
    }
    Ok(())
}

fn check_outputs(manifest: &Manifest, outputs: &BTreeMap<String, Vec<Artifact>>) -> Result<(), Failure> {
    match manifest.outputs.iter().find(|output| output.required && !outputs.contains_key(&output.name)) {
        Some(missing) => Err(error::function(format!(
            "it said that it succeeded, but did not finish any part of its required output `{}`",
            missing.name
        ))),
        None => Ok(()),
    }
}

fn metrics(summary: types::Summary) -> Result<BTreeMap<String, f64>, Failure> {
    /// More than anybody looks at.
    const MAX_METRICS: usize = 10_000;
    /// Longest name, in bytes.
    const MAX_NAME: usize = 1 << 10;

    let mut metrics = BTreeMap::new();
    if summary.metrics.len() > MAX_METRICS {
        let count = summary.metrics.len();
        return Err(error::function(format!("it gave {count} final metrics; there may be {MAX_METRICS}")));
    }
    for (name, value) in summary.metrics {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(error::function("it gave a final metric a name that is empty or too long"));
        }
        if name.contains(char::is_control) {
            return Err(error::function(format!(
                "it gave a final metric a name with control characters: {name:?}"
            )));
        }
        if metrics.contains_key(&name) {
            return Err(error::function(format!("it gave the final metric `{name}` twice")));
        }
        metrics.insert(name, value);
    }
    Ok(metrics)
}
