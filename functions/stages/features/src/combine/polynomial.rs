//! Products of columns, as scikit-learn's `PolynomialFeatures` without the columns themselves, which are there.

use millstream_sdk::{Failure, arrow_array::ArrayRef, internal, invalid_parameter};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

/// Columns that may come out.
const MOST: usize = 10_000;

/// Options of `polynomial` and `interactions`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Factors of a product at the most.
    pub degree: usize,
    /// No column is multiplied by itself.
    pub interaction_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { degree: 2, interaction_only: false }
    }
}

/// The state: which columns each product is of, a column twice for its square.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnProducts {
    factors: Vec<Vec<u32>>,
}

pub fn fit(options: &Options, step: &str, names: &[String], arrays: &[ArrayRef]) -> Result<Learnt, Failure> {
    if !(2..=10).contains(&options.degree) {
        return Err(
            invalid_parameter("degree", format!("{} is out of range", options.degree)).allowed("2 to 10")
        );
    }
    for (name, array) in names.iter().zip(arrays) {
        values::numbers(step, array).map_err(|failure| failure.column(name))?;
    }
    let mut factors: Vec<Vec<u32>> = Vec::new();
    let mut before: Vec<Vec<u32>> = (0..names.len() as u32).map(|column| vec![column]).collect();
    for _ in 2..=options.degree {
        let mut next = Vec::new();
        for product in &before {
            let last = product.last().copied().unwrap_or_default();
            let from = last + u32::from(options.interaction_only);
            for column in from..names.len() as u32 {
                next.push(product.iter().copied().chain([column]).collect());
            }
            if factors.len() + next.len() > MOST {
                return Err(invalid_parameter(
                    "combine",
                    format!(
                        "`{step}` of {} columns makes more than {MOST} features; name fewer `columns`, or a lower `degree`",
                        names.len()
                    ),
                ));
            }
        }
        factors.extend(next.iter().cloned());
        before = next;
    }
    if factors.is_empty() {
        return Err(invalid_parameter("combine", format!("`{step}` needs two columns and more")));
    }
    let all = factors.iter().map(|product| name(product, names)).collect();
    Ok(Learnt::new(all, Transform::ColumnProducts(ColumnProducts { factors })))
}

/// `a b` for a product, `a^2` for a power, as in scikit-learn.
fn name(product: &[u32], names: &[String]) -> String {
    let powers = product.chunk_by(|a, b| a == b).map(|same| match same.len() {
        1 => names[same[0] as usize].clone(),
        power => format!("{}^{power}", names[same[0] as usize]),
    });
    powers.collect::<Vec<_>>().join(" ")
}

impl ColumnProducts {
    pub fn apply(&self, arrays: &[&ArrayRef]) -> Vec<ArrayRef> {
        let columns: Vec<Vec<f64>> = arrays.iter().map(|array| values::as_numbers(array)).collect();
        let product = |factors: &Vec<u32>| {
            let mut of = columns[factors[0] as usize].clone();
            for factor in &factors[1..] {
                of.iter_mut().zip(&columns[*factor as usize]).for_each(|(product, value)| *product *= value);
            }
            values::column(of)
        };
        self.factors.iter().map(product).collect()
    }

    /// Whether all factors are there.
    pub fn check(&self, takes: usize, gives: usize) -> Result<(), Failure> {
        let inside = |factors: &Vec<u32>| {
            !factors.is_empty() && factors.iter().all(|factor| (*factor as usize) < takes)
        };
        match self.factors.len() == gives && self.factors.iter().all(inside) {
            true => Ok(()),
            false => Err(internal("the products of columns are damaged")),
        }
    }
}
