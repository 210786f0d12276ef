//! `millstream endpoints`

use console::style;
use millstream_control::Control;
use millstream_core::quantity::Duration;
use millstream_deployment::{Alias, Change, Config, Endpoint, Sticky, describe, rollout::Rollout, shares};
use millstream_registry::Endpoints;
use serde_json::json;

use super::{End, author, deploy::report, print, print_json, user};
use crate::{
    cli::{EndpointsArgs, EndpointsVerb, HomeArgs},
    display::{foreign, text},
    elsewhere::Elsewhere,
    place::open_home,
};

/// How many changes are shown unless all are asked for.
const NEWEST: usize = 10;

pub fn endpoints(home: &HomeArgs, args: &EndpointsArgs) -> anyhow::Result<End> {
    let elsewhere = Elsewhere::of(home)?;
    let home = open_home(home)?;
    let endpoints = Endpoints::new(home.store().as_ref());
    match (&args.verb, &args.name) {
        (Some(EndpointsVerb::Rm { name, alias, output }), _) => {
            let who = user();
            let (control, author) = (Control::new(&home), author(&home, &who));
            match alias {
                Some(alias) => report(&control.remove_alias(name, alias, &author)?, output.json)?,
                None => {
                    control.remove(name, &author)?;
                    elsewhere.as_ref().map_or(Ok(()), |elsewhere| elsewhere.remove(name))?;
                    match output.json {
                        true => print_json(&json!({"name": name, "removed": true}))?,
                        false => tell!("{name}: removed"),
                    }
                }
            }
        }
        (None, Some(name)) => one(&endpoints, name, args, home.now())?,
        (None, None) => return all(&endpoints, args.output.json, home.now()),
    }
    Ok(End::Done)
}

/// The rollout of an alias.
pub fn moving<'e>(endpoint: &'e Endpoint, alias: &str) -> Option<&'e Rollout> {
    endpoint.aliases.get(alias)?.rollout.as_ref()
}

fn all(endpoints: &Endpoints<'_>, as_json: bool, now: u64) -> anyhow::Result<End> {
    let mut rows =
        vec![["ENDPOINT", "ALIAS", "ANSWERED BY", "ROLLOUT", "CHANGED"].map(str::to_owned).to_vec()];
    let mut records = Vec::new();
    let mut end = End::Done;
    for (name, read) in endpoints.list()? {
        let endpoint = match read {
            Ok(endpoint) => endpoint,
            Err(error) => {
                let (name, error) =
                    (foreign::line(&name).into_owned(), foreign::indented(&error.to_string(), "  "));
                tell!("{} endpoint `{name}`: {error}", style("error:").for_stderr().red().bold());
                end = End::Failed;
                continue;
            }
        };
        for (alias, at) in &endpoint.aliases {
            rows.push(vec![
                endpoint.name.clone(),
                alias.clone(),
                answered(at, &endpoint.config),
                at.rollout.as_ref().map(|rollout| rollout.describe(now)).unwrap_or_default(),
                endpoint.changes.last().map(|change| text::moment(change.at)).unwrap_or_default(),
            ]);
        }
        records.push(endpoint);
    }
    if as_json {
        print_json(&records)?;
    } else if rows.len() > 1 {
        print(&text::table(&rows))?;
    } else if end == End::Done {
        tell!("There is no endpoint yet; `millstream deploy ENDPOINT --model NAME` creates one");
    }
    Ok(end)
}

fn answered(alias: &Alias, config: &Config) -> String {
    match &config.multi_model {
        Some(prefix) if alias.variants.is_empty() => format!("models {prefix}*"),
        _ => describe(&alias.variants),
    }
}

fn one(endpoints: &Endpoints<'_>, name: &str, args: &EndpointsArgs, now: u64) -> anyhow::Result<()> {
    let endpoint = endpoints.get(name)?;
    let history = if args.history { endpoints.history(name)? } else { endpoint.changes.clone() };
    if args.output.json {
        let mut record = json!(endpoint);
        record["changes"] = json!(history);
        return print_json(&record);
    }
    let mut shown = String::new();
    for (alias, at) in &endpoint.aliases {
        let mut rows = vec![["VARIANT", "VERSION", "TRAFFIC"].map(str::to_owned).to_vec()];
        for (variant, share) in at.variants.iter().zip(shares(&at.variants)) {
            let share =
                if variant.shadow { "shadow".to_owned() } else { format!("{}%", text::figure(share)) };
            rows.push(vec![variant.name.clone(), variant.reference(), share]);
        }
        shown.push_str(&format!("{} {alias}\n{}", style("Alias").bold(), text::table(&rows)));
        if let Some(rollout) = &at.rollout {
            shown.push_str(&format!("Rollout: {}\n", rollout.describe(now)));
            shown.push_str(&plan_of(rollout));
        }
        if !at.previous.is_empty() {
            shown.push_str(&format!("Before: {} (`millstream rollback {name}`)\n", describe(&at.previous)));
        }
        shown.push('\n');
    }
    shown.push_str(&format!("{}\n{}\n", style("Settings").bold(), settings(&endpoint.config)));
    let newest = if args.history { history.len() } else { NEWEST };
    shown.push_str(&format!("{}\n{}", style("Changes").bold(), changes(&history, newest)));
    if history.len() > newest {
        shown.push_str(&format!("`millstream endpoints {name} --history` shows all\n"));
    }
    print(&shown)
}

/// How a rollout goes, for people.
pub fn plan_of(rollout: &Rollout) -> String {
    let alarms: Vec<String> = rollout.plan.alarms.iter().map(ToString::to_string).collect();
    let alarms = if alarms.is_empty() { "none".to_owned() } else { alarms.join(", ") };
    format!("  plan: {}\n  alarms: {alarms}\n", rollout.plan)
}

fn settings(config: &Config) -> String {
    let time = |ms: u64| Duration(ms).to_string();
    let mut rows = vec![
        ("timeout", time(config.timeout)),
        ("idle", config.idle.map_or_else(|| "never".to_owned(), time)),
        ("memory", text::bytes(config.memory)),
        ("concurrency", config.concurrency.to_string()),
        ("max-rows", config.max_rows.to_string()),
        ("capture", format!("{}%", text::figure(100.0 * config.capture))),
        ("approved-only", config.approved_only.to_string()),
    ];
    match &config.sticky {
        Some(Sticky::Header(name)) => rows.push(("sticky", format!("header {name}"))),
        Some(Sticky::Cookie(name)) => rows.push(("sticky", format!("cookie {name}"))),
        None => {}
    }
    rows.extend(config.multi_model.as_ref().map(|prefix| ("multi-model", format!("{prefix}*"))));
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value)| vec![format!("  {name}"), value]).collect();
    text::table(&rows)
}

/// The newest changes, newest first.
fn changes(history: &[Change], newest: usize) -> String {
    let mut rows = vec![["REVISION", "WHEN", "WHO", "ALIAS", "WHAT", "THEN"].map(str::to_owned).to_vec()];
    rows.extend(history.iter().rev().take(newest).map(|change| {
        vec![
            change.revision.to_string(),
            text::moment(change.at),
            foreign::line(&change.who).into_owned(),
            change.alias.clone().unwrap_or_default(),
            foreign::line(&change.why).into_owned(),
            foreign::line(&change.to).into_owned(),
        ]
    }));
    text::table(&rows)
}
