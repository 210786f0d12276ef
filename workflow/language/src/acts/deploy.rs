//! `deploy`: a version goes behind an endpoint.

use millstream_core::manifest::{Channel, Direction, Kind, Manifest, Metric};
use millstream_deployment::{
    SETTINGS, Settings,
    names::{self, Reference},
    rollout::RolloutPlan,
};
use serde_json::{Map, Value, json};

use crate::parameters::Problem;

/// `deploy`, as people see it.
pub(super) fn manifest() -> Manifest {
    let time = |what: &str| json!({ "type": "string", "description": what });
    let settings: Map<String, Value> = SETTINGS
        .iter()
        .map(|(name, example)| {
            let schema = json!({
                "type": ["string", "integer", "boolean", "null"],
                "description": format!("Such as {example}; null for the default.")
            });
            ((*name).to_owned(), schema)
        })
        .collect();
    let parameters = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["endpoint"],
        "properties": {
            "endpoint": {
                "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
                "description": "Where; it is made if it does not exist."
            },
            "model": {
                "type": "string",
                "description": "NAME@VERSION, NAME@ALIAS, or NAME for the newest version that is not rejected. \
                                If it is left out: the version that the one `register` step which this step needs has made."
            },
            "alias": { "type": "string", "default": "live", "description": "Behind which alias of the endpoint." },
            "variant": { "type": "string", "description": "The variant's name; else `<model>-<version>`." },
            "rollout": {
                "type": ["string", "object"],
                "default": "all-at-once",
                "description": "How traffic moves there: `all-at-once`, or a canary or linear rollout with alarms. The step is done when \
                                it has begun; the server carries it on.",
                "additionalProperties": false,
                "properties": {
                    "canary": { "type": "string", "description": "This share first, the rest after the interval, such as 10%." },
                    "linear": { "type": "string", "description": "This share more after each interval, such as 20%." },
                    "interval": time("Between two steps; 5m if nothing is said."),
                    "bake": time("How long the new version is watched with all of the traffic; 5m if nothing is said."),
                    "time-limit": time("After that it is rolled back; twice the time it takes, but at least 1h, if nothing is said."),
                    "min-requests": {
                        "type": "integer", "minimum": 0,
                        "description": "The new version has to have that many requests at each share before it gets more."
                    },
                    "alarms": {
                        "type": "array", "items": { "type": "string" },
                        "description": "What rolls it back: `error-rate > 1%`, `p99 > 50ms`, `drift > 0.2`, \
                                        `workflows.NAME.steps.STEP.metrics.METRIC < 0.8`."
                    }
                }
            },
            "replace": {
                "type": "boolean", "default": false,
                "description": "End a rollout that is under way, instead of failing."
            },
            "reason": { "type": "string", "description": "Why; kept in the endpoint's history." },
            "config": {
                "type": "object", "additionalProperties": false, "properties": settings,
                "description": "How the endpoint is served; what is not named stays as it is. A step cannot take `approved-only` \
                                back: that is for an administrator."
            }
        }
    });
    let mut manifest = super::manifest(
        super::Act::Deploy,
        "Put a version behind an endpoint",
        "Loads the version, asks it the sample if there is one, and then moves the endpoint's alias to it: all at once, or as a \
         rollout that a server carries on. The same task deploys once, however often it is delivered.",
        parameters,
    );
    let channel = |name: &str, kind: Kind, description: &str| Channel {
        name: name.to_owned(),
        description: description.to_owned(),
        kind,
        required: false,
        formats: Vec::new(),
    };
    manifest.channels.push(channel(
        "model",
        Kind::Model,
        "The output of the `register` step whose version is deployed, so that it comes before this one.",
    ));
    manifest.channels.push(channel(
        "sample",
        Kind::Table,
        "Rows that the version has to predict before it gets a request.",
    ));
    let metric = |name: &str, description: &str| Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        direction: Direction::Neither,
    };
    manifest.metrics.push(metric("version", "The version that was deployed."));
    manifest.metrics.push(metric("revision", "The endpoint's revision."));
    manifest
}

/// What is wrong with a rollout, an alarm, a setting or a name.
pub(super) fn problems(params: &Map<String, Value>, unknown: &[String]) -> Vec<Problem> {
    let known = |name: &str| {
        let is_unknown = unknown.iter().any(|at| at.split('/').nth(1) == Some(name));
        params.get(name).filter(|_| !is_unknown)
    };
    let text = |name: &str| known(name).and_then(Value::as_str);
    let mut problems = Vec::new();
    let mut check = |name: &str, checked: Option<Result<(), String>>| {
        if let Some(Err(message)) = checked {
            problems.push(Problem { path: vec![name.to_owned()], at_key: false, message, help: None });
        }
    };
    check("rollout", known("rollout").map(|rollout| RolloutPlan::parse(rollout).map(drop)));
    check(
        "config",
        known("config").and_then(Value::as_object).map(|config| Settings::parse(config).map(drop)),
    );
    check("model", text("model").map(|model| Reference::parse(model).map(drop)));
    check("alias", text("alias").map(names::check_alias));
    check("variant", text("variant").map(names::check_variant));
    problems
}
