//! Endpoints' records: each change is one conditional write.

use millstream_core::{layout, nearest};
use millstream_deployment::{Alias, Change, Config, Endpoint, describe, names};
use millstream_store::{ErrorKind, PutOptions, Store, Version, entries};

use crate::{
    Author, Error,
    record::{self, RACES},
};

/// How many changes a record keeps; older ones are moved to the history before.
pub const HISTORY: usize = 50;

/// Reads and writes endpoints.
#[derive(Clone, Copy)]
pub struct Endpoints<'a> {
    store: &'a dyn Store,
}

/// What a change was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Which alias; none for a change of the configuration.
    pub alias: Option<String>,
    /// What was done, and why.
    pub why: String,
}

/// An endpoint's name, and its record if that can be read.
pub type Listed = (String, Result<Endpoint, Error>);

/// What the record of an endpoint says.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It is served.
    There(Box<Endpoint>),
    /// Somebody has removed it.
    Removed,
    /// There is no record.
    Gone,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Updated {
    /// The record as it is now.
    pub endpoint: Endpoint,
    /// What was done. None: there was nothing to do, or the same request had done it before (then
    /// [`repeated`](Self::repeated) is what it did).
    pub change: Option<Change>,
    /// What the same request had done before.
    pub repeated: Option<Change>,
}

impl<'a> Endpoints<'a> {
    /// The endpoints in that store.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// The names of all endpoints and the states of their records: cheap, for watching them. A name is there also if the
    /// endpoint was removed.
    ///
    /// # Errors
    /// What the store met.
    pub fn states(&self) -> Result<Vec<(String, Version)>, Error> {
        entries(self.store, layout::ENDPOINTS)
            .map(|entry| {
                let entry = entry?;
                let name = &entry.key[layout::ENDPOINTS.len()..];
                Ok((name.trim_end_matches(".json").to_owned(), entry.version))
            })
            .collect()
    }

