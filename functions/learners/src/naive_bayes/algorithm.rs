use super::model::{Likelihood, refuse_negative};
use super::{Kind, NaiveBayes, Params, discrete, gaussian};
use crate::matrix::{Missing, check_classes};
use crate::weights::{Kept, check_weights, combined};
use crate::{Checked, Columns, Error, ParamError};

impl Checked<Params> {
    /// Estimates the distributions. `x` is rows x features, `y` holds classes `0..n`, each in use.
    ///
    /// # Errors
    /// For values that are not finite or do not go with `kind`, fewer than two classes, weights that leave a class
    /// out altogether, and variances of 0 without smoothing.
    pub fn fit(&self, x: &Columns, y: &[u32], weights: Option<&[f64]>) -> Result<NaiveBayes, Error> {
        x.check_shape()?;
        // Normal distributions show whatever is not finite, so that sound values are read once only.
        if self.kind != Kind::Gaussian {
            x.check_values(Missing::Refused)?;
        }
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
        let likelihood = match Kept::of(x, weights) {
            None => self.likelihood(x, y, &totals, weights)?,
            Some(kept) => self
                .likelihood(&kept.columns(), &kept.pick(y), &totals, Some(kept.weights()))
                .map_err(|error| kept.of_table(error))?,
        };
        Ok(NaiveBayes { features: x.width() as u32, log_priors: self.log_priors(&totals)?, likelihood })
    }

    fn log_priors(&self, totals: &[f64]) -> Result<Vec<f64>, Error> {
        let classes = totals.len() as f64;
        let all: f64 = totals.iter().sum();
        match &self.priors {
            Some(priors) if priors.len() == totals.len() => {
                Ok(priors.iter().map(|p| libm::log(*p)).collect())
            }
            Some(priors) => {
                let message = format!("there are {} for {classes} classes", priors.len());
                Err(ParamError::new("priors", message, "one a class").into())
            }
            None if self.fit_prior => Ok(totals.iter().map(|total| libm::log(total / all)).collect()),
            None => Ok(vec![-libm::log(classes); totals.len()]),
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
                let fitted = gaussian::fit(x, y, classes, weights);
                let mut fitted = fitted.or_else(|error| x.check_squares().and(Err(error)))?;
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
                    let no = |n: &f64| {
                        libm::log(((total - n + alpha) / (total + 2.0 * alpha)).max(f64::MIN_POSITIVE))
                    };
                    log_odds
                        .extend(sums.iter().map(|n| libm::log((n + alpha) / (total + 2.0 * alpha)) - no(n)));
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
                    logs.extend(sums.iter().map(|n| libm::log(((n + alpha) / total).max(f64::MIN_POSITIVE))));
                }
                Ok(Likelihood::Linear { weights: logs, constants: vec![0.0; classes], binarize: None })
            }
            Kind::Categorical => {
                let categories = discrete::categories(self, x, classes)?;
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
        let proba = model.predict_proba(&Matrix::from_rows(&[1e140, 1.0], 1).unwrap().columns()).unwrap();
        assert_eq!(proba, [0.5, 0.5, 1.0, proba[3]]);
        let farther = model.predict_proba(&Matrix::from_rows(&[1.0, 1e300], 1).unwrap().columns());
        assert!(matches!(farther, Err(Error::Data { row: Some(1), column: Some(0), .. })));
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
