//! Whether a version can serve: it is loaded, and asked once if there is something to ask.

use std::{path::Path, time::Duration};

use millstream_engine::{Engine, EngineKind, Request, Served};
use millstream_registry::ModelVersion;
use millstream_store::Artifacts;
use millstream_workflow::failure::Failure;

/// How long a version may take to load and to answer.
const LIMIT: Duration = Duration::from_secs(120);

/// Loads a version, and asks it the `sample` (media type and rows). Gives what it says of itself, and its answer.
/// It waits; not to be called where others wait for the thread.
///
/// # Errors
/// What is wrong with the version, or with the sample.
pub fn check(
    artifacts: Artifacts,
    cache: &Path,
    version: &ModelVersion,
    memory: u64,
    sample: Option<(String, Vec<u8>)>,
) -> Result<(String, Option<Vec<u8>>), Failure> {
    let engine = Engine::new(EngineKind::Serve, artifacts, cache)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Failure::Host { message: format!("can't start: {error}") })?;
    runtime.block_on(async {
        let mut served = Served::load(&engine, &version.name, &version.pipeline, memory, LIMIT).await?;
        let mut answer = None;
        if let Some((content_type, body)) = sample {
            answer = Some(served.predict(Request { content_type, accept: None, body }, LIMIT).await?.body);
        }
        Ok((served.describe().to_owned(), answer))
    })
}
