//! A stack of CloudFormation: how it stands, and waiting until it does.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, SystemTime},
};

use aws_sdk_cloudformation::types::StackEvent as SdkEvent;

use crate::{
    Account, Error,
    error::{Explained as _, is_missing},
};

/// A stack that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its ARN: names it also when it has been deleted.
    pub id: String,
    /// As CloudFormation calls it.
    pub status: String,
    /// What it says of itself, by name.
    pub outputs: BTreeMap<String, String>,
}

/// What can be done with a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none, or a mere intention to make one.
    Absent,
    /// It is being changed.
    Busy,
    /// It can be changed.
    Ready,
    /// Its creation failed, or its deletion did: it can only be deleted.
    Dead,
    /// Somebody has to repair it in CloudFormation.
    Stuck,
}

/// What happens to a resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackEvent {
    /// Its name in the template.
    pub resource: String,
    /// Its type.
    pub kind: String,
    /// As CloudFormation calls it.
    pub status: String,
    /// Why, if it says so.
    pub reason: String,
}

/// Is told what happens.
pub type Tell<'a> = &'a (dyn Fn(&StackEvent) + Sync);

impl Stack {
    /// What can be done with it.
    pub fn standing(&self) -> Standing {
        standing(&self.status)
    }
}

fn standing(status: &str) -> Standing {
    match status {
        "REVIEW_IN_PROGRESS" => Standing::Absent,
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED" => Standing::Dead,
        "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" | "UPDATE_FAILED" => Standing::Stuck,
        status if status.ends_with("_IN_PROGRESS") => Standing::Busy,
        _ => Standing::Ready,
    }
}

/// Whether a change came to the end that was wanted.
pub(crate) fn has_succeeded(status: &str) -> bool {
    matches!(
        status,
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" | "DELETE_COMPLETE"
    )
}

impl Account {
    /// The stack of that name (or ARN); none if there is none.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    pub(crate) async fn stack(&self, name: &str) -> Result<Option<Stack>, Error> {
        let found = self.formation.describe_stacks().stack_name(name).send().await;
        let found = match found {
            Err(error) if is_missing(&error) => return Ok(None),
            found => {
                found.explained("look at", &format!("stack `{name}`"), "cloudformation:DescribeStacks")?
            }
        };
        let Some(stack) = found.stacks().first() else { return Ok(None) };
        let output = |output: &aws_sdk_cloudformation::types::Output| {
            Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
        };
        Ok(Some(Stack {
            id: stack.stack_id().unwrap_or(name).to_owned(),
            status: stack.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            outputs: stack.outputs().iter().filter_map(output).collect(),
        }))
    }

    /// The stack, which has to be there.
    pub(crate) async fn stack_there(&self, name: &str) -> Result<Stack, Error> {
        let missing = || Error::Missing { stack: name.to_owned(), region: self.region().to_owned() };
        let stack = self.stack(name).await?;
        stack.filter(|stack| stack.standing() != Standing::Absent).ok_or_else(missing)
    }

    /// The events so far, so that only news are told later.
    pub(crate) async fn events_so_far(&self, id: &str) -> Result<HashSet<String>, Error> {
        let events = self.events(id).await?;
        Ok(events.iter().filter_map(|event| event.event_id().map(str::to_owned)).collect())
    }

    /// The newest events, newest first.
    async fn events(&self, id: &str) -> Result<Vec<SdkEvent>, Error> {
        let found = self.formation.describe_stack_events().stack_name(id).send().await;
        match found {
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            found => {
                let found = found.explained(
                    "read the events of",
                    &format!("stack `{id}`"),
                    "cloudformation:DescribeStackEvents",
                )?;
                Ok(found.stack_events().to_vec())
            }
        }
    }

    /// Waits until nothing changes any more, and tells what happens. `seen`: the events that are not news. Gives the status, and
    /// the first resource that failed with its reason.
    ///
    /// # Errors
    /// AWS says no, or nothing, for long.
    pub(crate) async fn settled(
        &self,
        id: &str,
        mut seen: HashSet<String>,
        tell: Tell<'_>,
    ) -> Result<(String, Option<String>), Error> {
        let mut first = None;
        let mut pace = self.patience / 4;
        loop {
            let events = self.events(id).await?;
            for event in events.iter().rev() {
                if !event.event_id().is_some_and(|id| seen.insert(id.to_owned())) {
                    continue;
                }
                let event = told(event);
                // What is ended because something else failed is no reason.
                if event.status.ends_with("_FAILED") && !event.reason.contains("cancelled") && first.is_none()
                {
                    first = Some(format!("{} ({}): {}", event.resource, event.kind, event.reason));
                }
                tell(&event);
            }
            let Some(stack) = self.stack(id).await? else { return Ok(("DELETE_COMPLETE".to_owned(), first)) };
            if stack.standing() != Standing::Busy || stack.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" {
                return Ok((stack.status, first));
            }
            tokio::time::sleep(pace).await;
            pace = (pace * 2).min(self.patience);
        }
    }

    /// A stack's resource that the template calls `name`, by the name that it has in AWS; none if it has none.
    pub(crate) async fn physical(&self, stack: &str, name: &str) -> Result<Option<String>, Error> {
        let found =
            self.formation.describe_stack_resource().stack_name(stack).logical_resource_id(name).send().await;
        match found {
            Err(error) if is_missing(&error) => Ok(None),
            found => {
                let target = format!("resource {name} of stack `{stack}`");
                let found = found.explained("look at", &target, "cloudformation:DescribeStackResource")?;
                let detail = found.stack_resource_detail();
                let gone = detail.and_then(|detail| detail.resource_status()).map(|status| status.as_str());
                let id = detail.and_then(|detail| detail.physical_resource_id()).map(str::to_owned);
                Ok(id.filter(|id| !id.is_empty() && gone != Some("DELETE_COMPLETE")))
            }
        }
    }
}

fn told(event: &SdkEvent) -> StackEvent {
    StackEvent {
        resource: event.logical_resource_id().unwrap_or_default().to_owned(),
        kind: event.resource_type().unwrap_or_default().to_owned(),
        status: event.resource_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: event.resource_status_reason().unwrap_or_default().to_owned(),
    }
}

/// A name for a change set: two that come in the same second do not meet.
pub(crate) fn change_set_name() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    format!("millstream-{}-{}", since.as_nanos(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_says_what_can_be_done() {
        for (status, expected) in [
            ("REVIEW_IN_PROGRESS", Standing::Absent),
            ("CREATE_IN_PROGRESS", Standing::Busy),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Standing::Busy),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Standing::Busy),
            ("CREATE_COMPLETE", Standing::Ready),
            ("UPDATE_ROLLBACK_COMPLETE", Standing::Ready),
            ("ROLLBACK_COMPLETE", Standing::Dead),
            ("DELETE_FAILED", Standing::Dead),
            ("UPDATE_ROLLBACK_FAILED", Standing::Stuck),
        ] {
            assert_eq!(standing(status), expected, "{status}");
        }
        assert!(has_succeeded("UPDATE_COMPLETE") && !has_succeeded("UPDATE_ROLLBACK_COMPLETE"));
    }
}
