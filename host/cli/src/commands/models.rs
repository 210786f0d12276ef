//! `millstream models`

use std::path::Path;

use console::style;
use millstream_store::ErrorKind;
use millstream_worker::{
    Home,
    models::{ApprovalStatus, ModelVersion, Models},
};
use millstream_workflow::nearest;
use serde_json::{Value, json};

use super::{End, Usage, print, print_json};
use crate::{
    cli::{ModelsArgs, ModelsVerb},
    display::text,
    place::open_home,
};

/// How many metrics a row shows.
const METRICS: usize = 4;

pub fn models(home: &Path, args: &ModelsArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let models = Models::new(home.store().as_ref());
    match (&args.verb, &args.name, args.compare.as_slice()) {
        (Some(ModelsVerb::Approve { name, version }), ..) => {
            decide(&models, name, *version, ApprovalStatus::Approved)?;
        }
        (Some(ModelsVerb::Reject { name, version }), ..) => {
            decide(&models, name, *version, ApprovalStatus::Rejected)?;
        }
        (Some(ModelsVerb::Import(_)), ..) => unreachable!("it runs functions: see `import`"),
        (None, Some(name), [a, b]) => compare(&models, name, *a, *b, args.output.json)?,
        (None, Some(name), _) => one(&models, name, args.output.json)?,
        (None, None, _) => all(&home, &models, args.output.json)?,
    }
    Ok(End::Done)
}

fn all(home: &Home, models: &Models<'_>, as_json: bool) -> anyhow::Result<()> {
    let mut rows = vec![["MODEL", "VERSIONS", "NEWEST", "APPROVAL", "METRICS"].map(str::to_owned).to_vec()];
    let mut documents: Vec<Value> = Vec::new();
    for name in models.names()? {
        let versions = models.versions(&name)?;
        let Some(newest) = versions.last() else { continue };
        documents.push(json!({"name": name, "versions": versions.len(), "newest": newest}));
        rows.push(vec![
            name,
            versions.len().to_string(),
            text::moment(newest.created),
            approval(newest.approval_status),
            metrics(newest),
        ]);
    }
    if as_json {
        return print_json(&documents);
    }
    if documents.is_empty() {
        eprintln!(
            "No model is registered in {} yet; a step with `uses: register` or `millstream models import FILE` does that",
            home.folder().display()
        );
        return Ok(());
    }
    print(&text::table(&rows))
}

/// All versions of a model.
fn versions(models: &Models<'_>, name: &str) -> anyhow::Result<Vec<ModelVersion>> {
    let versions = models.versions(name)?;
    if versions.is_empty() {
        let names = models.names()?;
        let help = nearest::or_all(name, names.iter().map(String::as_str), "models");
        return Err(Usage(format!("there is no model `{name}`; {help}")).into());
    }
    Ok(versions)
}

fn one(models: &Models<'_>, name: &str, as_json: bool) -> anyhow::Result<()> {
    let versions = versions(models, name)?;
    let aliases = models.aliases(name)?;
    if as_json {
        let aliases: Value =
            aliases.into_iter().map(|(alias, version)| (alias, Value::from(version))).collect();
        return print_json(&json!({"name": name, "versions": versions, "aliases": aliases}));
    }
    let titles = ["VERSION", "CREATED", "APPROVAL", "ALIASES", "STAGES", "METRICS", "RUN"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for version in versions.iter().rev() {
        let own = aliases.iter().filter(|(_, at)| *at == version.version).map(|(alias, _)| alias.as_str());
        let stages: Vec<&str> = version.pipeline.stages.iter().map(|stage| stage.name.as_str()).collect();
        rows.push(vec![
            version.version.to_string(),
            text::moment(version.created),
            approval(version.approval_status),
            own.collect::<Vec<_>>().join(", "),
            stages.join(" → "),
            metrics(version),
            version.origin.run.clone(),
        ]);
    }
    print(&text::table(&rows))
}

fn compare(models: &Models<'_>, name: &str, a: u32, b: u32, as_json: bool) -> anyhow::Result<()> {
    let versions = versions(models, name)?;
    let pick = |number: u32| {
        versions.iter().find(|version| version.version == number).ok_or_else(|| {
            let last = versions.last().map_or(0, |version| version.version);
            Usage(format!("model `{name}` has no version {number}; its versions are 1 to {last}"))
        })
    };
    let (a, b) = (pick(a)?, pick(b)?);
    if as_json {
        return print_json(&json!([a, b]));
    }
    let mut rows =
        vec![vec![String::new(), format!("version {}", a.version), format!("version {}", b.version)]];
    let mut row =
        |title: &str, of: &dyn Fn(&ModelVersion) -> String| rows.push(vec![title.to_owned(), of(a), of(b)]);
    row("created", &|version| text::moment(version.created));
    row("approval", &|version| approval(version.approval_status));
    row("stages", &|version| {
        version.pipeline.stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>().join(" → ")
    });
    row("run", &|version| version.origin.run.clone());
    let mut names: Vec<&String> = a.metrics.keys().chain(b.metrics.keys()).collect();
    names.sort();
    names.dedup();
    for metric in names {
        let figure = |version: &ModelVersion| version.metrics.get(metric).and_then(Value::as_f64);
        let change = figure(a).zip(figure(b)).map(|(a, b)| format!("{:+.4}", b - a)).unwrap_or_default();
        rows.push(vec![metric.clone(), shown(a.metrics.get(metric)), shown(b.metrics.get(metric)), change]);
    }
    print(&text::table(&rows))
}

fn decide(models: &Models<'_>, name: &str, version: u32, status: ApprovalStatus) -> anyhow::Result<()> {
    match models.decide(name, version, status) {
        Ok(decided) => {
            eprintln!("{name} version {version}: {}", approval(decided.approval_status));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let last = versions(models, name)?.last().map_or(0, |version| version.version);
            Err(Usage(format!("model `{name}` has no version {version}; its versions are 1 to {last}"))
                .into())
        }
        Err(error) => Err(error.into()),
    }
}

fn approval(status: ApprovalStatus) -> String {
    match status {
        ApprovalStatus::PendingManualApproval => style("pending").yellow(),
        ApprovalStatus::Approved => style("approved").green(),
        ApprovalStatus::Rejected => style("rejected").red(),
    }
    .to_string()
}

fn metrics(version: &ModelVersion) -> String {
    let all: Vec<String> = version
        .metrics
        .iter()
        .take(METRICS)
        .map(|(name, value)| format!("{name} {}", shown(Some(value))))
        .collect();
    all.join("  ")
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(String::new, |value| value.as_f64().map_or_else(|| value.to_string(), text::figure))
}
