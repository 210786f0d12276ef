//! Naive Bayes: features that are independent within a class, as scikit-learn's `GaussianNB`, `BernoulliNB`,
//! `MultinomialNB` and `CategoricalNB`.

mod algorithm;
mod discrete;
mod gaussian;
mod hyperparams;
mod model;

pub use hyperparams::{Kind, Params};
pub use model::NaiveBayes;
