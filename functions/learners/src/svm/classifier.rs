use super::Params;
use super::coupling::couple;
use super::kernel::{Function, Tiles};
use super::machine::{Machine, shifts};
use super::rows::KernelRows;
use super::smo::{Problem, Solution, most_steps};
use crate::calibration::Sigmoid;
use crate::matrix::check_classes;
use crate::rng::Rng;
use crate::weights::{Kept, check_weights, combined, sums_by_class};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// Folds that the probabilities are fitted on.
const FOLDS: usize = 5;

/// Certainty in a pair would leave nothing for the other pairs to say.
const LEAST: f64 = 1e-7;

/// Rows on the borders between each two classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct SupportVectorClassifier {
    /// One output a pair of classes: (0, 1), (0, 2), ..., (1, 2), ...; above 0 speaks for the first.
    machine: Machine,
    classes: u32,
    /// One a pair, or none.
    sigmoids: Vec<Sigmoid>,
    converged: bool,
}

/// [`SupportVectorClassifier`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    machine: Machine,
    classes: u32,
    sigmoids: Vec<Sigmoid>,
    converged: bool,
}

impl TryFrom<Stored> for SupportVectorClassifier {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { machine, classes, sigmoids, converged } = stored;
        let pairs = u64::from(classes) * u64::from(classes).saturating_sub(1) / 2;
        let sound = classes >= 2
            && machine.outputs() as u64 == pairs
            && (sigmoids.is_empty() || sigmoids.len() as u64 == pairs);
        match sound {
            true => Ok(Self { machine, classes, sigmoids, converged }),
            false => Err("the support vectors are damaged"),
        }
    }
}

/// The two classes of a problem, their rows side by side.
struct Pair<'a> {
    params: &'a Params,
    /// Whether a row is of the first class.
    first: Vec<bool>,
    bounds: Vec<f64>,
    steps: u64,
}

impl Pair<'_> {
    /// Solves with the rows that are not `left_out`.
    fn solve(&self, kernel: &mut KernelRows, left_out: impl Fn(usize) -> bool) -> Solution {
        let signs: Vec<f64> = self.first.iter().map(|&first| if first { 1.0 } else { -1.0 }).collect();
        let bound = |(i, bound): (usize, &f64)| if left_out(i) { 0.0 } else { *bound };
        let bounds = self.bounds.iter().enumerate().map(bound).collect();
        Problem { values: signs.clone(), signs, bounds }.solve(kernel, self.params.tol, self.steps)
    }

    /// Fits the sigmoid to decisions about rows that had no say in them. All rows' values are kept up to date on the
    /// way, those left out as well, and kernel rows are shared: folds cost no kernel value twice.
    fn sigmoid(&self, kernel: &mut KernelRows, rng: &mut Rng) -> Sigmoid {
        let count = self.first.len();
        let mut order: Vec<usize> = (0..count).collect();
        rng.draw_to_front(&mut order, count);
        // Class by class, so that each fold has its share of both.
        let mut folds = vec![0; count];
        let mut dealt = [0; 2];
        for i in order {
            let class = usize::from(self.first[i]);
            folds[i] = dealt[class] % FOLDS;
            dealt[class] += 1;
        }
        let mut decisions = vec![0.0; count];
        for fold in 0..FOLDS {
            let solution = self.solve(kernel, |i| folds[i] == fold);
            for i in (0..count).filter(|&i| folds[i] == fold) {
                let sign = if self.first[i] { 1.0 } else { -1.0 };
                // v = s - f.
                decisions[i] = sign - solution.values[i] + solution.intercept;
            }
        }
        Sigmoid::fit(&decisions, &self.first, None)
    }
}

impl Checked<Params> {
    /// Fits a machine for each pair of classes. `x` is rows x features, `y` holds classes `0..n`, each in use.
    ///
    /// # Errors
    /// For values that are not finite, fewer than two classes, weights that leave a class out altogether, and kernel
    /// values beyond single precision.
    pub fn fit_classes(
        &self,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
    ) -> Result<SupportVectorClassifier, Error> {
        x.check_squares()?;
        let classes = check_classes(y, x.rows())?.len();
        check_weights(weights, x.rows())?;
        let weights = combined(self.class_weight, y, classes, weights);
        check_weights(weights.as_deref(), x.rows())?;
        let sums = sums_by_class(y, classes, weights.as_deref());
        if let Some(class) = sums.iter().position(|sum| *sum <= 0.0) {
            let row = y.iter().position(|&own| own as usize == class).unwrap_or_default();
            return Err(Error::row(row, "all rows of this row's class have the weight 0"));
        }
        match Kept::of(x, weights.as_deref()) {
            None => self.machines(x, y, classes, weights.as_deref()),
            Some(kept) => self.machines(&kept.columns(), &kept.pick(y), classes, Some(kept.weights())),
        }
    }

