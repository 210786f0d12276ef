//! `millstream models`

use std::collections::BTreeMap;

use console::style;
use millstream_control::Control;
use millstream_core::nearest;
use millstream_deployment::names::{Pick, Reference};
use millstream_registry::{ApprovalStatus, ModelVersion, Models, compare as side_by_side};
use millstream_worker::{Home, Records};
use serde_json::{Value, json};

use super::{End, Usage, author, print, print_json, user};
use crate::{
    cli::{HomeArgs, ModelsArgs, ModelsVerb},
    display::{foreign, text},
    place::open_home,
};

/// How many metrics a row shows.
const METRICS: usize = 6;

pub fn models(home: &HomeArgs, args: &ModelsArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let (models, control) = (Models::new(home.store().as_ref()), Control::new(&home));
    match (&args.verb, &args.name, args.compare.as_slice()) {
        (Some(ModelsVerb::Approve { name, version }), ..) => {
            decide(&control, name, *version, ApprovalStatus::Approved)?;
        }
        (Some(ModelsVerb::Reject { name, version }), ..) => {
            decide(&control, name, *version, ApprovalStatus::Rejected)?;
        }
        (Some(ModelsVerb::Alias { name, alias, version, expect, remove }), ..) => match version {
            Some(version) if !remove => point(&control, name, alias, *version, *expect)?,
            _ => {
                control.remove_model_alias(name, alias)?;
                tell!("{name}@{alias}: removed");
            }
        },
        (Some(ModelsVerb::Rm { version }), ..) => {
            let (model, number) = numbered(version, "rm")?;
            let who = user();
            control.remove_version(&model, number, &author(&home, &who))?;
            tell!("{model}@{number}: removed");
        }
        (Some(ModelsVerb::Restore { version }), ..) => {
            let (model, number) = numbered(version, "restore")?;
            control.restore_version(&model, number)?;
            tell!("{model}@{number}: is there");
        }
        (Some(ModelsVerb::Import(_)), ..) => unreachable!("it runs functions: see `import`"),
        (None, Some(name), [a, b]) => compare(&models, name, *a, *b, args.output.json)?,
        (None, Some(name), _) => one(&home, &models, name, args.output.json)?,
        (None, None, _) => return all(&home, &models, args.output.json),
    }
    Ok(End::Done)
}

/// A version by its number, for a verb that takes no other.
fn numbered(version: &str, verb: &str) -> Result<(String, u32), Usage> {
    match Reference::parse(version).map_err(Usage)? {
        Reference { model, pick: Pick::Version(number) } => Ok((model, number)),
        _ => Err(Usage(format!("say which version: `millstream models {verb} {version}@VERSION`"))),
    }
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
            "No model is registered in {} yet; a step with `uses: register` or `millstream models import FILE` does that",
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

fn compare(models: &Models<'_>, name: &str, a: u32, b: u32, as_json: bool) -> anyhow::Result<()> {
    let (a, b) = (models.version(name, a)?, models.version(name, b)?);
    let differences = side_by_side(&a, &b);
    if as_json {
        return print_json(&json!({"name": name, "a": a, "b": b, "differences": differences}));
    }
    let mut rows =
        vec![vec![String::new(), format!("version {}", a.version), format!("version {}", b.version)]];
    for row in differences.iter().filter(|row| !(row.a.is_null() && row.b.is_null())) {
        let change = row.change.map(|change| format!("{change:+.4}")).unwrap_or_default();
        let title = foreign::line(row.what.strip_prefix("metrics.").unwrap_or(&row.what)).into_owned();
        rows.push(vec![title, cell(&row.what, &row.a), cell(&row.what, &row.b), change]);
    }
    print(&text::table(&rows))
}

/// A cell of a comparison.
fn cell(what: &str, value: &Value) -> String {
    match (what, value) {
        (_, Value::Null) => String::new(),
        ("created", value) => text::moment(value.as_u64().unwrap_or(0)),
        ("bytes", value) => text::bytes(value.as_u64().unwrap_or(0)),
        ("approval", value) => serde_json::from_value(value.clone()).map(approval).unwrap_or_default(),
        ("stages", Value::Array(all)) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" → "),
        (_, Value::Array(all)) => {
            let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            foreign::line(&nearest::list(&all)).into_owned()
        }
        (_, Value::String(text)) => foreign::line(text).into_owned(),
        (_, value) => shown(Some(value)),
    }
}

fn decide(control: &Control<'_>, name: &str, version: u32, status: ApprovalStatus) -> anyhow::Result<()> {
    let decided = control.decide_version(name, version, status)?;
    tell!("{name} version {version}: {}", approval(decided.approval_status));
    Ok(())
}

fn point(
    control: &Control<'_>,
    name: &str,
    alias: &str,
    version: u32,
    expect: Option<u32>,
) -> anyhow::Result<()> {
    match control.point_model_alias(name, alias, version, expect)? {
        Some(was) if was == version => tell!("{name}@{alias}: is version {version} already"),
        Some(was) => tell!("{name}@{alias}: version {was} → {version}"),
        None => tell!("{name}@{alias}: version {version}"),
    }
    Ok(())
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
    let mut sorted: Vec<_> = version.metrics.iter().collect();
    sorted.sort_by_key(|(name, _)| ranks.get(*name).copied().unwrap_or(usize::MAX));
    let all: Vec<String> = sorted
        .into_iter()
        .take(METRICS)
        .map(|(name, value)| format!("{} {}", foreign::line(name), shown(Some(value))))
        .collect();
    let more = version.metrics.len().saturating_sub(METRICS);
    all.join("  ") + &if more > 0 { format!("  (+{more})") } else { String::new() }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(String::new, |value| value.as_f64().map_or_else(|| value.to_string(), text::figure))
}
