//! What people and programs ask of an endpoint, however it reached us: the command line, a workflow's step and HTTP read what
//! they got into these types, and nobody else's.

use millstream_errors::{Code, Coded};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{LIVE, Settings, names::Reference, plan::RolloutPlan};

/// A change of an endpoint that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A version goes behind an alias.
    Deploy(Deploy),
    /// Who answers, with which weights.
    Traffic(Traffic),
    /// Back to who answered before.
    RollBack(Reason),
    /// The rollout under way is completed now.
    Promote(Reason),
    /// The rollout under way is taken back now.
    Abort(Reason),
}

/// A version goes behind an alias. An endpoint that is not there yet is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deploy {
    /// Which version.
    pub model: Reference,
    /// The endpoint's alias.
    pub alias: String,
    /// The variant's name; `<model>-<version>` if none is given.
    pub variant: Option<String>,
    /// How traffic moves there.
    pub rollout: RolloutPlan,
    /// Ends a rollout that is under way, instead of being refused.
    pub replace: bool,
    /// Changes how the endpoint is served, in the same write.
    pub config: Settings,
    /// Why; kept in the history.
    pub reason: Option<String>,
}

/// Who answers, with which weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Traffic {
    /// Variants that are there, and versions that come to them.
    pub targets: Vec<Target>,
    /// Variants that are not named keep their weights; else they are let go.
    pub keep_others: bool,
    /// The endpoint's alias.
    pub alias: String,
    /// Why; kept in the history.
    pub reason: Option<String>,
}

/// Who shall answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// A variant that is there, or a version `NAME@VERSION` or `NAME@ALIAS` that comes to them.
    pub name: String,
    /// Its weight, relative to the others'; none for a shadow, which gets a copy of each request.
    pub weight: Option<f64>,
}

/// Of which alias, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The endpoint's alias.
    pub alias: String,
    /// Why; kept in the history.
    pub reason: Option<String>,
}

/// A member of a document that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misread {
    /// Which.
    pub member: &'static str,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl Coded for Misread {
    fn code(&self) -> Code {
        Code::MisreadMember
    }
}

/// Reads settings: [`Settings::parse`] as people write them, [`Settings::patch`] as programs do.
pub type ReadSettings = fn(&Map<String, Value>) -> Result<Settings, String>;

impl Deploy {
    /// The members of a document.
    pub const MEMBERS: &[&str] = &["model", "alias", "variant", "rollout", "replace", "config", "reason"];

    /// All at once behind `live`, nothing else changed.
    pub fn of(model: Reference) -> Self {
        Self {
            model,
            alias: LIVE.to_owned(),
            variant: None,
            rollout: RolloutPlan::default(),
            replace: false,
            config: Settings::default(),
            reason: None,
        }
    }

    /// Reads a document such as `{"model": "churn@4", "rollout": {"canary": "10%"}, "config": {"timeout": "5s"}}`. Members that
    /// are not known are passed over.
    ///
    /// # Errors
    /// Which member is missing or wrong, and what would be right.
    pub fn read(document: &Map<String, Value>, settings: ReadSettings) -> Result<Self, Misread> {
        let wrong = |member: &'static str| move |message: String| Misread { member, message };
        let model = text(document, "model")?
            .ok_or_else(|| "`model` is missing: write NAME, NAME@VERSION or NAME@ALIAS".to_owned())
            .and_then(|model| Reference::parse(&model))
            .map_err(wrong("model"))?;
        let rollout =
            given(document, "rollout").map_or_else(|| Ok(RolloutPlan::default()), RolloutPlan::parse);
        let replace = match given(document, "replace") {
            None => Ok(false),
            Some(Value::Bool(replace)) => Ok(*replace),
            Some(other) => Err(format!("`replace` is true or false, not {other}")),
        };
        let config = match document.get("config") {
            None => Ok(Settings::default()),
            Some(Value::Object(config)) => settings(config),
            Some(_) => Err("`config` is an object of settings, such as {\"timeout\": \"5s\"}; what is not named stays, null resets"
                .to_owned()),
        };
        Ok(Self {
            alias: text(document, "alias")?.unwrap_or_else(|| LIVE.to_owned()),
            variant: text(document, "variant")?,
            rollout: rollout.map_err(wrong("rollout"))?,
            replace: replace.map_err(wrong("replace"))?,
            config: config.map_err(wrong("config"))?,
            reason: text(document, "reason")?,
            ..Self::of(model)
        })
    }
}

