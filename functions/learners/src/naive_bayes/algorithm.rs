use super::{Kind, Params, discrete, gaussian};
use crate::linalg::axpy;
use crate::logistic_regression::softmax;
use crate::matrix::{Missing, check_classes};
use crate::weights::{check_weights, combined};
use crate::{Checked, Columns, Error, ParamError, shown};
use serde::{Deserialize, Serialize};

/// Rows that are scored at a time.
const BLOCK: usize = 256;

/// Fitted distributions of the features within classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct NaiveBayes {
    features: u32,
    /// One a class.
    #[serde(with = "crate::packed")]
    log_priors: Vec<f64>,
    likelihood: Likelihood,
}

/// What is known of the features, classes x features unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Likelihood {
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

impl Checked<Params> {
    /// Estimates the distributions. `x` is rows x features, `y` holds classes `0..n`, each in use.
    ///
    /// # Errors
    /// For values that are not finite or do not go with `kind`, fewer than two classes, weights that leave a class
    /// out altogether, and variances of 0 without smoothing.
    pub fn fit(&self, x: &Columns, y: &[u32], weights: Option<&[f64]>) -> Result<NaiveBayes, Error> {
        x.check_features(Missing::Refused)?;
        let counts = check_classes(y, x.rows())?;
        check_weights(weights, x.rows())?;
        let classes = counts.len();
        let combined = combined(self.class_weight, y, classes, weights);
        let weights = combined.as_deref();
        let mut totals: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
        if let Some(w) = weights {
            totals.fill(0.0);
            y.iter().zip(w).for_each(|(&class, w)| totals[class as usize] += w);
        }
        if let Some(class) = totals.iter().position(|total| *total <= 0.0) {
            return Err(Error::row(first_of(y, class), "all rows of this row's class have the weight 0"));
        }
        Ok(NaiveBayes {
            features: x.width() as u32,
            log_priors: self.log_priors(&totals)?,
            likelihood: self.likelihood(x, y, &totals, weights)?,
        })
    }

    fn log_priors(&self, totals: &[f64]) -> Result<Vec<f64>, Error> {
        let classes = totals.len() as f64;
        let all: f64 = totals.iter().sum();
        match &self.priors {
            Some(priors) if priors.len() == totals.len() => Ok(priors.iter().map(|p| p.ln()).collect()),
            Some(priors) => {
                let message = format!("there are {} for {classes} classes", priors.len());
                Err(ParamError::new("priors", message, "one a class").into())
            }
            None if self.fit_prior => Ok(totals.iter().map(|total| (total / all).ln()).collect()),
            None => Ok(vec![-classes.ln(); totals.len()]),
        }
    }

