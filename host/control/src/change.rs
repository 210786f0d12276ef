//! Changes that come with an idempotency key: the same key makes the same change once, and is good for no other.

use millstream_core::artifact::Digest;
use millstream_deployment::{Action, Endpoint};
use millstream_registry::{Author, Endpoints, Error, IdempotentRequest, Updated};

use crate::Control;

/// Somebody asks for a change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRequest {
    /// Of which endpoint.
    pub endpoint: String,
    /// Who asks: goes into the endpoint's history.
    pub who: String,
    /// The caller's idempotency key: the same key makes the change once.
    pub key: Option<String>,
    /// The caller may do everything: what only an administrator may is not refused.
    pub admin: bool,
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

impl ChangeRequest {
    /// SHA-256 of who asks for which change of what: the same for the same change, however it was written.
    pub fn fingerprint(&self) -> String {
        let asked = (&self.who, &self.endpoint, &self.action);
        let text = serde_json::to_string(&asked).expect("an action is JSON");
        Digest::of(text.as_bytes()).to_string()
    }
}

impl Control<'_> {
    /// Makes a change that was asked for, once for each key. It waits; not to be called where others wait for the thread.
    ///
    /// # Errors
    /// `Reused` for a key that came with another change; else as the methods that it calls.
    pub fn change(&self, asked: &ChangeRequest) -> Result<Changed, Error> {
        let fingerprint = asked.fingerprint();
        let request =
            asked.key.as_deref().map(|key| IdempotentRequest { key, fingerprint: Some(&fingerprint) });
        let author = Author { who: &asked.who, at: self.home.now(), admin: asked.admin, request };
        let endpoint = asked.endpoint.as_str();
        let before = Endpoints::new(self.home.store().as_ref()).repeated(endpoint, &author)?;
        if let Some(endpoint) = before {
            return Ok(Changed { endpoint, repeated: true });
        }
        match &asked.action {
            Action::Deploy(wish) => {
                let deployed = self.deploy(endpoint, wish, &author, None)?;
                let repeated = deployed.moved.is_none();
                Ok(Changed { endpoint: deployed.endpoint, repeated })
            }
            Action::Traffic(wish) => self.set_traffic(endpoint, wish, &author).map(Changed::from),
            Action::RollBack(of) => self.roll_back(endpoint, of, &author).map(Changed::from),
            Action::Promote(of) => self.promote(endpoint, of, &author).map(Changed::from),
            Action::Abort(of) => self.abort(endpoint, of, &author).map(Changed::from),
        }
    }
}

impl From<Updated> for Changed {
    fn from(updated: Updated) -> Self {
        Self { repeated: updated.repeated.is_some(), endpoint: updated.endpoint }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use millstream_deployment::{Deploy, Reason, Settings, Traffic};
    use serde_json::{Map, Value};

    use super::*;

    fn fingerprint(who: &str, endpoint: &str, action: Action) -> String {
        let (who, endpoint) = (who.to_owned(), endpoint.to_owned());
        ChangeRequest { endpoint, who, key: Some("k".into()), admin: false, action }.fingerprint()
    }

    fn document(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn deploy(text: &str) -> Action {
        Action::Deploy(Deploy::read(&document(text), Settings::patch).unwrap())
    }

    fn traffic(text: &str) -> Action {
        Action::Traffic(Traffic::read(&document(text)).unwrap())
    }

    #[test]
    fn the_same_change_has_one_fingerprint_however_it_is_written() {
        let first =
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","rollout":{"canary":"10%","bake":"5m"}}"#));
        for same in [
            r#"{ "model": "m@2", "alias": "live", "rollout": {"canary": "10%", "bake": "5m"} }"#,
            r#"{"rollout":{"bake":"300s","canary":"10.0%"},"model":"m@2"}"#,
            r#"{"model":"m\u00402","rollout":{"canary":"10 %","bake":"5m"},"variant":null}"#,
        ] {
            assert_eq!(fingerprint("ann", "e", deploy(same)), first, "{same}");
        }
        let config = |text| fingerprint("ann", "e", deploy(text));
        assert_eq!(
            config(r#"{"model":"m@2","config":{"timeout":5e3,"capture":0.5}}"#),
            config(r#"{"model":"m@2","config":{"capture":"50%","timeout":"5s"}}"#)
        );
        let weights = |text| fingerprint("ann", "e", traffic(text));
        assert_eq!(weights(r#"{"weights":{"a":1,"b":2}}"#), weights(r#"{"weights":{"b":2.0,"a":1e0}}"#));
    }

    #[test]
    fn another_change_has_another_fingerprint() {
        let reason = |text: Option<&str>| Reason { reason: text.map(str::to_owned), ..Reason::default() };
        let all = [
            fingerprint("ann", "e", deploy(r#"{"model":"m@2"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@3"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","alias":"next"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","rollout":"canary"}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","config":{"timeout":"1s"}}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","replace":true}"#)),
            fingerprint("ann", "e", deploy(r#"{"model":"m@2","reason":"x"}"#)),
            fingerprint("bob", "e", deploy(r#"{"model":"m@2"}"#)),
            fingerprint("ann", "f", deploy(r#"{"model":"m@2"}"#)),
            fingerprint("ann", "e", Action::RollBack(reason(None))),
            fingerprint("ann", "e", Action::Promote(reason(None))),
            fingerprint("ann", "e", Action::Abort(reason(None))),
            fingerprint("ann", "e", Action::Abort(reason(Some("x")))),
            fingerprint("ann", "e", traffic(r#"{"weights":{"a":1,"b":2}}"#)),
            fingerprint("ann", "e", traffic(r#"{"weights":{"a":2,"b":1}}"#)),
        ];
        let distinct: BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
