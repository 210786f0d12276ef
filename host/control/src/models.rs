//! Models and keys: registers, approves, names and removes versions; creates and revokes keys.

use millstream_registry::{ApprovalStatus, Author, Error, Key, Keys, ModelVersion, Models, NewKey, Schema};

use crate::{Control, trial};

impl Control<'_> {
    /// Registers a version under the next number, with what the model says of its columns, and points the alias at it if one is
    /// given. The task with its key registers once. A model that does not load is registered without its columns: it is not
    /// deployed before it does.
    ///
    /// # Errors
    /// A name that cannot be one; the store failed.
    pub fn register(&self, version: ModelVersion, alias: Option<&str>) -> Result<ModelVersion, Error> {
        let schema = match trial::describe(self.home, &version.name, &version.pipeline) {
            Ok(description) => Schema::of(&description),
            Err(error) => {
                tracing::warn!(model = version.name, %error, "the model does not load; it is registered without its columns");
                None
            }
        };
        let registered = self.models().register(&ModelVersion { schema, ..version })?;
        if let Some(alias) = alias {
            self.models().point(&registered.name, alias, registered.version, None)?;
        }
        Ok(registered)
    }

    /// Sets whether a version may be deployed. Endpoints that serve it keep serving it.
    ///
    /// # Errors
    /// No such version, or the store failed.
    pub fn decide_version(
        &self,
        model: &str,
        version: u32,
        status: ApprovalStatus,
    ) -> Result<ModelVersion, Error> {
        self.models().decide(model, version, status)
    }

    /// Points an alias of a model at a version. With `expected`, only if it points at that version now (0: if there is no such
    /// alias). Gives the version that it pointed at.
    ///
    /// # Errors
    /// No such version; it points somewhere else than expected, or somebody else moved it at the same moment; what the store
    /// met.
    pub fn point_model_alias(
        &self,
        model: &str,
        alias: &str,
        version: u32,
        expected: Option<u32>,
    ) -> Result<Option<u32>, Error> {
        self.models().point(model, alias, version, expected)
    }

    /// Removes an alias of a model. Removing it twice is no error.
    ///
    /// # Errors
    /// What the store met.
    pub fn remove_model_alias(&self, model: &str, alias: &str) -> Result<(), Error> {
        self.models().remove_alias(model, alias)
    }

    /// Removes a version: it can no longer be deployed, and its number is not used again.
    ///
    /// # Errors
    /// An alias or an endpoint uses it; no such version; the store failed.
    pub fn remove_version(&self, model: &str, version: u32, author: &Author<'_>) -> Result<(), Error> {
        self.models().remove(model, version, author)
    }

    /// Restores a removed version. Restoring it twice is no error.
    ///
    /// # Errors
    /// No such version, or the store failed.
    pub fn restore_version(&self, model: &str, version: u32) -> Result<ModelVersion, Error> {
        self.models().restore(model, version)
    }

    /// Creates a key. Its text is returned here and cannot be shown again.
    ///
    /// # Errors
    /// It would allow nothing, this machine gives no random numbers, or the store failed.
    pub fn create_key(&self, new: NewKey) -> Result<(Key, String), Error> {
        Keys::new(self.home.store().as_ref()).create(new, self.home.now())
    }

    /// Revokes a key: it can no longer be used.
    ///
    /// # Errors
    /// No such key, or the store failed.
    pub fn revoke_key(&self, id: &str) -> Result<(), Error> {
        Keys::new(self.home.store().as_ref()).revoke(id)
    }

    fn models(&self) -> Models<'_> {
        Models::new(self.home.store().as_ref())
    }
}
