//! The verbs that change models.

use millstream_control::Control;
use millstream_deployment::names::{Pick, Reference};
use millstream_registry::ApprovalStatus;
use millstream_worker::Home;
use serde_json::json;

use super::approval;
use crate::{
    cli::{Judged, ModelsVerb, OneVersion},
    commands::{Usage, author, print_json, user},
};

pub fn change(home: &Home, control: &Control<'_>, verb: &ModelsVerb) -> anyhow::Result<()> {
    match verb {
        ModelsVerb::Approve(judged) => decide(control, judged, ApprovalStatus::Approved),
        ModelsVerb::Reject(judged) => decide(control, judged, ApprovalStatus::Rejected),
        ModelsVerb::Alias { name, alias, version: Some(version), expect, output, .. } => {
            point(control, (name, alias), *version, *expect, output.json)
        }
        ModelsVerb::Alias { name, alias, output, .. } => {
            control.remove_model_alias(name, alias)?;
            if output.json {
                return print_json(&json!({"name": name, "alias": alias, "removed": true}));
            }
            tell!("{name}@{alias}: removed");
            Ok(())
        }
        ModelsVerb::Rm(one) => {
            let (model, number) = numbered(one, "rm")?;
            let who = user();
            control.remove_version(&model, number, &author(home, &who))?;
            if one.output.json {
                return print_json(&json!({"name": model, "version": number, "removed": true}));
            }
            tell!("{model}@{number}: removed");
            Ok(())
        }
        ModelsVerb::Restore(one) => {
            let (model, number) = numbered(one, "restore")?;
            let restored = control.restore_version(&model, number)?;
            if one.output.json {
                return print_json(&restored);
            }
            tell!("{model}@{number}: restored");
            Ok(())
        }
        ModelsVerb::Import(_) => unreachable!("it runs functions: see `import`"),
    }
}

/// A version by its number, for a verb that takes no other.
fn numbered(one: &OneVersion, verb: &str) -> Result<(String, u32), Usage> {
    let written = &one.version;
    match Reference::parse(written).map_err(Usage)? {
        Reference { model, pick: Pick::Version(number) } => Ok((model, number)),
        _ => Err(Usage(format!("say which version: `millstream models {verb} {written}@VERSION`"))),
    }
}

fn decide(control: &Control<'_>, judged: &Judged, status: ApprovalStatus) -> anyhow::Result<()> {
    let decided = control.decide_version(&judged.name, judged.version, status)?;
    if judged.output.json {
        return print_json(&decided);
    }
    tell!("{} version {}: {}", judged.name, judged.version, approval(decided.approval_status));
    Ok(())
}

fn point(
    control: &Control<'_>,
    (name, alias): (&str, &str),
    version: u32,
    expect: Option<u32>,
    as_json: bool,
) -> anyhow::Result<()> {
    let was = control.point_model_alias(name, alias, version, expect)?;
    if as_json {
        return print_json(&json!({"name": name, "alias": alias, "version": version, "was": was}));
    }
    match was {
        Some(was) if was == version => tell!("{name}@{alias}: is version {version} already"),
        Some(was) => tell!("{name}@{alias}: version {was} → {version}"),
        None => tell!("{name}@{alias}: version {version}"),
    }
    Ok(())
}
