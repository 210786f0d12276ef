//! The model registry: immutable numbered versions, and aliases that point to them.

use millstream_core::{layout, nearest};
use millstream_deployment::names::{self, Pick, Reference};
use millstream_store::{ErrorKind, Store, entries, failpoint::reached};
use serde::{Deserialize, Serialize};

use crate::{
    ApprovalStatus, Author, Endpoints, Error, ModelVersion,
    deploy::may_be_deployed,
    record::{self, RACES},
};

/// A pointer to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Alias {
    version: u32,
}

/// The number of the version that a record of this key is about.
fn number(key: &str) -> Option<u32> {
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

/// Reads and writes the models.
#[derive(Clone, Copy)]
pub struct Models<'a> {
    store: &'a dyn Store,
}

impl<'a> Models<'a> {
    /// The registry in that store.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Gives `version` the next number, unless the task with its key has registered it before; returns it as it stands in
    /// the registry. Numbers of removed versions are not given again.
    ///
    /// # Errors
    /// A name that cannot be one; the store failed.
    pub fn register(&self, version: &ModelVersion) -> Result<ModelVersion, Error> {
        names::check("a model", &version.name).map_err(Error::Invalid)?;
        for _ in 0..RACES {
            let mut last = 0;
            for entry in entries(self.store, &layout::model_versions(&version.name)) {
                let key = entry?.key;
                last = number(&key).unwrap_or(0).max(last);
                match record::read::<ModelVersion>(self.store, &key) {
                    Ok(Some((earlier, _))) if earlier.key == version.key && earlier.removed.is_none() => {
                        return Ok(earlier);
                    }
                    Ok(_) => {}
                    // It keeps its number, and stands in no other version's way.
                    Err(Error::Store(error)) if error.kind() == ErrorKind::Corrupt => {}
                    Err(error) => return Err(error),
                }
            }
            let next = last + 1;
            let version = ModelVersion { version: next, ..version.clone() };
            if record::write(self.store, &layout::model_version(&version.name, next), &version, None)? {
                return Ok(version);
            }
        }
        Err(Error::crowded(&format!("model `{}`", version.name)))
    }

    /// The names of all models.
    ///
    /// # Errors
    /// What the store met.
    pub fn names(&self) -> Result<Vec<String>, Error> {
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
    pub fn versions(&self, name: &str) -> Result<Vec<ModelVersion>, Error> {
        let mut versions = self.all_versions(name)?;
        versions.retain(|version| version.removed.is_none());
        Ok(versions)
    }

    /// Removed ones too; any that is damaged is an error.
    fn all_versions(&self, name: &str) -> Result<Vec<ModelVersion>, Error> {
        let mut versions = Vec::new();
        for entry in entries(self.store, &layout::model_versions(name)) {
            let read = record::read(self.store, &entry?.key)?;
            versions.extend(read.map(|(version, _): (ModelVersion, _)| version));
        }
        Ok(versions)
    }

    /// One version.
    ///
    /// # Errors
    /// There is none (the text says which there are), its record is damaged, or the store failed.
    pub fn version(&self, name: &str, version: u32) -> Result<ModelVersion, Error> {
        let found = record::read::<ModelVersion>(self.store, &layout::model_version(name, version))?;
        match found {
            Some((found, _)) if found.removed.is_none() => Ok(found),
            found => Err(self.missing(name, version, found.is_some())?),
        }
    }

    /// One version, also if it was removed: for whoever serves an endpoint that uses it. An endpoint's record is what counts; a
    /// removal that met a deployment at the same moment, and was killed then, must not take it down.
    ///
    /// # Errors
    /// There is none, its record is damaged, or the store failed.
    pub fn version_in_use(&self, name: &str, version: u32) -> Result<ModelVersion, Error> {
        match record::read::<ModelVersion>(self.store, &layout::model_version(name, version))? {
            Some((found, _)) => Ok(found),
            None => Err(self.missing(name, version, false)?),
        }
    }

    /// The version that `reference` means, if it may be deployed.
    ///
    /// # Errors
    /// There is none, it is rejected or, with `approved_only`, not approved, or the store failed.
    pub fn deployable(&self, reference: &Reference, approved_only: bool) -> Result<ModelVersion, Error> {
        let version = self.resolve(reference, approved_only)?;
        may_be_deployed(&version, approved_only)?;
        Ok(version)
    }

    /// The version that `reference` means. The newest is that of the highest number that is not rejected, or, with
    /// `approved_only`, that is approved.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub fn resolve(&self, reference: &Reference, approved_only: bool) -> Result<ModelVersion, Error> {
        let name = &reference.model;
        match &reference.pick {
            Pick::Version(version) => self.version(name, *version),
            Pick::Alias(alias) => {
                let aliases = self.aliases(name)?;
                if let Some((_, version)) = aliases.iter().find(|(there, _)| there == alias) {
                    return self.version(name, *version);
                }
                if self.versions(name)?.is_empty() {
                    return Err(self.no_model(name)?);
                }
                let help = nearest::or_all(alias, aliases.iter().map(|(alias, _)| alias.as_str()), "aliases");
                Err(Error::NotFound(format!("model `{name}` has no alias `{alias}`; {help}")))
            }
            Pick::Newest => {
                let versions = self.versions(name)?;
                if versions.is_empty() {
                    return Err(self.no_model(name)?);
                }
                let may = |version: &&ModelVersion| match version.approval_status {
                    ApprovalStatus::Approved => true,
                    ApprovalStatus::PendingManualApproval => !approved_only,
                    ApprovalStatus::Rejected => false,
                };
                versions.iter().rev().find(may).cloned().ok_or_else(|| {
                    let last = versions.last().map_or(0, |last| last.version);
                    Error::Refused(if approved_only {
                        format!(
                            "no version of model `{name}` is approved; \
                             `millstream models approve {name} {last}` does that"
                        )
                    } else {
                        format!("all versions of model `{name}` are rejected")
                    })
                })
            }
        }
    }

