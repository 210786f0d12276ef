//! The model registry: immutable numbered versions, and aliases that point to them.

use millstream_store::{Condition, ErrorKind, PutOptions, Store, entries};
use millstream_workflow::{
    artifact::{Artifact, Digest, Pipeline},
    completion::Origin,
    layout,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Whether a version may be deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApprovalStatus {
    /// Somebody has to decide.
    #[default]
    PendingManualApproval,
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

/// An immutable version of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelVersion {
    /// The model.
    pub name: String,
    /// From 1.
    pub version: u32,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The model artifact.
    pub model: Artifact,
    /// Its stages.
    pub pipeline: Pipeline,
    /// Figures that it was registered with.
    pub metrics: Map<String, Value>,
    /// The task that registered it.
    pub origin: Origin,
    /// The workflow of that run.
    pub workflow: String,
    /// That task's key: registering twice is registering once.
    pub key: Digest,
    /// When, in milliseconds since 1970 UTC.
    pub created: u64,
    /// Whether it may be deployed.
    pub approval_status: ApprovalStatus,
}

/// A pointer to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Alias {
    version: u32,
}

/// Reads and writes the registry.
pub struct Models<'a> {
    store: &'a dyn Store,
}

/// Somebody registers a version at the same moment, at the most this often in a row.
const RACES: usize = 1000;

impl<'a> Models<'a> {
    /// The registry in that store.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Gives `version` the next number, unless the task with its key has registered it before; returns it as it stands in
    /// the registry.
    ///
    /// # Errors
    /// What the store met.
    pub fn register(&self, version: &ModelVersion) -> Result<ModelVersion, millstream_store::Error> {
        for _ in 0..RACES {
            let versions = self.versions(&version.name)?;
            if let Some(earlier) = versions.iter().find(|earlier| earlier.key == version.key) {
                return Ok(earlier.clone());
            }
            let next = versions.last().map_or(1, |last| last.version + 1);
            let version = ModelVersion { version: next, ..version.clone() };
            let bytes = serde_json::to_vec_pretty(&version).expect("a version is JSON");
            match self.store.put(&layout::model_version(&version.name, next), &bytes, &PutOptions::absent()) {
                Ok(_) => return Ok(version),
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
                Err(error) => return Err(error),
            }
        }
        Err(millstream_store::Error::new(
            ErrorKind::Unavailable,
            format!("somebody else registers versions of model {:?} all the time", version.name),
        ))
    }

