//! `millstream aws destroy`: removes the stack, its bucket with all that is in it, and the endpoints' functions.
//!
//! It may be interrupted anywhere: the stack goes last, and tells the next attempt what there is. Only the bucket that the stack
//! itself has made is emptied.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use serde::Serialize;

use crate::{
    Account, Error,
    dry_run::{Doing, DryRun},
    error::Explained as _,
    stack::{Stack, Standing, Tell},
};

/// What lies below this prefix is Millstream's own.
const OWN: &str = "millstream/";
/// How often the bucket is emptied: a function that still runs may write meanwhile.
const TIMES: u32 = 3;

/// What is in a bucket, by the first segment of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BucketContent(pub BTreeMap<String, Amount>);

/// How much it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Versions of objects.
    pub versions: u64,
    /// All together.
    pub bytes: u64,
}

impl BucketContent {
    /// What others have put there.
    pub fn foreign(&self) -> impl Iterator<Item = (&String, &Amount)> {
        self.0.iter().filter(|(prefix, _)| *prefix != OWN)
    }
}

/// What would be removed.
#[derive(Clone, Debug)]
pub struct Removal {
    /// As text and JSON.
    pub plan: DryRun,
    /// What is in the bucket.
    pub content: BucketContent,
    stack: Stack,
    bucket: Option<String>,
    functions: Vec<String>,
}

/// What there is to remove.
///
/// # Errors
/// There is no such stack; somebody else changes it; AWS says no, or nothing.
pub fn removal(account: &Account, stack: &str) -> Result<Removal, Error> {
    millstream_aws::block_on(account.removal(stack))
}

/// Removes it, and tells what happens. `foreign`: also what others have put into the bucket.
///
/// # Errors
/// Objects of others are in the bucket; CloudFormation cannot delete something (repeat it then); AWS says no, or nothing.
pub fn destroy(account: &Account, removal: &Removal, foreign: bool, tell: Tell<'_>) -> Result<(), Error> {
    millstream_aws::block_on(account.destroy(removal, foreign, tell))
}

impl Account {
    async fn removal(&self, name: &str) -> Result<Removal, Error> {
        let stack = self.stack_there(name).await?;
        if stack.standing() == Standing::Busy && stack.status != "DELETE_IN_PROGRESS" {
            return Err(Error::Busy { stack: name.to_owned(), status: stack.status });
        }
        let bucket = self.physical(&stack.id, "Bucket").await?;
        let functions = self.endpoint_functions(name).await?;
        let mut plan = DryRun::new("destroy", name, self.region());
        for function in &functions {
            plan.add(Doing::Delete, function, "the function of an endpoint, with all its versions");
        }
        let mut content = BucketContent::default();
        if let Some(bucket) = &bucket {
            content = self.content(bucket).await?;
            for (prefix, amount) in &content.0 {
                let whose = if prefix == OWN { "" } else { ", not written by Millstream" };
                let detail = format!(
                    "{} versions of objects, {:.1} MB{whose}",
                    amount.versions,
                    amount.bytes as f64 / 1e6
                );
                plan.add(Doing::Empty, format!("s3://{bucket}/{prefix}"), detail);
            }
        }
        plan.add(Doing::Delete, format!("stack `{name}`"), "bucket, queues, functions, roles, logs, alarms");
        plan.stays = [
            "metrics and the history of alarms, until CloudWatch forgets them",
            "the profile on this machine (`[on.aws]`), and all homes in folders",
            "what endpoints and runs wrote to other buckets",
        ]
        .map(str::to_owned)
        .to_vec();
        Ok(Removal { plan, content, stack, bucket, functions })
    }

    async fn destroy(&self, removal: &Removal, foreign: bool, tell: Tell<'_>) -> Result<(), Error> {
        if !foreign && removal.content.foreign().next().is_some() {
            let what: Vec<String> = removal
                .content
                .foreign()
                .map(|(prefix, amount)| format!("{prefix} ({} versions)", amount.versions))
                .collect();
            return Err(Error::ForeignObjects(format!(
                "the bucket {} has objects that Millstream has not written: {}; copy away what you need, then add \
                 --all-objects. Nothing was removed",
                removal.bucket.as_deref().unwrap_or_default(),
                what.join(", ")
            )));
        }
        for function in &removal.functions {
            self.delete_function(function).await?;
        }
        for _ in 0..TIMES {
            if let Some(bucket) = &removal.bucket {
                self.empty(bucket).await?;
            }
            let seen = self.events_so_far(&removal.stack.id).await?;
            let target = format!("stack `{}`", removal.plan.stack);
            let deleted = self.formation.delete_stack().stack_name(&removal.stack.id).send().await;
            deleted.explained("delete", &target, "cloudformation:DeleteStack")?;
            let (status, why) = self.settled(&removal.stack.id, seen, tell).await?;
            let why = why.unwrap_or_default();
            if status == "DELETE_COMPLETE" {
                return Ok(());
            }
            if !why.contains("not empty") {
                return Err(Error::Failed { stack: removal.plan.stack.clone(), status, why });
            }
        }
        Err(Error::Failed {
            stack: removal.plan.stack.clone(),
            status: "DELETE_FAILED".to_owned(),
            why: "something goes on writing into the bucket; stop it and repeat the command".to_owned(),
        })
    }

