//! What it takes to reach a store over the network.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a process needs to open a store over the network as this one has: executors, which get nothing that they do not need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Variables of the environment, by name.
    pub variables: Vec<String>,
    /// Files and folders that it reads, whether they are there or not: keys, certificates, how names are resolved.
    pub files: Vec<PathBuf>,
    /// TCP ports that it connects to.
    pub ports: Vec<u16>,
}
