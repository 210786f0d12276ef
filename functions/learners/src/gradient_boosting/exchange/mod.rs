//! Models in the formats of XGBoost and LightGBM.

mod foreign;
mod lightgbm;
mod outline;
mod ubjson;
mod xgboost_read;
mod xgboost_write;

pub use foreign::{Categories, Encoding, Foreign};
pub use xgboost_write::Table;

use super::model::GradientBoosting;
use crate::Error;

impl GradientBoosting {
    /// The model in XGBoost's JSON format, version 3.2.
    ///
    /// XGBoost reads features in single precision: what it predicts is what this model predicts for features rounded
    /// to that.
    pub fn to_xgboost_json(&self) -> String {
        xgboost_write::document(self.parts(), &Table::default()).to_string()
    }

    /// The model in XGBoost's binary JSON format (UBJSON), version 3.2; see [`GradientBoosting::to_xgboost_json`].
    pub fn to_xgboost_ubj(&self) -> Vec<u8> {
        ubjson::write(&xgboost_write::document(self.parts(), &Table::default()))
    }

    /// As [`GradientBoosting::to_xgboost_json`], with what the table is that the model is of.
    pub fn to_xgboost_json_of(&self, table: &Table) -> String {
        xgboost_write::document(self.parts(), table).to_string()
    }

    /// As [`GradientBoosting::to_xgboost_ubj`], with what the table is that the model is of.
    pub fn to_xgboost_ubj_of(&self, table: &Table) -> Vec<u8> {
        ubjson::write(&xgboost_write::document(self.parts(), table))
    }

    /// Reads a model that XGBoost 1.3 to 3.2 saved as JSON. It predicts what XGBoost predicts: features are held
    /// against thresholds as if they were rounded to single precision first.
    ///
    /// # Errors
    /// For other files, linear boosters, trees of several outputs, and objectives that are not among
    /// [`Objective`](super::Objective) (`multi:softmax` and `rank:map` aside).
    pub fn from_xgboost_json(text: &str) -> Result<Self, Error> {
        let document = serde_json::from_str(text).map_err(|e| Error::data(format!("no JSON: {e}")))?;
        xgboost_read::model(&document)
    }

    /// Reads a model that XGBoost saved as UBJSON; see [`GradientBoosting::from_xgboost_json`].
    ///
    /// # Errors
    /// As [`GradientBoosting::from_xgboost_json`].
    pub fn from_xgboost_ubj(bytes: &[u8]) -> Result<Self, Error> {
        xgboost_read::model(&ubjson::read(bytes)?)
    }

    /// Reads a model that LightGBM 3 or 4 saved as text.
    ///
    /// # Errors
    /// For other files, linear trees, random forests, zeros as missing values, and objectives without a counterpart
    /// among [`Objective`](super::Objective).
    pub fn from_lightgbm_text(text: &str) -> Result<Self, Error> {
        lightgbm::model(text)
    }
}
