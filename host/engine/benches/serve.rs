//! Time of one answer of a predictor that is loaded, and of loading it: `serve HOME PIPELINE.json CONTENT-TYPE FILE`.
//!
//! HOME is a folder with a store, PIPELINE.json a model artifact's content, FILE a request's body.

use std::{
    env, fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use millstream_engine::{Engine, EngineKind, Request, Served};
use millstream_store::{Artifacts, LocalStore};

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [home, pipeline, content_type, body] = args.as_slice() else {
        // `cargo bench` without arguments has nothing to measure here.
        return;
    };
    let store = LocalStore::open(Path::new(home).join("store")).expect("a store");
    let cache = Path::new(home).join("cache");
    let engine = Engine::new(EngineKind::Serve, Artifacts::new(Arc::new(store)), &cache).expect("an engine");
    let pipeline = serde_json::from_slice(&fs::read(pipeline).expect("a pipeline")).expect("a pipeline");
    let body = fs::read(body).expect("a body");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let limit = Duration::from_secs(60);
        let load = || Served::load(&engine, "model", &pipeline, 4 << 30, limit);
        let mut model = load().await.expect("a model");
        let request = || Request { content_type: content_type.clone(), accept: None, body: body.clone() };
        let mut times = Vec::new();
        for _ in 0..20_000 {
            let request = request();
            let began = Instant::now();
            let answer = model.predict(request, limit).await.expect("an answer");
            times.push(began.elapsed());
            std::hint::black_box(answer);
        }
        println!("answer {:?}", median(times));
        let (mut loads, mut firsts) = (Vec::new(), Vec::new());
        for _ in 0..50 {
            let began = Instant::now();
            let mut model = load().await.expect("a model");
            loads.push(began.elapsed());
            model.predict(request(), limit).await.expect("an answer");
            firsts.push(began.elapsed());
        }
        println!("load {:?}, with the first answer {:?}", median(loads), median(firsts));
    });
}