    /// All rows have weight.
    fn machines(
        &self,
        x: &Columns,
        y: &[u32],
        classes: usize,
        weights: Option<&[f64]>,
    ) -> Result<SupportVectorClassifier, Error> {
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let function = Function::of(self, x)?;
        let shifts = shifts(function.kernel, x);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); classes];
        (0..x.rows()).for_each(|i| members[y[i] as usize].push(i as u32));
        let mut rng = Rng::new(self.seed, 0);
        let (mut outputs, mut intercepts, mut sigmoids, mut converged) = (vec![], vec![], vec![], true);
        for i in 0..classes {
            for j in i + 1..classes {
                let chosen = [&members[i][..], &members[j][..]].concat();
                let tiles = Tiles::gather(x, &shifts, &chosen);
                let mut kernel = KernelRows::new(function, tiles, x.width(), self.cache_size)?;
                let pair = Pair {
                    params: self,
                    first: (0..chosen.len()).map(|k| k < members[i].len()).collect(),
                    bounds: chosen.iter().map(|&row| self.c * weight(row as usize)).collect(),
                    steps: most_steps(self, chosen.len()),
                };
                let solution = pair.solve(&mut kernel, |_| false);
                converged &= solution.converged;
                if self.probability {
                    sigmoids.push(pair.sigmoid(&mut kernel, &mut rng));
                }
                let signed = chosen.iter().copied().zip(solution.signed);
                outputs.push(signed.filter(|(_, b)| *b != 0.0).collect());
                intercepts.push(solution.intercept);
            }
        }
        let machine = Machine::gather(function, x, shifts, &outputs, intercepts)?;
        Ok(SupportVectorClassifier { machine, classes: classes as u32, sigmoids, converged })
    }
}

impl SupportVectorClassifier {
    pub fn classes(&self) -> usize {
        self.classes as usize
    }

    /// Rows that the borders rest on.
    pub fn support_vectors(&self) -> usize {
        self.machine.support_vectors()
    }

    /// Whether every search ended within `max_iter` steps.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Whether it was fitted with probabilities.
    pub fn has_probabilities(&self) -> bool {
        !self.sigmoids.is_empty()
    }

    /// Of the kernel `linear`: the weights of the features in each output (see [`Self::decision_function`]), and the outputs' constant parts.
    pub fn coefficients(&self) -> Option<(Vec<Vec<f64>>, &[f64])> {
        Some((self.machine.coefficients()?, self.machine.intercepts()))
    }

    /// Decisions, rows x pairs of classes, row after row; above 0 speaks for the first of the pair.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn decision_function(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.machine.decide(x)
    }

    /// Probabilities, rows x classes, row after row.
    ///
    /// # Errors
    /// As [`Self::decision_function`]; and if it was fitted without probabilities.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.sigmoids.is_empty() {
            return Err(Error::data("the model was fitted without probabilities: set `probability`"));
        }
        let decisions = self.decision_function(x)?;
        let classes = self.classes();
        let mut proba = vec![0.0; x.rows() * classes];
        let mut pairs = vec![0.5; classes * classes];
        for (decisions, proba) in
            decisions.chunks_exact(self.sigmoids.len()).zip(proba.chunks_exact_mut(classes))
        {
            let mut place = 0;
            for i in 0..classes {
                for j in i + 1..classes {
                    let p = self.sigmoids[place].probability(decisions[place]).clamp(LEAST, 1.0 - LEAST);
                    (pairs[i * classes + j], pairs[j * classes + i]) = (p, 1.0 - p);
                    place += 1;
                }
            }
            match classes {
                2 => proba.copy_from_slice(&[pairs[1], pairs[2]]),
                _ => couple(&pairs, proba),
            }
        }
        Ok(proba)
    }

    /// The class that most pairs speak for; of equal ones the first. It need not be the most probable one.
    ///
    /// # Errors
    /// As [`Self::decision_function`].
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        let decisions = self.decision_function(x)?;
        let classes = self.classes();
        let vote = |decisions: &[f64]| {
            let mut votes = vec![0_u32; classes];
            let mut decisions = decisions.iter();
            for i in 0..classes {
                for j in i + 1..classes {
                    let first = decisions.next().is_some_and(|d| *d > 0.0);
                    votes[if first { i } else { j }] += 1;
                }
            }
            let most = votes.iter().max().copied().unwrap_or_default();
            votes.iter().position(|&v| v == most).unwrap_or_default() as u32
        };
        Ok(decisions.chunks_exact(self.machine.outputs()).map(vote).collect())
    }
}
