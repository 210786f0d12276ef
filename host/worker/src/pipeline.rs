//! Lineage: which fitted stages a table's rows have been through, and the model that continues them.

use std::collections::BTreeMap;

use millstream_core::{
    artifact::{Artifact, Digest, Parts, Pipeline, Stage},
    failure::Failure,
    manifest::{Kind, Manifest},
};
use millstream_engine::Done;
use millstream_store::Artifacts;

/// Turns what a function wrote into what later steps see: states become models, tables know their stages.
///
/// # Errors
/// What the store met; a manifest that contradicts itself.
pub fn outputs(
    artifacts: &Artifacts,
    manifest: &Manifest,
    function: &Digest,
    inputs: &BTreeMap<String, Parts>,
    done: Done,
) -> Result<BTreeMap<String, Parts>, Failure> {
    let mut written = done.outputs;
    let mut results = BTreeMap::new();
    let mut own = None;
    // A function with a model of its own writes its state; one without hands on a pipeline that it was given.
    for output in
        manifest.outputs.iter().filter(|output| output.kind == Kind::Model && manifest.exports.model)
    {
        let Some(states) = written.remove(&output.name) else { continue };
        let before =
            output.follows.as_ref().map(|lineage| stages_of(inputs, &lineage.channel)).unwrap_or_default();
        let mut models = Vec::new();
        for state in states {
            let stage = Stage {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                function: *function,
                state: state.digest,
                size: state.size,
            };
            own = Some(stage.clone());
            let stages = before.iter().cloned().chain([stage]).collect();
            models.push(model(artifacts, &Pipeline { stages })?);
        }
        results.insert(output.name.clone(), Parts { parts: models, stages: Vec::new() });
    }
    for (name, parts) in written {
        let follows =
            manifest.output(&name).filter(|o| o.kind == Kind::Table).and_then(|o| o.follows.as_ref());
        let mut stages = follows.map(|lineage| stages_of(inputs, &lineage.channel)).unwrap_or_default();
        if follows.is_some_and(|lineage| lineage.through_model) {
            let promised = manifest.outputs.iter().any(|one| one.kind == Kind::Model && one.required);
            match own.clone() {
                Some(stage) => stages.push(stage),
                // Rows to predict do not go through what was done to these.
                None if !promised => {}
                None => {
                    return Err(Failure::Function {
                        message: format!(
                            "`{}` says that its output `{name}` went through its model, but it wrote no model",
                            manifest.name
                        ),
                        backtrace: None,
                    });
                }
            }
        }
        results.insert(name, Parts { parts, stages });
    }
    Ok(results)
}

fn stages_of(inputs: &BTreeMap<String, Parts>, channel: &str) -> Vec<Stage> {
    inputs.get(channel).map(|parts| parts.stages.clone()).unwrap_or_default()
}

fn model(artifacts: &Artifacts, pipeline: &Pipeline) -> Result<Artifact, Failure> {
    let bytes = serde_json::to_vec(pipeline).expect("a pipeline is JSON");
    let written = artifacts.put(&bytes).map_err(|error| Failure::Host { message: error.to_string() })?;
    Ok(Artifact {
        name: "model.json".to_owned(),
        media_type: Pipeline::MEDIA_TYPE.to_owned(),
        size: written.size,
        digest: written.digest,
    })
}
