//! Queues of the user's: each message is an event.

use std::collections::{BTreeMap, HashMap};

use millstream_consumer::{Consumer, Handle, Handled, Options};
use millstream_core::event::{CloudEvent, QUEUE};
use millstream_queue::{DeadLetter, Delivery};
use serde_json::{Map, Value};

use crate::Triggers;

/// The queues that are listened to.
#[derive(Default)]
pub struct Consumers(HashMap<String, (Vec<Target>, Consumer<Messages>)>);

/// A workflow and its trigger.
type Target = (String, String);

impl Consumers {
    /// Listens to these queues, each for a workflow and its trigger, and to no others.
    pub fn follow(&mut self, triggers: &Triggers, wanted: Vec<(String, String, String)>) {
        let mut queues: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        for (queue, workflow, trigger) in wanted {
            queues.entry(queue).or_default().push((workflow, trigger));
        }
        self.0.retain(|queue, (targets, _)| queues.get(queue) == Some(targets));
        for (queue, targets) in queues {
            if self.0.contains_key(&queue) {
                continue;
            }
            let handler =
                Messages { triggers: triggers.clone(), queue: queue.clone(), targets: targets.clone() };
            let options = Options { queues: vec![queue.clone()], ..Options::default() };
            let home = &triggers.0.home;
            match Consumer::start(
                home.queue().clone(),
                home.clock().clone(),
                fastrand::Rng::new(),
                handler,
                options,
            ) {
                Ok(consumer) => drop(self.0.insert(queue, (targets, consumer))),
                Err(error) => tracing::error!(queue, %error, "nobody listens to it"),
            }
        }
    }
}

/// What a message of a queue means.
struct Messages {
    triggers: Triggers,
    queue: String,
    targets: Vec<Target>,
}

impl Handle for Messages {
    type Cancel = ();

    fn handle(&self, delivery: &Delivery, (): &()) -> Handled {
        let event = event(&self.queue, &delivery.id.to_string(), &delivery.body);
        for (workflow, trigger) in &self.targets {
            match self.triggers.accept_for(workflow, trigger, &event, Map::new()) {
                Ok(_) => {}
                // Those that have had it find that they have seen it.
                Err(error) => {
                    tracing::warn!(queue = self.queue, workflow, %error, "the message comes again");
                    return Handled::Trouble;
                }
            }
        }
        Handled::Delete
    }

    fn cancel(&self, (): &()) {}

    fn bury(&self, letter: &DeadLetter) -> bool {
        tracing::error!(
            queue = self.queue,
            body = letter.body,
            "this message started nothing; it stays in the dead letters"
        );
        true
    }
}

/// A CloudEvent as it came; or one made of any other message, whose data is its JSON, or its text.
fn event(queue: &str, id: &str, body: &str) -> CloudEvent {
    let json: Option<Value> = serde_json::from_str(body).ok();
    if let Some(event) = json.clone().and_then(|json| CloudEvent::from_json(json).ok()) {
        return event;
    }
    CloudEvent::new(QUEUE, format!("/queues/{queue}"), id, json.unwrap_or_else(|| body.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_of_any_kind_are_events() {
        let cloud =
            json!({"specversion": "1.0", "id": "7", "source": "/orders", "type": "t", "data": {"n": 1}});
        assert_eq!(event("q", "m", &cloud.to_string()).id, "7");
        let plain = event("q", "m", r#"{"n": 1}"#);
        assert_eq!(
            (plain.id.as_str(), plain.source.as_str(), &plain.data),
            ("m", "/queues/q", &json!({"n": 1}))
        );
        assert_eq!(event("q", "m", "hello").data, json!("hello"));
    }
}
