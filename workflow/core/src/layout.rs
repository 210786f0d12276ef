//! Where things lie in the store. Every key of the store is built here and nowhere else.
//!
//! ```text
//! runs/<run>/plan.json                             the plan, written once
//! runs/<run>/done/<step>/<task>.json               completions, each created once
//! runs/<run>/steps/<step>.json                     what a fanned-out step came to, created once
//! runs/<run>/rounds/<step>/<round>.json            tasks that were made while the run went on, each round created once
//! runs/<run>/marks/<step>/<round>/<level>/<group>/<n>   the fan-in tree of each round
//! runs/<run>/failed/<step>/<task>.json             failures; removed by a retry
//! runs/<run>/logs/<step>/<task>/<attempt>/<piece>.jsonl
//! runs/<run>/attempts/<step>/<task>.json           failed attempts of a task that is tried again
//! runs/<run>/decisions/<step>/<task>.json          what a person decided of an `approve` step
//! runs/<run>/cancel                                exists once somebody has cancelled
//! runs/<run>/interrupted.json                      when whoever worked on the run was told to stop
//! cache/<key>.json                                 results by task key
//! latest/<workflow>                                the names of its newest runs, a line each
//! artifacts/<aa>/<digest>                          immutable bytes
//! models/<name>/versions/<version>.json
//! models/<name>/aliases/<alias>.json
//! endpoints/<name>.json                            aliases, variants, rollouts, configuration, the newest changes
//! endpoint-history/<name>/<revision>.json          changes that the record has no room for
//! keys/<id>.json                                   API keys, hashed
//! capture/<endpoint>/<variant>/<yyyy/mm/dd/hh>/<part>.jsonl   captured requests and answers
//! async/<endpoint>/<id>/...                        requests that are answered later, and their answers
//! buckets/<bucket>.json                            buckets of the S3 API
//! objects/<bucket>/<path of the key>               records of their objects, see [`object_key`](crate::object_key)
//! object-bytes/<bucket>/<aa>/<id>                  what those records name
//! object-uploads/<bucket>/<upload>/...             multipart uploads that are under way
//! functions/<name>/<version>.json
//! workflows/<name>/<version>.json                  workflows that were pushed
//! settings/pools.json                              the pools of workers, if there are any
//! triggers/seen/<workflow>/<event>.json            events that started a run, by digest, each created once
//! triggers/starting/<workflow>/<event>.json        events whose run is about to start; removed when it has
//! triggers/last/<workflow>/<trigger>.json          what became of a trigger's last event
//! triggers/clock/<workflow>/<trigger>.json         the time up to which a schedule was looked at
//! triggers/running/<workflow>.json                 runs that triggers have started, and those that wait for them
//! triggers/alarms/<endpoint>.json                  the change of an endpoint up to which alarms were looked for
//! ```

use crate::artifact::Digest;

/// All runs.
pub const RUNS: &str = "runs/";

/// Everything of one run.
pub fn run(run: &str) -> String {
    format!("runs/{run}/")
}

/// The plan, fixed when the run starts.
pub fn plan(run: &str) -> String {
    format!("runs/{run}/plan.json")
}

/// Exists once the run is cancelled.
pub fn cancel(run: &str) -> String {
    format!("runs/{run}/cancel")
}

/// Whether a key is that of [`cancel`].
pub fn is_cancel(key: &str) -> bool {
    key.strip_prefix(RUNS).and_then(|rest| rest.split_once('/')).is_some_and(|(_, rest)| rest == "cancel")
}

/// When whoever worked on the run was told to stop.
pub fn interrupted(run: &str) -> String {
    format!("runs/{run}/interrupted.json")
}

/// The completions of a run, or of one step of it.
pub fn all_done(run: &str, step: Option<&str>) -> String {
    under(run, "done", step)
}

/// The completion of a task.
pub fn done(run: &str, step: &str, task: u32) -> String {
    format!("runs/{run}/done/{step}/{task:06}.json")
}

/// The failures of a run, or of one step of it.
pub fn all_failed(run: &str, step: Option<&str>) -> String {
    under(run, "failed", step)
}

/// The failure of a task.
pub fn failed(run: &str, step: &str, task: u32) -> String {
    format!("runs/{run}/failed/{step}/{task:06}.json")
}

/// The gathered results of a run's fanned-out steps.
pub fn all_gathered(run: &str) -> String {
    format!("runs/{run}/steps/")
}

/// The gathered result of a fanned-out step.
pub fn gathered(run: &str, step: &str) -> String {
    format!("runs/{run}/steps/{step}.json")
}

/// The rounds of a run, or of one step of it.
pub fn all_rounds(run: &str, step: Option<&str>) -> String {
    under(run, "rounds", step)
}

