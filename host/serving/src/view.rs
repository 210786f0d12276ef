//! What the home holds, as a bucket that is read alone.
//!
//! ```text
//! runs/<run>/<step>[.<task>]/<output>/<part>   what runs have made
//! models/<model>/<version>/model.json          what was registered
//! async/<endpoint>/<id>/output                 answers to requests that were queued, or
//! async/<endpoint>/<id>/error.json             why there is none
//! ```

use std::collections::HashSet;

use millstream_control::runs;
use millstream_core::{
    artifact::Artifact,
    completion::{Completion, Outcome},
    layout,
};
use millstream_endpoint::later;
use millstream_plan::Plan;
use millstream_registry::Models;
use millstream_s3::{Node, Seen, Source, ViewError, VirtualBucket};
use millstream_state::Objects as _;
use millstream_store::{Store, entries};
use millstream_worker::{Home, Records};

/// The bucket's name.
pub const BUCKET: &str = "millstream";
/// The folder of answers, in the bucket and in the store.
const ASYNC: &str = "async/";

/// The endpoint whose answer has that key.
pub fn endpoint_of(key: &str) -> Option<&str> {
    let (endpoint, rest) = key.strip_prefix(ASYNC)?.split_once('/')?;
    let (_, what) = rest.split_once('/')?;
    matches!(what, "output" | "error.json").then_some(endpoint)
}

/// A home, as a bucket.
pub struct Shown {
    home: Home,
    records: Records,
}

impl Shown {
    pub fn new(home: Home) -> Self {
        let records = Records::new(home.store().clone());
        Self { home, records }
    }

    fn store(&self) -> &dyn Store {
        &**self.home.store()
    }

    fn plan(&self, run: &str) -> Result<Option<Plan>, ViewError> {
        if !is_name(run) {
            return Ok(None);
        }
        Ok(self.records.plan(run)?)
    }

    /// What a step has made, by path below the run.
    fn made(&self, plan: &Plan, step: &str) -> Result<Vec<(String, Seen)>, ViewError> {
        let Some(planned) = plan.steps.get(step) else { return Ok(Vec::new()) };
        let keys = self.records.list(&layout::all_done(&plan.run, Some(step)))?;
        let mut made = Vec::new();
        for completion in self.records.get_many(&keys)?.into_iter().flatten() {
            let completion: Completion = serde_json::from_slice(&completion)?;
            let Outcome::Done(results) = completion.outcome else { continue };
            let place = match planned.is_single() {
                true => step.to_owned(),
                false => format!("{step}.{}", completion.task),
            };
            for (output, parts) in results.outputs {
                let mut taken = HashSet::new();
                for part in parts.parts {
                    let mut name = part.name.clone();
                    let mut number = 2;
                    while !taken.insert(name.clone()) {
                        name = format!("{}-{number}", part.name);
                        number += 1;
                    }
                    made.push((format!("{place}/{output}/{name}"), artifact(&part, completion.finished)));
                }
            }
        }
        Ok(made)
    }

    fn run(&self, run: &str) -> Result<Vec<Node>, ViewError> {
        let Some(plan) = self.plan(run)? else { return Ok(Vec::new()) };
        let mut nodes = Vec::new();
        for step in plan.steps.keys() {
            nodes.extend(self.made(&plan, step)?.into_iter().map(|(path, seen)| Node::Object(path, seen)));
        }
        Ok(nodes)
    }

    fn model(&self, name: &str) -> Result<Vec<Node>, ViewError> {
        if !is_name(name) {
            return Ok(Vec::new());
        }
        let versions = Models::new(self.store()).versions(name)?;
        let node = |version: millstream_registry::ModelVersion| {
            Node::Object(format!("{}/model.json", version.version), artifact(&version.model, version.created))
        };
        Ok(versions.into_iter().filter(|version| version.removed.is_none()).map(node).collect())
    }