    async fn content(&self, bucket: &str) -> Result<BucketContent, Error> {
        let mut content = BucketContent::default();
        let mut page = self.versions(bucket, None).await?;
        loop {
            for one in &page.versions {
                let prefix = one.key.find('/').map_or(one.key.as_str(), |end| &one.key[..=end]);
                let amount = content.0.entry(prefix.to_owned()).or_default();
                amount.versions += 1;
                amount.bytes += one.bytes;
            }
            let Some(next) = page.next else { return Ok(content) };
            page = self.versions(bucket, Some(next)).await?;
        }
    }

    /// Removes all versions of all objects of a bucket.
    async fn empty(&self, bucket: &str) -> Result<(), Error> {
        let mut page = self.versions(bucket, None).await?;
        loop {
            self.delete_versions(bucket, &page.versions).await?;
            let Some(next) = page.next else { return Ok(()) };
            page = self.versions(bucket, Some(next)).await?;
        }
    }

    async fn delete_versions(&self, bucket: &str, versions: &[ObjectVersion]) -> Result<(), Error> {
        if versions.is_empty() {
            return Ok(());
        }
        let mut delete = Delete::builder().quiet(true);
        for one in versions {
            let object =
                ObjectIdentifier::builder().key(&one.key).set_version_id(one.version.clone()).build();
            delete = delete.objects(object.expect("a key is given"));
        }
        let delete = delete.build().expect("objects are given");
        let target = format!("objects of s3://{bucket}");
        let done = self.s3.delete_objects().bucket(bucket).delete(delete).send().await;
        let done = done.explained("delete", &target, "s3:DeleteObjectVersion")?;
        match done.errors().first() {
            None => Ok(()),
            Some(error) => Err(Error::Failed {
                stack: bucket.to_owned(),
                status: error.code().unwrap_or_default().to_owned(),
                why: format!("{} cannot be deleted", error.key().unwrap_or_default()),
            }),
        }
    }

    /// A page of the versions and delete markers of a bucket; none of one that is gone.
    async fn versions(&self, bucket: &str, from: Option<Next>) -> Result<Page, Error> {
        let (key, version) = from.map_or((None, None), |next| (next.key, next.version));
        let asked =
            self.s3.list_object_versions().bucket(bucket).set_key_marker(key).set_version_id_marker(version);
        let page = match asked.send().await {
            // It went with an earlier attempt.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|said| said.meta().code() == Some("NoSuchBucket")) =>
            {
                return Ok(Page { versions: Vec::new(), next: None });
            }
            page => page.explained("list", &format!("s3://{bucket}"), "s3:ListBucketVersions")?,
        };
        let versions = page.versions().iter().filter_map(|one| {
            let bytes = one.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            Some(ObjectVersion {
                key: one.key()?.to_owned(),
                version: one.version_id().map(str::to_owned),
                bytes,
            })
        });
        let markers = page.delete_markers().iter().filter_map(|one| {
            Some(ObjectVersion {
                key: one.key()?.to_owned(),
                version: one.version_id().map(str::to_owned),
                bytes: 0,
            })
        });
        let next = Next {
            key: page.next_key_marker().map(str::to_owned),
            version: page.next_version_id_marker().map(str::to_owned),
        };
        let next = (page.is_truncated() == Some(true)).then_some(next);
        Ok(Page { versions: versions.chain(markers).collect(), next })
    }
}

struct Page {
    versions: Vec<ObjectVersion>,
    next: Option<Next>,
}

struct Next {
    key: Option<String>,
    version: Option<String>,
}

struct ObjectVersion {
    key: String,
    version: Option<String>,
    bytes: u64,
}
