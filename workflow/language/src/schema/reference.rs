//! The references in Markdown: of the workflow language, and of the functions.

use std::fmt::Write as _;

use millstream_core::manifest::{Direction, Manifest};
use serde_json::Value;

use super::{default, manifests, takes, workflow};
use crate::{Functions, expr::Function};

/// Definitions of the schema that are worth a section, in the order in which one meets them.
const SECTIONS: [&str; 19] = [
    "Param",
    "Step",
    "Matrix",
    "Tune",
    "SearchRange",
    "SearchValues",
    "ResourceRange",
    "CrossValidate",
    "Limits",
    "Retry",
    "On",
    "OnObject",
    "SizeRange",
    "OnSchedule",
    "OnHttp",
    "OnQueue",
    "OnCompleted",
    "OnAlarm",
    "Concurrency",
];

/// The keys of a workflow with what they mean, the functions of `${{ }}`, and what steps may use.
pub fn workflow_markdown(functions: &dyn Functions) -> String {
    let schema = workflow(functions);
    let mut text = String::from(
        "# Workflow reference\n\nMade by `millstream schema --reference workflow`; don't edit it.\n\n## Workflow\n\n",
    );
    keys(&mut text, &schema, &schema);
    for name in SECTIONS {
        let definition = &schema["$defs"][name];
        let _ = writeln!(text, "## {name}\n\n{}\n", definition["description"].as_str().unwrap_or_default());
        keys(&mut text, &schema, definition);
    }
    text.push_str(
        "## Expressions\n\n\
         Inside `${{ }}`: numbers, `'text'`, `true`, `false`, `null`; `==` `!=` `<` `<=` `>` `>=` `&&` `||` `!` `+` `-` `*` `/`; \
         `x.name`, `x[0]`; calls; and the names `params.NAME`, `steps.STEP.outputs.OUTPUT`, `steps.STEP.metrics.METRIC`, \
         `matrix.NAME`, `item`, `run.id`, `event` (what started the run; null if a person did: [triggers](triggers.md)). All are checked, with their types, before anything runs.\n\n\
         Whole numbers go from -2^63 to 2^64-1 and keep all their digits; what would leave that range is an error. `6` and `6.0` are \
         one value, for a parameter, a matrix and a task's key.\n\n\
         ### Results of a matrix\n\n\
         What `steps.STEP` means depends on the matrix of the step that refers to it:\n\n\
         | the step that refers has | it gets |\n|---|---|\n\
         | all keys of STEP's matrix | the result of the combination with the same values |\n\
         | some of them | the list of the results of the combinations that agree |\n\
         | none of them, or no matrix | the list of all results |\n\n\
         `steps.train[algorithm='ridge', fold=2].outputs.model` sets keys by hand, with any expression; keys that are not named are \
         aligned as before, and `fold=*` leaves one open. A combination that is not there is refused before anything runs. A place, \
         `[0]`, does not do for a matrix of two or more keys; one that `argmin()` or `argmax()` found among the metrics of the same \
         tasks does: `steps.train.outputs.model[argmin(steps.evaluate.metrics.rmse)]`.\n\n\
         An `if` that speaks of `matrix`, or of a step whose keys are aligned, is decided for each combination by itself. What needs a \
         combination that was skipped is skipped as well; `argmin()`, `argmax()` and the other functions of lists pass over it.\n\n\
         `mean(steps.evaluate.metrics.auc)` is one number of all combinations, \
         `mean(group(steps.evaluate.metrics.auc, 'algorithm'))` one for each algorithm: `[...]` picks one, and \
         `steps.train[algorithm=argmax(mean(group(steps.evaluate.metrics.auc, 'algorithm')))].outputs.model` is of the algorithm \
         that is best on average. What functions of lists do with one list, they do with each of several groups.\n\n\
         ### Functions\n\n\
         | function | |\n|---|---|\n",
    );
    for function in Function::ALL {
        let _ = writeln!(text, "| `{}` | {} |", function.usage(), cell(function.about()));
    }
    text.push_str("\n## Uses\n\nParameters, inputs and outputs are in the [function reference](functions.md).\n\n| function | does |\n|---|---|\n");
    for manifest in manifests(functions) {
        let (name, about) = (&manifest.name, cell(&manifest.summary));
        let _ = writeln!(text, "| [`{name}`](functions.md#{name}) | {about} |");
    }
    text
}

/// What each function takes, gives and measures.
pub fn functions_markdown(functions: &dyn Functions) -> String {
    let mut text = String::from(
        "# Function reference\n\nMade by `millstream schema --reference functions`; don't edit it. `millstream functions describe NAME` \
         shows the same.\n",
    );
    for manifest in manifests(functions) {
        function(&mut text, manifest);
    }
    text
}

fn function(text: &mut String, manifest: &Manifest) {
    let _ = write!(text, "\n## {}\n\n{}\n", manifest.name, manifest.summary.trim());
    if !manifest.description.is_empty() {
        // A description's own headings and tables stand below this function's.
        let _ = write!(text, "\n{}\n", manifest.description.trim().replace("\n# ", "\n### "));
    }
    let mut table = |titles: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            let columns = "---|".repeat(titles.matches('|').count() - 1);
            let _ = write!(text, "\n{titles}\n|{columns}\n{}\n", rows.join("\n"));
        }
    };
    let kind = |kind: millstream_core::manifest::Kind| format!("{kind:?}").to_lowercase();
    let need = |required| if required { ", required" } else { "" };
    let channels = manifest.channels.iter().map(|channel| {
        let (kind, need) = (kind(channel.kind), need(channel.required));
        format!("| `{}` | {kind}{need} | {} |", channel.name, cell(&channel.explained()))
    });
    table("| input | type | |", channels.collect());
    table("| parameter | takes | default | |", parameters(&manifest.parameters));
    let outputs = manifest.outputs.iter().map(|output| {
        format!("| `{}` | {} | {} |", output.name, kind(output.kind), cell(&output.description))
    });
    table("| output | type | |", outputs.collect());
    let metrics = manifest.metrics.iter().map(|metric| {
        let better = match metric.direction {
            Direction::Maximize => "more",
            Direction::Minimize => "less",
            Direction::Neither => "",
        };
        format!("| `{}` | {better} | {} |", metric.name, cell(&metric.description))
    });
    table("| metric | better | |", metrics.collect());
}

fn parameters(schema: &Value) -> Vec<String> {
    let required = required(schema);
    let row = |(name, property): (&String, &Value)| {
        let default = match default(property) {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            default if default.is_empty() => default,
            default => format!("`{default}`"),
        };
        let about = cell(property["description"].as_str().unwrap_or_default());
        format!("| `{name}` | {} | {default} | {about} |", cell(&takes(property, schema)))
    };
    schema["properties"].as_object().into_iter().flatten().map(row).collect()
}

fn keys(text: &mut String, root: &Value, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let required = required(schema);
    text.push_str("| key | takes | |\n|---|---|---|\n");
    for (name, property) in properties {
        let needed = if required.contains(&name.as_str()) { " Required." } else { "" };
        let about = cell(property["description"].as_str().unwrap_or_default());
        let takes = match (name.as_str(), takes(property, root)) {
            // All their names are in a section of their own.
            ("uses", _) => "a name below".to_owned(),
            (_, takes) if takes.is_empty() => "any".to_owned(),
            (_, takes) => cell(&takes),
        };
        let _ = writeln!(text, "| `{name}` | {takes} | {about}{needed} |");
    }
    text.push('\n');
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// One line, for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