impl Traffic {
    /// The members of a document.
    pub const MEMBERS: &[&str] = &["weights", "alias", "reason"];

    /// Reads a document such as `{"weights": {"churn-3": 9, "churn@4": 1}}`; who is not named keeps their weight. Members that
    /// are not known are passed over.
    ///
    /// # Errors
    /// Which member is missing or wrong, and what would be right.
    pub fn read(document: &Map<String, Value>) -> Result<Self, Misread> {
        let wrong = |message: String| Misread { member: "weights", message };
        let Some(Value::Object(weights)) = document.get("weights") else {
            return Err(wrong(
                "`weights` is an object of weights by variant, such as {\"churn-3\": 9, \"churn@4\": 1}"
                    .to_owned(),
            ));
        };
        let target = |(name, weight): (&String, &Value)| match weight.as_f64() {
            Some(weight) => Ok(Target { name: name.clone(), weight: Some(weight) }),
            None => Err(wrong(format!("the weight of `{name}` is a number, not {weight}"))),
        };
        let mut targets = weights.iter().map(target).collect::<Result<Vec<_>, _>>()?;
        targets.sort_by(|a, b| a.name.cmp(&b.name));
        let Reason { alias, reason } = Reason::read(document)?;
        Ok(Self { targets, keep_others: true, alias, reason })
    }
}

impl Reason {
    /// The members of a document.
    pub const MEMBERS: &[&str] = &["alias", "reason"];

    /// Reads a document such as `{"reason": "complaints"}`. Members that are not known are passed over.
    ///
    /// # Errors
    /// Which member is wrong, and what would be right.
    pub fn read(document: &Map<String, Value>) -> Result<Self, Misread> {
        let alias = text(document, "alias")?.unwrap_or_else(|| LIVE.to_owned());
        Ok(Self { alias, reason: text(document, "reason")? })
    }
}

impl Default for Reason {
    fn default() -> Self {
        Self { alias: LIVE.to_owned(), reason: None }
    }
}

/// What is given and not null.
fn given<'a>(document: &'a Map<String, Value>, member: &str) -> Option<&'a Value> {
    document.get(member).filter(|value| !value.is_null())
}

fn text(document: &Map<String, Value>, member: &'static str) -> Result<Option<String>, Misread> {
    match given(document, member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Misread { member, message: format!("`{member}` is a text, not {other}") }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deploy(document: &Value) -> Result<Deploy, Misread> {
        Deploy::read(document.as_object().unwrap(), Settings::patch)
    }

    #[test]
    fn a_document_means_the_same_however_it_is_written() {
        let first = deploy(&json!({"model": "m@2", "rollout": {"canary": "10%", "bake": "5m"}})).unwrap();
        for same in [
            json!({"rollout": {"bake": "300s", "canary": "10.0%"}, "model": "m@2", "alias": "live"}),
            json!({"model": "m@2", "rollout": {"canary": "10%"}, "variant": null, "config": {}, "replace": false}),
        ] {
            assert_eq!(deploy(&same).unwrap(), first, "{same}");
        }
        assert_eq!(deploy(&json!({"model": "m"})).unwrap(), Deploy::of(Reference::parse("m").unwrap()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (document, member) in [
            (json!({}), "model"),
            (json!({"model": "M"}), "model"),
            (json!({"model": "m", "alias": 5}), "alias"),
            (json!({"model": "m", "rollout": {"canari": "5%"}}), "rollout"),
            (json!({"model": "m", "replace": "yes"}), "replace"),
            (json!({"model": "m", "config": {"timout": "5s"}}), "config"),
            (json!({"model": "m", "config": null}), "config"),
            (json!({"model": "m", "reason": ["x"]}), "reason"),
        ] {
            assert_eq!(deploy(&document).unwrap_err().member, member, "{document}");
        }
        let traffic = |document: Value| Traffic::read(document.as_object().unwrap());
        assert_eq!(traffic(json!({"weights": {"a": "1"}})).unwrap_err().member, "weights");
        assert_eq!(traffic(json!({})).unwrap_err().member, "weights");
        assert_eq!(traffic(json!({"weights": {"b": 1, "a": 2}})).unwrap().targets[0].name, "a");
    }
}
