//! Fitted distributions, and what they say of rows.

use super::discrete;
use crate::linalg::axpy;
use crate::linalg::exp::exp;
use crate::matrix::Missing;
use crate::{Columns, Error, shown};
use serde::{Deserialize, Serialize};

/// Rows that are scored at a time.
const BLOCK: usize = 128;

/// Fitted distributions of the features within classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct NaiveBayes {
    pub(super) features: u32,
    /// One a class.
    #[serde(with = "crate::packed")]
    pub(super) log_priors: Vec<f64>,
    pub(super) likelihood: Likelihood,
}

/// What is known of the features, classes x features unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Likelihood {
    Gaussian {
        #[serde(with = "crate::packed")]
        means: Vec<f64>,
        /// Above 0.
        #[serde(with = "crate::packed")]
        variances: Vec<f64>,
    },
    /// A score is linear in the features.
    Linear {
        #[serde(with = "crate::packed")]
        weights: Vec<f64>,
        /// One a class.
        #[serde(with = "crate::packed")]
        constants: Vec<f64>,
        /// Values above it count as 1, others as 0; none: values count as they are and are at least 0.
        binarize: Option<f64>,
    },
    Categorical {
        /// One a feature.
        #[serde(with = "crate::packed")]
        categories: Vec<u32>,
        /// For each feature, classes x categories.
        #[serde(with = "crate::packed")]
        logs: Vec<f64>,
    },
}

impl Default for Likelihood {
    fn default() -> Self {
        Self::Categorical { categories: Vec::new(), logs: Vec::new() }
    }
}

/// [`NaiveBayes`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    features: u32,
    #[serde(with = "crate::packed")]
    log_priors: Vec<f64>,
    likelihood: Likelihood,
}

impl TryFrom<Stored> for NaiveBayes {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { features, log_priors, likelihood } = stored;
        let classes = log_priors.len();
        let size = classes.checked_mul(features as usize);
        let whole = match &likelihood {
            Likelihood::Gaussian { means, variances } => {
                Some(means.len()) == size
                    && Some(variances.len()) == size
                    && variances.iter().all(|v| *v > 0.0)
            }
            Likelihood::Linear { weights, constants, .. } => {
                Some(weights.len()) == size && constants.len() == classes
            }
            Likelihood::Categorical { categories, logs } => {
                let total: u64 = categories.iter().map(|&count| u64::from(count)).sum();
                categories.len() == features as usize
                    && total.checked_mul(classes as u64) == Some(logs.len() as u64)
            }
        };
        match whole && classes > 0 {
            true => Ok(Self { features, log_priors, likelihood }),
            false => Err("the distributions are damaged"),
        }
    }
}

impl NaiveBayes {
    pub fn classes(&self) -> usize {
        self.log_priors.len()
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.features as usize
    }

    /// Whether the features are whole numbers that stand for categories.
    pub fn takes_categories(&self) -> bool {
        matches!(self.likelihood, Likelihood::Categorical { .. })
    }

    /// Means and variances, classes x features, of a Gaussian model.
    pub fn moments(&self) -> Option<(&[f64], &[f64])> {
        match &self.likelihood {
            Likelihood::Gaussian { means, variances } => Some((means, variances)),
            _ => None,
        }
    }