/// Round `round` of a step, from 0.
pub fn round(run: &str, step: &str, round: u32) -> String {
    format!("runs/{run}/rounds/{step}/{round:06}.json")
}

/// All marks of a round's fan-in tree. A step whose tasks are all in the plan has round 0 alone.
pub fn all_marks(run: &str, step: &str, round: u32) -> String {
    format!("runs/{run}/marks/{step}/{round}/")
}

/// The marks of one group of a round's fan-in tree, from level 1 on: completions are the marks of level 0.
pub fn marks(run: &str, step: &str, round: u32, level: u32, group: u32) -> String {
    format!("runs/{run}/marks/{step}/{round}/{level}/{group}/")
}

/// Mark `n` of a group.
pub fn mark(run: &str, step: &str, round: u32, level: u32, group: u32, n: u32) -> String {
    format!("{}{n}", marks(run, step, round, level, group))
}

/// The logs of a task: `<attempt>/<piece>.jsonl` below, a JSON object a line.
pub fn task_logs(run: &str, step: &str, task: u32) -> String {
    format!("runs/{run}/logs/{step}/{task:06}/")
}

/// What is known of a task's failed attempts while it may still be tried again.
pub fn attempts(run: &str, step: &str, task: u32) -> String {
    format!("runs/{run}/attempts/{step}/{task:06}.json")
}

/// What a person decided of a step that waits for approval.
pub fn decision(run: &str, step: &str, task: u32) -> String {
    format!("runs/{run}/decisions/{step}/{task:06}.json")
}

/// Whether the object under this key, once it is there, never changes and is not removed while its run is.
pub fn is_immutable(key: &str) -> bool {
    let mut segments = key.split('/');
    segments.next() == Some("runs")
        && matches!(segments.nth(1), Some("plan.json" | "done" | "steps" | "rounds"))
}

/// The logs of a run, or of one step of it.
pub fn all_logs(run: &str, step: Option<&str>) -> String {
    under(run, "logs", step)
}

/// The result that a task key led to before.
pub fn cache(key: &Digest) -> String {
    format!("cache/{key}.json")
}

/// The names of a workflow's newest runs; see [`Newest`](crate::newest::Newest).
pub fn latest(workflow: &str) -> String {
    format!("latest/{workflow}")
}

/// The bytes of that digest.
pub fn artifact(digest: &Digest) -> String {
    let digest = digest.to_string();
    format!("artifacts/{}/{digest}", &digest[..2])
}

/// All models.
pub const MODELS: &str = "models/";

/// The versions of a model.
pub fn model_versions(name: &str) -> String {
    format!("models/{name}/versions/")
}

/// One version of a model. Versions count from 1.
pub fn model_version(name: &str, version: u32) -> String {
    format!("models/{name}/versions/{version:06}.json")
}

/// The aliases of a model.
pub fn model_aliases(name: &str) -> String {
    format!("models/{name}/aliases/")
}

/// One alias of a model.
pub fn model_alias(name: &str, alias: &str) -> String {
    format!("models/{name}/aliases/{alias}.json")
}

/// All endpoints' records, and nothing else: servers list them often.
pub const ENDPOINTS: &str = "endpoints/";

/// An endpoint's record.
pub fn endpoint(name: &str) -> String {
    format!("endpoints/{name}.json")
}

/// The changes that an endpoint's record has no room for.
pub fn endpoint_history(name: &str) -> String {
    format!("endpoint-history/{name}/")
}

/// The change that made a revision.
pub fn endpoint_change(name: &str, revision: u64) -> String {
    format!("endpoint-history/{name}/{revision:010}.json")
}

/// All API keys.
pub const KEYS: &str = "keys/";

/// An API key, by its public part.
pub fn key(id: &str) -> String {
    format!("keys/{id}.json")
}

/// The captured data of one hour (`yyyy/mm/dd/hh`, UTC).
pub fn capture(endpoint: &str, variant: &str, hour: &str) -> String {
    format!("capture/{endpoint}/{variant}/{hour}/")
}

/// What is kept of a request that is answered later.
pub fn later(endpoint: &str, id: &str, what: &str) -> String {
    format!("async/{endpoint}/{id}/{what}")
}

/// All buckets' records, and nothing else.
pub const BUCKETS: &str = "buckets/";

/// A bucket's record.
pub fn bucket(name: &str) -> String {
    format!("buckets/{name}.json")
}

/// The records of a bucket's objects; the paths of their keys come behind it.
pub fn objects(bucket: &str) -> String {
    format!("objects/{bucket}/")
}

/// All bytes of a bucket's objects, and of parts of uploads.
pub fn all_object_bytes(bucket: &str) -> String {
    format!("object-bytes/{bucket}/")
}