    fn no_model(&self, name: &str) -> Result<Error, Error> {
        let names = self.names()?;
        let help = nearest::or_all(name, names.iter().map(String::as_str), "models");
        Ok(Error::NotFound(format!("there is no model `{name}`; {help}")))
    }

    fn missing(&self, name: &str, version: u32, removed: bool) -> Result<Error, Error> {
        let versions: Vec<String> = self.versions(name)?.iter().map(|v| v.version.to_string()).collect();
        if versions.is_empty() && !removed {
            return self.no_model(name);
        }
        let how = if removed {
            format!("was removed (`millstream models restore {name}@{version}` brings it back)")
        } else {
            "does not exist".to_owned()
        };
        let newest: Vec<&str> = versions.iter().rev().map(String::as_str).collect();
        let there = if newest.is_empty() { "no other".to_owned() } else { nearest::list(&newest) };
        Ok(Error::NotFound(format!(
            "version {version} of model `{name}` {how}; versions, newest first: {there}"
        )))
    }

    /// The aliases of a model and the versions they point at.
    ///
    /// # Errors
    /// What the store met; `Corrupt` for a damaged record.
    pub fn aliases(&self, name: &str) -> Result<Vec<(String, u32)>, Error> {
        let prefix = layout::model_aliases(name);
        let mut aliases = Vec::new();
        for entry in entries(self.store, &prefix) {
            let key = entry?.key;
            if let Some((alias, _)) = record::read::<Alias>(self.store, &key)? {
                aliases.push((key[prefix.len()..].trim_end_matches(".json").to_owned(), alias.version));
            }
        }
        Ok(aliases)
    }

    /// Points an alias of a model at a version. With `expected`, only if it points at that version now (0: if there is no
    /// such alias). Gives the version that it pointed at.
    ///
    /// # Errors
    /// No such version; it points somewhere else than expected, or somebody else moved it at the same moment; what the store
    /// met.
    pub fn point(
        &self,
        name: &str,
        alias: &str,
        version: u32,
        expected: Option<u32>,
    ) -> Result<Option<u32>, Error> {
        names::check_alias(alias).map_err(Error::Invalid)?;
        self.version(name, version)?;
        let key = layout::model_alias(name, alias);
        let there = record::read::<Alias>(self.store, &key)?;
        let was = there.as_ref().map(|(alias, _)| alias.version);
        let conflict = |now: Option<u32>| {
            let now = now.map_or("does not exist".to_owned(), |now| format!("points at version {now}"));
            Err(Error::Conflict(format!(
                "somebody else moved alias `{alias}` of model `{name}`: it {now} now; it was not moved to version {version}"
            )))
        };
        if was == Some(version) {
            return Ok(was);
        }
        if expected.is_some_and(|expected| was.unwrap_or(0) != expected) {
            return conflict(was);
        }
        if record::write(self.store, &key, &Alias { version }, there.map(|(_, state)| state))? {
            // Whoever began to remove it before may not have seen that it is in use.
            self.claim(name, version)?;
            return Ok(was);
        }
        match record::read::<Alias>(self.store, &key)?.map(|(alias, _)| alias.version) {
            // Whoever was faster wanted the same.
            Some(now) if now == version => Ok(was),
            now => conflict(now),
        }
    }

    /// Removes an alias of a model. Done already is done.
    ///
    /// # Errors
    /// What the store met.
    pub fn remove_alias(&self, name: &str, alias: &str) -> Result<(), Error> {
        names::check_alias(alias).map_err(Error::Invalid)?;
        Ok(self.store.delete(&layout::model_alias(name, alias))?)
    }

