//! A forest that knows of what kind it is.

use super::model::Forest;
use super::params::{Kind, Params};
use super::train::Trees;
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::ops::Deref;

/// A fitted forest, of classes or of numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct ForestOf<K: Kind> {
    forest: Forest,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K: Kind> Deref for ForestOf<K> {
    type Target = Forest;

    fn deref(&self) -> &Forest {
        &self.forest
    }
}

impl<K: Kind> From<Forest> for ForestOf<K> {
    fn from(forest: Forest) -> Self {
        Self { forest, kind: PhantomData }
    }
}

impl<K: Kind> Checked<Params<K>> {
    /// Grows a forest of classifiers. `x` is rows x features, `y` holds classes `0..n`, each in use. `on_tree` hears
    /// how many trees stand.
    ///
    /// # Errors
    /// For values that are not finite, fewer than two classes, bad weights, or a criterion for numbers.
    pub fn fit_classes(
        &self,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<ForestOf<K>, Error> {
        Trees { params: self, on_tree }.fit_classes(x, y, weights).map(Into::into)
    }

    /// Grows a forest of regressors. `y` has one number a row.
    ///
    /// # Errors
    /// For values that are not finite, bad weights, class weights, or a criterion for classes.
    pub fn fit_numbers(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<ForestOf<K>, Error> {
        Trees { params: self, on_tree }.fit_numbers(x, y, weights).map(Into::into)
    }
}
