//! The document's own schemas: bodies in JSON, and errors.

use millstream_deployment::SETTINGS;
use serde_json::{Map, Value, json};

/// A schema under `components`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    Anything,
    Rows,
    Predictions,
    Event,
    Ticket,
    ServerMetadata,
    ModelMetadata,
    ModelReady,
    InferenceRequest,
    InferenceResponse,
    Tensor,
    Ping,
    Live,
    Ready,
    Index,
    Endpoints,
    Endpoint,
    Deploy,
    Traffic,
    Reason,
    CloudEvent,
    RunStart,
    Problem,
    SageMakerError,
    LambdaError,
}

impl Component {
    pub const ALL: [Self; 25] = [
        Self::Anything,
        Self::Rows,
        Self::Predictions,
        Self::Event,
        Self::Ticket,
        Self::ServerMetadata,
        Self::ModelMetadata,
        Self::ModelReady,
        Self::InferenceRequest,
        Self::InferenceResponse,
        Self::Tensor,
        Self::Ping,
        Self::Live,
        Self::Ready,
        Self::Index,
        Self::Endpoints,
        Self::Endpoint,
        Self::Deploy,
        Self::Traffic,
        Self::Reason,
        Self::CloudEvent,
        Self::RunStart,
        Self::Problem,
        Self::SageMakerError,
        Self::LambdaError,
    ];

    pub fn name(self) -> String {
        format!("{self:?}")
    }

    pub fn schema(self) -> Value {
        match self {
            Self::Anything => json!({ "description": "Any JSON." }),
            Self::Rows => json!({
                "description": "Rows in one of the shapes that TensorFlow Serving, SageMaker, MLflow and pandas send.",
                "type": ["object", "array"],
                "examples": [{ "instances": [{ "age": 31, "plan": "basic" }] }, [[31, "basic"]]],
            }),
            Self::Predictions => {
                object(&["predictions"], json!({ "predictions": { "type": "array", "items": {} } }))
            }
            Self::Event => json!({
                "description": "Rows, or an HTTP request as API Gateway, function URLs and load balancers pass it on.",
                "type": ["object", "array"],
            }),
            Self::Ticket => object(
                &["InferenceId"],
                json!({ "InferenceId": text(), "InvocationStatus": { "type": "string", "enum": ["InProgress"] } }),
            ),
            Self::ServerMetadata => object(
                &["name", "version", "extensions"],
                json!({ "name": text(), "version": text(), "extensions": { "type": "array", "items": text() } }),
            ),
            Self::ModelMetadata => {
                let column = object(
                    &["name", "datatype", "shape"],
                    json!({ "name": text(), "datatype": text(), "shape": { "type": "array", "items": { "type": "integer" } } }),
                );
                let columns = json!({ "type": "array", "items": column });
                object(
                    &["name", "versions", "platform", "inputs", "outputs"],
                    json!({
                        "name": text(),
                        "versions": { "type": "array", "items": text() },
                        "platform": text(),
                        "inputs": columns,
                        "outputs": columns,
                        "parameters": { "type": "object" },
                    }),
                )
            }
            Self::ModelReady => {
                object(&["name", "ready"], json!({ "name": text(), "ready": { "type": "boolean" } }))
            }
            Self::InferenceRequest => object(
                &["inputs"],
                json!({
                    "id": { "type": ["string", "null"] },
                    "inputs": { "type": "array", "items": Self::Tensor.reference() },
                    "outputs": { "type": ["array", "null"], "items": object(&["name"], json!({ "name": text() })) },
                    "parameters": { "type": ["object", "null"] },
                }),
            ),
            Self::InferenceResponse => object(
                &["model_name", "model_version", "outputs"],
                json!({
                    "model_name": text(),
                    "model_version": text(),
                    "id": text(),
                    "outputs": { "type": "array", "items": Self::Tensor.reference() },
                }),
            ),
            Self::Tensor => object(
                &["name", "shape", "datatype", "data"],
                json!({
                    "name": text(),
                    "shape": { "type": "array", "items": { "type": "integer", "minimum": 0 }, "maxItems": 2 },
                    "datatype": {
                        "type": "string",
                        "enum": [
                            "FP64", "FP32", "FP16", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8",
                            "BOOL", "BYTES",
                        ],
                    },
                    "data": { "type": "array" },
                }),
            ),
            Self::Ping => object(
                &["status"],
                json!({ "status": { "type": "string", "enum": ["ready", "starting", "draining"] } }),
            ),
            Self::Live => object(&["live"], json!({ "live": { "type": "boolean" } })),
            Self::Ready => object(&["ready"], json!({ "ready": { "type": "boolean" } })),
            Self::Index => object(
                &["name", "version", "endpoints", "routes"],
                json!({
                    "name": text(),
                    "version": text(),
                    "endpoints": {
                        "type": "array",
                        "items": object(
                            &["name", "invoke", "infer", "live"],
                            json!({ "name": text(), "invoke": text(), "infer": text(), "live": text() }),
                        ),
                    },
                    "routes": {
                        "type": "array",
                        "items": object(
                            &["methods", "path", "summary"],
                            json!({ "methods": { "type": "array", "items": text() }, "path": text(), "summary": text() }),
                        ),
                    },
                }),
            ),
            Self::Endpoints => object(
                &["endpoints"],
                json!({ "endpoints": { "type": "array", "items": Self::Endpoint.reference() } }),
            ),
            Self::Endpoint => endpoint(),
            Self::Deploy => {
                let config: Map<String, Value> = SETTINGS
                    .iter()
                    .map(|(name, example)| {
                        (
                            name.to_string(),
                            json!({ "description": format!("Such as {example}; null resets it.") }),
                        )
                    })
                    .collect();
                closed(
                    &["model"],
                    json!({
                        "model": described("NAME, NAME@VERSION or NAME@ALIAS."),
                        "alias": alias(),
                        "variant": described("The variant's name; `<model>-<version>` if none is given."),
                        "rollout": {
                            "description": "How traffic moves there, such as {\"canary\": \"10%\", \"bake\": \"5m\"}; all at once if \
                                            nothing is said.",
                        },
                        "replace": { "type": ["boolean", "null"], "description": "Ends a rollout that is under way." },
                        "config": { "type": "object", "properties": config, "additionalProperties": false },
                        "reason": reason(),
                    }),
                )
            }
            Self::Traffic => closed(
                &["weights"],
                json!({
                    "weights": {
                        "description": "Weights by variant or NAME@VERSION; who is not named keeps their weight.",
                        "type": "object",
                        "additionalProperties": { "type": "number" },
                    },
                    "alias": alias(),
                    "reason": reason(),
                }),
            ),
            Self::Reason => closed(&[], json!({ "alias": alias(), "reason": reason() })),
            Self::CloudEvent => object(
                &["specversion", "id", "source", "type"],
                json!({
                    "specversion": { "type": "string", "enum": ["1.0"] },
                    "id": text(),
                    "source": text(),
                    "type": text(),
                    "subject": text(),
                    "time": { "type": "string", "format": "date-time" },
                    "data": {},
                }),
            ),
            Self::RunStart => object(
                &["workflow", "state"],
                json!({
                    "workflow": text(),
                    "state": { "type": "string", "enum": ["started", "waiting", "repeated", "not-started"] },
                    "run": text(),
                    "address": described("Where the run can be looked at."),
                    "why": described("Why no run was started."),
                }),
            ),
            Self::Problem => object(
                &["type", "title", "status", "code", "detail", "error"],
                json!({
                    "type": text(),
                    "title": text(),
                    "status": { "type": "integer" },
                    "code": { "type": "string", "pattern": "^MS[0-9]{4}$" },
                    "detail": text(),
                    "error": described("The detail again, for clients of the Open Inference Protocol."),
                    "row": { "type": "integer", "minimum": 1 },
                    "column": text(),
                    "parameter": text(),
                    "variant": text(),
                }),
            ),
            Self::SageMakerError => object(
                &["Message"],
                json!({
                    "Message": text(),
                    "OriginalStatusCode": { "type": "integer" },
                    "OriginalMessage": text(),
                    "LogStreamArn": text(),
                }),
            ),
            Self::LambdaError => {
                object(&["Type", "Message"], json!({ "Type": text(), "message": text(), "Message": text() }))
            }
        }
    }

