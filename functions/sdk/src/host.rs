//! The contract's imports as the SDK sees them: WIT in a component, memory in a test.

use crate::{Failure, unseen::Unseen};

/// A part of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, such as `2024-01.csv`.
    pub name: String,
    /// What its bytes are.
    pub media_type: String,
    /// How many bytes.
    pub size: u64,
}

/// Which share of the rows this task takes when its step is fanned out over shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the function's author.
    Debug,
    /// For whoever follows the run.
    Info,
    /// Something that is likely not meant.
    Warn,
    /// Something that went wrong.
    Error,
}

pub(crate) trait Host {
    fn channels(&self) -> Vec<String>;
    fn parts(&self, channel: &str) -> Vec<Part>;
    fn open(&self, channel: &str, part: u32) -> Result<Box<dyn Reader>, Failure>;
    fn shard(&self) -> Option<Shard>;
    fn seed(&self) -> u64;
    fn create(&self, output: &str, part: &str, media_type: &str) -> Result<Box<dyn Writer>, Failure>;
    fn log(&self, level: Level, message: &str);
    fn progress(&self, done: u64, total: Option<u64>);
    fn metric(&self, name: &str, value: f64, step: u64);
    fn phase(&self, name: Option<&str>);
    fn load_model(&self, channel: &str, part: u32) -> Result<Box<dyn Predictor>, Failure>;
    fn catch_up(&self, channel: &str, like: &str) -> Result<Option<Box<dyn Predictor>>, Failure>;
    fn rank(&self) -> u32;
    fn size(&self) -> u32;
    fn all_reduce(&self, values: &[f64]) -> Vec<f64>;
    fn broadcast(&self, root: u32, bytes: &[u8]) -> Vec<u8>;
}

pub(crate) trait Reader {
    fn read(&self, max: u32) -> Result<Vec<u8>, Failure>;
    fn seek(&self, offset: u64) -> Result<(), Failure>;
}

pub(crate) trait Writer {
    fn write(&self, bytes: &[u8]) -> Result<(), Failure>;
    fn finish(&self) -> Result<(), Failure>;
}

pub(crate) trait Predictor {
    fn predict(&self, table: &[u8]) -> Result<Vec<u8>, Failure>;
    fn describe(&self) -> String;
    /// What its stages have found so far.
    fn unseen(&self) -> Vec<Unseen>;
}
