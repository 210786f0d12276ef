//! `millstream aws deploy`: makes the stack as its settings say.
//!
//! The first time in two steps, as the package has to lie in the stack's own bucket: first a stack of the bucket alone, then the
//! whole. Each step is a change set. A deployment that was interrupted goes on where it was when it is repeated.

use std::path::PathBuf;

use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, Parameter, TemplateStage};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use millstream_core::{
    artifact::Digest,
    layout,
    pools::{Pool, Pools},
};
use millstream_language::yaml;
use serde_json::Value;

use crate::{
    Account, Error,
    dry_run::{Doing, DryRun, difference},
    error::{Explained as _, is_missing},
    settings::StackSettings,
    stack::{Stack, Standing, Tell, change_set_name, has_succeeded},
    template::{Extent, template},
};

/// Larger templates go to CloudFormation by way of the bucket.
const LARGEST_BODY: usize = 51_200;
/// Where the store is in the bucket. Everything of Millstream is below `millstream/`; the rest of the bucket is the user's.
pub const STORE: &str = "millstream/store";
/// Where packages are in the bucket.
pub const PACKAGES: &str = "millstream/packages";

/// What is to be deployed.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The stack's name.
    pub stack: String,
    /// How it shall be.
    pub settings: StackSettings,
    /// The zip of bootstrap and components.
    pub package: PathBuf,
    /// Wait until somebody else has ended what they do; else it is an error.
    pub wait: bool,
}

/// What became of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeployedStack {
    /// The stack's name.
    pub stack: String,
    /// Where.
    pub region: String,
    /// The store's location.
    pub store: String,
    /// The queue's location.
    pub queue: String,
    /// False: the stack was so already.
    pub changed: bool,
    /// Where workflows are started by HTTP, if the settings want that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflows: Option<String>,
}

/// A package that was read.
struct Package {
    key: String,
    bytes: Vec<u8>,
}

impl Package {
    fn read(file: &PathBuf) -> Result<Self, Error> {
        let bytes = std::fs::read(file).map_err(|error| {
            Error::Package(format!(
                "cannot read the package {}: {error}; `millstream aws package` makes it",
                file.display()
            ))
        })?;
        if !bytes.starts_with(b"PK") {
            return Err(Error::Package(format!(
                "{} is no zip file: a package has the bootstrap and the compiled functions (`millstream aws package`)",
                file.display()
            )));
        }
        Ok(Self { key: format!("{PACKAGES}/{}.zip", Digest::of(&bytes)), bytes })
    }
}

/// What would be done.
///
/// # Errors
/// The package cannot be read; AWS says no, or nothing.
pub fn plan(account: &Account, wish: &Wish) -> Result<DryRun, Error> {
    let package = Package::read(&wish.package)?;
    millstream_aws::block_on(account.plan_deploy(wish, &package))
}

/// Deploys the stack, and tells what happens.
///
/// # Errors
/// The package cannot be read; somebody else changes the stack; CloudFormation could not make it so (then it is as before); AWS says
/// no, or nothing.
pub fn deploy(account: &Account, wish: &Wish, tell: Tell<'_>) -> Result<DeployedStack, Error> {
    let package = Package::read(&wish.package)?;
    millstream_aws::block_on(async {
        loop {
            match account.deploy(wish, &package, tell).await {
                // Somebody else was quicker: the next look waits for them.
                Err(Error::Busy { .. }) if wish.wait => tokio::time::sleep(account.patience).await,
                done => return done,
            }
        }
    })
}

/// The record of the pools, as workers and whoever sends tasks read it.
pub fn pools(settings: &StackSettings) -> Pools {
    let pool =
        |pool: &crate::settings::PoolSettings| Pool { name: pool.name.clone(), memory: pool.memory.into() };
    Pools::new(settings.pools.iter().map(pool).collect())
}

impl Account {
    async fn plan_deploy(&self, wish: &Wish, package: &Package) -> Result<DryRun, Error> {
        let mut plan = DryRun::new("deploy", &wish.stack, self.region());
        let whole = document(&template(&wish.settings, Extent::Whole));
        let stack = self.stack(&wish.stack).await?;
        let standing = stack.as_ref().map_or(Standing::Absent, Stack::standing);
        let megabytes = format!("{:.1} MB", package.bytes.len() as f64 / 1e6);
        let mut before = Value::Null;
        let mut is_there = false;
        match standing {
            Standing::Absent => {}
            Standing::Dead => plan.add(Doing::Delete, "what is left of a deployment that failed", ""),
            Standing::Stuck => return Err(stuck(&wish.stack, stack.as_ref())),
            Standing::Busy | Standing::Ready => {
                if standing == Standing::Busy {
                    let status = stack.map(|stack| stack.status).unwrap_or_default();
                    plan.add(Doing::Wait, "somebody else's deployment", status);
                }
                before = self.template_there(&wish.stack).await?;
                if let Some(bucket) = self.physical(&wish.stack, "Bucket").await? {
                    is_there = self.is_object(&bucket, &package.key).await?;
                }
            }
        }
        if before.is_null() {
            plan.add(Doing::Create, "Bucket", "first, so that there is a place for the package");
        }
        let action = if is_there { Doing::Keep } else { Doing::Upload };
        plan.add(action, &package.key, megabytes);
        plan.steps.extend(difference(&before, &whole));
        plan.add(Doing::Write, format!("{STORE}/{}", layout::POOLS), told(&wish.settings));
        Ok(plan)
    }

