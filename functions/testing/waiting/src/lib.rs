//! Waits for WASI's clock in every way that there is, as a job, when it is loaded and when it is asked. What is to be waited
//! for, and how, is text: `sleep 3600` (seconds), `poll 3600`, `instant 3600`, `spin 3600`, `ever`; anything else is not waited
//! for. The answer is how many seconds have passed by that clock.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    inline: "package millstream:waiting;
        world waiting {
            import wasi:io/poll@0.2.0;
            import wasi:clocks/monotonic-clock@0.2.0;
            include millstream:function/algorithm@0.1.0;
        }",
    path: ["../../wit", "wit"],
    generate_all,
});

use exports::millstream::function::{
    about, job,
    model::{Guest, GuestPredictor, Predictor, Request, Response},
};
use millstream::function::{
    outputs,
    types::{Failure, Kind, Manifest, Output, Summary},
};
use wasi::{clocks::monotonic_clock as clock, io::poll};

struct Waiting;

const SECOND: u64 = 1_000_000_000;

fn wait(text: &str) -> String {
    let (how, seconds) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let duration = seconds.parse::<u64>().unwrap_or(0).saturating_mul(SECOND);
    let start = clock::now();
    match how {
        "sleep" => clock::subscribe_duration(duration).block(),
        "instant" => clock::subscribe_instant(start.saturating_add(duration)).block(),
        "poll" => {
            let timers = [clock::subscribe_duration(duration), clock::subscribe_duration(u64::MAX)];
            let ready = poll::poll(&[&timers[0], &timers[1]]);
            assert!(ready.contains(&0), "the nearer timer is ready");
        }
        "ready" => {
            let timer = clock::subscribe_duration(duration);
            while !timer.ready() {}
        }
        // A microsecond a look.
        "spin" => while clock::now() - start < duration {},
        "ever" => clock::subscribe_duration(u64::MAX).block(),
        _ => {}
    }
    ((clock::now() - start) / SECOND).to_string()
}

impl about::Guest for Waiting {
    fn describe() -> Manifest {
        let output = |name: &str, kind, media_type: &str| Output {
            name: name.to_owned(),
            description: String::new(),
            kind,
            media_type: media_type.to_owned(),
            required: false,
            follows: None,
        };
        Manifest {
            name: "waiting".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Waits.".to_owned(),
            description: "For tests.".to_owned(),
            channels: Vec::new(),
            outputs: vec![output("state", Kind::Model, "application/octet-stream")],
            metrics: Vec::new(),
            parameters: r#"{
                "type": "object",
                "properties": {
                    "mode": { "type": "string", "default": "", "description": "What the job waits for." },
                    "state": { "type": "string", "default": "", "description": "What its predictor waits for when it is loaded." }
                }
            }"#
            .to_owned(),
        }
    }
}

impl job::Guest for Waiting {
    fn run(params: String) -> Result<Summary, Failure> {
        let text = |name: &str| {
            let rest = params.split_once(&format!("\"{name}\"")).map_or("", |(_, rest)| rest);
            rest.split('"').nth(1).unwrap_or_default().to_owned()
        };
        let message = wait(&text("mode"));
        let writer = outputs::create("state", "state.txt", "application/octet-stream")?;
        writer.write(text("state").as_bytes())?;
        writer.finish()?;
        Ok(Summary { message, metrics: Vec::new() })
    }
}

impl Guest for Waiting {
    type Predictor = Loaded;
}

struct Loaded {
    waited: String,
}

impl GuestPredictor for Loaded {
    fn load(state: Vec<u8>) -> Result<Predictor, Failure> {
        Ok(Predictor::new(Loaded { waited: wait(&String::from_utf8_lossy(&state)) }))
    }

    fn describe(&self) -> String {
        format!(r#"{{"task": "transform", "waited": "{}"}}"#, self.waited)
    }

    fn predict(&self, request: Request) -> Result<Response, Failure> {
        let body = self.predict_table(request.body)?;
        Ok(Response { content_type: request.content_type, body })
    }

    fn predict_table(&self, table: Vec<u8>) -> Result<Vec<u8>, Failure> {
        Ok(wait(&String::from_utf8_lossy(&table)).into_bytes())
    }
}

export!(Waiting);
