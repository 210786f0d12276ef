//! Alarms of endpoints: the changes that rolled a rollout back, as the endpoints' histories have them. Whichever server rolled back, and
//! whether it lived to tell, the history knows.

use std::collections::BTreeSet;

use millstream_core::{
    event::{ALARM, AlarmFired, CloudEvent},
    layout,
};
use millstream_deployment::{Change, alarm::Alarm as Condition};
use millstream_language::triggers::Kind;
use millstream_registry::Endpoints;
use serde_json::json;

use crate::{
    Accepted, Error, Triggers,
    records::{self, AlarmsSeen},
};

/// How the history begins to say that a rollout was ended.
const ROLLED_BACK: &str = "rolled back from ";

impl Triggers {
    /// Looks for alarms that have gone off since the last look, at endpoints that some workflow waits for, and takes them as events.
    ///
    /// # Errors
    /// Store or queue failed; the next call looks again.
    pub fn look_for_alarms(&self) -> Result<Vec<Accepted>, Error> {
        let inner = &self.0;
        let all = inner.catalog.all(&inner.home)?;
        let endpoints: BTreeSet<&str> = all
            .iter()
            .flat_map(|loaded| &loaded.on)
            .filter_map(|trigger| match &trigger.kind {
                Kind::Alarm(alarm) => Some(alarm.endpoint.as_str()),
                _ => None,
            })
            .collect();
        let mut accepted = Vec::new();
        for name in endpoints {
            let registry = Endpoints::new(inner.store());
            let Some(endpoint) = registry.find(name)? else { continue };
            let key = layout::alarms_seen(name);
            let seen = match records::read::<AlarmsSeen>(inner.store(), &key)? {
                Some(seen) if seen.revision == endpoint.revision => continue,
                Some(seen) => seen,
                // What was before anybody waited is over.
                None => {
                    let now = AlarmsSeen { revision: endpoint.revision };
                    records::create(inner.store(), &key, &now)?;
                    continue;
                }
            };
            let mut changes = registry.history(name)?;
            changes.retain(|change| change.revision > seen.revision);
            changes.sort_by_key(|change| change.revision);
            for change in &changes {
                if let Some(event) = event(name, change) {
                    accepted.extend(self.accept(&event)?);
                }
            }
            // An endpoint that was made anew counts from 1 again.
            records::update(inner.store(), &key, |seen: &mut AlarmsSeen| seen.revision = endpoint.revision)?;
        }
        Ok(accepted)
    }
}

/// The event that a change is, if an alarm has made it.
fn event(endpoint: &str, change: &Change) -> Option<CloudEvent> {
    let (_, why) = change.why.strip_prefix(ROLLED_BACK)?.split_once(": ")?;
    // The alarm, as it is written, and what was seen.
    let alarm = why.match_indices(": ").find_map(|(at, _)| Condition::parse(&why[..at]).ok())?;
    let data = AlarmFired {
        endpoint: endpoint.to_owned(),
        metric: alarm.metric.to_string(),
        message: why.to_owned(),
        from: change.from.clone(),
        to: change.to.clone(),
    };
    let source = format!("/endpoints/{endpoint}");
    let mut event = CloudEvent::new(ALARM, source, format!("{}-{}", change.revision, change.at), json!(data));
    event.subject = change.alias.clone();
    event.time = jiff::Timestamp::from_millisecond(change.at as i64).ok().map(|at| at.to_string());
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(why: &str) -> Change {
        Change {
            revision: 7,
            at: 1_764_532_800_000,
            who: "server".to_owned(),
            alias: Some("live".to_owned()),
            from: "churn@3 90%, churn@4 10%".to_owned(),
            to: "churn@3".to_owned(),
            why: why.to_owned(),
            request: None,
            fingerprint: None,
        }
    }

    #[test]
    fn an_alarm_is_told_from_other_ends() {
        let event = event(
            "churn",
            &change("rolled back from churn@4: drift > 0.2: it is 0.310 over 900 predictions"),
        )
        .unwrap();
        let data: AlarmFired = event.data_as().unwrap();
        assert_eq!(data.metric, "drift");
        assert_eq!(data.message, "drift > 0.2: it is 0.310 over 900 predictions");
        assert_eq!(event.time.as_deref(), Some("2025-11-30T20:00:00Z"));
        for other in [
            "rolled back from churn@4: took longer than its time limit of 1h",
            "rolled back from churn@4: by hand",
            "canary 10%",
        ] {
            assert_eq!(super::event("churn", &change(other)), None, "{other}");
        }
    }
}
