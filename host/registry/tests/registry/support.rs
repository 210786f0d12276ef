//! What the tests share.

use millstream_registry::{ApprovalStatus, Author, Deploy, Deployed, Deployer, Error, ModelVersion, Models};
use millstream_store::{MemoryStore, Store};
use millstream_workflow::{
    artifact::{Artifact, Digest, Pipeline},
    completion::Origin,
    endpoint::{LIVE, names::Reference, rollout::Plan},
};
use serde_json::Map;

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
        removed: None,
    }
}

pub fn author(who: &str) -> Author<'_> {
    Author { who, at: 1_000, request: None }
}

/// A store with so many versions of model `churn`.
pub fn store(versions: u8) -> MemoryStore {
    let store = MemoryStore::default();
    for key in 0..versions {
        Models::new(&store).register(&version("churn", &[key])).expect("registered");
    }
    store
}

pub fn plan(text: &str) -> Plan {
    Plan::parse_text(text, &[]).expect("a plan")
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
        let (model, plan) = (Reference::parse(self.model).expect("a reference"), plan(self.plan));
        let wish = Deploy {
            endpoint: self.endpoint,
            alias: self.alias,
            model: &model,
            variant: None,
            plan: &plan,
            replace: self.replace,
            configure: None,
        };
        Deployer::new(store).deploy(&wish, author, &|_| Ok(()))
    }
}

/// Deploys without ceremony.
pub fn deploy(store: &dyn Store, model: &str, plan: &str) -> Deployed {
    Wish { model, plan, ..CHURN }.deploy(store, &author("ann")).unwrap_or_else(|error| panic!("{error}"))
}
