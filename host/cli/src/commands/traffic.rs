//! `millstream traffic`, `rollback` and `rollout`

use std::path::Path;

use millstream_registry::{Author, Deployer, Endpoints, ModelVersion, Target};
use millstream_worker::Home;
use serde_json::json;

use super::{
    End, Usage,
    deploy::{report, try_out},
    endpoints::{moving, plan_of, user},
    print, print_json,
};
use crate::{
    cli::{AliasAndReason, RollbackArgs, RolloutArgs, RolloutVerb, TrafficArgs},
    display::foreign,
    place::open_home,
};

pub fn traffic(home: &Path, args: &TrafficArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let store = home.store().as_ref();
    let weights =
        args.weights.iter().map(|(name, weight)| Target { name: name.clone(), weight: Some(*weight) });
    let shadows = args.shadows.iter().map(|name| Target { name: name.clone(), weight: None });
    let targets: Vec<Target> = weights.chain(shadows).collect();
    let memory = Endpoints::new(store).get(&args.endpoint)?.config.memory;
    let check = |version: &ModelVersion| try_out(&home, version, memory, None);
    let who = user();
    let author = Author { who: &who, at: home.now(), request: None };
    let updated = Deployer::new(store).set_traffic(&args.endpoint, &args.alias, &targets, &author, &check)?;
    report(&updated, &updated.endpoint, args.output.json)?;
    Ok(End::Done)
}

pub fn rollback(home: &Path, args: &RollbackArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let who = user();
    let author = Author { who: &who, at: home.now(), request: None };
    let deployer = Deployer::new(home.store().as_ref());
    let updated = deployer.roll_back(&args.endpoint, &args.of.alias, &why(&args.of), &author)?;
    report(&updated, &updated.endpoint, args.output.json)?;
    Ok(End::Done)
}

pub fn rollout(home: &Path, args: &RolloutArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let who = user();
    let author = Author { who: &who, at: home.now(), request: None };
    let deployer = Deployer::new(home.store().as_ref());
    let updated = match args.verb {
        RolloutVerb::Status => return status(&home, args),
        RolloutVerb::Promote => deployer.promote(&args.endpoint, &args.of.alias, &author)?,
        RolloutVerb::Abort => deployer.abort(&args.endpoint, &args.of.alias, &why(&args.of), &author)?,
    };
    report(&updated, &updated.endpoint, args.output.json)?;
    Ok(End::Done)
}

fn why(of: &AliasAndReason) -> String {
    of.reason.clone().unwrap_or_else(|| "by hand".to_owned())
}

fn status(home: &Home, args: &RolloutArgs) -> anyhow::Result<End> {
    let endpoint = Endpoints::new(home.store().as_ref()).get(&args.endpoint)?;
    let (name, alias) = (&endpoint.name, &args.of.alias);
    if !endpoint.aliases.contains_key(alias) {
        let names = endpoint.aliases.keys().map(String::as_str);
        let help = millstream_workflow::nearest::or_all(alias, names, "aliases");
        return Err(Usage(format!("endpoint `{name}` has no alias `{alias}`; {help}")).into());
    }
    let rollout = moving(&endpoint, alias);
    // The newest change says how the last one ended.
    let last = endpoint.changes.iter().rev().find(|change| change.alias.as_deref() == Some(alias));
    if args.output.json {
        print_json(&json!({"endpoint": name, "alias": alias, "rollout": rollout, "last-change": last}))?;
        return Ok(End::Done);
    }
    match rollout {
        Some(rollout) => {
            print(&format!("{name}: {}\n{}", rollout.describe(home.now()), plan_of(rollout)))?;
            tell!("`millstream rollout {name} promote` or `abort` ends it");
        }
        None => {
            let said = |change: &millstream_workflow::endpoint::Change| {
                format!("; last: {} by {}", foreign::line(&change.why), foreign::line(&change.who))
            };
            let last = last.map(said).unwrap_or_default();
            print(&format!("{name}: no rollout is under way{last}\n"))?;
        }
    }
    Ok(End::Done)
}
