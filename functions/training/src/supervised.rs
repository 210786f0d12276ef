//! The way of a training job with a target: rows in; scores and state out.

use crate::kernel::Kernel;
use crate::predictor::{KernelModel, Learner};
use crate::{Fitted, Goal, Rows, Target, scores};
use millstream_learners::Columns;
use millstream_sdk::column::Choice;
use millstream_sdk::unseen::codes_of;
use millstream_sdk::{Channel, Context, Failure, Kind, Manifest, Summary};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the target is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Classes.
    Classification,
    /// Numbers.
    Regression,
}

impl From<Task> for Goal {
    fn from(task: Task) -> Self {
        match task {
            Task::Classification => Self::Classes,
            Task::Regression => Self::Numbers,
        }
    }
}

/// The channels of a job, added to its manifest.
pub fn channels(manifest: Manifest) -> Manifest {
    manifest
        .channel(Channel::required(
            "train",
            Kind::Table,
            "Rows to learn from: numeric features and the target.",
        ))
        .channel(Channel::optional("validation", Kind::Table, "Rows to score the model on. Those that have not been through the fitted stages of `train` go through them first."))
}

/// The columns that the user named.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    pub target: &'a str,
    pub features: Choice<'a>,
    pub weight: Option<&'a str>,
}

/// Rows with what is to be learnt of them.
pub struct Labelled {
    pub rows: Rows,
    pub target: Target,
}

impl Labelled {
    /// The channel `train`. Without a goal, the target column suggests one.
    pub fn train(context: &Context, named: &Named<'_>, goal: Option<Goal>) -> Result<Self, Failure> {
        let (table, rows) =
            Rows::of_channel(context, "train", named.features, Some(named.target), named.weight)?;
        let goal = goal.map_or_else(|| Goal::suggested(&table, named.target), Ok)?;
        let target = context.phase("read", || Target::read(&table, named.target, goal))?;
        target.warn_if_constant(context, named.target);
        Ok(Self { rows, target })
    }

    /// The channel `validation`, if there is one: the same columns, and the classes of the train rows.
    pub fn validation(&self, context: &Context, named: &Named<'_>) -> Result<Option<Self>, Failure> {
        let Some(table) = context.optional_table("validation")? else { return Ok(None) };
        let rows = Rows::read(&table, self.rows.names(), named.weight)?;
        let target = self.target.read_alike(&table, named.target)?;
        Ok(Some(Self { rows, target }))
    }

    /// The features as the kernels take them.
    pub fn x(&self) -> Result<Columns<'_>, Failure> {
        self.rows.columns()
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.rows.matrix().rows()
    }

    /// `numbers`, or `3 classes`.
    pub fn kind(&self) -> String {
        self.target.classes().map_or("numbers".to_owned(), |classes| format!("{} classes", classes.len()))
    }

    /// Adds the figures of these rows.
    pub fn score(
        &self,
        context: &Context,
        summary: Summary,
        set: &str,
        kernel: &impl Kernel,
    ) -> Result<Summary, Failure> {
        context.phase("score", || scores::add(summary, set, &self.rows, &self.target, |x| kernel.predict(x)))
    }
}

/// Scores the model on the rows of `train` and `validation`, and writes it.
pub fn finish<L: Learner>(
    context: &Context,
    named: &Named<'_>,
    train: &Labelled,
    kernel: &L::Kernel,
    summary: Summary,
) -> Result<Summary, Failure> {
    let summary = train.score(context, summary, "train", kernel)?;
    finish_unseen::<L>(context, named, train, kernel, summary)
}

/// The same without figures of the rows of `train`, where they would say nothing.
pub fn finish_unseen<L: Learner>(
    context: &Context,
    named: &Named<'_>,
    train: &Labelled,
    kernel: &L::Kernel,
    summary: Summary,
) -> Result<Summary, Failure> {
    let validation = train.validation(context, named)?;
    finish_on::<L>(context, named, train, validation.as_ref(), kernel, summary)
}

/// Scores the model on rows that are read already, and writes it.
pub fn finish_on<L: Learner>(
    context: &Context,
    named: &Named<'_>,
    train: &Labelled,
    validation: Option<&Labelled>,
    kernel: &L::Kernel,
    mut summary: Summary,
) -> Result<Summary, Failure> {
    if let Some(validation) = validation {
        summary = validation.score(context, summary, "validation", kernel)?;
    }
    put::<L>(context, named, train, kernel)?;
    Ok(summary)
}

/// Writes the state that [`KernelModel`] loads.
pub fn put<L: Learner>(
    context: &Context,
    named: &Named<'_>,
    train: &Labelled,
    kernel: &L::Kernel,
) -> Result<(), Failure> {
    let classes = train.target.classes().cloned();
    let state = Fitted { target: named.target.to_owned(), classes, kernel };
    let matrix = train.rows.matrix();
    let mut columns = matrix.seen_schema();
    if L::takes_categories(kernel) {
        for (name, values) in matrix.names().iter().zip(matrix.slices()) {
            columns = codes_of(&columns, name, values);
        }
    }
    context.put_model::<KernelModel<L>>("model", &columns, &state)
}