/// Bytes of an object, by an id of at least two characters that is used once.
pub fn object_bytes(bucket: &str, id: &str) -> String {
    format!("object-bytes/{bucket}/{}/{id}", &id[id.len() - 2..])
}

/// The multipart uploads of a bucket that are under way.
pub fn object_uploads(bucket: &str) -> String {
    format!("object-uploads/{bucket}/")
}

/// What a multipart upload is for.
pub fn object_upload(bucket: &str, upload: &str) -> String {
    format!("object-uploads/{bucket}/{upload}/upload.json")
}

/// The parts of a multipart upload.
pub fn object_parts(bucket: &str, upload: &str) -> String {
    format!("object-uploads/{bucket}/{upload}/parts/")
}

/// A part of a multipart upload. Parts count from 1.
pub fn object_part(bucket: &str, upload: &str, part: u32) -> String {
    format!("object-uploads/{bucket}/{upload}/parts/{part:06}.json")
}

/// Which artifact an object outside of the store was, by the digest of its bucket, key and state.
pub fn object_taken(state: &Digest) -> String {
    format!("objects-taken/{:02x}/{state}", state.0[0])
}

/// The records of all workers that are there.
pub const WORKERS: &str = "workers/";

/// A worker's record.
pub fn worker(name: &str) -> String {
    format!("workers/{name}.json")
}

/// The pools of workers ([`Pools`](crate::pools::Pools)).
pub const POOLS: &str = "settings/pools.json";

/// All functions that were added.
pub const FUNCTIONS: &str = "functions/";

/// One version of a function.
pub fn function(name: &str, version: &str) -> String {
    format!("functions/{name}/{version}.json")
}

/// All workflows that were pushed.
pub const WORKFLOWS: &str = "workflows/";

/// The versions of a workflow.
pub fn workflow_versions(name: &str) -> String {
    format!("workflows/{name}/")
}

/// One version of a workflow. Versions count from 1.
pub fn workflow_version(name: &str, version: u32) -> String {
    format!("workflows/{name}/{version:06}.json")
}

/// The events that started runs of workflows.
pub const EVENTS_SEEN: &str = "triggers/seen/";

/// That an event started a run of a workflow.
pub fn event_seen(workflow: &str, event: &Digest) -> String {
    format!("triggers/seen/{workflow}/{event}.json")
}

/// The events whose runs are about to start.
pub const EVENTS_STARTING: &str = "triggers/starting/";

/// An event whose run is about to start.
pub fn event_starting(workflow: &str, event: &Digest) -> String {
    format!("triggers/starting/{workflow}/{event}.json")
}

/// What became of a trigger's last event.
pub fn last_event(workflow: &str, trigger: &str) -> String {
    format!("triggers/last/{workflow}/{trigger}.json")
}

/// The time up to which a schedule was looked at.
pub fn trigger_clock(workflow: &str, trigger: &str) -> String {
    format!("triggers/clock/{workflow}/{trigger}.json")
}

/// All records of runs that triggers have started.
pub const TRIGGERS_RUNNING: &str = "triggers/running/";

/// The runs of a workflow that triggers have started, and those that wait for them.
pub fn triggers_running(workflow: &str) -> String {
    format!("triggers/running/{workflow}.json")
}

/// The change of an endpoint up to which alarms were looked for.
pub fn alarms_seen(endpoint: &str) -> String {
    format!("triggers/alarms/{endpoint}.json")
}

fn under(run: &str, folder: &str, step: Option<&str>) -> String {
    match step {
        Some(step) => format!("runs/{run}/{folder}/{step}/"),
        None => format!("runs/{run}/{folder}/"),
    }
}

/// The step and task that a key of `done/` or `failed/` speaks of; the step and round of one of `rounds/`.
pub fn step_and_task(key: &str) -> Option<(&str, u32)> {
    let mut segments = key.rsplit('/');
    let task = segments.next()?.strip_suffix(".json")?.parse().ok()?;
    Some((segments.next()?, task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tasks_sort_and_read_back() {
        let keys: Vec<_> = [0, 9, 10, 123_456].map(|task| done("r1", "train", task)).into();
        assert!(keys.is_sorted());
        assert_eq!(step_and_task(&keys[2]), Some(("train", 10)));
        assert_eq!(step_and_task(&failed("r1", "a-b", 7)), Some(("a-b", 7)));
        assert_eq!(step_and_task("runs/r1/cancel"), None);
    }

    #[test]
    fn a_step_never_shares_a_prefix_with_another() {
        assert!(!done("r", "train2", 0).starts_with(&all_done("r", Some("train"))));
        assert!(!mark("r", "s", 0, 1, 10, 0).starts_with(&marks("r", "s", 0, 1, 1)));
    }
}
