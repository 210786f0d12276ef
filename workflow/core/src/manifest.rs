//! What a function says of itself: the contract's `manifest` record as plain data.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::format::Format;

/// What the bytes of a channel or output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Arrow IPC stream; several parts of one channel are one table, in order.
    Table,
    /// A fitted pipeline (see [`crate::artifact::Pipeline`]).
    Model,
    /// For people: HTML or JSON.
    Report,
    /// Anything else; the part's media type says what.
    File,
}

/// A named input of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The name used under `inputs:`; [`Channel::ANY`] for all names that are left.
    pub name: String,
    /// What belongs in it.
    pub description: String,
    /// What its bytes are.
    pub kind: Kind,
    /// A step without it is refused.
    pub required: bool,
    /// The foreign models that it reads: a job with such a file and no other input writes the state of the same model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<Format>,
}

impl Channel {
    /// The name of the channel that stands for channels of all names that the manifest does not have.
    pub const ANY: &'static str = "*";

    /// What belongs in it, with the formats that it reads.
    pub fn explained(&self) -> String {
        if self.formats.is_empty() {
            return self.description.clone();
        }
        let format = |format: &Format| match format.suffixes.as_slice() {
            [] => format!("`{}`", format.name),
            suffixes => format!("`{}` ({})", format.name, suffixes.join(", ")),
        };
        let formats: Vec<String> = self.formats.iter().map(format).collect();
        format!("{} Reads {}.", self.description, formats.join(", "))
    }
}

/// Where an output's rows come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lineage {
    /// Rows of this input channel, in whatever selection and order.
    pub channel: String,
    /// They went through the model that the same job puts out.
    pub through_model: bool,
}

/// A named output of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<Lineage>,
}

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
    /// Neither way.
    Neither,
}

/// A figure that a function reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// The name used in `${{ steps.X.metrics.NAME }}`.
    pub name: String,
    /// What it measures.
    pub description: String,
    /// Which way it is better.
    pub direction: Direction,
}

/// What a component exports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exports {
    /// It can be a step.
    pub job: bool,
    /// Its state can predict.
    pub model: bool,
}

/// All that is known of a function without running it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What the component exports.
    pub exports: Exports,
}

impl Manifest {
    /// The channel of that name, or the one that stands for all names.
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        let named = |name: &str| self.channels.iter().find(|channel| channel.name == name);
        named(name).or_else(|| named(Channel::ANY))
    }

    /// The output of that name.
    pub fn output(&self, name: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.name == name)
    }
}
