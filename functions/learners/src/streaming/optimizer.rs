//! Steps along gradients of mini-batches.

use serde::{Deserialize, Serialize};

/// How a step is made of a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Against the gradient, with momentum.
    Sgd,
    /// D. P. Kingma, J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015.
    #[default]
    Adam,
    /// T. Tieleman, G. Hinton, 2012: against the gradient, divided by its recent size.
    RmsProp,
}

/// What the steps so far have left behind.
#[derive(Debug, Clone)]
pub struct Optimizer {
    method: Method,
    /// Momentum of `sgd`; the memory of `adam` for gradients and for their squares (of `rmsprop` too).
    pub momentum: f64,
    pub beta_1: f64,
    pub beta_2: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    /// Steps that each parameter has taken.
    steps: Vec<u32>,
}

impl Optimizer {
    pub fn new(method: Method, parameters: usize, momentum: f64, beta_1: f64, beta_2: f64) -> Self {
        let zeros = || vec![0.0; parameters];
        Self { method, momentum, beta_1, beta_2, first: zeros(), second: zeros(), steps: vec![0; parameters] }
    }

    /// What is to be added to parameter `k`. Only parameters that have a gradient need be asked for.
    pub fn step(&mut self, k: usize, gradient: f64, rate: f64) -> f64 {
        const EPS: f64 = 1e-8;
        let (first, second) = (&mut self.first[k], &mut self.second[k]);
        match self.method {
            Method::Sgd => {
                *first = self.momentum * *first - rate * gradient;
                *first
            }
            Method::RmsProp => {
                *second = self.beta_2 * *second + (1.0 - self.beta_2) * gradient * gradient;
                -rate * gradient / (second.sqrt() + EPS)
            }
            Method::Adam => {
                self.steps[k] = self.steps[k].saturating_add(1);
                *first = self.beta_1 * *first + (1.0 - self.beta_1) * gradient;
                *second = self.beta_2 * *second + (1.0 - self.beta_2) * gradient * gradient;
                let steps = self.steps[k].min(100_000) as i32;
                let (m, v) =
                    (*first / (1.0 - self.beta_1.powi(steps)), *second / (1.0 - self.beta_2.powi(steps)));
                -rate * m / (v.sqrt() + EPS)
            }
        }
    }
}
