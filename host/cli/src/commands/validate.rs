//! `millstream validate`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

#[cfg(feature = "aws")]
use millstream_core::layout;
use millstream_core::pools::Pools;
use millstream_plan::compile;
#[cfg(feature = "aws")]
use millstream_store::ErrorKind;
use serde_json::{Value, json};

use super::{End, print_json, run};
#[cfg(feature = "aws")]
use crate::place::open_home;
use crate::{
    cli::HomeArgs,
    display::{foreign, text},
    place::Place,
    profile,
};

pub fn validate(home: &HomeArgs, files: &[PathBuf], as_json: bool) -> anyhow::Result<End> {
    let pools = home.on.as_deref().map(|on| pools_of(home, on)).transpose()?;
    let place = match profile_is_missing(home)? {
        // It can be checked before there is a stack.
        true => Place::open(&HomeArgs { on: None, ..home.clone() }, None)?,
        false => Place::open(home, None)?,
    };
    let mut end = End::Done;
    let mut documents = Vec::new();
    for file in files {
        let text = run::read(file)?;
        place.prepare(&text)?;
        let name = file.to_string_lossy();
        let checked = compile::check(&name, &text, place.functions.as_ref()).and_then(|checked| {
            let unfit = pools
                .as_ref()
                .map(|pools| millstream_plan::lambda::unfit(&checked, pools))
                .unwrap_or_default();
            if unfit.is_empty() { Ok(checked) } else { Err(checked.refused(unfit)) }
        });
        match checked {
            Ok(_) if as_json => documents.push(json!({"file": name, "valid": true, "diagnostics": []})),
            Ok(checked) => {
                let steps = text::count(checked.workflow.steps.len() as u64, "step");
                writeln!(io::stdout(), "{}: valid, {steps}", foreign::line(&name))?;
            }
            Err(diagnostics) => {
                end = End::Usage;
                if as_json {
                    let all: Vec<Value> = diagnostics
                        .all
                        .iter()
                        .map(|one| {
                            let (line, column) = diagnostics.place(one.span.start);
                            json!({"code": one.code, "line": line, "column": column, "message": one.message, "help": one.help})
                        })
                        .collect();
                    documents.push(json!({"file": name, "valid": false, "diagnostics": all}));
                } else {
                    write!(io::stderr(), "{}", foreign::lines(&diagnostics.to_string()))?;
                }
            }
        }
    }
    if as_json {
        print_json(&documents)?;
    }
    Ok(end)
}

/// Whether `--on aws` was said where no stack has been deployed from.
fn profile_is_missing(home: &HomeArgs) -> anyhow::Result<bool> {
    Ok(home.on.as_deref() == Some(AWS) && !profile::is_there(AWS)?)
}

/// The profile that `millstream aws deploy` writes.
const AWS: &str = "aws";

/// The pools of the home of a profile; of `aws`, before there is one, those that a stack gets.
#[cfg(feature = "aws")]
pub fn pools_of(home: &HomeArgs, on: &str) -> anyhow::Result<Pools> {
    let carried = || Ok(millstream_aws_stack::pools(&super::aws::settings(None)?));
    if profile_is_missing(home)? {
        return carried();
    }
    let opened = open_home(home)?;
    match opened.store().get(layout::POOLS) {
        Ok(record) => Pools::from_json(&record.bytes)
            .map_err(|why| anyhow::anyhow!("{} of {on} is damaged: {why}", layout::POOLS)),
        Err(error) if error.kind() == ErrorKind::NotFound => carried(),
        Err(error) => Err(error.into()),
    }
}

/// Without AWS in this binary, nothing is known of it.
#[cfg(not(feature = "aws"))]
pub fn pools_of(_: &HomeArgs, _: &str) -> anyhow::Result<Pools> {
    Err(super::not_built())
}
