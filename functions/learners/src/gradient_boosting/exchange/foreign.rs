//! A model of another library with what its file says of the columns.

use super::super::model::GradientBoosting;
use super::{lightgbm, ubjson, xgboost_read};
use crate::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A model of another library with what its file says of the columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    pub model: GradientBoosting,
    /// One a feature; none if the file names none.
    pub feature_names: Vec<String>,
    /// Of features whose categories are not codes already.
    pub encodings: Vec<Encoding>,
}

/// How a feature's categories become the codes that the trees know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    pub feature: u32,
    /// The category in place `k` has code `k`.
    pub categories: Categories,
    /// A category that is not among them counts as missing; otherwise it is a fault. Each as the library has it.
    pub unknown_is_missing: bool,
}

/// The categories of a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Categories {
    Text(Vec<String>),
    Numbers(Vec<f64>),
}

impl Foreign {
    /// As [`GradientBoosting::from_xgboost_json`]. What scikit-learn's interface to XGBoost saved after early stopping ends
    /// with the best round, as predictions there do.
    ///
    /// # Errors
    /// As there, and for categories that cannot be read.
    pub fn from_xgboost_json(text: &str) -> Result<Self, Error> {
        let document = serde_json::from_str(text).map_err(|e| Error::data(format!("no JSON: {e}")))?;
        Self::of_xgboost(&document)
    }

    /// As [`GradientBoosting::from_xgboost_ubj`], otherwise as [`Foreign::from_xgboost_json`].
    ///
    /// # Errors
    /// As there.
    pub fn from_xgboost_ubj(bytes: &[u8]) -> Result<Self, Error> {
        Self::of_xgboost(&ubjson::read(bytes)?)
    }

    fn of_xgboost(document: &Value) -> Result<Self, Error> {
        let mut model = xgboost_read::model(document)?;
        if let Some(rounds) = xgboost_read::rounds_of_scikit_learn(document) {
            model.keep_rounds(rounds);
        }
        let (feature_names, encodings) = xgboost_read::columns(document, model.width())?;
        Ok(Self { model, feature_names, encodings })
    }

    /// As [`GradientBoosting::from_lightgbm_text`].
    ///
    /// # Errors
    /// As there, and for categories that cannot be told apart.
    pub fn from_lightgbm_text(text: &str) -> Result<Self, Error> {
        let model = lightgbm::model(text)?;
        let (feature_names, encodings) = lightgbm::columns(text, model.width())?;
        Ok(Self { model, feature_names, encodings })
    }
}

impl Categories {
    /// Of a list of values of one kind.
    pub(super) fn of_json(values: &[Value]) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let number =
            |value: &Value| value.as_bool().map(|b| f64::from(u8::from(b))).or_else(|| value.as_f64());
        let texts: Option<Vec<String>> = values.iter().map(text).collect();
        let numbers = || values.iter().map(number).collect::<Option<Vec<f64>>>().map(Self::Numbers);
        texts.filter(|texts| !texts.is_empty()).map(Self::Text).or_else(numbers)
    }

    /// Whether each number is its own code.
    pub(super) fn are_codes(&self) -> bool {
        matches!(self, Self::Numbers(numbers) if numbers.iter().enumerate().all(|(k, &number)| number == k as f64))
    }
}
