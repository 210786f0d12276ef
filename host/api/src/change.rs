//! Changes of an endpoint that can be asked for over HTTP.

use std::collections::BTreeMap;

use millstream_workflow::{
    artifact::Digest,
    endpoint::{Endpoint, LIVE},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Somebody asks for a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Of which endpoint.
    pub endpoint: String,
    /// Who asks: goes into the endpoint's history.
    pub who: String,
    /// The caller's idempotency key: the same key makes the change once.
    pub request: Option<String>,
    /// The caller may do everything: what only an administrator may is not refused.
    pub by_admin: bool,
    /// What is asked.
    pub action: Action,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The endpoint as it is now.
    pub endpoint: Endpoint,
    /// The same request had made the change before; nothing was done now.
    pub repeated: bool,
}

impl Change {
    /// SHA-256 of who asks for which change of what: the same for the same change, however its document was written.
    pub fn fingerprint(&self) -> String {
        // Our own types: their keys are strings and their numbers finite.
        let mut action = serde_json::to_value(&self.action).unwrap_or_default();
        canonical(&mut action);
        Digest::of(serde_json::json!([self.who, self.endpoint, action]).to_string().as_bytes()).to_string()
    }
}

/// Members in the order of their names, and whole numbers without a fraction.
fn canonical(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<(String, Value)> = std::mem::take(members).into_iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            for (name, mut member) in sorted {
                canonical(&mut member);
                members.insert(name, member);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(canonical),
        Value::Number(number) => {
            // Up to 2^53 every whole number is itself in double precision.
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= 9_007_199_254_740_992.0);
            if let Some(whole) = whole {
                *number = (whole as i64).into();
            }
        }
        _ => {}
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A version behind an alias.
    Deploy(Deploy),
    /// Weights of the variants that there are.
    Traffic(Traffic),
    /// Back to who answered before the last deployment.
    Rollback(Reason),
    /// The rollout under way is completed now.
    Promote(Reason),
    /// The rollout under way is taken back now.
    Abort(Reason),
}

/// A version behind an alias. An endpoint that is not there yet is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deploy {
    /// `NAME`, `NAME@VERSION` or `NAME@ALIAS`; the newest approved version if none is named.
    pub model: String,
    /// The endpoint's alias.
    #[serde(default = "live")]
    pub alias: String,
    /// The variant's name; `<model>-<version>` if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// As a workflow's `deploy` step has it: `{"canary": "10%", "bake": "5m", "alarms": ["error-rate > 1%"]}`, or
    /// `"all-at-once"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Value>,
    /// Changes of how the endpoint is served, by setting: `{"timeout": "5s", "capture": 0.1, "sticky": null}`. What is not
    /// named stays as it is; null is the setting's default.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Weights of the variants that there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Traffic {
    /// By variant; those that are not named keep theirs.
    pub weights: BTreeMap<String, f64>,
    /// The endpoint's alias.
    #[serde(default = "live")]
    pub alias: String,
    /// Kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Deploy {
    /// The members of a request.
    pub const MEMBERS: &[&str] = &["model", "alias", "variant", "rollout", "config", "reason"];
}

impl Traffic {
    /// The members of a request.
    pub const MEMBERS: &[&str] = &["weights", "alias", "reason"];
}

impl Reason {
    /// The members of a request.
    pub const MEMBERS: &[&str] = &["alias", "reason"];
}

/// Of which alias, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reason {
    /// The endpoint's alias.
    #[serde(default = "live")]
    pub alias: String,
    /// Kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Default for Reason {
    fn default() -> Self {
        Self { alias: live(), reason: None }
    }
}

/// What is given, also if it is null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn live() -> String {
    LIVE.to_owned()
}

/// Why a change was not made. The message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No such endpoint, alias, variant, model or version.
    #[error("{0}")]
    NotFound(String),
    /// What was asked makes no sense; `parameter` names the member.
    #[error("{message}")]
    Invalid {
        /// Which member of the request.
        parameter: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// An administrator may do that, and the caller is none.
    #[error("{0}")]
    Forbidden(String),
    /// Another change came first, a rollout is under way, or the version may not be deployed.
    #[error("{0}")]
    Conflict(String),
    /// The idempotency key was used for another change.
    #[error("{0}")]
    Reused(String),
    /// The version was tried before any traffic, and failed.
    #[error("{0}")]
    Unfit(String),
    /// The store is out of reach, or the server is going down.
    #[error("{0}")]
    Unavailable(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(who: &str, endpoint: &str, action: Action) -> String {
        let (who, endpoint) = (who.to_owned(), endpoint.to_owned());
        Change { endpoint, who, request: Some("k".into()), by_admin: false, action }.fingerprint()
    }

    fn deploy(body: &str) -> Action {
        Action::Deploy(serde_json::from_str(body).unwrap())
    }

    #[test]
    fn the_same_change_has_one_fingerprint_however_it_is_written() {
        let first = fingerprint("ann", "e", deploy(r#"{"model":"m@2","rollout":{"canary":10,"bake":"5m"}}"#));
        for same in [
            r#"{ "model": "m@2", "alias": "live", "rollout": {"canary": 10, "bake": "5m"} }"#,
            r#"{"rollout":{"bake":"5m","canary":10.0},"model":"m@2"}"#,
            r#"{"model":"m\u00402","rollout":{"canary":1e1,"bake":"5m"},"variant":null}"#,
        ] {
            assert_eq!(fingerprint("ann", "e", deploy(same)), first, "{same}");
        }
    }

    #[test]
    fn another_change_has_another_fingerprint() {
        let reason = |text: Option<&str>| Reason { reason: text.map(str::to_owned), ..Reason::default() };
        let traffic = |body: &str| Action::Traffic(serde_json::from_str(body).unwrap());
        let all = [
            fingerprint("ann", "e", deploy(r#"{"model":"m@2"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@3"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","alias":"next"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","rollout":"all-at-once"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","reason":"x"}"#)),
            fingerprint("bob", "e", deploy(r#"{"model":"m@2"}"#)),
            fingerprint("ann", "f", deploy(r#"{"model":"m@2"}"#)),
            fingerprint("ann", "e", Action::Rollback(reason(None))),
            fingerprint("ann", "e", Action::Promote(reason(None))),
            fingerprint("ann", "e", Action::Abort(reason(None))),
            fingerprint("ann", "e", Action::Abort(reason(Some("x")))),
            fingerprint("ann", "e", traffic(r#"{"weights":{"a":1,"b":2}}"#)),
            fingerprint("ann", "e", traffic(r#"{"weights":{"a":2,"b":1}}"#)),
        ];
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
