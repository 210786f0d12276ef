//! Support vector machines of `ai.onnx.ml`, as libsvm has them.

use super::scores::{Labels, PostTransform, largest};
use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Kernel};
use crate::tensor::{Kind, Tensor, count};

/// How alike two rows are.
#[derive(Clone, Copy, Debug)]
enum Likeness {
    Linear,
    Poly,
    Rbf,
    Sigmoid,
}

/// The support vectors and their kernel.
struct Machine {
    likeness: Likeness,
    gamma: f64,
    coef0: f64,
    degree: f64,
    /// Row after row.
    vectors: Vec<f64>,
    width: usize,
    coefficients: Vec<f64>,
    rho: Vec<f64>,
}

impl Machine {
    /// Reads the attributes; there are `vectors` support vectors.
    fn new(attributes: &Attributes<'_>, vectors: usize) -> Result<Self, Fault> {
        let name = attributes.text("kernel_type", "LINEAR")?;
        let likeness = match name.as_str() {
            "LINEAR" => Likeness::Linear,
            "POLY" => Likeness::Poly,
            "RBF" => Likeness::Rbf,
            "SIGMOID" => Likeness::Sigmoid,
            _ => return Err(Fault::new(format!("the kernel `{name}` is not known"))),
        };
        let params = attributes.numbers("kernel_params")?;
        let param = |place: usize| params.get(place).copied().unwrap_or(0.0);
        let values = attributes.numbers("support_vectors")?;
        ensure!(vectors > 0 && values.len().is_multiple_of(vectors), "its support vectors are damaged");
        Ok(Self {
            likeness,
            gamma: param(0),
            coef0: param(1),
            degree: param(2),
            width: values.len() / vectors,
            vectors: values,
            coefficients: attributes.numbers("coefficients")?,
            rho: attributes.numbers("rho")?,
        })
    }

    fn vectors(&self) -> usize {
        self.vectors.len() / self.width.max(1)
    }

    /// How alike a row is to each support vector.
    fn alike(&self, row: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend(self.vectors.chunks_exact(self.width.max(1)).map(|vector| {
            let pairs = row.iter().zip(vector);
            if matches!(self.likeness, Likeness::Rbf) {
                return (-self.gamma * pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>()).exp();
            }
            let dot: f64 = pairs.map(|(a, b)| a * b).sum();
            match self.likeness {
                Likeness::Poly => (self.gamma * dot + self.coef0).powf(self.degree),
                Likeness::Sigmoid => (self.gamma * dot + self.coef0).tanh(),
                Likeness::Linear | Likeness::Rbf => dot,
            }
        }));
    }

    /// Rows of as many values as a support vector has.
    fn rows(&self, x: &Tensor) -> Result<Vec<f64>, Fault> {
        let (_, columns) = x.rows_and_columns()?;
        ensure!(
            columns == self.width && columns > 0,
            "{columns} columns came in for vectors of {}",
            self.width
        );
        x.numbers()
    }
}

fn regressor(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let vectors = usize::try_from(attributes.int("n_supports", 0)).unwrap_or(0);
    ensure!(vectors > 0, "a model without support vectors is not supported");
    let one_class = attributes.flag("one_class", false);
    let transform = PostTransform::of(attributes)?;
    let machine = Machine::new(attributes, vectors)?;
    ensure!(machine.coefficients.len() == vectors, "its coefficients are damaged");
    let rho = *machine.rho.first().ok_or_else(|| Fault::new("its intercept is missing"))?;
    Ok(Box::new(move |inputs| {
        let mut alike = Vec::new();
        let rows = machine.rows(inputs.get(0)?)?;
        let scores = rows.chunks_exact(machine.width).map(|row| {
            machine.alike(row, &mut alike);
            let sum: f64 = alike.iter().zip(&machine.coefficients).map(|(a, b)| a * b).sum();
            let mut score = [sum + rho];
            transform.apply(&mut score);
            match one_class {
                true if score[0] > 0.0 => 1.0,
                true => -1.0,
                false => score[0],
            }
        });
        let scores: Vec<f64> = scores.collect();
        Ok(vec![Tensor::of_numbers(vec![scores.len(), 1], scores, Kind::Single)?])
    }))
}

/// One machine for each two classes.
struct Pairwise {
    machine: Machine,
    /// Where each class's support vectors begin, and the end.
    starts: Vec<usize>,
    classes: usize,
    /// Platt's slopes and offsets, one for each two classes; none: no probabilities.
    prob_a: Vec<f64>,
    prob_b: Vec<f64>,
}

impl Pairwise {
    fn new(attributes: &Attributes<'_>, classes: usize) -> Result<Self, Fault> {
        let per_class = attributes.ints("vectors_per_class");
        ensure!(!per_class.is_empty(), "a model without support vectors is not supported");
        ensure!(
            per_class.len() == classes && classes > 1,
            "its support vectors do not go with {classes} classes"
        );
        let mut starts = vec![0usize];
        for &vectors in per_class {
            let end = usize::try_from(vectors).ok().and_then(|own| starts[starts.len() - 1].checked_add(own));
            starts.push(end.ok_or_else(|| Fault::new("its support vectors are damaged"))?);
        }
        let machine = Machine::new(attributes, starts[classes])?;
        let pairs = classes * (classes - 1) / 2;
        let (prob_a, prob_b) = (attributes.numbers("prob_a")?, attributes.numbers("prob_b")?);
        ensure!(
            Some(machine.coefficients.len()) == (classes - 1).checked_mul(machine.vectors())
                && machine.rho.len() == pairs,
            "its coefficients are damaged"
        );
        ensure!(
            (prob_a.is_empty() || prob_a.len() == pairs) && prob_a.len() == prob_b.len(),
            "its probabilities are damaged"
        );
        Ok(Self { machine, starts, classes, prob_a, prob_b })
    }