    fn likelihood(
        &self,
        x: &Columns,
        y: &[u32],
        totals: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<Likelihood, Error> {
        let (classes, width, alpha) = (totals.len(), x.width(), self.smoothing());
        match self.kind {
            Kind::Gaussian => {
                let mut fitted = gaussian::fit(x, y, classes, weights)?;
                if fitted.largest == 0.0 {
                    let message = "every feature is constant, so that nothing tells the classes apart; add features that vary";
                    return Err(Error::data(message));
                }
                let floor = self.var_smoothing * fitted.largest;
                fitted.variances.iter_mut().for_each(|v| *v += floor);
                if let Some(place) = fitted.variances.iter().position(|v| !v.is_normal()) {
                    let message = match fitted.variances[place].is_finite() {
                        true => {
                            "the column is constant among the rows of this row's class; raise var_smoothing or leave the column out"
                        }
                        false => {
                            "the values of this row's class are too large for a variance; scale the column"
                        }
                    };
                    return Err(Error::cell(first_of(y, place / width), place % width, message));
                }
                Ok(Likelihood::Gaussian { means: fitted.means, variances: fitted.variances })
            }
            Kind::Bernoulli => {
                let yes = |v: f64| f64::from(u8::from(v > self.binarize));
                let sums = discrete::sums(x, y, classes, weights, yes);
                let (mut log_odds, mut constants) = (Vec::with_capacity(sums.len()), Vec::new());
                for (sums, total) in sums.chunks_exact(width).zip(totals) {
                    let no =
                        |n: &f64| ((total - n + alpha) / (total + 2.0 * alpha)).max(f64::MIN_POSITIVE).ln();
                    log_odds.extend(sums.iter().map(|n| ((n + alpha) / (total + 2.0 * alpha)).ln() - no(n)));
                    constants.push(sums.iter().map(no).sum());
                }
                Ok(Likelihood::Linear { weights: log_odds, constants, binarize: Some(self.binarize) })
            }
            Kind::Multinomial => {
                refuse_negative(x)?;
                let sums = discrete::sums(x, y, classes, weights, |v| v);
                let mut logs = Vec::with_capacity(sums.len());
                for sums in sums.chunks_exact(width) {
                    let total = sums.iter().sum::<f64>() + alpha * width as f64;
                    if !total.is_finite() {
                        return Err(Error::data("the counts are too large to be added up; scale them"));
                    }
                    logs.extend(sums.iter().map(|n| ((n + alpha) / total).max(f64::MIN_POSITIVE).ln()));
                }
                Ok(Likelihood::Linear { weights: logs, constants: vec![0.0; classes], binarize: None })
            }
            Kind::Categorical => {
                let categories = discrete::categories(self, x)?;
                let logs = discrete::category_logs(self, x, y, totals, weights, &categories);
                Ok(Likelihood::Categorical { categories, logs })
            }
        }
    }
}

/// The first row of a class that is in use: by it people know the class, whose name only they know.
fn first_of(y: &[u32], class: usize) -> usize {
    y.iter().position(|&own| own as usize == class).unwrap_or_default()
}

fn refuse_negative(x: &Columns) -> Result<(), Error> {
    for (j, column) in x.iter().enumerate() {
        if let Some(i) = column.iter().position(|v| *v < 0.0) {
            let message =
                format!("{} is no count: multinomial naive Bayes takes values from 0 on", shown(column[i]));
            return Err(Error::cell(i, j, message));
        }
    }
    Ok(())
}

impl NaiveBayes {
    pub fn classes(&self) -> usize {
        self.log_priors.len()
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.features as usize
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
                let prior = |k: usize| self.log_priors[k].exp();
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
        x.check_features(Missing::Refused)?;
        self.check_values(x)?;
        let classes = self.classes();
        let mut proba = vec![0.0; x.rows() * classes];
        let mut scores = [0.0; BLOCK];
        for start in (0..x.rows()).step_by(BLOCK) {
            let rows = BLOCK.min(x.rows() - start);
            for class in 0..classes {
                self.score(x, start, class, &mut scores[..rows]);
                let out = proba[start * classes..].iter_mut().skip(class).step_by(classes);
                // A value beyond all doubt is as unlikely as can be said, not minus infinity.
                out.zip(&scores[..rows]).for_each(|(out, s)| *out = s.clamp(f64::MIN / 4.0, f64::MAX / 4.0));
            }
        }
        proba.chunks_exact_mut(classes).for_each(softmax);
        Ok(proba)
    }

    /// The most probable class of each row.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(crate::metrics::most_probable(&self.predict_proba(x)?, self.classes()))
    }