    /// Sets whether a version may be deployed; nothing else of a version can change. Endpoints that serve it keep serving it.
    ///
    /// # Errors
    /// No such version, or the store failed.
    pub fn decide(&self, name: &str, version: u32, status: ApprovalStatus) -> Result<ModelVersion, Error> {
        self.edit(name, version, |record| record.approval_status = status)
    }

    /// Removes a version: it can't be deployed any more, and its number is not given again. What is in use is refused before
    /// anything is written. Then a mark is written that everybody passes over; then it is looked for uses once more; then the
    /// mark becomes the removal. Whoever begins to use the version meanwhile takes the mark away, and it all begins anew.
    /// Killed in between, it leaves the mark, which means nothing.
    ///
    /// # Errors
    /// An alias or an endpoint uses it; no such version; the store failed.
    pub fn remove(&self, name: &str, version: u32, author: &Author<'_>) -> Result<(), Error> {
        let key = layout::model_version(name, version);
        for _ in 0..RACES {
            self.version(name, version)?;
            self.check_unused(name, version)?;
            reached("rm-checked");
            let found = record::read::<ModelVersion>(self.store, &key)?;
            let Some((mut found, state)) = found.filter(|(found, _)| found.removed.is_none()) else {
                continue;
            };
            found.removing = Some(author.at);
            let Some(marked) = record::replace(self.store, &key, &found, Some(state))? else { continue };
            reached("rm-marked");
            if let Err(refused) = self.check_unused(name, version) {
                self.claim(name, version)?;
                return Err(refused);
            }
            reached("rm-checked-again");
            found.removing = None;
            found.removed = Some(author.at);
            if record::write(self.store, &key, &found, Some(marked))? {
                reached("rm-removed");
                return Ok(());
            }
        }
        Err(Error::crowded(&format!("version {version} of model `{name}`")))
    }

    /// Brings a removed version back. Done already is done.
    ///
    /// # Errors
    /// No such version, or the store failed.
    pub fn restore(&self, name: &str, version: u32) -> Result<ModelVersion, Error> {
        self.version_in_use(name, version)?;
        self.claim(name, version)?;
        self.version(name, version)
    }

    fn check_unused(&self, name: &str, version: u32) -> Result<(), Error> {
        match self.users(name, version)?.as_slice() {
            [] => Ok(()),
            users => Err(Error::Refused(format!(
                "version {version} of model `{name}` is in use by {}; point that at another version first",
                users.join(", ")
            ))),
        }
    }

    /// What uses a version, for people.
    fn users(&self, name: &str, version: u32) -> Result<Vec<String>, Error> {
        let mut users: Vec<String> = self
            .aliases(name)?
            .into_iter()
            .filter(|(_, at)| *at == version)
            .map(|(alias, _)| format!("the model's alias `{alias}`"))
            .collect();
        for (endpoint, record) in Endpoints::new(self.store).list()? {
            // A damaged record may use anything.
            for (alias, variant) in record?.in_use() {
                let user = format!("endpoint `{endpoint}` (alias `{alias}`)");
                if variant.model == name && variant.version == version && !users.contains(&user) {
                    users.push(user);
                }
            }
        }
        Ok(users)
    }

    /// Somebody uses the version from now on: takes back a removal that has begun or ended at the same moment.
    ///
    /// # Errors
    /// What the store met.
    pub fn claim(&self, name: &str, version: u32) -> Result<(), Error> {
        let key = layout::model_version(name, version);
        match record::read::<ModelVersion>(self.store, &key)? {
            Some((found, _)) if found.removed.is_some() || found.removing.is_some() => self
                .edit_any(name, version, |record| {
                    record.removed = None;
                    record.removing = None;
                })
                .map(drop),
            _ => Ok(()),
        }
    }

    fn edit(
        &self,
        name: &str,
        version: u32,
        change: impl Fn(&mut ModelVersion),
    ) -> Result<ModelVersion, Error> {
        self.version(name, version)?;
        self.edit_any(name, version, change)
    }

    fn edit_any(
        &self,
        name: &str,
        version: u32,
        change: impl Fn(&mut ModelVersion),
    ) -> Result<ModelVersion, Error> {
        let key = layout::model_version(name, version);
        for _ in 0..RACES {
            let Some((mut found, state)) = record::read::<ModelVersion>(self.store, &key)? else {
                return Err(self.missing(name, version, false)?);
            };
            change(&mut found);
            if record::write(self.store, &key, &found, Some(state))? {
                return Ok(found);
            }
        }
        Err(Error::crowded(&format!("version {version} of model `{name}`")))
    }
}
