//! `functions/wit/millstream.wit` as Rust, and back and forth between it and the types of `millstream-core`.

use millstream_core::{failure::Failure, format::Format, manifest};

use crate::{host::report::MAX_MESSAGE, text::shortened};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../functions/wit",
        world: "algorithm",
        imports: { default: trappable },
        with: {
            "millstream:function/inputs.reader": crate::host::inputs::Reader,
            "millstream:function/outputs.writer": crate::host::outputs::Writer,
            "millstream:function/models.predictor": crate::host::models::Model,
        },
    });
}

/// The model's interface once more, for servers: its calls wait without holding a thread.
mod served {
    wasmtime::component::bindgen!({
        path: "../../functions/wit",
        world: "resumable",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "millstream:function/types": super::bindings::millstream::function::types,
            "millstream:function/report": super::bindings::millstream::function::report,
        },
    });
}

pub(crate) use served::exports::millstream::function::{model as served_model, snapshot as served_snapshot};

pub(crate) use bindings::{
    Algorithm as World,
    exports::millstream::function::{about, job, model},
    millstream::function::{collective, inputs, models, outputs, report, types},
};

/// What every import and export of the contract begins with.
pub(crate) const PACKAGE: &str = "millstream:function/";

/// The interfaces that the host links by hand.
pub(crate) const REPORT: &str = "millstream:function/report@0.1.0";
pub(crate) const INPUTS: &str = "millstream:function/inputs@0.1.0";
pub(crate) const OUTPUTS: &str = "millstream:function/outputs@0.1.0";
pub(crate) const MODELS: &str = "millstream:function/models@0.1.0";
pub(crate) const COLLECTIVE: &str = "millstream:function/collective@0.1.0";

/// Longest name in a failure, in bytes: of a column, say.
const MAX_NAME: usize = 1 << 10;

/// The data, a parameter, memory or the function is at fault: what the guest says, as the run will keep it. A text that is
/// too long is cut, as log lines are: the fault stays where it is.
pub(crate) fn failure(failure: types::Failure) -> Failure {
    let text = |text: String| shortened(text, MAX_MESSAGE);
    let name = |name: String| shortened(name, MAX_NAME);
    match failure {
        types::Failure::InvalidInput(input) => Failure::InvalidInput {
            message: text(input.message),
            channel: input.channel.map(name),
            part: input.part.map(name),
            row: input.row,
            column: input.column.map(name),
        },
        types::Failure::InvalidParameter(parameter) => Failure::InvalidParameter {
            name: name(parameter.name),
            message: text(parameter.message),
            allowed: parameter.allowed.map(text),
        },
        types::Failure::OutOfMemory(message) => {
            Failure::Limit { limit: "memory".to_owned(), message: text(message) }
        }
        types::Failure::Internal(message) => Failure::Function { message: text(message), backtrace: None },
    }
}

impl From<types::Kind> for manifest::Kind {
    fn from(kind: types::Kind) -> Self {
        match kind {
            types::Kind::Table => Self::Table,
            types::Kind::Model => Self::Model,
            types::Kind::Report => Self::Report,
            types::Kind::File => Self::File,
        }
    }
}

impl From<types::Channel> for manifest::Channel {
    fn from(channel: types::Channel) -> Self {
        Self {
            name: channel.name,
            description: channel.description,
            kind: channel.kind.into(),
            required: channel.required,
            formats: channel.formats.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<types::Format> for Format {
    fn from(format: types::Format) -> Self {
        Self {
            name: format.name,
            description: format.description,
            suffixes: format.suffixes,
            beginnings: format.beginnings,
        }
    }
}

impl From<types::Output> for manifest::Output {
    fn from(output: types::Output) -> Self {
        Self {
            name: output.name,
            description: output.description,
            kind: output.kind.into(),
            media_type: output.media_type,
            required: output.required,
            follows: output.follows.map(|follows| manifest::Lineage {
                channel: follows.channel,
                through_model: follows.through_model,
            }),
        }
    }
}

impl From<types::MetricSpec> for manifest::Metric {
    fn from(metric: types::MetricSpec) -> Self {
        Self {
            name: metric.name,
            description: metric.description,
            direction: match metric.direction {
                types::Direction::Maximize => manifest::Direction::Maximize,
                types::Direction::Minimize => manifest::Direction::Minimize,
                types::Direction::Neither => manifest::Direction::Neither,
            },
        }
    }
}
