//! The routes as an OpenAPI 3.1 document, made from their table.

mod operation;
pub mod operations;
mod schemas;

use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

pub use self::operation::Operation;
use self::{
    operation::{Answer, Content, Parameter, Place, Tag},
    schemas::Component,
};
use crate::{
    fault::Shape,
    reply::{self, Reply},
    route::{Access, ROUTES, Row, Verb},
};

/// `GET /openapi.json`
pub fn reply() -> Reply {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    reply::new(StatusCode::OK, reply::JSON, DOCUMENT.clone())
}

fn document() -> Value {
    let mut paths = Map::new();
    for row in ROUTES {
        let item = paths.entry(row.path).or_insert_with(|| json!({}));
        for verb in row.verbs {
            item[verb.as_str().to_ascii_lowercase()] = operation(row, *verb);
        }
    }
    let schemas: Map<String, Value> =
        Component::ALL.iter().map(|component| (component.name(), component.schema())).collect();
    let tags: Vec<Value> = Tag::ALL.iter().map(|tag| json!({ "name": tag.name() })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Millstream",
            "description": "What `millstream serve` answers. A server on a loopback address takes requests without a key. Requests that \
                            are signed for the service `s3`, or whose host begins with `s3.`, are answered as Amazon S3 does (docs/s3.md); \
                            these are not listed here.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "apiKey": { "type": "apiKey", "in": "header", "name": "x-api-key" },
                "basic": { "type": "http", "scheme": "basic", "description": "The key as the password, under any user name." },
            },
        },
    })
}

fn operation(row: &Row, verb: Verb) -> Value {
    let Operation { tag, summary, parameters, body, answers } = row.operation;
    let named = row.names.iter().map(|name| {
        let about = match *name {
            "name" => "The endpoint.",
            "id" => "The request's inference id.",
            "workflow" => "The workflow.",
            "run" => "The run.",
            "version" => "An alias, a variant or a version number.",
            other => other,
        };
        json!({ "name": name, "in": "path", "required": true, "description": about, "schema": { "type": "string" } })
    });
    let parameters: Vec<Value> = named.chain(parameters.iter().map(parameter)).collect();
    // A route with two methods is two operations, and each has a name of its own.
    let id = match verb == row.verbs[0] {
        true => row.name.to_owned(),
        false => format!("{}By{}", row.name, verb.as_str()),
    };
    let mut responses: Map<String, Value> =
        answers.iter().map(|answer| (answer.status.to_string(), response(answer))).collect();
    responses.insert("default".to_owned(), error(row.errors));
    let mut made = json!({
        "operationId": id,
        "tags": [tag.name()],
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = body {
        made["requestBody"] = json!({ "required": body.required, "content": content(body.content) });
    }
    match row.scope {
        Access::Open => made["security"] = json!([]),
        Access::Key(scope) => {
            made["security"] = json!([{ "bearer": [] }, { "apiKey": [] }, { "basic": [] }]);
            made["x-millstream-scope"] = scope.as_str().into();
        }
    }
    made
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        Place::Header => "header",
        Place::Query => "query",
    };
    json!({ "name": parameter.name, "in": place, "description": parameter.about, "schema": parameter.schema.value() })
}

fn response(answer: &Answer) -> Value {
    let mut made = json!({ "description": answer.about });
    if !answer.content.is_empty() {
        made["content"] = content(answer.content);
    }
    if !answer.headers.is_empty() {
        let header = |header: &Parameter| {
            (header.name.to_owned(), json!({ "description": header.about, "schema": header.schema.value() }))
        };
        made["headers"] = answer.headers.iter().map(header).collect::<Map<_, _>>().into();
    }
    made
}

fn content(content: &[Content]) -> Value {
    let one = |one: &Content| (one.media_type.to_owned(), json!({ "schema": one.schema.value() }));
    content.iter().map(one).collect::<Map<_, _>>().into()
}

fn error(shape: Shape) -> Value {
    let (about, media_type, schema) = match shape {
        Shape::Problem => {
            ("A problem document (RFC 9457).", "application/problem+json", Component::Problem.reference())
        }
        Shape::SageMaker => (
            "An error as SageMaker's runtime has them; `x-amzn-errortype` names it.",
            "application/json",
            Component::SageMakerError.reference(),
        ),
        Shape::Lambda => (
            "An error as Lambda has them; `x-amzn-errortype` names it.",
            "application/json",
            Component::LambdaError.reference(),
        ),
        Shape::S3 => ("An error as S3 has them.", "application/xml", json!({ "type": "string" })),
    };
    let code =
        json!({ "description": "The error's code, such as `MS0701`.", "schema": { "type": "string" } });
    json!({
        "description": about,
        "headers": { "x-millstream-error": code },
        "content": { media_type: { "schema": schema } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_route_with_its_names_scope_and_errors() {
        let document = document();
        let mut operations = 0;
        for row in ROUTES {
            for verb in row.verbs {
                let operation = &document["paths"][row.path][verb.as_str().to_ascii_lowercase()];
                assert_eq!(operation["summary"], row.operation.summary, "{}", row.path);
                let names: Vec<&str> = operation["parameters"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|parameter| parameter["in"] == "path")
                    .map(|parameter| parameter["name"].as_str().unwrap())
                    .collect();
                assert_eq!(names, row.names);
                let in_path: Vec<&str> = row
                    .path
                    .split('/')
                    .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                    .collect();
                assert_eq!(names, in_path);
                let open = operation["security"].as_array().unwrap().is_empty();
                assert_eq!(open, row.scope == Access::Open, "{}", row.path);
                assert!(operation["responses"]["default"].is_object());
                operations += 1;
            }
        }
        let paths = document["paths"].as_object().unwrap().values();
        assert_eq!(paths.map(|item| item.as_object().unwrap().len()).sum::<usize>(), operations);
        let mut ids: Vec<String> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), operations);
    }

    #[test]
    fn headers_of_one_operation_have_one_name_each() {
        for row in ROUTES {
            let mut names: Vec<String> = row
                .operation
                .parameters
                .iter()
                .map(|parameter| parameter.name.to_ascii_lowercase())
                .collect();
            let all = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), all, "{}", row.path);
        }
    }
}
