//! `millstream workers`

use millstream_worker::{
    Home, Records,
    presence::{WorkerRecord, workers as all},
};
use serde::Serialize;

use super::{End, print, print_json};
use crate::{
    cli::HomeArgs,
    display::{foreign, text},
    overview::TaskNames,
    place::open_home,
};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed<'a> {
    #[serde(flatten)]
    worker: &'a WorkerRecord,
    alive: bool,
}

pub fn workers(home: &HomeArgs, as_json: bool) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let (found, now) = (all(&home)?, home.now());
    if as_json {
        let listed = found.iter().map(|worker| Listed { worker, alive: worker.is_alive(now) });
        print_json(&listed.collect::<Vec<_>>())?;
        return Ok(End::Done);
    }
    let in_lambda = home.pools()?.is_some();
    if found.is_empty() {
        tell!("No worker is there; `millstream worker`, `millstream serve` and `millstream run` do tasks");
    } else {
        let mut rows = vec![["WORKER", "POOLS", "AT ONCE", "SINCE", "DOES"].map(str::to_owned).to_vec()];
        rows.extend(found.iter().map(|worker| row(&home, worker, now)));
        print(&text::table(&rows))?;
    }
    if in_lambda {
        tell!("Functions of Lambda are not listed here: `millstream aws status` shows them");
    }
    Ok(End::Done)
}

fn row(home: &Home, worker: &WorkerRecord, now: u64) -> Vec<String> {
    let does = match worker.doing.as_slice() {
        _ if !worker.is_alive(now) => {
            format!("gone: last seen {} ago", text::duration(now.saturating_sub(worker.seen)))
        }
        [] => "nothing".to_owned(),
        doing => {
            let records = Records::new(home.store().clone());
            let one = |task: &millstream_core::task::Message| match records.plan(&task.run) {
                Ok(Some(plan)) => {
                    format!("{} of {}", TaskNames::new(home, &plan).of(&task.step, task.task), task.run)
                }
                _ => format!("{} of {}", task.step, task.run),
            };
            let doing = doing.iter().map(|doing| {
                format!("{} ({})", one(&doing.task), text::duration(now.saturating_sub(doing.since)))
            });
            doing.collect::<Vec<_>>().join(", ")
        }
    };
    vec![
        foreign::line(&worker.name).into_owned(),
        if worker.pools.is_empty() {
            "-".to_owned()
        } else {
            foreign::line(&worker.pools.join(", ")).into_owned()
        },
        worker.threads.to_string(),
        text::moment(worker.since),
        foreign::line(&does).into_owned(),
    ]
}
