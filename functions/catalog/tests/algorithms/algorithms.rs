//! Every algorithm of the catalogue: how it is trained natively, and how what it has learnt is asked.

use millstream_catalog::{Answers, Example, Function, algorithms};
use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::arrow_array::cast::AsArray;
use millstream_sdk::arrow_array::types::Float64Type;
use millstream_sdk::{Failure, Summary, testing::Host};
use serde_json::Value;

pub use millstream_catalog::Learns;

/// A function with an example that goes with any table.
pub struct Algorithm {
    pub name: String,
    pub learns: Learns,
    /// Takes missing values as they are.
    pub takes_missing: bool,
    /// Leaves out what is small beside its penalty or its tube.
    pub shrinks: bool,
    /// The schema of its parameters.
    pub parameters: Value,
    function: Function,
    example: Example,
}

/// What came of a training.
pub struct Trained {
    pub summary: Summary,
    /// Nothing if the function writes no model.
    pub model: Option<Box<dyn Answers>>,
    pub host: Host,
}

impl Algorithm {
    /// Whether there is such a parameter.
    pub fn has(&self, parameter: &str) -> bool {
        self.function.has(parameter)
    }

    /// Trains on a table; `more` are parameters beside its own, which win.
    pub fn train(&self, table: &RecordBatch, more: &Value) -> Result<Trained, Failure> {
        let host = Host::new().rows(&self.channel(), table).seed(7);
        let summary = self.function.run(&host, &self.example.on_any_table(more))?;
        // A model of series is asked about times ahead, in its function's own tests.
        let model = self.function.model.filter(|_| self.learns != Learns::Series);
        let model = model.map(|model| (model.load)(&host.output("model"))).transpose()?;
        Ok(Trained { summary, model, host })
    }

    /// Trains on what a host has.
    pub fn run(&self, host: &Host) -> Result<Summary, Failure> {
        self.function.run(host, &self.example.on_any_table(&Value::Null))
    }

    /// Whether there is such a channel.
    pub fn has_channel(&self, name: &str) -> bool {
        self.function.manifest.channels.iter().any(|channel| channel.name == name)
    }

    /// The channel of the table.
    pub fn channel(&self) -> String {
        self.function.channel()
    }
}

impl Trained {
    /// What is wrong with what was learnt: figures, and answers to these rows, must be finite.
    pub fn unsound(&self, rows: &RecordBatch) -> Option<String> {
        if let Some((name, value)) = self.summary.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Some(format!("the metric {name} is {value}"));
        }
        if let Some(model) = &self.model {
            return match model.predict(rows) {
                Ok(answer) if answer.num_rows() != rows.num_rows() => {
                    Some(format!("{} answers to {} rows", answer.num_rows(), rows.num_rows()))
                }
                Ok(answer) => not_finite(&answer),
                Err(failure) => Some(format!("its own rows are refused: {failure}")),
            };
        }
        ["table", "forecasts"]
            .iter()
            .find(|output| self.host.wrote(output))
            .and_then(|output| not_finite(&self.host.table(output)))
    }
}

/// The first column of a table that holds a number that is none.
pub fn not_finite(table: &RecordBatch) -> Option<String> {
    let schema = table.schema();
    schema.fields().iter().zip(table.columns()).find_map(|(field, column)| {
        let numbers = column.as_primitive_opt::<Float64Type>()?;
        let bad = numbers.iter().position(|value| value.is_none_or(|value| !value.is_finite()))?;
        Some(format!("row {} of {} is {:?}", bad + 1, field.name(), numbers.value(bad)))
    })
}

/// All of them, small; with `MILLSTREAM_ALGORITHM` that one alone.
pub fn all() -> Vec<Algorithm> {
    let mut all = Vec::new();
    let only = std::env::var("MILLSTREAM_ALGORITHM").ok();
    for function in algorithms() {
        if only.as_ref().is_some_and(|only| *only != function.name) {
            continue;
        }
        for example in function.examples.iter().filter(|example| example.any_table) {
            all.push(Algorithm {
                name: function.name.clone(),
                learns: example.learns,
                takes_missing: function.takes_missing,
                shrinks: function.shrinks,
                parameters: function.manifest.parameters.clone(),
                function: function.clone(),
                example: example.clone(),
            });
        }
    }
    assert!(!all.is_empty(), "the catalogue has no algorithm `{}`", only.unwrap_or_default());
    all
}
