//! What alarms know of workflows: a metric of the newest run in which its step is done.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use millstream_core::{
    completion::{Completion, Outcome},
    layout,
    newest::Newest,
};
use millstream_deployment::{alarm::Metric, rollout::Rollout};
use millstream_store::Store;

/// How often a metric is looked up.
const AGE: Duration = Duration::from_secs(5);

/// Metrics, and when they were looked up.
#[derive(Default)]
pub struct WorkflowMetrics(HashMap<String, (Instant, Option<f64>)>);

impl WorkflowMetrics {
    /// The metrics that a rollout's alarms look at.
    pub fn of(&mut self, store: &dyn Store, rollout: &Rollout) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        for alarm in &rollout.plan.alarms {
            let Metric::Workflow { workflow, step, metric } = &alarm.metric else { continue };
            let name = format!("workflows.{workflow}.steps.{step}.metrics.{metric}");
            let known = self.0.get(&name).filter(|(since, _)| since.elapsed() < AGE);
            let value = match known {
                Some((_, value)) => *value,
                None => {
                    let value = newest(store, workflow, step, metric);
                    self.0.insert(name.clone(), (Instant::now(), value));
                    value
                }
            };
            metrics.extend(value.map(|value| (name, value)));
        }
        metrics
    }
}

/// Looks at the runs that were started last, as the workflow's own list names them, and at nothing else: however many runs a
/// store holds, it is one small object and at most one for each run of the list.
fn newest(store: &dyn Store, workflow: &str, step: &str, metric: &str) -> Option<f64> {
    let list = Newest::parse(&store.get(&layout::latest(workflow)).ok()?.bytes);
    list.runs().find_map(|run| {
        let done = store.get(&layout::done(run, step, 0)).ok()?;
        let completion: Completion = serde_json::from_slice(&done.bytes).ok()?;
        match completion.outcome {
            Outcome::Done(results) => results.metrics.get(metric).copied(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use millstream_core::{completion::Results, newest::KEPT};
    use millstream_store::{MemoryStore, Operation, PutOptions};

    use super::*;

    fn put(store: &MemoryStore, key: &str, bytes: &[u8]) {
        store.put(key, bytes, &PutOptions::default()).unwrap();
    }

    fn done(store: &MemoryStore, run: &str, loss: f64) {
        let mut results = Results::default();
        results.metrics.insert("loss".to_owned(), loss);
        let completion = Completion {
            step: "train".to_owned(),
            task: 0,
            outcome: Outcome::Done(results),
            key: None,
            cached_from: None,
            why: String::new(),
            started: 0,
            finished: 0,
            attempt: 1,
            phases: Vec::new(),
        };
        put(store, &layout::done(run, "train", 0), &serde_json::to_vec(&completion).unwrap());
    }

    #[test]
    fn the_newest_run_in_which_the_step_is_done_counts_and_no_other_is_looked_at() {
        let store = MemoryStore::default();
        let mut list = Newest::default();
        for run in 0..100 {
            let run = format!("r{run:03}");
            put(&store, &layout::plan(&run), b"{}");
            done(&store, &run, run[1..].parse().unwrap());
            list = list.with(&run).unwrap();
        }
        // One that is under way, and one that died before its plan was there.
        put(&store, &layout::plan("r100"), b"{}");
        list = list.with("r100").unwrap().with("r101").unwrap();
        put(&store, &layout::latest("w"), list.text().as_bytes());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        store.inject(move |operation, key| {
            seen.lock().unwrap().push((operation, key.to_owned()));
            None
        });
        assert_eq!(newest(&store, "w", "train", "loss"), Some(99.0));
        assert_eq!(asked.lock().unwrap().len(), 4, "{asked:?}");
        assert_eq!(newest(&store, "w", "train", "accuracy"), None);
        assert_eq!(newest(&store, "other", "train", "loss"), None);
        let asked = asked.lock().unwrap();
        assert!(asked.len() <= 4 + 1 + KEPT + 1, "{}", asked.len());
        assert!(asked.iter().all(|(operation, _)| *operation == Operation::Get), "nothing is listed");
    }
}