    /// The names of all models.
    ///
    /// # Errors
    /// What the store met.
    pub fn names(&self) -> Result<Vec<String>, millstream_store::Error> {
        let mut names: Vec<String> = Vec::new();
        for entry in entries(self.store, layout::MODELS) {
            let key = entry?.key;
            let name = key.split('/').nth(1).unwrap_or_default();
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// All versions of a model, oldest first; none if there is no such model.
    ///
    /// # Errors
    /// What the store met; `Corrupt` for a damaged record.
    pub fn versions(&self, name: &str) -> Result<Vec<ModelVersion>, millstream_store::Error> {
        entries(self.store, &layout::model_versions(name))
            .map(|entry| {
                let key = entry?.key;
                let object = self.store.get(&key)?;
                serde_json::from_slice(&object.bytes).map_err(|error| {
                    millstream_store::Error::new(ErrorKind::Corrupt, format!("{key} is damaged: {error}"))
                })
            })
            .collect()
    }

    /// Points an alias of a model at a version.
    ///
    /// # Errors
    /// `InvalidKey` for an alias that is no name, or what the store met.
    pub fn point(&self, name: &str, alias: &str, version: u32) -> Result<(), millstream_store::Error> {
        let bytes = serde_json::to_vec(&Alias { version }).expect("an alias is JSON");
        self.store.put(&layout::model_alias(name, alias), &bytes, &PutOptions::default()).map(drop)
    }

    /// The aliases of a model and the versions they point at.
    ///
    /// # Errors
    /// What the store met; `Corrupt` for a damaged record.
    pub fn aliases(&self, name: &str) -> Result<Vec<(String, u32)>, millstream_store::Error> {
        let prefix = layout::model_aliases(name);
        entries(self.store, &prefix)
            .map(|entry| {
                let key = entry?.key;
                let alias: Alias = serde_json::from_slice(&self.store.get(&key)?.bytes).map_err(|error| {
                    millstream_store::Error::new(ErrorKind::Corrupt, format!("{key} is damaged: {error}"))
                })?;
                let alias_name = key[prefix.len()..].trim_end_matches(".json").to_owned();
                Ok((alias_name, alias.version))
            })
            .collect()
    }

    /// Sets whether a version may be deployed; nothing else of it can change.
    ///
    /// # Errors
    /// `NotFound`, or what the store met.
    pub fn decide(
        &self,
        name: &str,
        version: u32,
        status: ApprovalStatus,
    ) -> Result<ModelVersion, millstream_store::Error> {
        let key = layout::model_version(name, version);
        loop {
            let object = self.store.get(&key)?;
            let mut record: ModelVersion = serde_json::from_slice(&object.bytes).map_err(|error| {
                millstream_store::Error::new(ErrorKind::Corrupt, format!("{key} is damaged: {error}"))
            })?;
            record.approval_status = status;
            let bytes = serde_json::to_vec_pretty(&record).expect("a version is JSON");
            let options = PutOptions { condition: Condition::Matches(object.version), durable: true };
            match self.store.put(&key, &bytes, &options) {
                Ok(_) => return Ok(record),
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millstream_store::MemoryStore;

    use super::*;

    fn version(key: &[u8]) -> ModelVersion {
        ModelVersion {
            name: "churn".to_owned(),
            version: 0,
            description: None,
            model: Artifact {
                name: "model.json".to_owned(),
                media_type: Pipeline::MEDIA_TYPE.to_owned(),
                size: 2,
                digest: Digest::of(b"[]"),
            },
            pipeline: Pipeline::default(),
            metrics: Map::new(),
            origin: Origin { run: "r".to_owned(), step: "register".to_owned(), task: 0 },
            workflow: "w".to_owned(),
            key: Digest::of(key),
            created: 0,
            approval_status: ApprovalStatus::default(),
        }
    }

    #[test]
    fn the_same_task_registers_once() {
        let store = MemoryStore::default();
        let models = Models::new(&store);
        assert_eq!(models.register(&version(b"a")).unwrap().version, 1);
        assert_eq!(models.register(&version(b"b")).unwrap().version, 2);
        assert_eq!(models.register(&version(b"a")).unwrap().version, 1);
        assert_eq!(models.versions("churn").unwrap().len(), 2);
        assert_eq!(models.names().unwrap(), ["churn"]);
    }

    #[test]
    fn racing_registrations_get_numbers_of_their_own() {
        let store = Arc::new(MemoryStore::default());
        std::thread::scope(|scope| {
            for i in 0..8_u8 {
                let store = store.clone();
                scope.spawn(move || Models::new(&*store).register(&version(&[i])).unwrap());
            }
        });
        let numbers: Vec<u32> =
            Models::new(&*store).versions("churn").unwrap().iter().map(|v| v.version).collect();
        assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    }

    #[test]
    fn a_decision_changes_nothing_else() {
        let store = MemoryStore::default();
        let models = Models::new(&store);
        let before = models.register(&version(b"a")).unwrap();
        let after = models.decide("churn", 1, ApprovalStatus::Approved).unwrap();
        assert_eq!(after.approval_status, ApprovalStatus::Approved);
        assert_eq!(ModelVersion { approval_status: before.approval_status, ..after }, before);
        assert_eq!(
            models.decide("churn", 2, ApprovalStatus::Rejected).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
