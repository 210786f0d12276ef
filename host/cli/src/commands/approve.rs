//! `millstream approve`

use std::path::Path;

use millstream_worker::{
    Records,
    acts::{Decision, decide},
};
use millstream_workflow::state::{Message, Run, Task};

use super::{End, Usage, check_step, find_run};
use crate::{cli::ApproveArgs, place::open_home};

pub fn approve(home: &Path, args: &ApproveArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, &args.run)?;
    check_step(&plan, &args.step)?;
    let step = &plan.steps[&args.step];
    if !step.variants.iter().any(|variant| variant.uses == "approve") {
        let waiting = plan.steps.iter().filter(|(_, step)| step.variants.iter().any(|v| v.uses == "approve"));
        let names: Vec<&str> = waiting.map(|(name, _)| name.as_str()).collect();
        let help = if names.is_empty() { "the run has none".to_owned() } else { names.join(", ") };
        return Err(
            Usage(format!("step `{}` does not use `approve`; steps that do: {help}", args.step)).into()
        );
    }
    let records = Records::new(home.store().clone());
    let run = Run::new(&plan, &records);
    let progress = run.progress()?;
    let Some(count) = progress.steps[&args.step].count else {
        return Err(Usage(format!("step `{}` has not begun; decide when it waits", args.step)).into());
    };
    if let Some(task) = args.task.filter(|task| *task >= count) {
        return Err(Usage(format!(
            "step `{}` has no task {task}; its tasks are 0 to {}",
            args.step,
            count - 1
        ))
        .into());
    }
    let decision = Decision { approved: !args.reject, comment: args.comment.clone(), at: home.now() };
    let word = if args.reject { "Rejected" } else { "Approved" };
    for task in args.task.map_or(0..count, |task| task..task + 1) {
        if run.completion(&Task { step: args.step.clone(), task })?.is_some() {
            tell!("Task {task} of `{}` is done already", args.step);
            continue;
        }
        decide(&home, &plan, &Message { run: plan.run.clone(), step: args.step.clone(), task }, &decision)?;
        tell!("{word} `{}` of {}", args.step, plan.run);
    }
    tell!("It goes on where `millstream run` or `millstream worker` works on it");
    Ok(End::Done)
}
