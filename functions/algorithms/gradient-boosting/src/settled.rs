//! Parameters against the table, and as the kernel takes them.

use crate::params::Params;
use millstream_learners::gradient_boosting::{self as kernel, Encoding, Objective};
use millstream_learners::{Check, Checked};
use millstream_sdk::column::Choice;
use millstream_sdk::failure::listing;
use millstream_sdk::{Failure, Table, invalid_input, invalid_parameter};
use millstream_training::{ClassWeights, Goal, Target, blame};

impl Params {
    /// The column to predict.
    pub fn target_name(&self) -> Result<&str, Failure> {
        let missing = || {
            invalid_parameter("target", "training needs to know what to predict")
                .allowed("the name of a column")
        };
        self.target.as_deref().ok_or_else(missing)
    }

    /// Reads the target for the objective, or for what the column suggests.
    pub fn target(&self, table: &Table) -> Result<Target, Failure> {
        let goal = match self.objective {
            Some(objective) if objective.has_classes() => Goal::Classes,
            Some(_) => Goal::Numbers,
            None => Goal::suggested(table, self.target_name()?)?,
        };
        let target = Target::read(table, self.target_name()?, goal)?;
        let classes = target.classes().map_or(0, |classes| classes.len());
        if self.objective == Some(Objective::BinaryLogistic) && classes > 2 {
            let message = format!("`{}` has {classes} classes", self.target_name()?);
            return Err(invalid_parameter("objective", message).allowed("multi:softprob"));
        }
        match self.num_class {
            // XGBoost has 0 and 1 for two classes and numbers.
            Some(count) if count as usize != classes && (count > 1 || classes > 2) => {
                let message = format!("`{}` has {classes} classes, not {count}", self.target_name()?);
                Err(invalid_parameter("num_class", message).allowed("the number of classes, or leave it out"))
            }
            _ => Ok(target),
        }
    }

    /// The columns to learn from.
    pub fn features(&self, table: &Table) -> Result<Vec<String>, Failure> {
        let weight = self.weight.as_deref();
        let choice = Choice { listed: self.features.as_deref(), excluded: &self.exclude };
        let mut features = table.features(choice, self.target.as_deref(), weight)?;
        if let (Some(group), None) = (&self.group, &self.features) {
            features.retain(|name| name != group);
            if features.is_empty() {
                return Err(invalid_input("the table has no column to learn from").channel(table.channel()));
            }
        }
        Ok(features)
    }

    /// Which group each row is in, where groups are asked for.
    pub fn groups(&self, table: &Table) -> Result<Option<Vec<u32>>, Failure> {
        let ranks = self.ranks();
        match &self.group {
            Some(group) if ranks => Ok(Some(table.labels(group)?.codes)),
            None if ranks => {
                let message = "ranking needs to know which rows belong together";
                Err(invalid_parameter("group", message).allowed("the name of a column"))
            }
            Some(_) => {
                Err(invalid_parameter("group", "the objective ranks nothing")
                    .allowed("rank:ndcg, rank:pairwise"))
            }
            None => Ok(None),
        }
    }

    /// The weights of rows by their classes too, where they have any.
    pub fn weights(&self, target: &Target, rows: Option<&[f64]>) -> Result<Option<Vec<f64>>, Failure> {
        match (self.class_weight.as_ref(), target) {
            (None, _) => Ok(None),
            (given, Target::Classes(labels)) => {
                ClassWeights::combined(given, &labels.classes, &labels.codes, rows)
            }
            (Some(_), Target::Numbers(_)) => {
                let message = "the target is a number, not classes";
                Err(invalid_parameter("class_weight", message).allowed("nothing, or an objective of classes"))
            }
        }
    }

    /// Whether there are rankings to judge rather than predictions.
    pub fn ranks(&self) -> bool {
        self.objective.is_some_and(Objective::ranks)
    }

    /// Whether the usual figures of numbers say nothing of the predictions.
    pub fn without_figures(&self) -> bool {
        self.ranks() || self.objective == Some(Objective::BinaryLogitraw)
    }

    /// The place of a feature that a parameter names.
    fn place(parameter: &str, name: &str, features: &[String]) -> Result<usize, Failure> {
        features.iter().position(|feature| feature == name).ok_or_else(|| {
            invalid_parameter(parameter, format!("`{name}` is not a feature")).allowed(listing(features))
        })
    }

    /// What the kernel takes.
    pub fn kernel(
        &self,
        target: &Target,
        features: &[String],
        categorical: &[String],
        encodings: &[Encoding],
        rows: usize,
        seed: u64,
    ) -> Result<Checked<kernel::Params>, Failure> {
        let size = kernel::Size { rows, columns: features.len() };
        let several = self.objective == Some(Objective::MultiSoftprob);
        let named = self.named()?;
        let places = |parameter: &str, names: &[String]| {
            let place = |name: &String| Ok(Self::place(parameter, name, features)? as u32);
            names.iter().map(place).collect::<Result<Vec<u32>, Failure>>()
        };
        let mut categorical_features = places("categorical_features", categorical)?;
        categorical_features.extend(encodings.iter().map(|encoding| encoding.feature));
        categorical_features.sort_unstable();
        categorical_features.dedup();
        let sets = self.interaction_constraints.iter();
        let interaction_constraints =
            sets.map(|set| places("interaction_constraints", set)).collect::<Result<_, _>>()?;
        let mut monotone_constraints =
            vec![0; if self.monotone_constraints.is_empty() { 0 } else { features.len() }];
        for (name, &direction) in &self.monotone_constraints {
            monotone_constraints[Self::place("monotone_constraints", name, features)?] = direction;
        }
        let preset = self.chosen(&named, size);
        let params = kernel::Params {
            objective: match target.classes().map(|classes| classes.len()) {
                None => self.objective.unwrap_or(Objective::SquaredError),
                Some(2) if !several => Objective::BinaryLogistic,
                Some(_) => Objective::MultiSoftprob,
            },
            monotone_constraints,
            interaction_constraints,
            categorical_features,
            eval_metric: self.eval_metric.0.iter().map(|metric| metric.0).collect(),
            seed: named.seed.unwrap_or(seed),
            ..preset
        };
        params.check().map_err(blame::parameter)
    }
}