    async fn deploy(&self, wish: &Wish, package: &Package, tell: Tell<'_>) -> Result<DeployedStack, Error> {
        let name = wish.stack.as_str();
        let mut stack = self.free(wish, tell).await?;
        let mut changed = false;
        if stack.is_none() {
            let first = template(&wish.settings, Extent::Bucket);
            self.change(wish, &first, ("none", None), ChangeSetType::Create, tell).await?;
            stack = self.stack(name).await?;
            changed = true;
        }
        let stack = stack
            .ok_or_else(|| Error::Missing { stack: name.to_owned(), region: self.region().to_owned() })?;
        let bucket = self.physical(&stack.id, "Bucket").await?.ok_or_else(|| Error::Failed {
            stack: name.to_owned(),
            status: stack.status.clone(),
            why: "it has no bucket; delete the stack in CloudFormation and deploy again".to_owned(),
        })?;
        self.upload(&bucket, package).await?;
        let whole = template(&wish.settings, Extent::Whole);
        // CloudFormation would find the same out, in a minute.
        let same = stack.outputs.get("CodeKey") == Some(&package.key)
            && self.template_there(name).await? == document(&whole);
        if !same {
            let code = (package.key.as_str(), Some(bucket.as_str()));
            changed |= self.change(wish, &whole, code, ChangeSetType::Update, tell).await?;
        }
        let record = serde_json::to_vec_pretty(&pools(&wish.settings)).expect("pools are JSON");
        self.put(&bucket, &format!("{STORE}/{}", layout::POOLS), record).await?;
        let stack = self.stack_there(name).await?;
        let output = |output: &str| stack.outputs.get(output).cloned();
        Ok(DeployedStack {
            stack: name.to_owned(),
            region: self.region().to_owned(),
            store: output("Store").unwrap_or_else(|| format!("s3://{bucket}/{STORE}")),
            queue: output("Queue").unwrap_or_else(|| format!("sqs://{name}")),
            changed,
            workflows: output("Workflows"),
        })
    }

    /// The stack when nobody else changes it; none if it has to be made. What is left of a failed creation is removed.
    async fn free(&self, wish: &Wish, tell: Tell<'_>) -> Result<Option<Stack>, Error> {
        loop {
            let Some(stack) = self.stack(&wish.stack).await? else { return Ok(None) };
            let seen = self.events_so_far(&stack.id).await?;
            match stack.standing() {
                Standing::Absent => return Ok(None),
                Standing::Ready => return Ok(Some(stack)),
                Standing::Stuck => return Err(stuck(&wish.stack, Some(&stack))),
                Standing::Busy if !wish.wait => {
                    return Err(Error::Busy { stack: wish.stack.clone(), status: stack.status });
                }
                Standing::Busy => drop(self.settled(&stack.id, seen, tell).await?),
                Standing::Dead => {
                    let target = format!("stack `{}`", wish.stack);
                    let deleted = self.formation.delete_stack().stack_name(&stack.id).send().await;
                    deleted.explained("delete", &target, "cloudformation:DeleteStack")?;
                    let (status, why) = self.settled(&stack.id, seen, tell).await?;
                    if status != "DELETE_COMPLETE" {
                        return Err(Error::Failed {
                            stack: wish.stack.clone(),
                            status,
                            why: why.unwrap_or_else(|| "what is left of it cannot be deleted".to_owned()),
                        });
                    }
                }
            }
        }
    }

