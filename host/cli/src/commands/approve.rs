//! `millstream approve`

use millstream_control::approvals::{Decided, Decision, decide};
use serde_json::json;

use super::{End, find_run, print_json};
use crate::{
    cli::{ApproveArgs, HomeArgs},
    overview::TaskNames,
    place::open_home,
};

pub fn approve(home: &HomeArgs, args: &ApproveArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, &args.run)?;
    let decision = Decision { approved: !args.reject, comment: args.comment.clone(), at: home.now() };
    let word = if args.reject { "Rejected" } else { "Approved" };
    let mut names = TaskNames::new(&home, &plan);
    let mut documents = Vec::new();
    for (task, decided) in decide(&home, &plan, &args.step, args.task, &decision)? {
        let name = names.of(&args.step, task);
        match decided {
            _ if args.output.json => documents.push(json!({
                "run": plan.run, "step": args.step, "task": task, "label": name,
                "approved": decision.approved, "decided": if decided == Decided::Now { "now" } else { "before" },
            })),
            Decided::Now => tell!("{word} `{name}` of {}", plan.run),
            Decided::Before => tell!("`{name}` of {} is done already; nothing was changed", plan.run),
        }
    }
    if args.output.json {
        print_json(&documents)?;
    } else {
        tell!("`millstream run` or `millstream worker` continues the run, where one of them is at work");
    }
    Ok(End::Done)
}
