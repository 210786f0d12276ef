//! Models that XGBoost and LightGBM wrote.

use crate::seeds::folder;
use millstream_learners::gradient_boosting::GradientBoosting;
use millstream_learners::{Columns, Error};

const FOLDER: &str = "functions/learners/tests/reference/boosting";
/// Columns of rows that are predicted at the most: more make a run slow and find nothing new.
const WIDEST: usize = 1_000;

pub fn xgboost_json(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        sound(GradientBoosting::from_xgboost_json(text));
    }
}

pub fn xgboost_ubj(bytes: &[u8]) {
    sound(GradientBoosting::from_xgboost_ubj(bytes));
}

pub fn lightgbm_text(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        sound(GradientBoosting::from_lightgbm_text(text));
    }
}

pub fn xgboost_json_seeds() -> Vec<Vec<u8>> {
    let mut models = folder(FOLDER, ".json");
    // The figures beside the models are no models.
    models.retain(|bytes| bytes.starts_with(b"{\"learner\""));
    models
}

pub fn xgboost_ubj_seeds() -> Vec<Vec<u8>> {
    folder(FOLDER, ".ubj")
}

pub fn lightgbm_text_seeds() -> Vec<Vec<u8>> {
    folder(FOLDER, ".txt")
}

/// A model that was read predicts, and says the same after it was written and read again.
fn sound(model: Result<GradientBoosting, Error>) {
    let model = match model {
        Ok(model) => model,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    if model.width() > WIDEST {
        return;
    }
    let column = [0.0, 1.0, -1e30, f64::NAN];
    let x = Columns::new(vec![&column; model.width()]).expect("columns of one length");
    let margins = model.margins(&x).expect("a model that was read predicts");
    assert_eq!(margins.len(), column.len() * model.slots());
    let again = GradientBoosting::from_xgboost_json(&model.to_xgboost_json());
    let again = again.unwrap_or_else(|error| panic!("what was written is refused: {error}"));
    let margins_again = again.margins(&x).expect("a model that was read predicts");
    for (first, second) in margins.iter().zip(&margins_again) {
        let close = (first - second).abs() <= 1e-4 * first.abs().max(1.0);
        assert!(close || !first.is_finite(), "{first} became {second}");
    }
}
