//! `inputs`: reads artifacts of the store.

use std::io::{Read as _, Seek as _, SeekFrom};

use millstream_core::{artifact::Artifact, failure::Failure};
use millstream_store::{ArtifactReader, Identity};
use wasmtime::component::Resource;

use super::{JobState, State, abort, breach};
use crate::{
    contract::{
        inputs::{Host, HostReader, Part, Share},
        types,
    },
    text::truncate,
};

/// An open part.
pub struct Reader {
    bytes: ArtifactReader,
    /// Where the next read begins.
    at: u64,
    /// For messages: `train/table.arrow`.
    place: String,
}

/// Most bytes of one read, however many are asked for. It bounds what a read allocates on the host.
const MAX_READ: u32 = 16 << 20;

impl JobState {
    /// The part of that index, or what is wrong with asking for it.
    pub fn part(&self, channel: &str, index: u32) -> wasmtime::Result<&Artifact> {
        let parts = match self.job.inputs.get(channel) {
            Some(parts) => &parts.parts[..],
            None => &[],
        };
        parts.get(index as usize).ok_or_else(|| {
            if self.function.manifest().channel(channel).is_none() {
                let known: Vec<_> =
                    self.function.manifest().channels.iter().map(|c| c.name.as_str()).collect();
                breach(format!(
                    "it opened channel `{}`, which its manifest does not declare (it has: {})",
                    truncate(channel, 255),
                    known.join(", ")
                ))
            } else {
                breach(format!(
                    "it opened part {index} of channel `{channel}`, which has {} parts",
                    parts.len()
                ))
            }
        })
    }

    /// Opens an artifact for reading. What it reads are the bytes that its name promises: they are hashed when this process
    /// sees them first, unless whoever sent the job has found this very file sound.
    pub fn open(&self, artifact: &Artifact, place: &str) -> wasmtime::Result<ArtifactReader> {
        let trusted = self.job.sound.get(&artifact.digest).map(Identity::new);
        self.artifacts().open_verified(&artifact.digest, trusted.as_ref()).map_err(|error| {
            abort(Failure::Host {
                message: format!("can't open input {place} ({}): {error}", artifact.digest.short()),
            })
        })
    }
}

impl Host for State {
    fn channels(&mut self) -> wasmtime::Result<Vec<String>> {
        let inputs = &self.job()?.job.inputs;
        Ok(inputs.iter().filter(|(_, parts)| !parts.parts.is_empty()).map(|(name, _)| name.clone()).collect())
    }

    fn parts(&mut self, channel: String) -> wasmtime::Result<Vec<Part>> {
        let parts = self.job()?.job.inputs.get(&channel);
        let part = |artifact: &Artifact| Part {
            name: artifact.name.clone(),
            media_type: artifact.media_type.clone(),
            size: artifact.size,
        };
        Ok(parts.map(|parts| parts.parts.iter().map(part).collect()).unwrap_or_default())
    }

    fn open(
        &mut self,
        channel: String,
        part: u32,
    ) -> wasmtime::Result<Result<Resource<Reader>, types::Failure>> {
        let job = self.job()?;
        job.interrupt.check()?;
        let artifact = job.part(&channel, part)?;
        let place = format!("{channel}/{}", artifact.name);
        let reader = Reader { bytes: job.open(artifact, &place)?, at: 0, place };
        Ok(Ok(self.hold(reader)?))
    }

    fn shard(&mut self) -> wasmtime::Result<Option<Share>> {
        Ok(self.job()?.job.shard.map(|shard| Share { index: shard.index, count: shard.count }))
    }

    fn seed(&mut self) -> wasmtime::Result<u64> {
        Ok(self.job()?.job.seed)
    }
}

impl HostReader for State {
    fn read(
        &mut self,
        reader: Resource<Reader>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        self.job()?.interrupt.check()?;
        let Reader { bytes, at, place } = self.table.get_mut(&reader)?;
        let max = u64::from(max.min(MAX_READ)).min(bytes.size().saturating_sub(*at));
        let mut chunk = Vec::with_capacity(max as usize);
        // `read_to_end` goes on until the chunk is full, so a short read means the end, as guests tend to expect.
        match bytes.take(max).read_to_end(&mut chunk) {
            Ok(read) => {
                *at += read as u64;
                Ok(Ok(chunk))
            }
            Err(error) => Err(abort(Failure::Host { message: format!("can't read input {place}: {error}") })),
        }
    }

    fn seek(
        &mut self,
        reader: Resource<Reader>,
        offset: u64,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let Reader { bytes, at, place } = self.table.get_mut(&reader)?;
        // Behind the end there is nothing, however far; files can't be sought everywhere.
        let offset = offset.min(bytes.size());
        match bytes.seek(SeekFrom::Start(offset)) {
            Ok(_) => {
                *at = offset;
                Ok(Ok(()))
            }
            Err(error) => {
                Err(abort(Failure::Host { message: format!("can't seek in input {place}: {error}") }))
            }
        }
    }

    fn drop(&mut self, reader: Resource<Reader>) -> wasmtime::Result<()> {
        self.table.delete(reader)?;
        Ok(())
    }
}