    /// The margin of each two classes: above 0 for the first of them.
    fn margins(&self, alike: &[f64]) -> Vec<f64> {
        let vectors = alike.len();
        let part = |class: usize, line: usize| -> f64 {
            let own = self.starts[class]..self.starts[class + 1];
            let line = &self.machine.coefficients[line * vectors..][own.clone()];
            alike[own].iter().zip(line).map(|(a, b)| a * b).sum()
        };
        let pairs = (0..self.classes).flat_map(|i| (i + 1..self.classes).map(move |j| (i, j)));
        pairs.zip(&self.machine.rho).map(|((i, j), rho)| part(i, j - 1) + part(j, i) + rho).collect()
    }

    fn votes(&self, margins: &[f64]) -> Vec<f64> {
        let mut votes = vec![0.0; self.classes];
        let pairs = (0..self.classes).flat_map(|i| (i + 1..self.classes).map(move |j| (i, j)));
        for ((i, j), margin) in pairs.zip(margins) {
            votes[if *margin > 0.0 { i } else { j }] += 1.0;
        }
        votes
    }

    /// Probabilities of the classes from those of each two (T.-F. Wu, C.-J. Lin, R. Weng, Probability estimates for
    /// multi-class classification by pairwise coupling, JMLR 2004; the second method, as libsvm has it).
    fn probabilities(&self, margins: &[f64]) -> Vec<f64> {
        let k = self.classes;
        let mut shares = vec![0.0; k * k];
        let pairs = (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j)));
        for (((i, j), margin), (a, b)) in pairs.zip(margins).zip(self.prob_a.iter().zip(&self.prob_b)) {
            let share = 1.0 / (1.0 + (margin * a + b).exp());
            let share = share.clamp(1e-7, 1.0 - 1e-7);
            (shares[i * k + j], shares[j * k + i]) = (share, 1.0 - share);
        }
        let mut q = vec![0.0; k * k];
        for t in 0..k {
            for j in (0..k).filter(|&j| j != t) {
                q[t * k + t] += shares[j * k + t] * shares[j * k + t];
                q[t * k + j] = -shares[j * k + t] * shares[t * k + j];
            }
        }
        let mut p = vec![1.0 / k as f64; k];
        for _ in 0..k.max(100) {
            let mut qp: Vec<f64> = (0..k).map(|t| (0..k).map(|j| q[t * k + j] * p[j]).sum()).collect();
            let mut pqp: f64 = p.iter().zip(&qp).map(|(p, qp)| p * qp).sum();
            let error = qp.iter().map(|qp| (qp - pqp).abs()).fold(0.0, f64::max);
            if error < 0.005 / k as f64 {
                break;
            }
            for t in 0..k {
                let step = (pqp - qp[t]) / q[t * k + t];
                p[t] += step;
                pqp = (pqp + step * (step * q[t * k + t] + 2.0 * qp[t])) / (1.0 + step) / (1.0 + step);
                for j in 0..k {
                    qp[j] = (qp[j] + step * q[t * k + j]) / (1.0 + step);
                    p[j] /= 1.0 + step;
                }
            }
        }
        p
    }
}

fn classifier(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let labels = Labels::of(attributes)?;
    let transform = PostTransform::of(attributes)?;
    let pairwise = Pairwise::new(attributes, labels.len())?;
    let classes = labels.len();
    let width = match pairwise.prob_a.is_empty() {
        false => classes,
        true if classes == 2 => 2,
        true => classes * (classes - 1) / 2,
    };
    Ok(Box::new(move |inputs| {
        let (mut alike, mut chosen, mut out) = (Vec::new(), Vec::new(), Vec::new());
        let rows = pairwise.machine.rows(inputs.get(0)?)?;
        count(&[rows.len() / pairwise.machine.width, width])?;
        for row in rows.chunks_exact(pairwise.machine.width) {
            pairwise.machine.alike(row, &mut alike);
            let margins = pairwise.margins(&alike);
            let mut scores = match pairwise.prob_a.is_empty() {
                false => pairwise.probabilities(&margins),
                true if classes == 2 => vec![-margins[0], margins[0]],
                true => margins.clone(),
            };
            chosen.push(match pairwise.prob_a.is_empty() {
                false => largest(&scores),
                true => largest(&pairwise.votes(&margins)),
            });
            transform.apply(&mut scores);
            out.extend(scores);
        }
        labels.answer(chosen, out, width)
    }))
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Result<Kernel, Fault>> {
    Some(match operator {
        "SVMRegressor" => regressor(attributes),
        "SVMClassifier" => classifier(attributes),
        _ => return None,
    })
}
