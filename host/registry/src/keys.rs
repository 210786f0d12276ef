//! API keys: shown once, kept as hashes.

use std::collections::BTreeSet;

use millstream_core::{artifact::Digest, layout, nearest};
use millstream_deployment::names;
use millstream_store::{Store, entries};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::{Error, record};

/// Begins every key, so that people and secret scanners know it when they see it.
const PREFIX: &str = "mst_";
/// Random bytes of a key's public part.
const ID: usize = 6;
/// Random bytes of its secret part. It can't be guessed, so that a plain hash is enough to keep it.
const SECRET: usize = 32;

/// What a key allows. `admin` allows everything; else each allows itself alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Ask endpoints.
    Invoke,
    /// Deploy, move traffic, roll back.
    Deploy,
    /// Read buckets, and what the home has made.
    Read,
    /// Write into buckets.
    Write,
    /// Everything.
    Admin,
}

impl Scope {
    /// All.
    pub const ALL: [Self; 5] = [Self::Invoke, Self::Deploy, Self::Read, Self::Write, Self::Admin];

    /// As in `--scope`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Deploy => "deploy",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// For people.
    pub fn description(self) -> &'static str {
        match self {
            Self::Invoke => "Ask endpoints",
            Self::Deploy => "Deploy, move traffic, roll back",
            Self::Read => "Read buckets and artifacts",
            Self::Write => "Write into buckets",
            Self::Admin => "Everything",
        }
    }
}

/// A key as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Key {
    /// Its public part.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// These endpoints alone; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<BTreeSet<String>>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created: u64,
    /// When it stops to work, in milliseconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// SHA-256 of its secret part.
    hash: Digest,
}

/// What a key shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// These endpoints alone; none: all.
    pub endpoints: Option<BTreeSet<String>>,
    /// When it stops to work, in milliseconds since 1970 UTC.
    pub expires: Option<u64>,
}

impl Key {
    /// Whether it allows that, to that endpoint if it is about one. What is about no endpoint needs a key for all.
    pub fn allows(&self, scope: Scope, endpoint: Option<&str>) -> bool {
        let scoped = self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin);
        let there = self
            .endpoints
            .as_ref()
            .is_none_or(|endpoints| endpoint.is_some_and(|endpoint| endpoints.contains(endpoint)));
        scoped && there
    }

    /// What AWS's clients call it by. No secret: it is in every URL that is signed with the key.
    pub fn access_key_id(&self) -> String {
        format!("{PREFIX}{}", self.id)
    }

    /// What AWS's clients sign with. Made of the hash that is kept, so that signatures can be checked: the secret part can't be made
    /// of it, but whoever reads the record can sign.
    pub fn secret_access_key(&self) -> String {
        Digest::of(&[b"millstream-s3:".as_slice(), &self.hash.0].concat()).to_string()
    }
}

/// A key's public part, and the key if its record can be read.
pub type ListedKey = (String, Result<Key, Error>);

/// Reads and writes keys.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    store: &'a dyn Store,
}

impl<'a> Keys<'a> {
    /// The keys in that store.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Makes a key, and its text, which nobody can show again.
    ///
    /// # Errors
    /// It would allow nothing, this machine gives no random numbers, or the store failed.
    pub fn create(&self, new: NewKey, now: u64) -> Result<(Key, String), Error> {
        if new.scopes.is_empty() {
            return Err(Error::Invalid(
                "a key needs a scope: invoke, deploy, read, write or admin".to_owned(),
            ));
        }
        for endpoint in new.endpoints.iter().flatten() {
            names::check("an endpoint", endpoint).map_err(Error::Invalid)?;
        }
        if new.endpoints.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(Error::Invalid(
                "a key needs at least one endpoint; leave the list out for all".to_owned(),
            ));
        }
        if new.scopes.contains(&Scope::Admin) && new.endpoints.is_some() {
            return Err(Error::Invalid(
                "an admin key is good for all endpoints: leave out the endpoints, or the scope `admin`"
                    .to_owned(),
            ));
        }
        let (id, secret) = (random::<ID>()?, random::<SECRET>()?);
        let key = Key {
            id: id.clone(),
            name: new.name,
            scopes: new.scopes,
            endpoints: new.endpoints,
            created: now,
            expires: new.expires,
            hash: Digest::of(secret.as_bytes()),
        };
        if !record::write(self.store, &layout::key(&id), &key, None)? {
            return Err(Error::crowded("keys"));
        }
        Ok((key, format!("{PREFIX}{id}_{secret}")))
    }

    /// The key with this text; none if it is not a key, was revoked, or has expired.
    ///
    /// # Errors
    /// It can't be told ([`Error::is_unreadable`]): its record is damaged, or the store is out of reach. The caller may well
    /// have a good key: it is not to be told that it is unknown.
    pub fn verify(&self, text: &str, now: u64) -> Result<Option<Key>, Error> {
        let Some((id, secret)) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else {
            return Ok(None);
        };
        if !is_id(id) {
            return Ok(None);
        }
        let Some((key, _)) = record::read::<Key>(self.store, &layout::key(id))? else { return Ok(None) };
        let same = Digest::of(secret.as_bytes()).0.ct_eq(&key.hash.0);
        let valid = bool::from(same) && key.expires.is_none_or(|expires| now < expires);
        Ok(valid.then_some(key))
    }

    /// The key with this access key id; none if there is none, or it has expired. It proves nothing: the caller checks a signature.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn find(&self, access_key_id: &str, now: u64) -> Result<Option<Key>, Error> {
        let Some(id) = access_key_id.strip_prefix(PREFIX).filter(|id| is_id(id)) else { return Ok(None) };
        let key = record::read::<Key>(self.store, &layout::key(id))?.map(|(key, _)| key);
        Ok(key.filter(|key| key.expires.is_none_or(|expires| now < expires)))
    }

    /// All keys, oldest first. One whose record is damaged comes last, and does not hide the others.
    ///
    /// # Errors
    /// What the store met when it listed them.
    pub fn list(&self) -> Result<Vec<ListedKey>, Error> {
        let mut keys = Vec::new();
        for entry in entries(self.store, layout::KEYS) {
            let key = entry?.key;
            let id = key[layout::KEYS.len()..].trim_end_matches(".json").to_owned();
            if let Some(read) = record::read::<Key>(self.store, &key).transpose() {
                keys.push((id, read.map(|(key, _)| key)));
            }
        }
        keys.sort_by_key(|(id, key)| (key.as_ref().map_or(u64::MAX, |key| key.created), id.clone()));
        Ok(keys)
    }

    /// Takes a key back: nobody can use it any more. Also one whose record is damaged.
    ///
    /// # Errors
    /// No such key, or the store failed.
    pub fn revoke(&self, id: &str) -> Result<(), Error> {
        let keys = self.list()?;
        if !keys.iter().any(|(there, _)| there == id) {
            let ids = keys.iter().map(|(id, _)| id.as_str());
            let help = nearest::or_all(id, ids, "keys");
            return Err(Error::NotFound(format!("there is no key `{id}`; {help}")));
        }
        Ok(self.store.delete(&layout::key(id))?)
    }
}

fn is_id(id: &str) -> bool {
    id.len() == 2 * ID && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn random<const N: usize>() -> Result<String, Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Refused(format!("this machine cannot give random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
