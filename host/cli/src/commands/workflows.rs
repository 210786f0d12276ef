//! `millstream workflows`

use std::path::Path;

use console::style;
use millstream_control::workflows::{self, Error, WorkflowVersion};
use millstream_worker::Home;
use serde_json::json;

use super::{End, Usage, print, print_json, run, user};
use crate::{
    cli::{HomeArgs, WorkflowsArgs, WorkflowsVerb},
    display::{foreign, text},
    place::{Place, open_home},
};

pub fn workflows(home: &HomeArgs, args: &WorkflowsArgs) -> anyhow::Result<End> {
    match &args.verb {
        WorkflowsVerb::Push { file, output } => push(home, file, output.json),
        WorkflowsVerb::List { output } => list(&open_home(home)?, output.json),
        WorkflowsVerb::Show { name, output } => {
            let found = workflows::find(&open_home(home)?, &name.name).map_err(explained)?;
            if output.json {
                print_json(&found)?;
            } else {
                print(&found.text)?;
                tell!("{}", about(&found));
            }
            Ok(End::Done)
        }
        WorkflowsVerb::Rm { name, output } => {
            let removed = workflows::remove(&open_home(home)?, &name.name).map_err(explained)?;
            let name = name.name.split('@').next().unwrap_or_default();
            if output.json {
                print_json(&json!({"name": name, "removed": removed}))?;
            } else {
                for version in removed {
                    tell!("Removed: {name}@{version}");
                }
            }
            Ok(End::Done)
        }
    }
}

fn push(home: &HomeArgs, file: &Path, as_json: bool) -> anyhow::Result<End> {
    let text = run::read(file)?;
    let place = Place::open(home, None)?;
    place.prepare(&text)?;
    let name = file.to_string_lossy();
    let pushed = match workflows::push(&place.home, place.functions.as_ref(), &name, &text, &user()) {
        Ok(pushed) => pushed,
        Err(Error::Wrong(diagnostics)) => return run::refused(&diagnostics),
        Err(error) => return Err(explained(error)),
    };
    let version = &pushed.version;
    if as_json {
        print_json(&json!({
            "name": version.name, "version": version.version, "digest": version.digest, "new": pushed.is_new,
        }))?;
        return Ok(End::Done);
    }
    print(&format!("{}\n", version.reference()))?;
    if pushed.is_new {
        tell!("Run it from any folder: `millstream run {}`", version.name);
    } else {
        tell!("Nothing was stored: {} has the same text, {}", version.reference(), about(version));
    }
    Ok(End::Done)
}

fn list(home: &Home, as_json: bool) -> anyhow::Result<End> {
    let mut end = End::Done;
    let mut found = Vec::new();
    for (name, newest) in workflows::list(home)? {
        match newest {
            Ok(newest) => found.push(newest),
            // A damaged record does not hide the other workflows.
            Err(error) => {
                let red = style("error:").for_stderr().red().bold();
                tell!("{red} workflow {name}: {error}; push it again, or remove the version");
                end = End::Failed;
            }
        }
    }
    if as_json {
        let documents = found.iter().map(|version| {
            json!({
                "name": version.name, "version": version.version, "digest": version.digest,
                "by": version.by, "at": version.at,
            })
        });
        print_json(&documents.collect::<Vec<_>>())?;
        return Ok(end);
    }
    if found.is_empty() {
        if end == End::Done {
            tell!("No workflow was pushed yet: `millstream workflows push FILE`");
        }
        return Ok(end);
    }
    let mut rows = vec![["WORKFLOW", "VERSION", "PUSHED", "BY"].map(str::to_owned).to_vec()];
    rows.extend(found.iter().map(|version| {
        vec![
            version.name.clone(),
            version.version.to_string(),
            text::moment(version.at),
            foreign::line(&version.by).into_owned(),
        ]
    }));
    print(&text::table(&rows))?;
    Ok(end)
}

/// When it was pushed, and by whom.
pub fn about(version: &WorkflowVersion) -> String {
    format!("pushed {} by {}", text::moment(version.at), foreign::line(&version.by))
}

/// What was asked for makes no sense, or could not be done.
pub fn explained(error: Error) -> anyhow::Error {
    match error {
        Error::Wrong(_) | Error::Invalid(_) | Error::NotFound(_) => Usage(error.to_string()).into(),
        Error::Store(_) => error.into(),
    }
}