    fn answer(&self, endpoint: &str, id: &str) -> Result<Option<(String, Seen)>, ViewError> {
        let Some(ended) = later::ended(self.store(), endpoint, id)? else { return Ok(None) };
        let entry = self.store().head(&ended.key)?;
        let seen = Seen {
            size: entry.size,
            etag: entry.version.as_str().chars().filter(char::is_ascii_alphanumeric).collect(),
            modified: ended.at,
            content_type: ended.content_type,
            source: Source::Key(ended.key.clone()),
        };
        let name = ended.key.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Some((name, seen)))
    }

    /// The names in a folder of the store, one request each.
    fn names(&self, prefix: &str) -> Result<Vec<String>, ViewError> {
        let mut names = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store().list(prefix, after.as_deref(), 1)?;
            let Some(entry) = page.entries.first() else { return Ok(names) };
            let name = entry.key[prefix.len()..].split('/').next().unwrap_or_default().to_owned();
            after = Some(format!("{prefix}{name}/~"));
            names.push(name);
        }
    }
}

impl VirtualBucket for Shown {
    fn folder(&self, path: &str) -> Result<Vec<Node>, ViewError> {
        let folders = |names: Vec<String>| names.into_iter().map(Node::Folder).collect();
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            [""] => Ok(folders(vec!["async".to_owned(), "models".to_owned(), "runs".to_owned()])),
            ["runs", ""] => Ok(folders(runs::names(&self.home)?)),
            ["runs", run, ""] => self.run(run),
            ["models", ""] => Ok(folders(Models::new(self.store()).names()?)),
            ["models", model, ""] => self.model(model),
            ["async", ""] => Ok(folders(self.names(ASYNC)?)),
            ["async", endpoint, ""] if is_name(endpoint) => {
                let prefix = layout::later(endpoint, "", "");
                let prefix = prefix.trim_end_matches('/').to_owned() + "/";
                let mut nodes = Vec::new();
                for entry in entries(self.store(), &prefix) {
                    let key = entry?.key;
                    let Some((id, "done.json")) = key[prefix.len()..].split_once('/') else { continue };
                    if let Some((name, seen)) = self.answer(endpoint, id)? {
                        nodes.push(Node::Object(format!("{id}/{name}"), seen));
                    }
                }
                Ok(nodes)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn find(&self, key: &str) -> Result<Option<Seen>, ViewError> {
        let parts: Vec<&str> = key.splitn(4, '/').collect();
        let named = |nodes: Vec<Node>, path: String| {
            nodes.into_iter().find_map(|node| match node {
                Node::Object(name, seen) if name == path => Some(seen),
                _ => None,
            })
        };
        match parts[..] {
            ["runs", run, place, rest] => {
                let Some(plan) = self.plan(run)? else { return Ok(None) };
                let step = match plan.steps.contains_key(place) {
                    true => place,
                    false => place.rsplit_once('.').map_or(place, |(step, _)| step),
                };
                let path = format!("{place}/{rest}");
                let found = self.made(&plan, step)?.into_iter().find(|(name, _)| *name == path);
                Ok(found.map(|(_, seen)| seen))
            }
            ["models", model, version, file] => Ok(named(self.model(model)?, format!("{version}/{file}"))),
            ["async", endpoint, id, what] if is_name(endpoint) && is_name(id) => {
                Ok(self.answer(endpoint, id)?.filter(|(name, _)| name == what).map(|(_, seen)| seen))
            }
            _ => Ok(None),
        }
    }
}

fn artifact(artifact: &Artifact, modified: u64) -> Seen {
    Seen {
        size: artifact.size,
        etag: artifact.digest.to_string(),
        modified,
        content_type: artifact.media_type.clone(),
        source: Source::Artifact(artifact.digest),
    }
}

/// Whether it can be a name in a key of the store.
fn is_name(name: &str) -> bool {
    !name.contains('/') && millstream_store::check_key(name).is_ok()
}
