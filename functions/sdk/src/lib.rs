//! What a Millstream function in Rust is written with.
//!
//! A function is a type that implements [`Job`] (a stage, a training job) and, if it fits something, one that
//! implements [`Model`]. [`export!`] makes a WebAssembly component of them:
//!
//! ```
//! use millstream_sdk::{schemars::JsonSchema, serde::Deserialize, *};
//!
//! /// Keeps the first rows of a table.
//! struct Head;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(crate = "millstream_sdk::serde", rename_all = "kebab-case")]
//! #[schemars(crate = "millstream_sdk::schemars")]
//! struct Params {
//!     /// How many rows to keep.
//!     #[serde(default = "ten")]
//!     #[schemars(range(min = 1))]
//!     rows: u64,
//! }
//!
//! fn ten() -> u64 {
//!     10
//! }
//!
//! impl Job for Head {
//!     type Params = Params;
//!
//!     fn manifest() -> Manifest {
//!         Manifest::new("head", env!("CARGO_PKG_VERSION"), "Keeps the first rows of a table.")
//!             .channel(Channel::required("table", Kind::Table, "Rows to choose from."))
//!             .output(Output::table("table", "The first rows.").follows("table"))
//!             .parameters::<Params>()
//!     }
//!
//!     fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
//!         let batches = context.batches("table")?.rows(0..params.rows);
//!         let mut out = context.create_table("table", &batches.schema())?;
//!         for batch in batches {
//!             out.write(&batch?)?;
//!         }
//!         let rows = out.rows();
//!         out.finish()?;
//!         Ok(Summary::new(format!("kept {rows} rows")).metric("rows", rows as f64))
//!     }
//! }
//!
//! millstream_sdk::export!(stage: Head);
//! # fn main() {
//! let host = testing::Host::new().csv("table", "a,b\n1,x\n2,y\n");
//! let summary = host.run::<Head>(r#"{"rows": 1}"#).unwrap();
//! assert_eq!(summary.message, "kept 1 rows");
//! assert_eq!(host.table("table").num_rows(), 1);
//! # }
//! ```
//!
//! Natively the same code runs against [`testing::Host`]; only on `wasm32` does it become a component.

pub mod column;
pub mod context;
pub mod failure;
mod host;
pub mod manifest;
pub mod missing;
pub mod model;
pub mod params;
pub mod part;
pub mod predict;
pub mod state;
pub mod suspect;
pub mod table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod unseen;
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use arrow_array;
pub use arrow_buffer;
pub use arrow_schema;
pub use schemars;
pub use serde;
pub use serde_json;

pub use column::{Classes, Labels, Matrix};
pub use context::{Collective, Context, Pipeline};
pub use failure::{Failure, internal, invalid_input, invalid_parameter, nearest};
pub use host::{Level, Part, Shard};
pub use manifest::{Channel, Direction, Format, Kind, Manifest, Output};
pub use model::{Description, Model, Task};
pub use part::{PartReader, PartWriter};
pub use state::State;
pub use table::{Batches, Table, TableWriter};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A stage or a training job: runs once, then is gone.
pub trait Job: 'static {
    /// What the user may set. Defaults, ranges and descriptions go into the manifest's JSON Schema; what it does not
    /// name is refused before `run` is called, and so is a number out of range.
    type Params: DeserializeOwned + JsonSchema;

    /// What the function says of itself.
    fn manifest() -> Manifest;

    /// Does the work. The same inputs and parameters must give the same bytes.
    fn run(params: Self::Params, context: &mut Context) -> Result<Summary, Failure>;
}

/// How a job ended well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// One line for people.
    pub message: String,
    /// Final figures by name; `${{ steps.X.metrics.NAME }}` reads them.
    pub metrics: Vec<(String, f64)>,
}

impl Summary {
    /// A summary without figures.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), metrics: Vec::new() }
    }

    /// One more figure.
    pub fn metric(mut self, name: impl Into<String>, value: f64) -> Self {
        self.metrics.push((name.into(), value));
        self
    }
}

/// Makes a component of this crate: `export!(stage: J)` for a [`Job`] alone, `export!(algorithm: J, model: M)` for a
/// job with the [`Model`] that it fits, `export!(served: M, manifest: f)` for a model that was fitted elsewhere, with a
/// function `f` that returns its [`Manifest`]. Natively it checks the types and does nothing.
#[macro_export]
macro_rules! export {
    (stage: $job:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::wasm::Stage<$job>;
    $crate::wasm::about::export!(Component with_types_in $crate::wasm::about);
    $crate::wasm::job::export!(Component with_types_in $crate::wasm::job);
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = $crate::check_job::<$job>();
    };
    (algorithm: $job:ty, model: $model:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::wasm::Algorithm<$job, $model>;
    $crate::wasm::about::export!(Component with_types_in $crate::wasm::about);
    $crate::wasm::job::export!(Component with_types_in $crate::wasm::job);
    $crate::wasm::model::export!(Component with_types_in $crate::wasm::model);
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            $crate::check_job::<$job>();
            $crate::check_model::<$model>();
        };
    };
    (served: $model:ty, manifest: $manifest:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct About;
            impl $crate::wasm::About for About {
                fn manifest() -> $crate::Manifest {
                    $manifest()
                }
            }
            type Component = $crate::wasm::Served<$model, About>;
    $crate::wasm::about::export!(Component with_types_in $crate::wasm::about);
    $crate::wasm::model::export!(Component with_types_in $crate::wasm::model);
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            let _: fn() -> $crate::Manifest = $manifest;
            $crate::check_model::<$model>();
        };
    };
}

#[doc(hidden)]
pub const fn check_job<J: Job>() {}

#[doc(hidden)]
pub const fn check_model<M: Model>() {}
