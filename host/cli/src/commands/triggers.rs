//! `millstream triggers`

use std::{
    io::{self, Read as _},
    path::Path,
};

use anyhow::Context as _;
use millstream_core::event::CloudEvent;
use millstream_errors::Coded as _;
use millstream_triggers::{Accepted, Error, Last, Listed, Outcome, Rehearsed, Triggers};
use serde_json::{Map, Value, json};

use super::{End, Usage, print, print_json};
use crate::{
    cli::{HomeArgs, TriggersArgs, TriggersVerb},
    codes::Told,
    display::{foreign, text},
    place::Place,
};

pub fn triggers(home: &HomeArgs, args: &TriggersArgs) -> anyhow::Result<End> {
    let place = Place::open(home, None)?;
    match &args.verb {
        None | Some(TriggersVerb::List) => list(&place.triggers, args.output.json),
        Some(TriggersVerb::Fire { name, event, dry_run }) => {
            let events = read(event)?;
            let (workflow, trigger) = match name.split_once('/') {
                Some((workflow, trigger)) => (workflow, Some(trigger)),
                None => (name.as_str(), None),
            };
            if *dry_run {
                rehearse(&place.triggers, workflow, trigger, &events, args.output.json)
            } else {
                fire(&place, workflow, trigger, &events, args.output.json)
            }
        }
    }
}

fn list(triggers: &Triggers, as_json: bool) -> anyhow::Result<End> {
    let all = triggers.list().map_err(explained)?;
    if as_json {
        print_json(&all)?;
        return Ok(End::Done);
    }
    if all.is_empty() {
        tell!("Nothing starts runs by itself: push a workflow with `on:` (`millstream workflows push FILE`)");
        return Ok(End::Done);
    }
    let mut rows =
        vec![["WORKFLOW", "TRIGGER", "WAITS FOR", "LAST START", "NEXT"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|one| {
        let started = one.last.as_ref().and_then(|last| last.started.as_ref());
        vec![
            format!("{}@{}", one.workflow, one.version),
            one.trigger.clone(),
            foreign::line(&one.waits_for).into_owned(),
            started.map_or("-".to_owned(), |start| text::moment(start.at)),
            one.next.map_or("-".to_owned(), text::moment),
        ]
    }));
    print(&text::table(&rows))?;
    for one in &all {
        if let Some(why) = one.last.as_ref().and_then(why_not) {
            tell!("{}/{}: {why}", one.workflow, one.trigger);
        }
        if one.waiting > 0
            && all.iter().find(|other| other.workflow == one.workflow).is_some_and(|first| same(first, one))
        {
            tell!("{}: {} under way, {} waiting", one.workflow, one.running, one.waiting);
        }
    }
    Ok(End::Done)
}

fn same(a: &Listed, b: &Listed) -> bool {
    a.trigger == b.trigger
}

/// Why the last event started nothing; none if it did.
fn why_not(last: &Last) -> Option<String> {
    let what = match &last.outcome {
        Outcome::Started { .. } => return None,
        Outcome::Waiting { run } => format!("run {run} waits for others to end"),
        Outcome::Duplicate { run } => format!("the event came before, and started {run}"),
        Outcome::NotStarted { why } | Outcome::Refused { why } => why.clone(),
    };
    let event = format!("{} of {}", last.id, last.source);
    Some(format!(
        "last event ({}, {}): {}",
        foreign::line(&event),
        text::moment(last.at),
        foreign::line(&what)
    ))
}

fn rehearse(
    triggers: &Triggers,
    workflow: &str,
    trigger: Option<&str>,
    events: &[CloudEvent],
    as_json: bool,
) -> anyhow::Result<End> {
    let all: Vec<Rehearsed> = events
        .iter()
        .map(|event| triggers.rehearse(workflow, trigger, event))
        .collect::<Result<_, _>>()
        .map_err(explained)?;
    let starts = all.iter().all(|one| one.why.is_none() && one.seen.is_none());
    if as_json {
        print_json(&all)?;
    } else {
        for one in &all {
            let name = format!("{} by {}", one.workflow, one.trigger);
            match (&one.why, &one.seen, &one.params) {
                (Some(why), ..) => tell!("Would not start {name}: {}", foreign::line(why)),
                (None, Some(run), _) => {
                    tell!("Would not start {name}: the event came before, and started {run}")
                }
                (None, None, params) => {
                    tell!("Would start {name}, with these parameters:");
                    print_json(params)?;
                }
            }
        }
    }
    Ok(if starts { End::Done } else { End::Failed })
}

fn fire(
    place: &Place,
    workflow: &str,
    trigger: Option<&str>,
    events: &[CloudEvent],
    as_json: bool,
) -> anyhow::Result<End> {
    let (_, trigger) = place.triggers.find(workflow, trigger).map_err(explained)?;
    let mut all: Vec<Accepted> = Vec::new();
    for event in events {
        all.push(place.triggers.accept_for(workflow, &trigger.name, event, Map::new()).map_err(explained)?);
    }
    let mut end = End::Done;
    let mut documents: Vec<Value> = Vec::new();
    for one in &all {
        documents.push(json!({"workflow": one.workflow, "trigger": one.trigger, "outcome": one.outcome}));
        let shown = match &one.outcome {
            Outcome::Started { run } => {
                if !as_json {
                    print(&format!("{run}\n"))?;
                }
                "Started; `millstream worker` or `millstream serve` does its tasks".to_owned()
            }
            Outcome::Waiting { run } => format!("Run {run} waits for others to end"),
            Outcome::Duplicate { run } => {
                end = End::Failed;
                format!("Not started: the event came before, and started {run}; give it another `id`")
            }
            Outcome::NotStarted { why } | Outcome::Refused { why } => {
                end = End::Failed;
                format!("Not started: {}", foreign::line(why))
            }
        };
        tell!("{shown}");
    }
    if as_json {
        print_json(&documents)?;
    }
    Ok(end)
}

/// The events of a file; there is at least one.
fn read(file: &Path) -> anyhow::Result<Vec<CloudEvent>> {
    let name = file.to_string_lossy();
    let text = if name == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?
    };
    let unreadable = |why: String| explained(Error::Event(format!("{name}: {why}")));
    let json: Value =
        serde_json::from_str(&text).map_err(|error| unreadable(format!("this is not JSON: {error}")))?;
    let events = CloudEvent::read_all(&json).map_err(unreadable)?;
    if events.is_empty() {
        return Err(Usage(format!("{name} tells of no new object")).into());
    }
    Ok(events)
}

/// What was asked for makes no sense, or could not be done.
fn explained(error: Error) -> anyhow::Error {
    let is_usage = match &error {
        Error::NoSuchTrigger(_) | Error::Event(_) => true,
        Error::Workflow(error) => !matches!(error, millstream_control::workflows::Error::Store(_)),
        _ => false,
    };
    if is_usage {
        return Told { code: error.code(), message: error.to_string(), is_usage }.into();
    }
    error.into()
}
