//! What a command is going to do, as text and JSON: what `--dry-run` prints.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// What a command is going to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryRun {
    /// The command: `deploy`, `destroy`.
    pub verb: &'static str,
    /// The stack.
    pub stack: String,
    /// Where.
    pub region: String,
    /// In this order.
    pub steps: Vec<DryStep>,
    /// What is left as it is, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<String>,
}

/// One thing that is going to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryStep {
    /// What is done.
    pub action: Doing,
    /// To what: a resource of the template, an object, a file.
    pub target: String,
    /// More about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// Wait for somebody else.
    Wait,
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
    /// Remove all that is in it.
    Empty,
    /// Bring a file there.
    Upload,
    /// Write a file or a record.
    Write,
    /// Read.
    Read,
    /// Leave it.
    Keep,
}

impl Doing {
    fn word(self) -> &'static str {
        match self {
            Self::Wait => "wait for",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Empty => "empty",
            Self::Upload => "upload",
            Self::Write => "write",
            Self::Read => "read",
            Self::Keep => "keep",
        }
    }
}

impl DryRun {
    /// Nothing yet.
    pub fn new(verb: &'static str, stack: &str, region: &str) -> Self {
        Self {
            verb,
            stack: stack.to_owned(),
            region: region.to_owned(),
            steps: Vec::new(),
            stays: Vec::new(),
        }
    }

    /// One thing more.
    pub fn add(&mut self, action: Doing, target: impl Into<String>, detail: impl Into<String>) {
        self.steps.push(DryStep { action, target: target.into(), detail: detail.into() });
    }
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of stack `{}` in {}:", self.verb, self.stack, self.region)?;
        for DryStep { action, target, detail } in &self.steps {
            let detail = if detail.is_empty() { String::new() } else { format!("  ({detail})") };
            writeln!(f, "  {:9} {target}{detail}", action.word())?;
        }
        if self.steps.is_empty() {
            writeln!(f, "  nothing")?;
        }
        for stays in &self.stays {
            writeln!(f, "  stays:    {stays}")?;
        }
        Ok(())
    }
}

/// How the resources of a template differ from those of another, by name: created, updated, deleted.
pub fn difference(before: &Value, after: &Value) -> Vec<DryStep> {
    let none = Map::new();
    let of = |template: &'_ Value| template["Resources"].as_object().cloned().unwrap_or_else(|| none.clone());
    let (before, after) = (of(before), of(after));
    let mut steps = Vec::new();
    let mut add = |action, name: &str, resource: &Value| {
        let detail = resource["Type"].as_str().unwrap_or_default().to_owned();
        steps.push(DryStep { action, target: name.to_owned(), detail });
    };
    for (name, resource) in &after {
        match before.get(name) {
            None => add(Doing::Create, name, resource),
            Some(there) if there != resource => add(Doing::Update, name, resource),
            Some(_) => {}
        }
    }
    for (name, resource) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        add(Doing::Delete, name, resource);
    }
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_are_compared_by_resource() {
        let queue =
            |timeout: u32| json!({"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": timeout}});
        let before = json!({"Resources": {"A": queue(1), "B": queue(1), "C": queue(1)}});
        let after = json!({"Resources": {"A": queue(1), "B": queue(2), "D": queue(1)}});
        let told: Vec<_> =
            difference(&before, &after).into_iter().map(|step| (step.action, step.target)).collect();
        let step = |action, name: &str| (action, name.to_owned());
        assert_eq!(told, [step(Doing::Update, "B"), step(Doing::Create, "D"), step(Doing::Delete, "C")]);
        assert_eq!(difference(&before, &before), []);
        assert_eq!(difference(&Value::Null, &before).len(), 3);
    }

    #[test]
    fn a_plan_reads_well() {
        let mut plan = DryRun::new("deploy", "millstream", "eu-central-1");
        plan.add(Doing::Create, "Bucket", "AWS::S3::Bucket");
        plan.stays.push("models".to_owned());
        let text = plan.to_string();
        assert_eq!(
            text,
            "deploy of stack `millstream` in eu-central-1:\n  create    Bucket  (AWS::S3::Bucket)\n  stays:    models\n"
        );
        assert_eq!(serde_json::to_value(&plan).unwrap()["steps"][0]["action"], "create");
    }
}
