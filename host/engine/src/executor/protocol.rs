//! What parent and executor say to each other: JSON documents, each after its length in four bytes, little-endian.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use millstream_core::{
    artifact::{Digest, Pipeline},
    failure::Failure,
    manifest::Manifest,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Confinement, Setup};
use crate::{Done, EngineKind, Event, Job, Report};

/// To the executor. One at a time, each until its answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// The first one.
    Setup(Setup),
    /// Run this.
    Job(Box<Job>),
    /// Say what this is.
    Describe(Digest),
    /// Check this file.
    Check(PathBuf),
    /// Compile this for engines of that kind.
    Compile(EngineKind, Digest),
    /// Load this model, and say what it says of itself.
    DescribeModel {
        /// For messages.
        name: String,
        /// Its stages.
        pipeline: Pipeline,
        /// Bytes that it may use.
        memory: u64,
    },
}

impl Request {
    /// Whether it is about making code ready, not about running it.
    pub fn prepares(&self) -> bool {
        matches!(self, Self::Describe(_) | Self::Check(_) | Self::Compile(..))
    }
}

/// From the executor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// To a setup.
    Ready(Result<Confinement, Failure>),
    /// While a job runs.
    Event(Event),
    /// To a job.
    Job(Result<Done, Failure>),
    /// To a describe.
    Describe(Box<Result<Manifest, Failure>>),
    /// To a check.
    Check(Box<Result<Report, Failure>>),
    /// To a compile.
    Compiled(Result<(), Failure>),
    /// To a describe of a model.
    Model(Result<String, Failure>),
}

impl Reply {
    /// The same answer, where it can't be sent as it is.
    pub fn refused(&self, failure: Failure) -> Self {
        match self {
            Self::Ready(_) | Self::Event(_) => Self::Ready(Err(failure)),
            Self::Job(_) => Self::Job(Err(failure)),
            Self::Describe(_) => Self::Describe(Box::new(Err(failure))),
            Self::Check(_) => Self::Check(Box::new(Err(failure))),
            Self::Compiled(_) => Self::Compiled(Err(failure)),
            Self::Model(_) => Self::Model(Err(failure)),
        }
    }
}

/// Longest document. Only a manifest's texts or thousands of parts come near.
const MAX_FRAME: usize = 64 << 20;

/// Sends one document in one write.
pub fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {length} bytes is too long"),
        ));
    }
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    to.write_all(&frame)?;
    to.flush()
}

/// The next document; none at the end of the stream.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    // The end is fine before a document, not within.
    if from.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {length} bytes is too long"),
        ));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(Some(serde_json::from_slice(&frame)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Level;

    proptest! {
        #[test]
        fn what_is_sent_is_received(name in ".*", bits: u64, step: u64, line in ".*") {
            let value = f64::from_bits(bits);
            let sent = [
                Reply::Event(Event::Metric { name, value, step }),
                Reply::Event(Event::Log { level: Level::Info, message: line }),
            ];
            let mut stream = Vec::new();
            for message in &sent {
                send(&mut stream, message).unwrap();
            }
            let mut stream = &stream[..];
            for message in &sent {
                let received: Reply = receive(&mut stream).unwrap().unwrap();
                // Every NaN is one NaN.
                prop_assert_eq!(format!("{:?}", received), format!("{:?}", message));
            }
            prop_assert!(receive::<Reply>(&mut stream).unwrap().is_none());
        }

        #[test]
        fn garbage_is_an_error(garbage in prop::collection::vec(any::<u8>(), 1..64)) {
            prop_assert!(receive::<Request>(&mut &garbage[..]).is_err());
        }
    }

    #[test]
    fn a_message_cut_short_is_an_error() {
        let mut stream = Vec::new();
        send(&mut stream, &Reply::Ready(Ok(Confinement::default()))).unwrap();
        for end in 1..stream.len() {
            assert!(receive::<Reply>(&mut &stream[..end]).is_err(), "{end}");
        }
    }
}
