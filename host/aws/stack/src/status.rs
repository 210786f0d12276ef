//! `millstream aws status`: how a stack stands, what waits in its queues, what it costs.

use aws_sdk_sqs::types::QueueAttributeName;
use serde::Serialize;

use crate::{
    Account, Error,
    error::Explained as _,
    prices::{self, Item},
    settings::StackSettings,
};

/// How a stack stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StackStatus {
    /// Its name.
    pub stack: String,
    /// Where.
    pub region: String,
    /// As CloudFormation calls it.
    pub status: String,
    /// The store's location.
    pub store: String,
    /// The queue's location.
    pub queue: String,
    /// The pools.
    pub pools: Vec<PoolStatus>,
    /// The functions of endpoints.
    pub endpoints: Vec<String>,
    /// USD a month while nothing happens, storage not counted.
    pub idle: Vec<Item>,
}

/// How a pool stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PoolStatus {
    /// Its name.
    pub name: String,
    /// MB of its function.
    pub memory: u64,
    /// Tasks that wait.
    pub waiting: u64,
    /// Tasks in hand.
    pub in_hand: u64,
    /// Messages that nobody could deal with.
    pub dead: u64,
    /// What the function says of itself: `Active`, or why not.
    pub function: String,
}

/// Looks at a stack.
///
/// # Errors
/// There is none of that name; AWS says no, or nothing.
pub fn status(account: &Account, stack: &str, settings: &StackSettings) -> Result<StackStatus, Error> {
    millstream_aws::block_on(account.status(stack, settings))
}

impl Account {
    async fn status(&self, name: &str, settings: &StackSettings) -> Result<StackStatus, Error> {
        let stack = self.stack_there(name).await?;
        let mut pools = Vec::new();
        for pool in &settings.pools {
            let queue = format!("{name}-tasks-{}", pool.name);
            let (waiting, in_hand) = self.depth(&queue).await?;
            let (dead, _) = self.depth(&format!("{queue}-dead")).await?;
            let (memory, function) = self.function_state(&format!("{name}-worker-{}", pool.name)).await?;
            pools.push(PoolStatus { name: pool.name.clone(), memory, waiting, in_hand, dead, function });
        }
        let endpoints = self.endpoint_functions(name).await?;
        // Queues of tasks and of dead letters are polled. Alarms: dead letters and errors of each pool, errors of undertaker and
        // trigger, and dead events. Endpoints' functions have none.
        let alarms = 2 * settings.pools.len() + 3;
        let idle = prices::idle(2 * settings.pools.len(), alarms, settings.schedules);
        let output = |output: &str| stack.outputs.get(output).cloned().unwrap_or_default();
        Ok(StackStatus {
            stack: name.to_owned(),
            region: self.region().to_owned(),
            status: stack.status.clone(),
            store: output("Store"),
            queue: output("Queue"),
            pools,
            endpoints,
            idle,
        })
    }

    /// Messages that wait, and messages in hand.
    async fn depth(&self, queue: &str) -> Result<(u64, u64), Error> {
        let target = format!("queue {queue}");
        let found = self.sqs.get_queue_url().queue_name(queue).send().await;
        let found = found.explained("find", &target, "sqs:GetQueueUrl")?;
        let (visible, held) = (
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        );
        let asked = self.sqs.get_queue_attributes().set_queue_url(found.queue_url().map(str::to_owned));
        let asked = asked.attribute_names(visible.clone()).attribute_names(held.clone()).send().await;
        let found = asked.explained("look at", &target, "sqs:GetQueueAttributes")?;
        let of = |name: &QueueAttributeName| {
            found.attributes().and_then(|all| all.get(name)).and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        Ok((of(&visible), of(&held)))
    }

    /// A function's memory in MB, and its state.
    async fn function_state(&self, function: &str) -> Result<(u64, String), Error> {
        let found = self.lambda.get_function_configuration().function_name(function).send().await;
        let found =
            found.explained("look at", &format!("function {function}"), "lambda:GetFunctionConfiguration")?;
        let memory = found.memory_size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        let state = found.state().map(|state| state.as_str().to_owned()).unwrap_or_default();
        let state = match found.state_reason() {
            Some(why) if state != "Active" => format!("{state}: {why}"),
            _ => state,
        };
        Ok((memory, state))
    }
}
