//! Naive Bayes: features that are independent within a class, as scikit-learn's `GaussianNB`, `BernoulliNB`,
//! `MultinomialNB` and `CategoricalNB`.

mod algorithm;
mod discrete;
mod gaussian;
mod hyperparams;

pub use algorithm::NaiveBayes;
pub use hyperparams::{Kind, Params};
