//! A function with its examples.

use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::model::Loaded;
use millstream_sdk::testing::Host;
use millstream_sdk::{Failure, Job, Manifest, Summary};
use serde_json::{Map, Value, json};

/// What a function makes of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learns {
    /// Classes of a target.
    Classes,
    /// Two classes of a target, not more.
    Two,
    /// Numbers of a target.
    Numbers,
    /// There is no target.
    Rows,
    /// Numbers of a target at the times of another column.
    Series,
}

/// What an example takes in, by the names of the channels.
#[derive(Clone, Debug)]
pub enum Input {
    /// The table.
    Table(String),
    /// The table as a CSV file.
    Csv(String),
    /// A file of the repository, which another tool wrote.
    File(String, &'static str),
    /// A model that was trained on the table, and the table.
    Model {
        /// The model's channel.
        model: String,
        /// The table's channel.
        table: String,
    },
}

/// Parameters with which a function works on a small table.
#[derive(Clone, Debug)]
pub struct Example {
    /// What is learnt.
    pub learns: Learns,
    /// What is taken in.
    pub input: Input,
    /// Whether the parameters name no column, so that they go with any table.
    pub any_table: bool,
    /// Whether columns to learn from are added to the parameters.
    pub trains: bool,
    /// The parameters, but for the columns that [`Example::on_table`] adds.
    pub with: Value,
}

/// A function.
#[derive(Clone)]
pub struct Function {
    /// As in the manifest.
    pub name: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Takes features with missing values as they are.
    pub takes_missing: bool,
    /// Leaves out what is small beside its penalty or its tube: a tiny target is predicted by its mean.
    pub shrinks: bool,
    /// An algorithm, not a stage.
    pub trains: bool,
    /// At least one.
    pub examples: Vec<Example>,
    /// Its model, if it has one.
    pub model: Option<Model>,
    run: fn(&Host, &str) -> Result<Summary, Failure>,
}

/// Makes a model that answers from its state, or says what is wrong with the state.
pub type Load = fn(&[u8]) -> Result<Box<dyn Answers>, Failure>;

/// How the state of a function's model is loaded.
#[derive(Clone, Copy)]
pub struct Model {
    /// The version of the state's format.
    pub format: u16,
    /// Makes the model of a state.
    pub load: Load,
}

/// A model, loaded.
pub trait Answers {
    /// What it says of itself, as JSON.
    fn describe(&self) -> String;

    /// A row for each row.
    ///
    /// # Errors
    /// The rows are not those that it takes.
    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure>;
}

impl<M: millstream_sdk::Model> Answers for Loaded<M> {
    fn describe(&self) -> String {
        Self::describe(self)
    }

    fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.predict_batch(rows)
    }
}

impl Function {
    /// An algorithm without examples.
    pub(crate) fn algorithm<J: Job>() -> Self {
        Self { trains: true, ..Self::stage::<J>() }
    }

    /// A stage without examples.
    pub(crate) fn stage<J: Job>() -> Self {
        let manifest = J::manifest();
        Self {
            name: manifest.name.clone(),
            manifest,
            takes_missing: false,
            shrinks: false,
            trains: false,
            examples: Vec::new(),
            model: None,
            run: |host, parameters| host.run::<J>(parameters),
        }
    }

    pub(crate) fn model<M: millstream_sdk::Model>(self) -> Self {
        let load: Load = |state| Ok(Box::new(Loaded::<M>::load(state)?));
        Self { model: Some(Model { format: M::FORMAT, load }), ..self }
    }

    pub(crate) fn takes_missing(self) -> Self {
        Self { takes_missing: true, ..self }
    }

    pub(crate) fn shrinks(self) -> Self {
        Self { shrinks: true, ..self }
    }

    /// Parameters that go with any table of that kind.
    pub(crate) fn example(self, learns: Learns, with: Value) -> Self {
        let input = Input::Table(self.channel());
        let trains = self.trains;
        self.and(Example { learns, input, any_table: true, trains, with })
    }

    /// Parameters that reach another kernel, or another shape of the model's state. They may name columns of the table.
    pub(crate) fn variant(self, learns: Learns, with: Value) -> Self {
        let input = Input::Table(self.channel());
        let trains = self.trains;
        self.and(Example { learns, input, any_table: false, trains, with })
    }

    /// A file of the repository, by the first channel of files.
    pub(crate) fn foreign(self, file: &'static str) -> Self {
        let input = Input::File("model".into(), file);
        self.and(Example { learns: Learns::Rows, input, any_table: false, trains: false, with: json!({}) })
    }

    pub(crate) fn and(mut self, example: Example) -> Self {
        self.examples.push(example);
        self
    }

    /// The channel that comes first, of the table to learn from.
    ///
    /// # Panics
    /// The function takes nothing in.
    pub fn channel(&self) -> String {
        self.manifest.channels.first().expect("a function takes something in").name.clone()
    }

    /// Whether there is such a parameter.
    pub fn has(&self, parameter: &str) -> bool {
        self.manifest.parameters["properties"].get(parameter).is_some()
    }

    /// Runs the job natively.
    ///
    /// # Errors
    /// As the function says.
    pub fn run(&self, host: &Host, parameters: &Value) -> Result<Summary, Failure> {
        (self.run)(host, &parameters.to_string())
    }
}

impl Example {
    /// All parameters for the catalogue's table: columns where the example names none.
    pub fn on_table(&self) -> Value {
        if !self.trains {
            return self.with.clone();
        }
        let features = json!(["a", "b", "c", "d", "e"]);
        let columns = match self.learns {
            Learns::Classes => json!({ "features": features, "target": "label" }),
            Learns::Two => json!({ "features": features, "target": "flag" }),
            Learns::Numbers => json!({ "features": features, "target": "value" }),
            Learns::Rows => json!({ "features": features }),
            Learns::Series => json!({ "target": "value", "time": "month", "horizon": 3 }),
        };
        merged(&columns, &self.with)
    }

    /// The same for another table, whose target is `y` and whose times, if it has such, are in `t`.
    pub fn on_any_table(&self, more: &Value) -> Value {
        let columns = match self.learns {
            Learns::Rows => json!({}),
            Learns::Series => json!({ "target": "y", "time": "t", "horizon": 3 }),
            _ => json!({ "target": "y" }),
        };
        merged(&merged(&columns, &self.with), more)
    }

    /// Whether the columns that it names hold sparse rows, which no CSV file has.
    pub fn is_sparse(&self) -> bool {
        self.with["features"].as_array().is_some_and(|names| names.iter().any(|name| name == "pairs"))
    }
}

/// Both objects; the second one wins.
fn merged(first: &Value, second: &Value) -> Value {
    let entries = [first, second].into_iter().filter_map(Value::as_object).flatten();
    entries.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>().into()
}
