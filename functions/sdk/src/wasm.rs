//! The contract's bindings, and the way between them and the SDK's own types.

use std::{any::Any, cell::RefCell, marker::PhantomData, panic, rc::Rc, sync::Once};

use crate::{
    Context, Failure, Job, Manifest, Model, Summary, host, manifest,
    model::Loaded,
    params,
    predict::{Request, Response},
    unseen::{Novelty, Unseen},
};

/// What a component may import.
mod imports {
    wit_bindgen::generate!({
        inline: "package millstream:sdk-imports;
            world imports {
                import millstream:function/types@0.1.0;
                import millstream:function/inputs@0.1.0;
                import millstream:function/outputs@0.1.0;
                import millstream:function/report@0.1.0;
                import millstream:function/models@0.1.0;
                import millstream:function/collective@0.1.0;
            }",
        path: "../wit",
        generate_all,
    });
}

// The exports, one interface a world: a component's world is the union of those that it exports and of the imports that
// it uses. (Two worlds of one crate cannot export the same interface.)

/// What every component exports.
pub mod about {
    wit_bindgen::generate!({
        inline: "package millstream:sdk-about; world about { export millstream:function/about@0.1.0; }",
        path: "../wit",
        pub_export_macro: true,
        with: { "millstream:function/types@0.1.0": crate::wasm::types },
    });
}

/// What a stage or training job exports.
pub mod job {
    wit_bindgen::generate!({
        inline: "package millstream:sdk-job; world job { export millstream:function/job@0.1.0; }",
        path: "../wit",
        pub_export_macro: true,
        with: { "millstream:function/types@0.1.0": crate::wasm::types },
    });
}

/// What a fitted stage exports.
pub mod model {
    wit_bindgen::generate!({
        inline: "package millstream:sdk-model;
            world model {
                export millstream:function/model@0.1.0;
                export millstream:function/snapshot@0.1.0;
            }",
        path: "../wit",
        pub_export_macro: true,
        with: { "millstream:function/types@0.1.0": crate::wasm::types },
    });
}

pub use imports::millstream::function::types;
use imports::millstream::function::{collective, inputs, models, outputs, report};
use model::exports::millstream::function::{model as exported, snapshot};

/// A component with a job.
pub struct Stage<J>(PhantomData<J>);

/// A component with a job and a model.
pub struct Algorithm<J, M>(PhantomData<(J, M)>);

/// A component with a model; `A` describes it.
pub struct Served<M, A>(PhantomData<(M, A)>);

/// Describes a component without a job.
pub trait About: 'static {
    /// The manifest.
    fn manifest() -> Manifest;
}

/// Before the first word of ours: a panic becomes a log line, since the trap that follows carries no message.
fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            report::log(report::Level::Error, &crate::suspect::last_words(&info.to_string()));
        }));
    });
}

fn describe(manifest: fn() -> Manifest) -> types::Manifest {
    start();
    manifest().into()
}

fn run<J: Job>(params: &str) -> Result<types::Summary, types::Failure> {
    start();
    let params = params::parse(params)?;
    Ok(J::run(params, &mut Context::of::<J>(Rc::new(Contract)))?.into())
}

/// `describe` and `run` of a component with a job.
macro_rules! job_exports {
    ([$($generics:tt)*], $component:ty) => {
        impl<$($generics)*> about::exports::millstream::function::about::Guest for $component {
            fn describe() -> types::Manifest {
                describe(J::manifest)
            }
        }

        impl<$($generics)*> job::exports::millstream::function::job::Guest for $component {
            fn run(params: String) -> Result<types::Summary, types::Failure> {
                run::<J>(&params)
            }
        }
    };
}

job_exports!([J: Job], Stage<J>);
job_exports!([J: Job, M: Model], Algorithm<J, M>);

impl<M: Model, A: About> about::exports::millstream::function::about::Guest for Served<M, A> {
    fn describe() -> types::Manifest {
        describe(A::manifest)
    }
}

/// `predictor` and `snapshot` of a component with a model.
macro_rules! model_exports {
    ([$($generics:tt)*], $component:ty) => {
        impl<$($generics)*> exported::Guest for $component {
            type Predictor = Predictor<M>;
        }

        impl<$($generics)*> snapshot::Guest for $component {
            fn reserve(bytes: u64) -> bool {
                reserve(bytes)
            }

            fn resume() -> Option<exported::Predictor> {
                resume::<M>()
            }
        }
    };
}

model_exports!([J: Job, M: Model], Algorithm<J, M>);
model_exports!([M: Model, A: About], Served<M, A>);

/// A model behind a handle.
pub struct Predictor<M>(Rc<Loaded<M>>);

