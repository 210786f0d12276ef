//! `millstream traffic`, `rollback` and `rollout`

use millstream_control::Control;
use millstream_deployment::{Target, Traffic};
use millstream_registry::Endpoints;
use millstream_worker::Home;
use serde_json::json;

use super::{
    End, Usage, author,
    deploy::{follow, report, trying, wait},
    endpoints::{moving, plan_of},
    print, print_json, user,
};
use crate::{
    cli::{HomeArgs, RollbackArgs, RolloutArgs, RolloutVerb, TrafficArgs},
    display::foreign,
    elsewhere::Elsewhere,
    place::open_home,
};

pub fn traffic(home: &HomeArgs, args: &TrafficArgs) -> anyhow::Result<End> {
    let elsewhere = Elsewhere::of(home)?;
    let home = open_home(home)?;
    let weights =
        args.weights.iter().map(|(name, weight)| Target { name: name.clone(), weight: Some(*weight) });
    let shadows = args.shadows.iter().map(|name| Target { name: name.clone(), weight: None });
    let wish = Traffic {
        targets: weights.chain(shadows).collect(),
        keep_others: false,
        alias: args.of.alias.clone(),
        reason: args.of.reason.clone(),
    };
    if let Some(elsewhere) = &elsewhere {
        elsewhere.check_traffic(&args.endpoint, &wish)?;
    }
    let who = user();
    let spinner = trying();
    let updated = Control::new(&home).set_traffic(&args.endpoint, &wish, &author(&home, &who))?;
    follow(elsewhere.as_ref(), &updated.endpoint)?;
    drop(spinner);
    report(&updated, args.output.json)?;
    Ok(End::Done)
}

pub fn rollback(home: &HomeArgs, args: &RollbackArgs) -> anyhow::Result<End> {
    let elsewhere = Elsewhere::of(home)?;
    let home = open_home(home)?;
    let who = user();
    let updated = Control::new(&home).roll_back(&args.endpoint, &args.of.asked(), &author(&home, &who))?;
    follow(elsewhere.as_ref(), &updated.endpoint)?;
    report(&updated, args.output.json)?;
    Ok(End::Done)
}

pub fn rollout(home: &HomeArgs, args: &RolloutArgs) -> anyhow::Result<End> {
    let elsewhere = Elsewhere::of(home)?;
    let home = open_home(home)?;
    let who = user();
    let (control, of, author) = (Control::new(&home), args.of.asked(), author(&home, &who));
    let updated = match args.verb {
        RolloutVerb::Status => return status(&home, args),
        RolloutVerb::Continue => {
            let endpoint = Endpoints::new(home.store().as_ref()).get(&args.endpoint)?;
            follow(elsewhere.as_ref(), &endpoint)?;
            return wait(&home, &endpoint, &args.of.alias, elsewhere.as_ref());
        }
        RolloutVerb::Promote => control.promote(&args.endpoint, &of, &author)?,
        RolloutVerb::Abort => control.abort(&args.endpoint, &of, &author)?,
    };
    follow(elsewhere.as_ref(), &updated.endpoint)?;
    report(&updated, args.output.json)?;
    Ok(End::Done)
}

fn status(home: &Home, args: &RolloutArgs) -> anyhow::Result<End> {
    let endpoint = Endpoints::new(home.store().as_ref()).get(&args.endpoint)?;
    let (name, alias) = (&endpoint.name, &args.of.alias);
    if !endpoint.aliases.contains_key(alias) {
        let names = endpoint.aliases.keys().map(String::as_str);
        let help = millstream_core::nearest::or_all(alias, names, "aliases");
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
            let said = |change: &millstream_deployment::Change| {
                format!("; last: {} by {}", foreign::line(&change.why), foreign::line(&change.who))
            };
            let last = last.map(said).unwrap_or_default();
            print(&format!("{name}: no rollout is under way{last}\n"))?;
        }
    }
    Ok(End::Done)
}
