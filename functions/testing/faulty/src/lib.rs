//! Does whatever a function must not do, one sin for each `mode`, and a few decent things. On the bare contract, as the
//! SDK makes most of these sins impossible.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    inline: "package millstream:faulty;
        world faulty {
            include millstream:function/algorithm@0.1.0;
            export millstream:function/snapshot@0.1.0;
        }",
    path: "../../wit",
    generate_all,
});

mod breaches;
mod decent;
mod predictor;
mod runaways;

use exports::millstream::function::{about, job};
use millstream::function::{
    report::{self, Level},
    types::{Channel, Direction, Failure, InvalidParameter, Kind, Manifest, MetricSpec, Output, Summary},
};
use serde_json::Value;

struct Faulty;

fn output(name: &str, kind: Kind, media_type: &str, required: bool) -> Output {
    Output {
        name: name.to_owned(),
        description: String::new(),
        kind,
        media_type: media_type.to_owned(),
        required,
        follows: None,
    }
}

fn channel(name: &str, kind: Kind) -> Channel {
    Channel { name: name.to_owned(), description: String::new(), kind, required: false, formats: Vec::new() }
}

impl about::Guest for Faulty {
    fn describe() -> Manifest {
        Manifest {
            name: "faulty".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Breaks the contract in every way.".to_owned(),
            description: "For tests.".to_owned(),
            channels: vec![channel("table", Kind::File), channel("model", Kind::Model)],
            outputs: vec![
                output("echo", Kind::File, "text/*", true),
                output("state", Kind::Model, "application/octet-stream", false),
            ],
            metrics: vec![MetricSpec {
                name: "bytes".to_owned(),
                description: "Bytes that were read.".to_owned(),
                direction: Direction::Neither,
            }],
            parameters: r#"{
                "type": "object",
                "required": ["mode"],
                "properties": {
                    "mode": { "type": "string", "description": "What to do." },
                    "state": { "type": "string", "default": "", "description": "For `fit`: the state to write." }
                }
            }"#
            .to_owned(),
        }
    }
}

impl job::Guest for Faulty {
    fn run(params: String) -> Result<Summary, Failure> {
        log_panics();
        let params: Value =
            serde_json::from_str(&params).map_err(|error| Failure::Internal(error.to_string()))?;
        let mode = params["mode"].as_str().unwrap_or_default();
        breaches::run(mode)
            .or_else(|| runaways::run(mode))
            .or_else(|| decent::run(mode, params["state"].as_str().unwrap_or_default()))
            .unwrap_or_else(|| {
                Err(Failure::InvalidParameter(InvalidParameter {
                    name: "mode".to_owned(),
                    message: format!("there is no mode {mode:?}"),
                    allowed: Some("see the source".to_owned()),
                }))
            })
    }
}

/// What the SDK does too: a panic's message is the last error in the log.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| report::log(Level::Error, &panic.to_string())));
}

/// A success that says `message`.
fn done(message: &str) -> Result<Summary, Failure> {
    Ok(Summary { message: message.to_owned(), metrics: Vec::new() })
}

export!(Faulty);
