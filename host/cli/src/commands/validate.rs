//! `millstream validate`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use millstream_plan::compile;
use serde_json::{Value, json};

use super::{End, print_json, run};
use crate::{
    cli::HomeArgs,
    display::{foreign, text},
    place::Place,
};

pub fn validate(home: &HomeArgs, files: &[PathBuf], as_json: bool) -> anyhow::Result<End> {
    let place = Place::open(home, None)?;
    let mut end = End::Done;
    let mut documents = Vec::new();
    for file in files {
        let text = run::read(file)?;
        place.prepare(&text)?;
        let name = file.to_string_lossy();
        match compile::check(&name, &text, place.functions.as_ref()) {
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
