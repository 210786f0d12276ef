//! Running a part of a workflow: what runs, what is taken over from an earlier run, what is left out.

use std::collections::BTreeSet;

use millstream_core::nearest;

use super::{Options, PlanError};
use crate::Plan;

/// Leaves in `plan` the steps that `options` asks for, and as adopted those that they need directly.
pub fn select(plan: &mut Plan, options: &Options) -> Result<(), PlanError> {
    if options.from.is_none() && options.only.is_empty() {
        plan.base_run = None;
        return Ok(());
    }
    let mut runs = BTreeSet::new();
    for name in options.from.iter().chain(&options.only) {
        if !plan.steps.contains_key(name) {
            let names = plan.steps.keys().map(String::as_str);
            let help = nearest::or_all(name, names, "steps");
            return Err(PlanError::request(format!("the workflow has no step `{name}`"), help));
        }
        runs.insert(name.clone());
    }
    if let Some(from) = &options.from {
        let mut queue = vec![from.clone()];
        while let Some(name) = queue.pop() {
            let dependents = plan.steps.get(&name).map(|step| step.dependents.clone()).unwrap_or_default();
            queue.extend(dependents.into_iter().filter(|name| runs.insert(name.clone())));
        }
    }
    let adopted: BTreeSet<String> = runs
        .iter()
        .filter_map(|name| plan.steps.get(name))
        .flat_map(|step| step.needs.iter())
        .filter(|name| !runs.contains(*name))
        .cloned()
        .collect();
    if let (Some(first), None) = (adopted.first(), &options.base_run) {
        let message = format!(
            "step `{first}` is needed but not to be run, and there is no earlier run to take it from"
        );
        return Err(PlanError::request(message, "name one with --base RUN".to_owned()));
    }
    plan.steps.retain(|name, _| runs.contains(name) || adopted.contains(name));
    for (name, step) in &mut plan.steps {
        step.adopted = adopted.contains(name);
        if step.adopted {
            step.needs.clear();
        }
        step.dependents.retain(|dependent| runs.contains(dependent));
    }
    Ok(())
}
