//! Models and keys: versions are registered, decided about, named and removed; keys are made and taken back.

use millstream_registry::{ApprovalStatus, Author, Error, Key, Keys, ModelVersion, Models, NewKey, Schema};

use crate::{Control, trial};

impl Control<'_> {
    /// Registers a version under the next number, with what the model says of its columns, and points the alias at it if one is
    /// given. The task with its key registers once. A model that does not load is registered without its columns: it is not
    /// deployed before it does.
    ///
    /// # Errors
    /// A name that cannot be one; what the store met.
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

    /// Sets whether a version may be deployed. What serves goes on serving.
    ///
    /// # Errors
    /// No such version, or what the store met.
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

    /// Removes an alias of a model. Done already is done.
    ///
    /// # Errors
    /// What the store met.
    pub fn remove_model_alias(&self, model: &str, alias: &str) -> Result<(), Error> {
        self.models().remove_alias(model, alias)
    }

    /// Removes a version: it can't be deployed any more, and its number is not given again.
    ///
    /// # Errors
    /// An alias or an endpoint uses it; no such version; what the store met.
    pub fn remove_version(&self, model: &str, version: u32, author: &Author<'_>) -> Result<(), Error> {
        self.models().remove(model, version, author)
    }

    /// Brings a removed version back. Done already is done.
    ///
    /// # Errors
    /// No such version, or what the store met.
    pub fn restore_version(&self, model: &str, version: u32) -> Result<ModelVersion, Error> {
        self.models().restore(model, version)
    }

    /// Makes a key, and its text, which nobody can show again.
    ///
    /// # Errors
    /// It would allow nothing, this machine gives no random numbers, or what the store met.
    pub fn create_key(&self, new: NewKey) -> Result<(Key, String), Error> {
        Keys::new(self.home.store().as_ref()).create(new, self.home.now())
    }

    /// Takes a key back: nobody can use it any more.
    ///
    /// # Errors
    /// No such key, or what the store met.
    pub fn revoke_key(&self, id: &str) -> Result<(), Error> {
        Keys::new(self.home.store().as_ref()).revoke(id)
    }

    fn models(&self) -> Models<'_> {
        Models::new(self.home.store().as_ref())
    }
}
