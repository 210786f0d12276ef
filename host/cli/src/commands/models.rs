//! `millstream models`

mod change;
mod compare;

use std::collections::BTreeMap;

use console::style;
use millstream_control::Control;
use millstream_core::nearest;
use millstream_registry::{ApprovalStatus, ModelVersion, Models};
use millstream_worker::{Home, Records};
use serde_json::{Value, json};

use super::{End, Usage, print, print_json};
use crate::{
    cli::{HomeArgs, ModelsArgs},
    display::{foreign, text},
    place::open_home,
};

/// How many metrics a row shows on a terminal.
const METRICS: usize = 6;

pub fn models(home: &HomeArgs, args: &ModelsArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let models = Models::new(home.store().as_ref());
    match (&args.verb, &args.name, args.compare.as_slice()) {
        (Some(verb), ..) => change::change(&home, &Control::new(&home), verb)?,
        (None, Some(name), [a, b]) => compare::compare(&models, name, *a, *b, args.output.json)?,
        (None, Some(name), _) => one(&home, &models, name, args.output.json)?,
        (None, None, _) => return all(&home, &models, args.output.json),
    }
    Ok(End::Done)
}

fn all(home: &Home, models: &Models<'_>, as_json: bool) -> anyhow::Result<End> {
    let mut end = End::Done;
    let mut rows = vec![["MODEL", "VERSIONS", "NEWEST", "APPROVAL", "METRICS"].map(str::to_owned).to_vec()];
    let mut documents: Vec<Value> = Vec::new();
    for name in models.names()? {
        let versions = match models.versions(&name) {
            Ok(versions) => versions,
            // A damaged record does not hide the other models.
            Err(error) => {
                tell!("{} model `{name}`: {error}", style("error:").for_stderr().red().bold());
                end = End::Failed;
                continue;
            }
        };
        let Some(newest) = versions.last() else { continue };
        documents.push(json!({"name": name, "versions": versions.len(), "newest": newest}));
        rows.push(vec![
            name,
            versions.len().to_string(),
            text::moment(newest.created),
            approval(newest.approval_status),
            metrics(newest, &ranks(home, newest)),
        ]);
    }
    if as_json {
        print_json(&documents)?;
        return Ok(end);
    }
    if documents.is_empty() && end == End::Failed {
        return Ok(end);
    }
    if documents.is_empty() {
        tell!(
            "No model is registered in {} yet: use a step with `uses: register`, or `millstream models import FILE`",
            home.location()
        );
        return Ok(end);
    }
    print(&text::table(&rows))?;
    Ok(end)
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

fn one(home: &Home, models: &Models<'_>, name: &str, as_json: bool) -> anyhow::Result<()> {
    let versions = versions(models, name)?;
    let aliases = models.aliases(name)?;
    if as_json {
        let aliases: Value =
            aliases.into_iter().map(|(alias, version)| (alias, Value::from(version))).collect();
        return print_json(&json!({"name": name, "versions": versions, "aliases": aliases}));
    }
    let titles = ["VERSION", "CREATED", "APPROVAL", "ALIASES", "STAGES", "METRICS", "RUN"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    let ranks = versions.last().map(|newest| ranks(home, newest)).unwrap_or_default();
    for version in versions.iter().rev() {
        let own = aliases.iter().filter(|(_, at)| *at == version.version).map(|(alias, _)| alias.as_str());
        let stages: Vec<&str> = version.pipeline.stages.iter().map(|stage| stage.name.as_str()).collect();
        rows.push(vec![
            version.version.to_string(),
            text::moment(version.created),
            approval(version.approval_status),
            own.collect::<Vec<_>>().join(", "),
            stages.join(" → "),
            metrics(version, &ranks),
            version.origin.run.clone(),
        ]);
    }
    print(&text::table(&rows))
}

fn approval(status: ApprovalStatus) -> String {
    match status {
        ApprovalStatus::PendingManualApproval => style("pending").yellow(),
        ApprovalStatus::Approved => style("approved").green(),
        ApprovalStatus::Rejected => style("rejected").red(),
    }
    .to_string()
}

/// The order in which the functions of a version's run name their metrics: what says most comes first. Empty if the run is gone.
fn ranks(home: &Home, version: &ModelVersion) -> BTreeMap<String, usize> {
    let mut ranks = BTreeMap::new();
    let records = Records::new(home.store().clone());
    let Ok(Some(plan)) = records.plan(&version.origin.run) else { return ranks };
    for function in plan.functions.values() {
        for (i, metric) in function.manifest.metrics.iter().enumerate() {
            let rank = ranks.entry(metric.name.clone()).or_insert(i);
            *rank = i.max(*rank);
        }
    }
    ranks
}

fn metrics(version: &ModelVersion, ranks: &BTreeMap<String, usize>) -> String {
    let most = text::at_most(METRICS);
    let mut sorted: Vec<_> = version.metrics.iter().collect();
    sorted.sort_by_key(|(name, _)| ranks.get(*name).copied().unwrap_or(usize::MAX));
    let all: Vec<String> = sorted
        .into_iter()
        .take(most)
        .map(|(name, value)| format!("{} {}", foreign::line(name), shown(Some(value))))
        .collect();
    let more = version.metrics.len().saturating_sub(most);
    all.join("  ") + &if more > 0 { format!("  (+{more})") } else { String::new() }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(String::new, |value| value.as_f64().map_or_else(|| value.to_string(), text::figure))
}
