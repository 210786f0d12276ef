//! `outputs`: writes artifacts into the store.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use millstream_core::{artifact::Artifact, failure::Failure, manifest::Kind};
use millstream_store::{ArtifactWriter, Written};
use wasmtime::component::Resource;

use super::{State, abort, breach};
use crate::{
    Event, Level,
    contract::{
        outputs::{Host, HostWriter},
        types,
    },
    manifest::{accepts, part_name_fault},
    text::{byte_size, truncate},
};

/// A part in the making.
pub struct Writer {
    /// None once it is finished.
    bytes: Option<ArtifactWriter>,
    output: String,
    /// Its place among the output's parts.
    index: usize,
}

/// What a job has put out so far.
pub(crate) struct Outputs {
    /// Parts in the order of their creation; finished or not.
    parts: BTreeMap<String, Vec<Part>>,
    left: u64,
    limit: u64,
}

struct Part {
    name: String,
    media_type: String,
    state: PartState,
}

enum PartState {
    Open,
    Finished(Artifact),
    /// Its writer was dropped before.
    Abandoned,
}

impl Part {
    fn artifact(self) -> Option<Artifact> {
        match self.state {
            PartState::Finished(artifact) => Some(artifact),
            PartState::Open | PartState::Abandoned => None,
        }
    }
}

impl Outputs {
    pub fn new(limit: u64) -> Self {
        Self { parts: BTreeMap::new(), left: limit, limit }
    }

    /// The finished parts by output. Outputs without any are absent.
    pub fn finished(self) -> BTreeMap<String, Vec<Artifact>> {
        let finished = self.parts.into_iter().map(|(output, parts)| {
            let parts: Vec<_> = parts.into_iter().filter_map(Part::artifact).collect();
            (output, parts)
        });
        finished.filter(|(_, parts)| !parts.is_empty()).collect()
    }

    fn part(&mut self, output: &str, index: usize) -> Option<&mut Part> {
        self.parts.get_mut(output)?.get_mut(index)
    }

    fn spend(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.left = self.left.checked_sub(bytes as u64).ok_or_else(|| {
            abort(Failure::Limit {
                limit: "output".to_owned(),
                message: format!(
                    "it wrote more than {}, all outputs together; raise the limit or write less",
                    byte_size(self.limit)
                ),
            })
        })?;
        Ok(())
    }
}

/// Most parts of an output: their list is sent between processes, and kept.
const MAX_PARTS: usize = 10_000;

/// Longest media type, in bytes.
const MAX_MEDIA_TYPE: usize = 255;

/// What forbids the new part, if anything does.
fn fault(state: &super::JobState, output: &str, part: &str, media_type: &str) -> Option<String> {
    let manifest = state.function.manifest();
    let Some(declared) = manifest.output(output) else {
        let known: Vec<_> = manifest.outputs.iter().map(|output| output.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Some(format!(
            "it wrote to output `{}`, which its manifest does not declare (it has: {known})",
            truncate(output, MAX_MEDIA_TYPE)
        ));
    };
    if let Some(fault) = part_name_fault(part) {
        let part = truncate(part, MAX_MEDIA_TYPE);
        return Some(format!("it named a part of output `{output}` {part:?}: {fault}"));
    }
    if media_type.contains(char::is_control) {
        return Some(format!(
            "it gave a part of output `{output}` a media type with control characters: {media_type:?}"
        ));
    }
    if !accepts(&declared.media_type, media_type) {
        return Some(format!(
            "it wrote `{}` to output `{output}`, whose media type is `{}`",
            truncate(media_type, MAX_MEDIA_TYPE),
            declared.media_type
        ));
    }
    if media_type.len() > MAX_MEDIA_TYPE {
        return Some(format!(
            "it gave a part of output `{output}` a media type of {} bytes",
            media_type.len()
        ));
    }
    let parts = state.outputs.parts.get(output).map(Vec::as_slice).unwrap_or_default();
    if parts.len() >= MAX_PARTS {
        return Some(format!("it wrote more than {MAX_PARTS} parts of output `{output}`"));
    }
    let mut parts = parts.iter().filter(|part| !matches!(part.state, PartState::Abandoned)).peekable();
    if declared.kind == Kind::Model && parts.peek().is_some() {
        return Some(format!("it wrote a second part of output `{output}`, but a model has one"));
    }
    if parts.any(|other| other.name == part) {
        return Some(format!("it wrote part `{part}` of output `{output}` twice"));
    }
    None
}

impl Host for State {
    fn create(
        &mut self,
        output: String,
        part: String,
        media_type: String,
    ) -> wasmtime::Result<Result<Resource<Writer>, types::Failure>> {
        let job = self.job()?;
        job.interrupt.check()?;
        if let Some(fault) = fault(job, &output, &part, &media_type) {
            return Err(breach(fault));
        }
        let bytes = job.artifacts().writer(None).map_err(|error| cant_write(&output, error))?;
        let parts = job.outputs.parts.entry(output.clone()).or_default();
        let index = parts.len();
        parts.push(Part { name: part, media_type, state: PartState::Open });
        Ok(Ok(self.hold(Writer { bytes: Some(bytes), output, index })?))
    }
}

fn cant_write(output: &str, error: impl Into<io::Error>) -> wasmtime::Error {
    let why = millstream_store::explained(&error.into());
    abort(Failure::Host { message: format!("can't write output `{output}` into the store: {why}") })
}

fn finished_already(output: &str) -> wasmtime::Error {
    breach(format!("it used a writer of output `{output}` after finishing it"))
}

impl HostWriter for State {
    fn write(
        &mut self,
        writer: Resource<Writer>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let job = self.job()?;
        job.interrupt.check()?;
        job.outputs.spend(bytes.len())?;
        let writer = self.table.get_mut(&writer)?;
        let sink = writer.bytes.as_mut().ok_or_else(|| finished_already(&writer.output))?;
        sink.write_all(&bytes).map_err(|error| cant_write(&writer.output, error))?;
        Ok(Ok(()))
    }

    fn finish(&mut self, writer: Resource<Writer>) -> wasmtime::Result<Result<(), types::Failure>> {
        let writer = self.table.get_mut(&writer)?;
        let sink = writer.bytes.take().ok_or_else(|| finished_already(&writer.output))?;
        let Written { digest, size, healed } =
            sink.finish().map_err(|error| cant_write(&writer.output, error))?;
        let (output, index) = (writer.output.clone(), writer.index);
        if healed {
            let message = format!(
                "artifact {} of output `{output}` was there already, and damaged; it was written anew",
                digest.short()
            );
            self.reporter.send(Event::Log { level: Level::Warn, message });
        }
        if let Some(part) = self.job()?.outputs.part(&output, index) {
            let (name, media_type) = (part.name.clone(), part.media_type.clone());
            part.state = PartState::Finished(Artifact { name, media_type, size, digest });
        }
        Ok(Ok(()))
    }

    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        let writer = self.table.delete(writer)?;
        if writer.bytes.is_some()
            && let Some(part) = self.job()?.outputs.part(&writer.output, writer.index)
        {
            part.state = PartState::Abandoned;
        }
        Ok(())
    }
}
