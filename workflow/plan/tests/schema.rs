//! The schema takes what the compiler takes, and refuses what a person would want underlined.

mod common;

use millstream_language::schema;
use millstream_plan::compile::check;
use serde_json::{Value, json};

#[test]
fn the_schema_agrees_with_the_compiler() {
    let catalog = common::catalog();
    let schema = schema::workflow(&catalog);
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let fine = [
        json!({"name": "a", "steps": {"x": {"uses": "noop"}}}),
        json!({"name": "a",
               "params": {"n": {"type": "integer", "default": 3}},
               "steps": {"x": {"uses": "extract", "inputs": {"source": ["a.csv", "b.csv"]}, "with": {"format": "csv"}},
                         "y": {"uses": "split", "inputs": {"table": "${{ steps.x.outputs.table }}"},
                               "with": {"train": "${{ params.n / 4 }}"}, "if": true, "needs": "x",
                               "timeout": "10m", "retry": {"max-attempts": 2}, "limits": {"memory": "1GiB"}},
                         "z": {"uses": "${{ matrix.a }}", "matrix": {"a": ["noop"], "include": [{"b": 1}]}},
                         "w": {"uses": "noop", "for-each": {"shards": 4}, "inputs": {"in": "*.csv"}}}}),
        json!({"name": "a", "on": {"schedule": "0 6 * * *", "http": {}, "queue": "orders",
                                   "workflow-completed": {"name": "b", "on": "any"},
                                   "object-created": [{"prefix": "raw/", "size": {"min": "1KiB"}}, {"suffix": ".csv"}],
                                   "alarm": {"endpoint": "b", "metric": "drift"}},
               "concurrency": {"limit": 2, "policy": "cancel-older"},
               "steps": {"x": {"uses": "noop", "with": {"x": "${{ event.id }}"}}}}),
        json!({"name": "a", "on": {"schedule": [{"cron": "0 6 * * *", "timezone": "Europe/Berlin", "missed": "skip"},
                                                {"rate": "5 minutes"}, "rate(1 hour)"]},
               "steps": {"x": {"uses": "noop"}}}),
    ];
    for workflow in fine {
        let errors: Vec<String> = validator.iter_errors(&workflow).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        check("t", &workflow.to_string(), &catalog).unwrap_or_else(|faults| panic!("{faults}"));
    }
    let step = |step: Value| json!({"name": "a", "steps": {"x": step}});
    let faulty = [
        json!({"name": "a"}),
        json!({"name": "a", "steps": {}}),
        json!({"name": "a", "stepz": {}, "steps": {"x": {"uses": "noop"}}}),
        json!({"name": "a", "on": {"webhook": {}}, "steps": {"x": {"uses": "noop"}}}),
        json!({"name": "a", "on": {"schedule": {"crn": "0 6 * * *"}}, "steps": {"x": {"uses": "noop"}}}),
        json!({"name": "a", "on": {"object-created": {"sufix": ".csv"}}, "steps": {"x": {"uses": "noop"}}}),
        json!({"name": "a", "concurrency": {"policy": "wait"}, "steps": {"x": {"uses": "noop"}}}),
        step(json!({"uses": "nope"})),
        step(json!({"uses": "extract", "inputs": {"source": "a"}, "with": {"format": "cvs"}})),
        step(json!({"uses": "extract", "inputs": {"source": "a"}, "with": {"fromat": "csv"}})),
        step(json!({"uses": "extract", "inputs": {"sauce": "a"}})),
        step(json!({"uses": "noop", "for-each": {"shards": 0}})),
        step(json!({"uses": "noop", "timeout": "soon"})),
        step(json!({"uses": "register", "inputs": {"model": "m"}, "with": {"name": "Not A Name"}})),
    ];
    for workflow in faulty {
        assert!(!validator.is_valid(&workflow), "the schema takes {workflow}");
        assert!(check("t", &workflow.to_string(), &catalog).is_err(), "the compiler takes {workflow}");
    }
}

#[test]
fn the_reference_names_every_key_of_a_step() {
    let catalog = common::catalog();
    let text = schema::reference::workflow_markdown(&catalog);
    for key in ["uses", "for-each", "max-attempts", "fold=*", "memory", "register", "argmax(list)"] {
        assert!(text.contains(&format!("`{key}`")), "{key} is missing in\n{text}");
    }
    let text = schema::reference::functions_markdown(&catalog);
    for line in
        ["## register", "| `name` | string | required |", "| `version` |  | The number of the new version. |"]
    {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
