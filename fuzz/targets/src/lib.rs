//! Everything that reads what users or a network bring, as functions of any bytes.
//!
//! A target feeds bytes to a reader and holds the answer to what is promised: no panic (in a component that is a trap),
//! no endless work, no memory out of proportion to the bytes, and a fault of the bytes is called that, never the
//! function's own. Fuzzers run targets from `fuzz/fuzz_targets`, the test `replay` with the seeds, what fuzzers have
//! found, and mutations of both.

mod exchange;
mod extract;
pub mod memory;
pub mod mutate;
mod object_key;
mod onnx;
mod requests;
mod seeds;
mod state;
mod suspicion;
mod workflow;

use millstream_sdk::Failure;

/// Something that reads foreign bytes.
pub struct Target {
    /// The name of the fuzzer.
    pub name: &'static str,
    /// Panics if a promise is broken.
    run: fn(&[u8]),
    /// Bytes that lead far into the reader.
    seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 16] = [
    Target { name: "model_state", run: state::run, seeds: state::seeds },
    Target { name: "xgboost_json", run: exchange::xgboost_json, seeds: exchange::xgboost_json_seeds },
    Target { name: "xgboost_ubj", run: exchange::xgboost_ubj, seeds: exchange::xgboost_ubj_seeds },
    Target { name: "lightgbm_text", run: exchange::lightgbm_text, seeds: exchange::lightgbm_text_seeds },
    Target { name: "onnx", run: onnx::file, seeds: onnx::file_seeds },
    Target { name: "request_csv", run: requests::csv, seeds: requests::csv_seeds },
    Target { name: "request_json", run: requests::json, seeds: requests::json_seeds },
    Target { name: "request_json_lines", run: requests::json_lines, seeds: requests::json_lines_seeds },
    Target { name: "table_arrow", run: requests::arrow, seeds: requests::arrow_seeds },
    Target { name: "extract_csv", run: extract::csv, seeds: extract::csv_seeds },
    Target { name: "extract_json_lines", run: extract::json_lines, seeds: extract::json_lines_seeds },
    Target { name: "extract_libsvm", run: extract::libsvm, seeds: extract::libsvm_seeds },
    Target { name: "extract_parquet", run: extract::parquet, seeds: extract::parquet_seeds },
    Target { name: "workflow", run: workflow::file, seeds: workflow::file_seeds },
    Target { name: "object_key", run: object_key::run, seeds: object_key::seeds },
    Target { name: "expression", run: workflow::expression, seeds: workflow::expression_seeds },
];

/// The target of that name. Panics if there is none.
pub fn target(name: &str) -> &'static Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("there is no target `{name}`"))
}

impl Target {
    /// Reads the bytes. Panics if a promise is broken, that of memory among them if [`memory::Counted`] allocates.
    pub fn run(&self, bytes: &[u8]) {
        let peak = memory::peak_of(|| (self.run)(bytes));
        let limit = memory::limit(bytes.len());
        assert!(
            peak <= limit,
            "{}: {} bytes took {peak} bytes of memory, over {limit}",
            self.name,
            bytes.len()
        );
    }

    /// Bytes to begin with: sound ones, and all that were trouble once.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut all = (self.seeds)();
        all.extend(seeds::folder(&format!("fuzz/seeds/{}", self.name), ""));
        all.extend(seeds::folder(&format!("fuzz/regressions/{}", self.name), ""));
        all
    }
}

/// Foreign bytes may be at fault, or a parameter; the function may not.
#[track_caller]
fn blameless<T>(outcome: Result<T, Failure>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(Failure::Internal(message)) => panic!("the function takes the blame: {message}"),
        Err(failure) => {
            assert!(!failure.to_string().is_empty());
            None
        }
    }
}
