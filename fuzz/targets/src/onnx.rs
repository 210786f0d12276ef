//! Models that were saved as ONNX.

use crate::seeds::folder;
use crate::{blameless, state};
use fn_onnx::{Import, Imported};
use millstream_sdk::model::Loaded;
use millstream_sdk::testing::Host;
use millstream_sdk::{Model, State};

/// Reads the file as the job does. The model of it loads, describes itself and answers every row, or says why not.
pub fn file(bytes: &[u8]) {
    let host = Host::new().file("model", "model.onnx", bytes);
    if blameless(host.run::<Import>("{}")).is_none() {
        return;
    }
    let written = host.output("model");
    let model: Loaded<Imported> = Loaded::load(&written).expect("a state that was just written");
    assert!(model.describe().starts_with('{'));
    let state = State::open(&written, Imported::FUNCTION, Imported::FORMAT).expect("it loaded");
    if state.columns().fields().len() <= state::WIDEST {
        state::ask(&model, &state.columns());
    }
}

pub fn file_seeds() -> Vec<Vec<u8>> {
    folder("functions/stages/onnx/tests/reference", ".onnx")
}