    /// Makes the stack as the template says, by a change set. False: it was so already.
    async fn change(
        &self,
        wish: &Wish,
        template: &str,
        (code, bucket): (&str, Option<&str>),
        kind: ChangeSetType,
        tell: Tell<'_>,
    ) -> Result<bool, Error> {
        let target = format!("stack `{}`", wish.stack);
        let mut asked = self
            .formation
            .create_change_set()
            .stack_name(&wish.stack)
            .change_set_name(change_set_name())
            .change_set_type(kind)
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityAutoExpand)
            .parameters(Parameter::builder().parameter_key("CodeKey").parameter_value(code).build())
            .tags(
                aws_sdk_cloudformation::types::Tag::builder()
                    .key("millstream:stack")
                    .value(&wish.stack)
                    .build(),
            );
        asked = match bucket {
            Some(bucket) if template.len() > LARGEST_BODY => {
                let key = format!("millstream/templates/{}.yaml", Digest::of(template.as_bytes()));
                self.put(bucket, &key, template.as_bytes().to_vec()).await?;
                asked.template_url(format!("https://{bucket}.s3.{}.amazonaws.com/{key}", self.region()))
            }
            _ => asked.template_body(template),
        };
        let made = match asked.send().await {
            Err(error) if was_quicker(&error) => return Err(self.busy(wish).await?),
            made => made.explained("make a change set for", &target, "cloudformation:CreateChangeSet")?,
        };
        let id = made.id().unwrap_or_default().to_owned();
        let stack = made.stack_id().unwrap_or(&wish.stack).to_owned();
        if !self.worked_out(&id, &target, wish).await? {
            return Ok(false);
        }
        let seen = self.events_so_far(&stack).await?;
        let executed = self.formation.execute_change_set().change_set_name(&id).send().await;
        if executed.as_ref().is_err_and(was_quicker) {
            return Err(self.busy(wish).await?);
        }
        executed.explained("change", &target, "cloudformation:ExecuteChangeSet")?;
        let (status, why) = self.settled(&stack, seen, tell).await?;
        if has_succeeded(&status) {
            return Ok(true);
        }
        let why = why.unwrap_or_else(|| "CloudFormation does not say why".to_owned());
        Err(Error::Failed { stack: wish.stack.clone(), status, why })
    }

    /// Waits for a change set. False: there is nothing to change; then it is removed.
    async fn worked_out(&self, id: &str, target: &str, wish: &Wish) -> Result<bool, Error> {
        loop {
            let found = self.formation.describe_change_set().change_set_name(id).send().await;
            if found.as_ref().is_err_and(was_quicker) {
                return Err(self.busy(wish).await?);
            }
            let found =
                found.explained("look at the change set of", target, "cloudformation:DescribeChangeSet")?;
            let why = found.status_reason().unwrap_or_default();
            match found.status() {
                Some(ChangeSetStatus::CreateComplete) => return Ok(true),
                Some(ChangeSetStatus::Failed) => {
                    let removed = self.formation.delete_change_set().change_set_name(id).send().await;
                    removed.explained("remove a change set of", target, "cloudformation:DeleteChangeSet")?;
                    if why.contains("didn't contain changes")
                        || why.contains("No updates are to be performed")
                    {
                        return Ok(false);
                    }
                    return Err(Error::Failed {
                        stack: wish.stack.clone(),
                        status: "the change set failed".to_owned(),
                        why: why.to_owned(),
                    });
                }
                _ => tokio::time::sleep(self.patience / 4).await,
            }
        }
    }

    async fn busy(&self, wish: &Wish) -> Result<Error, Error> {
        let status = self.stack(&wish.stack).await?.map(|stack| stack.status).unwrap_or_default();
        Ok(Error::Busy { stack: wish.stack.clone(), status })
    }

    /// The template that the stack was made of.
    async fn template_there(&self, name: &str) -> Result<Value, Error> {
        let found = self
            .formation
            .get_template()
            .stack_name(name)
            .template_stage(TemplateStage::Original)
            .send()
            .await;
        let found = found.explained(
            "read the template of",
            &format!("stack `{name}`"),
            "cloudformation:GetTemplate",
        )?;
        Ok(document(found.template_body().unwrap_or_default()))
    }

    async fn upload(&self, bucket: &str, package: &Package) -> Result<(), Error> {
        if !self.is_object(bucket, &package.key).await? {
            self.put(bucket, &package.key, package.bytes.clone()).await?;
        }
        Ok(())
    }

    pub(crate) async fn is_object(&self, bucket: &str, key: &str) -> Result<bool, Error> {
        match self.s3.head_object().bucket(bucket).key(key).send().await {
            Err(error) if is_missing(&error) => Ok(false),
            found => {
                found.explained("look at", &format!("s3://{bucket}/{key}"), "s3:GetObject").map(|_| true)
            }
        }
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let put = self.s3.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes)).send().await;
        put.explained("write", &format!("s3://{bucket}/{key}"), "s3:PutObject").map(drop)
    }
}

/// Whether somebody else has made or is changing the stack since it was looked at.
fn was_quicker<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let Some(said) = error.as_service_error() else { return false };
    let message = said.message().unwrap_or_default();
    // A change set goes when another one is executed.
    let is_gone = said.code().is_some_and(|code| code.starts_with("ChangeSetNotFound"));
    is_gone || message.contains("_IN_PROGRESS") || message.contains("already exists")
}

fn stuck(name: &str, stack: Option<&Stack>) -> Error {
    Error::Failed {
        stack: name.to_owned(),
        status: stack.map(|stack| stack.status.clone()).unwrap_or_default(),
        why: "an earlier change could neither be made nor taken back; in CloudFormation, `Continue update rollback` repairs it"
            .to_owned(),
    }
}

/// A template as JSON; null if it is none.
fn document(text: &str) -> Value {
    yaml::load(text).map_or(Value::Null, |node| node.to_json())
}

fn told(settings: &StackSettings) -> String {
    let pools: Vec<String> =
        settings.pools.iter().map(|pool| format!("{} {} MB", pool.name, pool.memory)).collect();
    pools.join(", ")
}