    /// All endpoints by name. One whose record is damaged does not hide the others.
    ///
    /// # Errors
    /// What the store met when it listed them.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let mut endpoints = Vec::new();
        for (name, _) in self.states()? {
            if let Some(found) = self.find(&name).transpose() {
                endpoints.push((name, found));
            }
        }
        Ok(endpoints)
    }

    /// An endpoint; none if no endpoint has that name.
    ///
    /// # Errors
    /// `Corrupt` for a damaged record; the store failed.
    pub fn find(&self, name: &str) -> Result<Option<Endpoint>, Error> {
        Ok(self.read(name)?.map(|(endpoint, _)| endpoint).filter(|endpoint| !endpoint.removed))
    }

    /// What the record of an endpoint says. A record that is gone has not been removed by any verb, which leaves it there.
    ///
    /// # Errors
    /// `Corrupt` for a damaged record; the store failed.
    pub fn state(&self, name: &str) -> Result<State, Error> {
        Ok(match self.read(name)? {
            Some((endpoint, _)) if endpoint.removed => State::Removed,
            Some((endpoint, _)) => State::There(Box::new(endpoint)),
            None => State::Gone,
        })
    }

    /// An endpoint.
    ///
    /// # Errors
    /// No endpoint has that name (the text offers the nearest); its record is damaged (`Corrupt`); or the store failed.
    pub fn get(&self, name: &str) -> Result<Endpoint, Error> {
        match self.find(name)? {
            Some(endpoint) => Ok(endpoint),
            None => Err(self.missing(name)?),
        }
    }

    fn missing(&self, name: &str) -> Result<Error, Error> {
        let mut names = Vec::new();
        for (there, endpoint) in self.list()? {
            if endpoint.is_ok() {
                names.push(there);
            }
        }
        let help = if names.is_empty() {
            "`millstream deploy` creates one".to_owned()
        } else {
            nearest::or_all(name, names.iter().map(String::as_str), "endpoints")
        };
        Ok(Error::NotFound(format!("there is no endpoint `{}`; {help}", shortened(name))))
    }

    /// Removed ones too.
    fn read(&self, name: &str) -> Result<Option<(Endpoint, Version)>, Error> {
        if names::check("an endpoint", name).is_err() {
            return Ok(None);
        }
        let key = layout::endpoint(name);
        let Some((endpoint, state)) = record::read::<Endpoint>(self.store, &key)? else { return Ok(None) };
        if endpoint.name != name {
            return Err(Error::damaged(&key, format!("it speaks of endpoint `{}`", endpoint.name)));
        }
        if !endpoint.removed {
            endpoint.check().map_err(|why| Error::damaged(&key, why))?;
        }
        Ok(Some((endpoint, state)))
    }

    /// The endpoint as it is now, if the same request has changed it before. Refuses a request whose key was used for another
    /// change, of this endpoint or of any other. To be asked before the work that a change takes; what comes meanwhile is found
    /// by the write itself, as far as it concerns this endpoint.
    ///
    /// # Errors
    /// `Reused`; the store failed.
    pub fn repeated(&self, name: &str, author: &Author<'_>) -> Result<Option<Endpoint>, Error> {
        if author.request.is_none() {
            return Ok(None);
        }
        let mut repeated = None;
        for (there, _) in self.states()? {
            match self.read(&there) {
                Ok(Some((endpoint, _))) if there == name => {
                    let done = author.repeated(&endpoint)?.is_some();
                    repeated = (done && !endpoint.removed).then_some(endpoint);
                }
                Ok(Some((endpoint, _))) => author.used_at(&endpoint)?,
                Ok(None) => {}
                // Another endpoint's damaged record is not this one's concern; the own one is met by the change.
                Err(Error::Store(error)) if error.kind() == ErrorKind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
        Ok(repeated)
    }

    /// Makes an endpoint with what `live` points at.
    ///
    /// # Errors
    /// It exists already, it could not be served, or the store failed.
    pub fn create(
        &self,
        name: &str,
        live: Alias,
        config: Config,
        author: &Author<'_>,
        why: &str,
    ) -> Result<Updated, Error> {
        names::check("an endpoint", name).map_err(Error::Invalid)?;
        let before = self.read(name)?;
        let (revision, changes, state) = match before {
            Some((endpoint, _)) if !endpoint.removed => {
                if let Some(done) = author.repeated(&endpoint)? {
                    return Ok(Updated { change: None, repeated: Some(done), endpoint });
                }
                return Err(Error::Conflict(taken(&endpoint)));
            }
            // A request that comes late must not bring back what was removed since.
            Some((removed, _)) if author.repeated(&removed)?.is_some() => {
                return Err(Error::Conflict(format!(
                    "this request was carried out before, and endpoint `{name}` was removed since; nothing was done; to make it \
                     again, ask with another idempotency key"
                )));
            }
            // Revisions go on counting, so that no two states of a name look the same.
            Some((removed, state)) => (removed.revision, removed.changes, Some(state)),
            None => (0, Vec::new(), None),
        };
        let mut endpoint = Endpoint {
            name: name.to_owned(),
            revision,
            created: author.at,
            aliases: [(millstream_deployment::LIVE.to_owned(), live)].into(),
            config,
            changes,
            removed: false,
        };
        let edit = Edit { alias: Some(millstream_deployment::LIVE.to_owned()), why: why.to_owned() };
        let change = self.seal(&mut endpoint, "", &edit, author)?;
        if self.put(&endpoint, state)? {
            return Ok(Updated { endpoint, change: Some(change), repeated: None });
        }
        match self.find(name)? {
            Some(there) => match author.repeated(&there)? {
                Some(done) => Ok(Updated { endpoint: there, change: None, repeated: Some(done) }),
                None => Err(Error::Conflict(taken(&there))),
            },
            None => Err(Error::crowded(&format!("endpoint `{name}`"))),
        }
    }

    /// Changes an endpoint in one conditional write. `change` sees the record as it is at that moment, may be called again if
    /// somebody else writes first, and gives none if there is nothing to do (of a request with a fingerprint that is written
    /// down too, so that its key is good for nothing else). With `expected`, only that revision is changed.
    ///
    /// # Errors
    /// No such endpoint; what `change` says; a revision that is not expected (`Conflict`, which says who changed what); what
    /// could not be served (`Invalid`); the store failed.
    pub fn update(
        &self,
        name: &str,
        author: &Author<'_>,
        expected: Option<u64>,
        mut change: impl FnMut(&mut Endpoint) -> Result<Option<Edit>, Error>,
    ) -> Result<Updated, Error> {
        for _ in 0..RACES {
            let Some((mut endpoint, state)) = self.read(name)?.filter(|(endpoint, _)| !endpoint.removed)
            else {
                return Err(self.missing(name)?);
            };
            if let Some(done) = author.repeated(&endpoint)? {
                return Ok(Updated { endpoint, change: None, repeated: Some(done) });
            }
            if let Some(expected) = expected.filter(|expected| *expected != endpoint.revision) {
                return Err(changed_since(&endpoint, expected, None));
            }
            let before = endpoint.clone();
            let Some(edit) = change(&mut endpoint)? else {
                if author.request.is_none_or(|request| request.fingerprint.is_none()) {
                    return Ok(Updated { endpoint: before, change: None, repeated: None });
                }
                // Nothing to do; but what the key was used for is kept, so that it is good for nothing else.
                endpoint = before.clone();
                let edit = Edit { alias: None, why: "nothing to change".to_owned() };
                self.seal(&mut endpoint, "", &edit, author)?;
                if self.put(&endpoint, Some(state))? {
                    return Ok(Updated { endpoint, change: None, repeated: None });
                }
                continue;
            };
            let from = edit.alias.as_ref().and_then(|alias| before.aliases.get(alias));
            let from = from.map(|alias| describe(&alias.variants)).unwrap_or_default();
            let change = self.seal(&mut endpoint, &from, &edit, author)?;
            if self.put(&endpoint, Some(state))? {
                return Ok(Updated { endpoint, change: Some(change), repeated: None });
            }
        }
        Err(Error::crowded(&format!("endpoint `{name}`")))
    }

    /// Removes an endpoint: requests to it are refused from now on. Its history stays.
    ///
    /// # Errors
    /// No such endpoint, a revision that is not expected, or the store failed.
    pub fn remove(&self, name: &str, author: &Author<'_>, expected: Option<u64>) -> Result<(), Error> {
        self.update(name, author, expected, |endpoint| {
            endpoint.removed = true;
            Ok(Some(Edit { alias: None, why: "removed".to_owned() }))
        })
        .map(drop)
    }

    /// All changes of an endpoint, oldest first, also if it was removed.
    ///
    /// # Errors
    /// No such endpoint, a damaged record, or the store failed.
    pub fn history(&self, name: &str) -> Result<Vec<Change>, Error> {
        let Some((endpoint, _)) = self.read(name)? else { return Err(self.missing(name)?) };
        let first = endpoint.changes.first().map_or(u64::MAX, |change| change.revision);
        let mut changes = Vec::new();
        for entry in entries(self.store, &layout::endpoint_history(name)) {
            let read = record::read::<Change>(self.store, &entry?.key)?;
            changes.extend(read.map(|(change, _)| change).filter(|change| change.revision < first));
        }
        changes.extend(endpoint.changes);
        Ok(changes)
    }

    /// Counts the change, writes it down, and sees to it that the record can be served and has room.
    fn seal(
        &self,
        endpoint: &mut Endpoint,
        from: &str,
        edit: &Edit,
        author: &Author<'_>,
    ) -> Result<Change, Error> {
        endpoint.check().map_err(Error::Invalid)?;
        endpoint.revision += 1;
        let to = edit.alias.as_ref().and_then(|alias| endpoint.aliases.get(alias));
        let change = Change {
            revision: endpoint.revision,
            at: author.at,
            who: author.who.to_owned(),
            alias: edit.alias.clone(),
            from: from.to_owned(),
            to: to.map(|alias| describe(&alias.variants)).unwrap_or_default(),
            why: edit.why.clone(),
            request: author.request.map(|request| request.key.to_owned()),
            fingerprint: author.request.and_then(|request| request.fingerprint).map(str::to_owned),
        };
        endpoint.changes.push(change.clone());
        let too_many = endpoint.changes.len().saturating_sub(HISTORY);
        for old in endpoint.changes.drain(..too_many) {
            // Whoever else has it in hand writes the same bytes.
            let key = layout::endpoint_change(&endpoint.name, old.revision);
            let bytes = serde_json::to_vec_pretty(&old).expect("a change is JSON");
            self.store.put(&key, &bytes, &PutOptions::default())?;
        }
        Ok(change)
    }

    /// False: somebody else wrote first.
    fn put(&self, endpoint: &Endpoint, instead_of: Option<Version>) -> Result<bool, Error> {
        let key = layout::endpoint(&endpoint.name);
        match record::write(self.store, &key, endpoint, instead_of) {
            Err(Error::Store(error)) if error.kind() == ErrorKind::Unavailable => {
                // The answer was lost; the write may have taken place.
                match record::read::<Endpoint>(self.store, &key) {
                    Ok(Some((there, _))) if there == *endpoint => Ok(true),
                    _ => Err(error.into()),
                }
            }
            written => written,
        }
    }
}

fn taken(endpoint: &Endpoint) -> String {
    let last = endpoint.changes.last();
    let by = last.map(|change| format!(": {} by {}", change.why, change.who)).unwrap_or_default();
    format!("endpoint `{}` exists already (revision {}{by})", endpoint.name, endpoint.revision)
}

/// Says what others did since that revision, to that alias if one is given.
pub(crate) fn changed_since(endpoint: &Endpoint, revision: u64, alias: Option<&str>) -> Error {
    let concerns = |change: &&Change| {
        change.revision > revision && alias.is_none_or(|alias| change.alias.as_deref() == Some(alias))
    };
    let what = match endpoint.changes.iter().rev().find(concerns) {
        Some(change) => {
            let to = if change.to.is_empty() { String::new() } else { format!(", now {}", change.to) };
            format!("{} by {}{to}", change.why, change.who)
        }
        None => "it is not as it was".to_owned(),
    };
    Error::Conflict(format!(
        "somebody else changed endpoint `{}` meanwhile (revision {}: {what}); nothing was done, look at it and \
         try again",
        endpoint.name, endpoint.revision
    ))
}

/// A hostile name may be long; the message need not be.
fn shortened(name: &str) -> String {
    name.chars().take(80).collect()
}