    fn check_values(&self, x: &Columns) -> Result<(), Error> {
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

    /// Log of prior times likelihood of one class for the rows from `start`.
    fn score(&self, x: &Columns, start: usize, class: usize, scores: &mut [f64]) {
        let (width, rows) = (self.features as usize, scores.len());
        let part = |j: usize| &x.column(j)[start..start + rows];
        scores.fill(self.log_priors[class]);
        match &self.likelihood {
            Likelihood::Gaussian { means, variances } => {
                let own = class * width..(class + 1) * width;
                let constant: f64 =
                    variances[own.clone()].iter().map(|v| (2.0 * std::f64::consts::PI * v).ln()).sum();
                for (j, (mean, variance)) in means[own.clone()].iter().zip(&variances[own]).enumerate() {
                    let factor = -0.5 / variance;
                    for (score, v) in scores.iter_mut().zip(part(j)) {
                        *score += (v - mean) * (v - mean) * factor;
                    }
                }
                scores.iter_mut().for_each(|score| *score -= 0.5 * constant);
            }
            Likelihood::Linear { weights, constants, binarize } => {
                for (j, weight) in weights[class * width..(class + 1) * width].iter().enumerate() {
                    match binarize {
                        None => axpy(*weight, part(j), scores),
                        Some(border) => {
                            let yes = |v: f64| if v > *border { *weight } else { 0.0 };
                            scores.iter_mut().zip(part(j)).for_each(|(score, v)| *score += yes(*v));
                        }
                    }
                }
                scores.iter_mut().for_each(|score| *score += constants[class]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    fn fit(kind: Kind, values: &[f64], width: usize, y: &[u32]) -> Result<NaiveBayes, Error> {
        let params = Params { kind, ..Params::default() };
        params.check()?.fit(&Matrix::from_rows(values, width)?.columns(), y, None)
    }

    #[test]
    fn an_offset_costs_no_digits() {
        let y: Vec<u32> = (0..3000).map(|i| i % 3).collect();
        let values = |offset: f64| -> Vec<f64> {
            (0..3000).map(|i| offset + f64::from(i % 3) + f64::from(i * 7 % 16) / 64.0).collect()
        };
        let variances = |offset: f64| fit(Kind::Gaussian, &values(offset), 1, &y).unwrap();
        let (near, far) = (variances(0.0), variances(1e8));
        for (near, far) in near.moments().unwrap().1.iter().zip(far.moments().unwrap().1) {
            assert!((near / far - 1.0).abs() < 1e-6, "{near} {far}");
        }
    }

    #[test]
    fn weights_are_repetitions() {
        let matrix = Matrix::from_rows(&[1.0, 0.0, 2.0, 1.0, 4.0, 3.0, 0.0, 2.0], 2).unwrap();
        let twice =
            Matrix::from_rows(&[1.0, 0.0, 1.0, 0.0, 2.0, 1.0, 4.0, 3.0, 0.0, 2.0, 0.0, 2.0], 2).unwrap();
        for kind in [Kind::Bernoulli, Kind::Multinomial, Kind::Categorical] {
            let params = Params { kind, ..Params::default() }.check().unwrap();
            let weighted = params.fit(&matrix.columns(), &[0, 0, 1, 1], Some(&[2.0, 1.0, 1.0, 2.0])).unwrap();
            assert_eq!(weighted, params.fit(&twice.columns(), &[0, 0, 0, 1, 1, 1], None).unwrap());
        }
    }

    #[test]
    fn values_that_do_not_go_with_the_kind() {
        let cell = |result: Result<NaiveBayes, Error>| match result.unwrap_err() {
            Error::Data { row, column, .. } => (row, column),
            other => panic!("{other}"),
        };
        assert_eq!(cell(fit(Kind::Multinomial, &[1.0, -1.0], 1, &[0, 1])), (Some(1), Some(0)));
        assert_eq!(cell(fit(Kind::Categorical, &[1.0, 0.5], 1, &[0, 1])), (Some(1), Some(0)));
        assert_eq!(cell(fit(Kind::Gaussian, &[3.0, 3.0], 1, &[0, 1])), (None, None));
        let model = fit(Kind::Categorical, &[1.0, 0.0], 1, &[0, 1]).unwrap();
        assert!(model.predict(&Matrix::from_rows(&[2.0], 1).unwrap().columns()).is_err());
    }

    #[test]
    fn far_rows_keep_probabilities() {
        let model = fit(Kind::Gaussian, &[0.0, 1.0, 10.0, 11.0], 1, &[0, 0, 1, 1]).unwrap();
        let proba = model.predict_proba(&Matrix::from_rows(&[1e300, 1.0], 1).unwrap().columns()).unwrap();
        assert_eq!(proba, [0.5, 0.5, 1.0, proba[3]]);
    }

    #[test]
    fn damaged_states_are_refused() {
        let model = fit(Kind::Categorical, &[1.0, 0.0, 0.0, 1.0], 2, &[0, 1]).unwrap();
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<NaiveBayes>(&json).unwrap(), model);
        assert!(
            serde_json::from_str::<NaiveBayes>(&json.replace(r#""features":2"#, r#""features":1"#)).is_err()
        );
    }

    #[test]
    fn priors_must_suit_the_classes() {
        let params = Params { priors: Some(vec![0.2, 0.3, 0.5]), ..Params::default() }.check().unwrap();
        let matrix = Matrix::from_rows(&[0.0, 1.0, 2.0, 4.0], 1).unwrap();
        assert!(matches!(params.fit(&matrix.columns(), &[0, 0, 1, 1], None), Err(Error::Param(_))));
        assert!(Params { priors: Some(vec![0.2, 0.3]), ..Params::default() }.check().is_err());
    }
}
