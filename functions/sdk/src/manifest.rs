//! What a function says of itself.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// The name of the channel that stands for channels of all names that a manifest does not have.
pub const ANY: &str = "*";

/// What the bytes of a channel or output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Arrow IPC stream; several parts of one channel are one table, in order.
    Table,
    /// State of a fitted stage on the way out; a whole pipeline on the way in.
    Model,
    /// For people: HTML or JSON.
    Report,
    /// Anything else; the part's media type says what.
    File,
}

/// A named input.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// The name used under `inputs:`; [`ANY`] for all names that are left.
    pub name: String,
    /// What belongs in it.
    pub description: String,
    /// What its bytes are.
    pub kind: Kind,
    /// A step without it is refused.
    pub required: bool,
    /// The foreign models that it reads: a job with such a file and no other input writes the state of the same model.
    pub formats: Vec<Format>,
}

/// A file format in which another tool keeps its models.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// Lower-case letters, digits and hyphens, such as `xgboost-json`.
    pub name: String,
    /// What writes it, in a few words.
    pub description: String,
    /// What names of its files end with, such as `.json`.
    pub suffixes: Vec<String>,
    /// A file of this format begins with one of these; none if its beginning says nothing.
    pub beginnings: Vec<Vec<u8>>,
}

/// Where an output's rows come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Lineage {
    /// Rows of this channel, in whatever selection and order.
    pub channel: String,
    /// They went through the model that the same job puts out.
    pub through_model: bool,
}

/// A named output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The name used in `${{ steps.X.outputs.NAME }}`.
    pub name: String,
    /// What it holds.
    pub description: String,
    /// What its bytes are.
    pub kind: Kind,
    /// Media type of its parts.
    pub media_type: String,
    /// Whether a success without it is a fault of the function.
    pub required: bool,
    /// For a table: where its rows come from. For a model: the channel it was fitted on.
    pub follows: Option<Lineage>,
}

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
    /// Neither way.
    Neither,
}

/// A figure that a function reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name used in `${{ steps.X.metrics.NAME }}`.
    pub name: String,
    /// What it measures.
    pub description: String,
    /// Which way it is better.
    pub direction: Direction,
}

/// All that people see of a function: in `functions describe`, in validation, in editors, in the console.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Lower-case letters, digits and hyphens.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// Markdown.
    pub description: String,
    /// Inputs, in the order in which people should see them.
    pub channels: Vec<Channel>,
    /// Outputs, likewise.
    pub outputs: Vec<Output>,
    /// Final metrics.
    pub metrics: Vec<Metric>,
    /// JSON Schema (2020-12) of the parameters.
    pub parameters: Value,
}

impl Channel {
    /// A channel that a step must have.
    pub fn required(name: &str, kind: Kind, description: &str) -> Self {
        Self { name: name.into(), description: description.into(), kind, required: true, formats: Vec::new() }
    }

    /// A channel that a step may have.
    pub fn optional(name: &str, kind: Kind, description: &str) -> Self {
        Self { required: false, ..Self::required(name, kind, description) }
    }

    /// Channels of any other names, which a step may have: see [`Context::channels`](crate::Context::channels).
    pub fn any(kind: Kind, description: &str) -> Self {
        Self::optional(ANY, kind, description)
    }

    /// A foreign format that the channel reads: what its files' names end with, and what the files begin with.
    pub fn format(mut self, name: &str, description: &str, suffixes: &[&str], beginnings: &[&[u8]]) -> Self {
        self.formats.push(Format {
            name: name.into(),
            description: description.into(),
            suffixes: suffixes.iter().map(|&suffix| suffix.into()).collect(),
            beginnings: beginnings.iter().map(|&beginning| beginning.into()).collect(),
        });
        self
    }
}

impl Output {
    fn new(name: &str, kind: Kind, media_type: &str, description: &str) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            kind,
            media_type: media_type.into(),
            required: true,
            follows: None,
        }
    }

    /// A table as an Arrow IPC stream.
    pub fn table(name: &str, description: &str) -> Self {
        Self::new(name, Kind::Table, crate::table::MEDIA_TYPE, description)
    }

    /// The state of a model.
    pub fn model(name: &str, description: &str) -> Self {
        Self::new(name, Kind::Model, crate::state::MEDIA_TYPE, description)
    }

    /// A report for people, `text/html` or `application/json`.
    pub fn report(name: &str, media_type: &str, description: &str) -> Self {
        Self::new(name, Kind::Report, media_type, description)
    }

    /// Bytes of any other kind.
    pub fn file(name: &str, media_type: &str, description: &str) -> Self {
        Self::new(name, Kind::File, media_type, description)
    }

    /// May be missing after a success.
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// A table of rows of `channel`; a model that was fitted on `channel`.
    pub fn follows(self, channel: &str) -> Self {
        Self { follows: Some(Lineage { channel: channel.into(), through_model: false }), ..self }
    }

    /// A table of rows of `channel` after the model that the same job puts out.
    pub fn follows_through_model(self, channel: &str) -> Self {
        Self { follows: Some(Lineage { channel: channel.into(), through_model: true }), ..self }
    }
}

impl Manifest {
    /// A function without channels, outputs or parameters. Pass `env!("CARGO_PKG_VERSION")` as the version.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            description: String::new(),
            channels: Vec::new(),
            outputs: Vec::new(),
            metrics: Vec::new(),
            parameters: serde_json::json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "additionalProperties": false,
                "properties": {},
            }),
        }
    }

    /// The channel that the model is fitted on, if there is a model.
    pub fn trained_on(&self) -> Option<&str> {
        let mut models = self.outputs.iter().filter(|output| output.kind == Kind::Model);
        models.find_map(|output| Some(output.follows.as_ref()?.channel.as_str()))
    }

    /// The long description, in Markdown.
    pub fn description(self, markdown: &str) -> Self {
        Self { description: markdown.trim().into(), ..self }
    }

    /// One more channel.
    pub fn channel(mut self, channel: Channel) -> Self {
        self.channels.push(channel);
        self
    }

    /// One more output.
    pub fn output(mut self, output: Output) -> Self {
        self.outputs.push(output);
        self
    }

    /// One more metric.
    pub fn metric(mut self, name: &str, direction: Direction, description: &str) -> Self {
        self.metrics.push(Metric { name: name.into(), description: description.into(), direction });
        self
    }

    /// The parameters: the schema of `P`, unknown names refused.
    pub fn parameters<P: JsonSchema>(self) -> Self {
        Self { parameters: schema_of::<P>(), ..self }
    }
}

/// The JSON Schema (2020-12) of a parameter type. Unknown names are refused at the top.
pub(crate) fn schema_of<P: JsonSchema>() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<P>();
    let mut schema = schema.to_value();
    if let Some(object) = schema.as_object_mut() {
        object.entry("additionalProperties").or_insert(Value::Bool(false));
        object.entry("properties").or_insert_with(|| serde_json::json!({}));
    }
    schema
}