    pub fn reference(self) -> Value {
        json!({ "$ref": format!("#/components/schemas/{}", self.name()) })
    }
}

/// The record of an endpoint: `endpoint::Endpoint` of the workflow's rules.
fn endpoint() -> Value {
    let variant = object(
        &["name", "model", "version", "weight"],
        json!({
            "name": text(),
            "model": text(),
            "version": { "type": "integer", "minimum": 1 },
            "weight": { "type": "number", "minimum": 0 },
            "shadow": { "type": "boolean" },
        }),
    );
    let variants = json!({ "type": "array", "items": variant });
    let moving = object(
        &["variants"],
        json!({ "variants": variants, "previous": variants, "rollout": { "type": "object" } }),
    );
    let change = object(
        &["revision", "at", "who", "from", "to", "why"],
        json!({
            "revision": { "type": "integer" },
            "at": { "type": "integer", "description": "Milliseconds since 1970 UTC." },
            "who": text(),
            "alias": text(),
            "from": text(),
            "to": text(),
            "why": text(),
            "request": text(),
            "fingerprint": text(),
        }),
    );
    object(
        &["name", "revision", "created", "aliases", "config", "changes"],
        json!({
            "name": text(),
            "revision": { "type": "integer", "minimum": 1 },
            "created": { "type": "integer", "description": "Milliseconds since 1970 UTC." },
            "aliases": { "type": "object", "additionalProperties": moving },
            "config": { "type": "object" },
            "changes": { "type": "array", "items": change },
            "removed": { "type": "boolean" },
        }),
    )
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

/// An object without members beside those that are named.
fn closed(required: &[&str], properties: Value) -> Value {
    let mut schema = object(required, properties);
    schema["additionalProperties"] = false.into();
    schema
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn described(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

fn alias() -> Value {
    json!({ "type": ["string", "null"], "description": "The endpoint's alias; `live` if none is given." })
}

fn reason() -> Value {
    json!({ "type": ["string", "null"], "description": "Why; kept in the endpoint's history." })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use millstream_deployment::{Deploy, Reason, Traffic};

    use super::*;

    #[test]
    fn bodies_have_the_members_that_are_read() {
        for (component, members) in [
            (Component::Deploy, Deploy::MEMBERS),
            (Component::Traffic, Traffic::MEMBERS),
            (Component::Reason, Reason::MEMBERS),
        ] {
            let schema = component.schema();
            let documented: BTreeSet<&str> =
                schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(documented, members.iter().copied().collect(), "{component:?}");
        }
    }

    #[test]
    fn each_schema_stands_in_the_document_once() {
        let names: BTreeSet<String> = Component::ALL.iter().map(|component| component.name()).collect();
        assert_eq!(names.len(), Component::ALL.len());
        let used = serde_json::to_string(&super::super::document()).unwrap();
        for name in &names {
            assert!(used.contains(&format!("#/components/schemas/{name}\"")), "{name} is of no use");
        }
    }
}
