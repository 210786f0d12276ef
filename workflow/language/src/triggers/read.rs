//! `on:` from the file: each trigger by itself, so that a fault in one does not hide those in the others.

use millstream_core::nearest;
use millstream_errors::Code;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Kind, On, OnCompleted, OnQueue, OnSchedule, Trigger};
use crate::{
    diagnostic::Diagnostic,
    yaml::{Node, Sink, Tree, from_node},
};

/// The triggers under `on`. What is wrong goes into `sink`.
pub fn read(on: &Node, sink: &Sink) -> On {
    let refuse = |code: Code, node: &std::ops::Range<usize>, message: String, help: Option<String>| {
        sink.borrow_mut().push(Diagnostic { code, span: node.clone(), message, help });
    };
    let mut all = Vec::new();
    let Tree::Map(entries) = &on.value else {
        let help = format!("write one or more of {} below it", nearest::list(&Kind::NAMES));
        refuse(Code::Trigger, &on.span, "`on` is a map of triggers".to_owned(), Some(help));
        return On(all);
    };
    for (key, node) in entries {
        let Some(kind) = Kind::NAMES.into_iter().find(|name| *name == key.name) else {
            let help = nearest::or_all(&key.name, Kind::NAMES, "triggers");
            refuse(Code::Trigger, &key.span, format!("there is no trigger `{}`", key.name), Some(help));
            continue;
        };
        match &node.value {
            Tree::List(_) if kind == "http" => {
                refuse(Code::Trigger, &node.span, "there is one way in by HTTP, not a list".to_owned(), None);
            }
            Tree::List(items) if items.is_empty() => {
                refuse(Code::Trigger, &node.span, format!("`{kind}` is an empty list"), None);
            }
            Tree::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    let name = if place == 0 { kind.to_owned() } else { format!("{kind}-{}", place + 1) };
                    all.extend(one(kind, item, sink).map(|kind| Trigger { name, place: Some(place), kind }));
                }
            }
            _ => all.extend(one(kind, node, sink).map(|of| Trigger {
                name: kind.to_owned(),
                place: None,
                kind: of,
            })),
        }
    }
    On(all)
}

fn one(kind: &str, node: &Node, sink: &Sink) -> Option<Kind> {
    let text = match &node.value {
        Tree::Scalar(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    match kind {
        "object-created" => long(node, sink).map(Kind::ObjectCreated),
        "schedule" => match text {
            Some(text) => Some(Kind::Schedule(schedule(&text))),
            None => long(node, sink).map(Kind::Schedule),
        },
        "http" => long(node, sink).map(Kind::Http),
        "queue" => match text {
            Some(name) => Some(Kind::Queue(OnQueue { name, ..OnQueue::default() })),
            None => long(node, sink).map(Kind::Queue),
        },
        "workflow-completed" => match text {
            Some(name) => Some(Kind::WorkflowCompleted(OnCompleted { name, ..Default::default() })),
            None => long(node, sink).map(Kind::WorkflowCompleted),
        },
        _ => long(node, sink).map(Kind::Alarm),
    }
}

/// The long form. Nothing, as in `http:`, is a map without entries.
fn long<T: DeserializeOwned>(node: &Node, sink: &Sink) -> Option<T> {
    match &node.value {
        Tree::Scalar(Value::Null) => {
            from_node(&Node { span: node.span.clone(), value: Tree::Map(Vec::new()) }, sink)
        }
        _ => from_node(node, sink),
    }
}

/// `rate(5 minutes)`, or else cron.
fn schedule(text: &str) -> OnSchedule {
    let rate = text.trim().strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    match rate {
        Some(rate) => OnSchedule { rate: Some(rate.to_owned()), ..OnSchedule::default() },
        None => OnSchedule { cron: Some(text.to_owned()), ..OnSchedule::default() },
    }
}