    /// How much each feature tells the classes apart, at least 0: for Gaussian features the variance of the class
    /// means over the mean variance within classes; for others the spread of the classes' log probabilities.
    pub fn separation(&self) -> Vec<f64> {
        let (classes, width) = (self.classes(), self.features as usize);
        let spread = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) =
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (v.min(low), v.max(high)));
            high - low
        };
        let mut start = 0;
        let of_feature = |j: usize| match &self.likelihood {
            Likelihood::Gaussian { means, variances } => {
                let prior = |k: usize| libm::exp(self.log_priors[k]);
                let mean: f64 = (0..classes).map(|k| prior(k) * means[k * width + j]).sum();
                let between: f64 =
                    (0..classes).map(|k| prior(k) * (means[k * width + j] - mean).powi(2)).sum();
                let within: f64 = (0..classes).map(|k| prior(k) * variances[k * width + j]).sum();
                between / within
            }
            Likelihood::Linear { weights, .. } => spread(&mut weights.iter().skip(j).step_by(width).copied()),
            Likelihood::Categorical { categories, logs } => {
                let count = categories[j] as usize;
                let own = &logs[start..start + classes * count];
                start += classes * count;
                (0..count)
                    .map(|category| spread(&mut own.iter().skip(category).step_by(count).copied()))
                    .fold(0.0, f64::max)
            }
        };
        (0..width).map(of_feature).collect()
    }

    /// Probabilities, rows x classes, row after row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, values that are not finite, and values that do not go with the
    /// kind: negative counts, categories that were not seen.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.features as usize)?;
        x.check_shape()?;
        self.check_values(x)?;
        let classes = self.classes();
        let constants: Vec<f64> = (0..classes).map(|class| self.constant(class)).collect();
        let mut proba = vec![0.0; x.rows() * classes];
        let mut scores = vec![0.0; classes * BLOCK];
        let mut sound = true;
        for (block, out) in proba.chunks_mut(classes * BLOCK).enumerate() {
            let rows = out.len() / classes;
            for ((class, scores), constant) in scores.chunks_exact_mut(BLOCK).enumerate().zip(&constants) {
                scores.fill(*constant);
                self.score(x, block * BLOCK, class, &mut scores[..rows]);
            }
            sound &= scores.iter().all(|score| score.is_finite());
            shares(&mut scores);
            for (class, shares) in scores.chunks_exact(BLOCK).enumerate() {
                out.iter_mut()
                    .skip(class)
                    .step_by(classes)
                    .zip(shares)
                    .for_each(|(out, share)| *out = *share);
            }
        }
        if !sound && matches!(self.likelihood, Likelihood::Gaussian { .. }) {
            x.check_squares()?;
        }
        Ok(proba)
    }

    /// The most probable class of each row.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(crate::metrics::most_probable(&self.predict_proba(x)?, self.classes()))
    }

    fn check_values(&self, x: &Columns) -> Result<(), Error> {
        // Normal distributions show whatever is not finite, so that sound values are read once only.
        if !matches!(self.likelihood, Likelihood::Gaussian { .. }) {
            x.check_values(Missing::Refused)?;
        }
        match &self.likelihood {
            Likelihood::Linear { binarize: None, .. } => refuse_negative(x),
            Likelihood::Categorical { categories, .. } => {
                for (j, (column, &count)) in x.iter().zip(categories).enumerate() {
                    let unseen = |v: &f64| discrete::category(*v).is_none_or(|category| category >= count);
                    if let Some(i) = column.iter().position(unseen) {
                        let message = format!(
                            "{} is none of the categories 0 to {} that were seen in training; train with \
                             min_categories",
                            shown(column[i]),
                            count - 1
                        );
                        return Err(Error::cell(i, j, message));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The part of a class's score that does not depend on the row.
    fn constant(&self, class: usize) -> f64 {
        let own = |values: &[f64]| {
            let width = self.width();
            let logs = values[class * width..(class + 1) * width].iter();
            logs.map(|variance| libm::log(2.0 * std::f64::consts::PI * variance)).sum::<f64>()
        };
        self.log_priors[class]
            + match &self.likelihood {
                Likelihood::Gaussian { variances, .. } => -0.5 * own(variances),
                Likelihood::Linear { constants, .. } => constants[class],
                Likelihood::Categorical { .. } => 0.0,
            }
    }

    /// Adds the log likelihood of one class, but for its constant part, of the rows from `start`.
    fn score(&self, x: &Columns, start: usize, class: usize, scores: &mut [f64]) {
        let (width, rows) = (self.width(), scores.len());
        let part = |j: usize| &x.column(j)[start..start + rows];
        match &self.likelihood {
            Likelihood::Gaussian { means, variances } => {
                let own = class * width..(class + 1) * width;
                let (means, variances) = (&means[own.clone()], &variances[own]);
                let parts = |j: usize| (part(j), means[j], -0.5 / variances[j]);
                let fours = width / 4 * 4;
                (0..fours).step_by(4).for_each(|j| add_squares([j, j + 1, j + 2, j + 3].map(parts), scores));
                (fours..width).for_each(|j| add_squares([parts(j)], scores));
            }
            Likelihood::Linear { weights, binarize, .. } => {
                for (j, weight) in weights[class * width..(class + 1) * width].iter().enumerate() {
                    match binarize {
                        None => axpy(*weight, part(j), scores),
                        Some(border) => {
                            let yes = |v: f64| if v > *border { *weight } else { 0.0 };
                            scores.iter_mut().zip(part(j)).for_each(|(score, v)| *score += yes(*v));
                        }
                    }
                }
            }
            Likelihood::Categorical { categories, logs } => {
                let mut place = 0;
                for (j, &count) in categories.iter().enumerate() {
                    let count = count as usize;
                    let own = &logs[place + class * count..place + (class + 1) * count];
                    scores.iter_mut().zip(part(j)).for_each(|(score, v)| *score += own[*v as usize]);
                    place += self.classes() * count;
                }
            }
        }
    }
}

/// `out += sum factor (v - mean)^2` of some columns.
///
/// Not inlined: there LLVM leaves some loops scalar for wasm32.
#[inline(never)]
fn add_squares<const N: usize>(columns: [(&[f64], f64, f64); N], out: &mut [f64]) {
    let columns = columns.map(|(values, mean, factor)| (&values[..out.len()], mean, factor));
    for (i, out) in out.iter_mut().enumerate() {
        let mut sum = 0.0;
        for (values, mean, factor) in &columns {
            let d = values[i] - mean;
            sum += d * d * factor;
        }
        *out += sum;
    }
}

/// Turns logs, class after class, into shares of each row.
fn shares(logs: &mut [f64]) {
    // A value beyond all doubt is as unlikely as can be said, not minus infinity.
    logs.iter_mut().for_each(|v| *v = v.clamp(f64::MIN / 4.0, f64::MAX / 4.0));
    let mut highest = [f64::MIN; BLOCK];
    for own in logs.chunks_exact(BLOCK) {
        highest.iter_mut().zip(own).for_each(|(most, v)| *most = if v > most { *v } else { *most });
    }
    let mut sums = [0.0; BLOCK];
    for own in logs.chunks_exact_mut(BLOCK) {
        for ((v, most), sum) in own.iter_mut().zip(&highest).zip(&mut sums) {
            *v = exp(*v - most);
            *sum += *v;
        }
    }
    for own in logs.chunks_exact_mut(BLOCK) {
        own.iter_mut().zip(&sums).for_each(|(v, sum)| *v /= sum);
    }
}

/// Counts are at least 0.
pub(super) fn refuse_negative(x: &Columns) -> Result<(), Error> {
    for (j, column) in x.iter().enumerate() {
        if let Some(i) = column.iter().position(|v| *v < 0.0) {
            let message =
                format!("{} is no count: multinomial naive Bayes takes values from 0 on", shown(column[i]));
            return Err(Error::cell(i, j, message));
        }
    }
    Ok(())
}
