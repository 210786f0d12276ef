//! Does nothing: what a step costs when its function costs nothing. On the bare contract, without the SDK.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({ path: "../../wit", world: "stage" });

use exports::millstream::function::{about, job};
use millstream::function::types::{Channel, Failure, Kind, Manifest, Output, Summary};

struct Noop;

impl about::Guest for Noop {
    fn describe() -> Manifest {
        Manifest {
            name: "noop".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Does nothing.".to_owned(),
            description: "For tests and benchmarks.".to_owned(),
            channels: vec![Channel {
                name: "after".to_owned(),
                description: "Ignored; makes an edge.".to_owned(),
                kind: Kind::File,
                required: false,
                formats: Vec::new(),
            }],
            outputs: vec![Output {
                name: "done".to_owned(),
                description: "One empty part, if asked for.".to_owned(),
                kind: Kind::File,
                media_type: "text/plain".to_owned(),
                required: false,
                follows: None,
            }],
            metrics: Vec::new(),
            parameters: r#"{
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "write": {
                        "type": "boolean", "default": false, "description": "Write an empty part to the output."
                    },
                    "tag": { "type": "integer", "default": 0, "description": "Tells equal steps apart." }
                }
            }"#
            .to_owned(),
        }
    }
}

impl job::Guest for Noop {
    fn run(params: String) -> Result<Summary, Failure> {
        // No JSON parser, so that the function stays as small as it can be.
        if params.replace(' ', "").contains(r#""write":true"#) {
            millstream::function::outputs::create("done", "done.txt", "text/plain")?.finish()?;
        }
        Ok(Summary { message: "did nothing".to_owned(), metrics: Vec::new() })
    }
}

export!(Noop);
