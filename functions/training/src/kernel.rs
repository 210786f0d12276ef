//! What the tables around a fitted kernel need of it.

use millstream_learners::decision_tree::DecisionTree;
use millstream_learners::factorization_machines::FactorizationMachine;
use millstream_learners::forest::{self, Forest, ForestOf};
use millstream_learners::knn::Knn;
use millstream_learners::linear_model::LinearModel;
use millstream_learners::linear_regression::LinearRegression;
use millstream_learners::logistic_regression::{Calibrated, LogisticRegression};
use millstream_learners::naive_bayes::NaiveBayes;
use millstream_learners::{Columns, Error, linear_learner};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A fitted kernel that predicts classes or numbers.
pub trait Kernel: Serialize + DeserializeOwned + 'static {
    /// Features that it was fitted on.
    fn width(&self) -> usize;

    /// Classes that it tells apart; 0: it predicts numbers.
    fn classes(&self) -> usize;

    /// A number a row, or probabilities of rows x classes.
    fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error>;
}

/// Kernels that predict numbers alone.
macro_rules! of_numbers {
    ($($kernel:ty),*) => {$(
        impl Kernel for $kernel {
            fn width(&self) -> usize {
                self.coefficients().len()
            }

            fn classes(&self) -> usize {
                0
            }

            fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
                self.predict(x)
            }
        }
    )*};
}

/// Kernels that predict either, as they were fitted.
macro_rules! of_either {
    ($($kernel:ty: $width:expr;)*) => {$(
        impl Kernel for $kernel {
            fn width(&self) -> usize {
                let width: fn(&Self) -> usize = $width;
                width(self)
            }

            fn classes(&self) -> usize {
                self.classes()
            }

            fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
                match self.classes() {
                    0 => self.predict_numbers(x),
                    _ => self.predict_proba(x),
                }
            }
        }
    )*};
}

of_numbers!(LinearModel, LinearRegression);

of_either!(
    DecisionTree: |tree| tree.width();
    FactorizationMachine: |machine| machine.linear().len();
    Knn: |rows| rows.width();
    Forest: |forest| forest.width();
);

impl<K: forest::Kind> Kernel for ForestOf<K> {
    fn width(&self) -> usize {
        (**self).width()
    }

    fn classes(&self) -> usize {
        (**self).classes()
    }

    fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        Kernel::predict(&**self, x)
    }
}

impl Kernel for LogisticRegression {
    fn width(&self) -> usize {
        self.coefficients().len() / self.intercepts().len().max(1)
    }

    fn classes(&self) -> usize {
        self.classes()
    }

    fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.predict_proba(x)
    }
}

impl Kernel for Calibrated {
    fn width(&self) -> usize {
        Kernel::width(&**self)
    }

    fn classes(&self) -> usize {
        (**self).classes()
    }

    fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.predict_proba(x)
    }
}

impl Kernel for NaiveBayes {
    fn width(&self) -> usize {
        self.width()
    }

    fn classes(&self) -> usize {
        self.classes()
    }

    fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.predict_proba(x)
    }
}

impl Kernel for linear_learner::Model {
    fn width(&self) -> usize {
        match self {
            Self::Numbers(model) => Kernel::width(model),
            Self::Classes(model) => Kernel::width(model),
        }
    }

    fn classes(&self) -> usize {
        match self {
            Self::Numbers(_) => 0,
            Self::Classes(model) => model.classes(),
        }
    }

    fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        match self {
            Self::Numbers(model) => model.predict(x),
            Self::Classes(model) => model.predict_proba(x),
        }
    }
}