thread_local! {
    /// The model that was loaded last: who finds this memory later gives out a new handle to it.
    static LAST: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

impl<M: Model> exported::GuestPredictor for Predictor<M> {
    fn load(state: Vec<u8>) -> Result<exported::Predictor, types::Failure> {
        start();
        let loaded = Rc::new(Loaded::<M>::load(&state)?);
        LAST.set(Some(loaded.clone()));
        Ok(exported::Predictor::new(Self(loaded)))
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn predict(&self, request: types::Request) -> Result<types::Response, types::Failure> {
        let types::Request { content_type, accept, body } = request;
        let Response { content_type, body } = self.0.predict(&Request { content_type, accept, body })?;
        self.tell();
        Ok(types::Response { content_type, body })
    }

    fn predict_table(&self, table: Vec<u8>) -> Result<Vec<u8>, types::Failure> {
        let answer = self.0.predict_table(table)?;
        self.tell();
        Ok(answer)
    }
}

impl<M: Model> Predictor<M> {
    /// Says what the rows of the last answer hold that is unlike training.
    fn tell(&self) {
        let unseen = self.0.take_unseen();
        if !unseen.is_empty() {
            report::novelties(&unseen.into_iter().map(Into::into).collect::<Vec<_>>());
        }
    }
}

fn reserve(bytes: u64) -> bool {
    const PAGE: u64 = 65_536;
    let missing = bytes.div_ceil(PAGE).saturating_sub(core::arch::wasm32::memory_size(0) as u64);
    usize::try_from(missing).is_ok_and(|pages| core::arch::wasm32::memory_grow(0, pages) != usize::MAX)
}

fn resume<M: Model>() -> Option<exported::Predictor> {
    let last = LAST.with_borrow(Clone::clone)?;
    Some(exported::Predictor::new(Predictor(last.downcast::<Loaded<M>>().ok()?)))
}

/// The host behind the contract's imports.
struct Contract;

impl host::Host for Contract {
    fn channels(&self) -> Vec<String> {
        inputs::channels()
    }

    fn parts(&self, channel: &str) -> Vec<host::Part> {
        let parts = inputs::parts(channel).into_iter();
        parts.map(|inputs::Part { name, media_type, size }| host::Part { name, media_type, size }).collect()
    }

    fn open(&self, channel: &str, part: u32) -> Result<Box<dyn host::Reader>, Failure> {
        Ok(Box::new(inputs::open(channel, part)?))
    }

    fn shard(&self) -> Option<host::Shard> {
        inputs::shard().map(|inputs::Share { index, count }| host::Shard { index, count })
    }

    fn seed(&self) -> u64 {
        inputs::seed()
    }

    fn create(&self, output: &str, part: &str, media_type: &str) -> Result<Box<dyn host::Writer>, Failure> {
        Ok(Box::new(outputs::create(output, part, media_type)?))
    }

    fn log(&self, level: host::Level, message: &str) {
        let level = match level {
            host::Level::Debug => report::Level::Debug,
            host::Level::Info => report::Level::Info,
            host::Level::Warn => report::Level::Warn,
            host::Level::Error => report::Level::Error,
        };
        report::log(level, message);
    }

    fn progress(&self, done: u64, total: Option<u64>) {
        report::progress(done, total);
    }

    fn metric(&self, name: &str, value: f64, step: u64) {
        report::metric(name, value, step);
    }

    fn phase(&self, name: Option<&str>) {
        report::phase(name);
    }

    fn load_model(&self, channel: &str, part: u32) -> Result<Box<dyn host::Predictor>, Failure> {
        Ok(Box::new(models::load(channel, part)?))
    }

    fn catch_up(&self, channel: &str, like: &str) -> Result<Option<Box<dyn host::Predictor>>, Failure> {
        let stages = models::catch_up(channel, like)?;
        Ok(stages.map(|stages| Box::new(stages) as Box<dyn host::Predictor>))
    }

    fn rank(&self) -> u32 {
        collective::rank()
    }

    fn size(&self) -> u32 {
        collective::size()
    }

    fn all_reduce(&self, values: &[f64]) -> Vec<f64> {
        collective::all_reduce(values)
    }

    fn broadcast(&self, root: u32, bytes: &[u8]) -> Vec<u8> {
        collective::broadcast(root, bytes)
    }
}

impl host::Reader for inputs::Reader {
    fn read(&self, max: u32) -> Result<Vec<u8>, Failure> {
        Ok(self.read(max)?)
    }

    fn seek(&self, offset: u64) -> Result<(), Failure> {
        Ok(self.seek(offset)?)
    }
}

impl host::Writer for outputs::Writer {
    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.write(bytes)?)
    }

    fn finish(&self) -> Result<(), Failure> {
        Ok(self.finish()?)
    }
}

