//! What boosting goes on from: a model that is there already.

use super::hyperparams::Params;
use super::model::GradientBoosting;
use super::trees::Tree;
use crate::{Error, ParamError};

/// The trees of the model, to which others are added.
#[derive(Default)]
pub(super) struct Start {
    pub rounds: u32,
    pub trees: Vec<Tree>,
    pub slots: Vec<u32>,
}

impl Start {
    /// Takes the model's trees if the parameters go on with them.
    pub fn new(params: &Params, model: &GradientBoosting, width: usize, slots: usize) -> Result<Self, Error> {
        let parts = model.parts();
        if parts.width != width {
            let message = format!("there are {width} features; the model to go on from has {}", parts.width);
            return Err(Error::data(message));
        }
        if parts.objective != params.objective {
            let message = format!("the model to go on from has {}", parts.objective.name());
            return Err(ParamError::new("objective", message, parts.objective.name()).into());
        }
        if parts.base.len() != slots {
            let message =
                format!("there are {slots} classes; the model to go on from has {}", parts.base.len());
            return Err(Error::data(message));
        }
        if params.base_score.is_some() {
            let message = "the model to go on from has its own";
            return Err(ParamError::new("base_score", message, "nothing with a model to go on from").into());
        }
        let of_round = parts.trees.len() / (parts.rounds * slots).max(1);
        let whole = parts.rounds > 0 && of_round * parts.rounds * slots == parts.trees.len();
        if !whole || of_round != params.num_parallel_tree as usize {
            let message = format!("the model to go on from has {of_round} trees a round");
            return Err(ParamError::new("num_parallel_tree", message, of_round.to_string()).into());
        }
        let rounds = u32::try_from(parts.rounds).map_err(|_| Error::data("the model has too many rounds"))?;
        Ok(Self { rounds, trees: parts.trees.clone(), slots: parts.slots.clone() })
    }
}
