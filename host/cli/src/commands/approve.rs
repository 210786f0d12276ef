//! `millstream approve`

use millstream_control::approvals::{Decided, Decision, decide};

use super::{End, find_run};
use crate::{
    cli::{ApproveArgs, HomeArgs},
    place::open_home,
};

pub fn approve(home: &HomeArgs, args: &ApproveArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, &args.run)?;
    let decision = Decision { approved: !args.reject, comment: args.comment.clone(), at: home.now() };
    let word = if args.reject { "Rejected" } else { "Approved" };
    for (task, decided) in decide(&home, &plan, &args.step, args.task, &decision)? {
        match decided {
            Decided::Now => tell!("{word} `{}` of {}", args.step, plan.run),
            Decided::Before => tell!("Task {task} of `{}` is done already", args.step),
        }
    }
    tell!("It goes on where `millstream run` or `millstream worker` works on it");
    Ok(End::Done)
}