impl host::Predictor for models::Predictor {
    fn predict(&self, table: &[u8]) -> Result<Vec<u8>, Failure> {
        Ok(self.predict(table)?)
    }

    fn describe(&self) -> String {
        self.describe()
    }

    fn unseen(&self) -> Vec<Unseen> {
        self.unseen().into_iter().map(Into::into).collect()
    }
}

impl From<Unseen> for types::Unseen {
    fn from(Unseen { column, novelty, rows, example, near }: Unseen) -> Self {
        let novelty = match novelty {
            Novelty::Category => types::Novelty::Category,
            Novelty::OutOfRange => types::Novelty::OutOfRange,
            Novelty::Missing => types::Novelty::Missing,
        };
        Self { column, novelty, rows, example, near }
    }
}

impl From<types::Unseen> for Unseen {
    fn from(types::Unseen { column, novelty, rows, example, near }: types::Unseen) -> Self {
        let novelty = match novelty {
            types::Novelty::Category => Novelty::Category,
            types::Novelty::OutOfRange => Novelty::OutOfRange,
            types::Novelty::Missing => Novelty::Missing,
        };
        Self { column, novelty, rows, example, near }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        use crate::failure::{InvalidInput, InvalidParameter};
        match failure {
            types::Failure::InvalidInput(types::InvalidInput { message, channel, part, row, column }) => {
                Self::InvalidInput(Box::new(InvalidInput { message, channel, part, row, column }))
            }
            types::Failure::InvalidParameter(types::InvalidParameter { name, message, allowed }) => {
                Self::InvalidParameter(Box::new(InvalidParameter { name, message, allowed }))
            }
            types::Failure::OutOfMemory(message) => Self::OutOfMemory(message),
            types::Failure::Internal(message) => Self::Internal(message),
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::InvalidInput(input) => {
                let crate::failure::InvalidInput { message, channel, part, row, column } = *input;
                Self::InvalidInput(types::InvalidInput { message, channel, part, row, column })
            }
            Failure::InvalidParameter(parameter) => {
                let crate::failure::InvalidParameter { name, message, allowed } = *parameter;
                Self::InvalidParameter(types::InvalidParameter { name, message, allowed })
            }
            Failure::OutOfMemory(message) => Self::OutOfMemory(message),
            Failure::Internal(message) => Self::Internal(message),
        }
    }
}

impl From<Summary> for types::Summary {
    fn from(Summary { message, metrics }: Summary) -> Self {
        Self { message, metrics }
    }
}

impl From<manifest::Kind> for types::Kind {
    fn from(kind: manifest::Kind) -> Self {
        match kind {
            manifest::Kind::Table => Self::Table,
            manifest::Kind::Model => Self::Model,
            manifest::Kind::Report => Self::Report,
            manifest::Kind::File => Self::File,
        }
    }
}

impl From<manifest::Channel> for types::Channel {
    fn from(channel: manifest::Channel) -> Self {
        let manifest::Channel { name, description, kind, required, formats } = channel;
        let formats = formats.into_iter().map(Into::into).collect();
        Self { name, description, kind: kind.into(), required, formats }
    }
}

impl From<manifest::Format> for types::Format {
    fn from(format: manifest::Format) -> Self {
        let manifest::Format { name, description, suffixes, beginnings } = format;
        Self { name, description, suffixes, beginnings }
    }
}

impl From<manifest::Output> for types::Output {
    fn from(output: manifest::Output) -> Self {
        let manifest::Output { name, description, kind, media_type, required, follows } = output;
        let follows = follows
            .map(|manifest::Lineage { channel, through_model }| types::Lineage { channel, through_model });
        Self { name, description, kind: kind.into(), media_type, required, follows }
    }
}

impl From<manifest::Metric> for types::MetricSpec {
    fn from(manifest::Metric { name, description, direction }: manifest::Metric) -> Self {
        let direction = match direction {
            manifest::Direction::Maximize => types::Direction::Maximize,
            manifest::Direction::Minimize => types::Direction::Minimize,
            manifest::Direction::Neither => types::Direction::Neither,
        };
        Self { name, description, direction }
    }
}

impl From<Manifest> for types::Manifest {
    fn from(manifest: Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            summary: manifest.summary,
            description: manifest.description,
            channels: manifest.channels.into_iter().map(Into::into).collect(),
            outputs: manifest.outputs.into_iter().map(Into::into).collect(),
            metrics: manifest.metrics.into_iter().map(Into::into).collect(),
            parameters: manifest.parameters.to_string(),
        }
    }
}
