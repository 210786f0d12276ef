//! What the tests share.

use millstream_core::{
    artifact::{Artifact, Digest, Pipeline},
    completion::Origin,
};
use millstream_deployment::{
    Deploy, LIVE, Reason, Settings, Target, Traffic, describe, names::Reference, rollout::RolloutPlan,
};
use millstream_registry::{
    ApprovalStatus, Author, Check, Deployed, Deployer, Endpoints, Error, ModelVersion, Models, Updated,
};
use millstream_store::{
    Entry, MemoryStore, Object, Page, PutOptions, Result as Stored, Store, TempFile, Version,
};
use serde_json::{Map, Value};

pub fn version(name: &str, key: &[u8]) -> ModelVersion {
    ModelVersion {
        name: name.to_owned(),
        version: 0,
        description: None,
        model: Artifact {
            name: "model.json".to_owned(),
            media_type: Pipeline::MEDIA_TYPE.to_owned(),
            size: 2,
            digest: Digest::of(b"[]"),
        },
        pipeline: Pipeline::default(),
        schema: None,
        metrics: Map::new(),
        origin: Origin { run: "r".to_owned(), step: "register".to_owned(), task: 0 },
        workflow: "w".to_owned(),
        data: Vec::new(),
        key: Digest::of(key),
        created: 0,
        approval_status: ApprovalStatus::default(),
        removing: None,
        removed: None,
    }
}

pub fn author(who: &str) -> Author<'_> {
    Author { who, at: 1_000, admin: false, request: None }
}

/// A store with so many versions of model `churn`.
pub fn store(versions: u8) -> MemoryStore {
    let store = MemoryStore::default();
    for key in 0..versions {
        Models::new(&store).register(&version("churn", &[key])).expect("registered");
    }
    store
}

pub fn plan(text: &str) -> RolloutPlan {
    RolloutPlan::parse_text(text, &[]).expect("a plan")
}

pub struct Wish<'a> {
    pub endpoint: &'a str,
    pub model: &'a str,
    pub plan: &'a str,
    pub replace: bool,
    pub alias: &'a str,
}

pub const CHURN: Wish<'_> =
    Wish { endpoint: "churn", model: "churn", plan: "all-at-once", replace: false, alias: LIVE };

impl Wish<'_> {
    pub fn deploy(&self, store: &dyn Store, author: &Author<'_>) -> Result<Deployed, Error> {
        self.deploy_checked(store, author, &|_, _| Ok(()))
    }

    /// `check` tries the version, or does what others do in that moment.
    pub fn deploy_checked(
        &self,
        store: &dyn Store,
        author: &Author<'_>,
        check: Check<'_>,
    ) -> Result<Deployed, Error> {
        let wish = Deploy {
            alias: self.alias.to_owned(),
            rollout: plan(self.plan),
            replace: self.replace,
            ..Deploy::of(Reference::parse(self.model).expect("a reference"))
        };
        Deployer::new(store).deploy(self.endpoint, &wish, author, check)
    }
}

/// Deploys without ceremony.
pub fn deploy(store: &dyn Store, model: &str, plan: &str) -> Deployed {
    Wish { model, plan, ..CHURN }.deploy(store, &author("ann")).unwrap_or_else(|error| panic!("{error}"))
}

/// Settings as programs write them.
pub fn settings(written: &Value) -> Result<Settings, Error> {
    Settings::patch(written.as_object().expect("an object")).map_err(Error::Invalid)
}

/// Of `live`, for this reason.
pub fn because(reason: &str) -> Reason {
    Reason { reason: Some(reason.to_owned()), ..Reason::default() }
}

/// Changes the weights behind `live` of `churn` that are named.
pub fn adjust(store: &dyn Store, targets: &[Target], author: &Author<'_>) -> Result<Updated, Error> {
    let wish = Traffic { targets: targets.to_vec(), keep_others: true, alias: LIVE.to_owned(), reason: None };
    Deployer::new(store).set_traffic("churn", &wish, author, &|_, _| Ok(()))
}

/// Who answers behind `live` of `churn`.
pub fn live(store: &dyn Store) -> String {
    describe(&Endpoints::new(store).get("churn").expect("an endpoint").aliases[LIVE].variants)
}

/// A call of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Get,
    Put,
}

/// A store on which somebody does something in the very moment before a call for the record of endpoint `churn`.
pub struct Interrupted<F> {
    pub store: MemoryStore,
    pub before: F,
}

impl<F: Fn(&MemoryStore, Call)> Interrupted<F> {
    fn interrupt(&self, key: &str, call: Call) {
        if key == "endpoints/churn.json" {
            (self.before)(&self.store, call);
        }
    }
}

impl<F: Fn(&MemoryStore, Call) + Send + Sync> Store for Interrupted<F> {
    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Stored<Version> {
        self.interrupt(key, Call::Put);
        self.store.put(key, bytes, options)
    }
    fn get(&self, key: &str) -> Stored<Object> {
        self.interrupt(key, Call::Get);
        self.store.get(key)
    }
    fn get_range(&self, key: &str, offset: u64, len: u64) -> Stored<Vec<u8>> {
        self.store.get_range(key, offset, len)
    }
    fn head(&self, key: &str) -> Stored<Entry> {
        self.store.head(key)
    }
    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Stored<Version> {
        self.store.put_file(key, file, options)
    }
    fn temp_file(&self) -> Stored<TempFile> {
        self.store.temp_file()
    }
    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Stored<Page> {
        self.store.list(prefix, start_after, limit)
    }
    fn delete(&self, key: &str) -> Stored<()> {
        self.store.delete(key)
    }
    fn location(&self) -> String {
        self.store.location()
    }
}
