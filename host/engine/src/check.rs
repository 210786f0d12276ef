//! `millstream functions check FILE.wasm`: everything that can be said of a component without running a job.

use millstream_core::{artifact::Digest, failure::Failure, manifest::Manifest};
use serde::{Deserialize, Serialize};

use crate::{
    contract::PACKAGE,
    engine::Engine,
    function::{self, Linked},
};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Bytes of the file.
    pub size: u64,
    /// The interfaces that the component imports.
    pub imports: Vec<String>,
    /// What it says of itself, if there is nothing wrong with that.
    pub manifest: Option<Manifest>,
    /// What keeps it from being a function. None: it is one.
    pub faults: Vec<String>,
}

impl Report {
    /// Whether it can be added.
    pub fn is_function(&self) -> bool {
        self.faults.is_empty()
    }

    /// The contract's world that its exports meet: `stage`, `algorithm` or `served`.
    pub fn world(&self) -> Option<&'static str> {
        let exports = self.manifest.as_ref()?.exports;
        Some(match (exports.job, exports.model) {
            (true, true) => "algorithm",
            (true, false) => "stage",
            (false, _) => "served",
        })
    }

    /// Imports from outside the contract: what a language's runtime brings with it.
    pub fn foreign_imports(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().map(String::as_str).filter(|import| !import.starts_with(PACKAGE))
    }
}

impl Engine {
    /// Checks a component. It is compiled and asked to describe itself, within this process: check what is not
    /// trusted to come to an end through [`ExecutorPool::check`](crate::ExecutorPool::check).
    pub fn check(&self, bytes: &[u8]) -> Report {
        let mut report = Report {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            imports: Vec::new(),
            manifest: None,
            faults: Vec::new(),
        };
        let _guard = self.frugal();
        let component = match function::compile(self.wasmtime(), bytes) {
            Ok(component) => component,
            Err(fault) => {
                report.faults.push(fault);
                return report;
            }
        };
        report.imports = function::imports(self, &component);
        match Linked::new(self, &component).map(|linked| linked.describe(self)) {
            Ok(Ok(Ok(manifest))) => report.manifest = Some(manifest),
            Ok(Ok(Err(faults))) | Err(faults) => report.faults = faults,
            Ok(Err(failure)) => report.faults.push(match failure {
                Failure::Function { message, .. } => format!("asked to describe itself, {message}"),
                other => format!("asked to describe itself: {other}"),
            }),
        }
        report
    }
}
