//! The way of a job whose kernel learns batch by batch: the table is read once an epoch and never held as a whole.

mod indices;
mod layout;
mod predictor;

pub use layout::Layout;
pub use predictor::{SparseKernel, StreamModel};

use crate::{Kernel as _, Learner, Named, Target, blame, rows, scores, target};
use millstream_learners::Error;
use millstream_learners::matrix::MOST_CLASSES;
use millstream_learners::streaming::{self, Batch, Streaming, View};
use millstream_sdk::column;
use millstream_sdk::failure::{listing, shown};
use millstream_sdk::unseen::{Seen, with_seen};
use millstream_sdk::{
    Channel, Classes, Context, Direction, Failure, Kind, Labels, Manifest, Matrix, Output, Summary, internal,
    invalid_input,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// Rows that the figures of the summary are of at the most: they are looked at all together.
const MOST_SCORED: usize = 2_000_000;

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PredictorType {
    /// A number.
    Regressor,
    /// One of two classes.
    BinaryClassifier,
    /// One of several classes.
    MulticlassClassifier,
}

impl PredictorType {
    /// As the kernels have it.
    pub fn kernel(self) -> streaming::PredictorType {
        match self {
            Self::Regressor => streaming::PredictorType::Regressor,
            Self::BinaryClassifier => streaming::PredictorType::BinaryClassifier,
            Self::MulticlassClassifier => streaming::PredictorType::MulticlassClassifier,
        }
    }
}

/// The manifest, but for the parameters and outputs of one's own.
pub fn manifest(name: &str, version: &str, summary: &str, description: &str) -> Manifest {
    let manifest = Manifest::new(name, version, summary)
        .description(description)
        .channel(Channel::required(
            "train",
            Kind::Table,
            "Rows to learn from: numeric features, or sparse ones as `extract` makes them of a LibSVM file, and the \
             target. Read batch by batch, so that they need not fit into memory.",
        ))
        .channel(Channel::optional("validation", Kind::Table, "Rows to watch while learning, and to stop by. Those that have not been through the fitted stages of `train` go through them first."))
        .output(Output::model("model", "What was learnt.").follows("train"))
        .metric("epochs", Direction::Neither, "readings of the table")
        .metric("train:objective_loss", Direction::Minimize, "mean loss of the train rows in an epoch")
        .metric(
            "validation:objective_loss",
            Direction::Minimize,
            "mean loss of the validation rows after an epoch",
        );
    scores::declare(manifest, scores::Figures::Both)
}

/// What is asked of a job.
pub struct StreamTraining<'a> {
    pub named: Named<'a>,
    pub predictor: PredictorType,
    pub epochs: &'a Epochs,
}

/// How long a job learns; flattened into its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Epochs {
    /// Readings of the table.
    #[serde(default = "fifteen")]
    #[schemars(range(min = 1))]
    epochs: u32,
    /// Learning ends after so many epochs without an improvement: of the loss on the `validation` rows, else in the epoch.
    #[serde(default = "three")]
    #[schemars(range(min = 1))]
    early_stopping_patience: u32,
    /// The share of the loss that counts as an improvement.
    #[serde(default = "thousandth")]
    #[schemars(range(min = 0))]
    early_stopping_tolerance: f64,
}

fn fifteen() -> u32 {
    15
}

fn three() -> u32 {
    3
}

fn thousandth() -> f64 {
    1e-3
}

/// Where rows come from and what their columns mean.
struct Source<'a> {
    plan: &'a StreamTraining<'a>,
    layout: Layout,
    classes: Option<Classes>,
    /// Columns whose values are rounded, as was said already.
    rounded: RefCell<BTreeSet<String>>,
    /// What the columns of the train rows hold, once they have been gone through; not of sparse rows.
    seen: RefCell<Vec<Seen>>,
    /// Whether they are gone through just now.
    looks: Cell<bool>,
}

impl Source<'_> {
    /// The columns that a kernel's error may name: features of sparse rows have none of their own.
    fn columns(&self) -> &[String] {
        if self.layout.is_sparse() { &[] } else { self.layout.names() }
    }

    /// Hands over the rows of a channel batch by batch until `f` has had enough. Failures name channel and row.
    fn each(
        &self,
        context: &Context,
        channel: &str,
        mut f: impl FnMut(Batch<View>) -> Result<bool, Error>,
    ) -> Result<u64, Failure> {
        let mut done = 0;
        for batch in context.batches(channel)? {
            let batch = batch?;
            let place = |failure: Failure| failure.after(done).channel(channel);
            if batch.num_rows() == 0 {
                continue;
            }
            let y = match &self.classes {
                None => target::numbers(&batch, self.plan.named.target).map_err(place)?,
                Some(classes) => {
                    let codes = classes.encode(&batch, self.plan.named.target).map_err(place)?;
                    codes.into_iter().map(f64::from).collect()
                }
            };
            let weights = match self.plan.named.weight {
                None => None,
                Some(name) => Some(column::weights_or_zeros(&batch, name).map_err(place)?),
            };
            let mut give = |x: View| {
                let outcome = f(Batch { x: &x, y: &y, weights: weights.as_deref() });
                outcome.map_err(|error| place(blame::failure(error, None, self.columns())))
            };
            let more = if self.layout.is_sparse() {
                give(View::Sparse(&self.layout.rows(&batch).map_err(place)?))?
            } else {
                let matrix = Matrix::from_columns(&batch, self.layout.names()).map_err(place)?;
                for name in rows::rounded(&batch, self.layout.names()) {
                    if self.rounded.borrow_mut().insert(name.clone()) {
                        rows::warn_of_rounding(context, name);
                    }
                }
                let more = give(View::Dense(&rows::columns(&matrix).map_err(place)?))?;
                self.see(&matrix);
                more
            };
            done += batch.num_rows() as u64;
            if !more {
                break;
            }
        }
        Ok(done)
    }

    /// Takes note of what the columns hold, as long as the rows are read for the first time.
    fn see(&self, rows: &Matrix) {
        if !self.looks.get() {
            return;
        }
        let mut seen = self.seen.borrow_mut();
        for (j, values) in rows.slices().into_iter().enumerate() {
            let own = Seen::of_numbers(values);
            match seen.get_mut(j) {
                Some(known) => *known = std::mem::take(known).joined(own),
                None => seen.push(own),
            }
        }
    }

    /// Adds the figures of a channel's first rows, of as many as can be looked at together.
    fn score(
        &self,
        summary: Summary,
        context: &Context,
        channel: &str,
        predict: &impl Fn(View) -> Result<Vec<f64>, Error>,
    ) -> Result<Summary, Failure> {
        let classes = self.classes.as_ref().map_or(1, Classes::len);
        let most = MOST_SCORED.min(target::MOST_CELLS / classes.max(1));
        let (mut truth, mut predicted, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        self.each(context, channel, |batch| {
            predicted.extend(predict(*batch.x)?);
            truth.extend_from_slice(batch.y);
            weights.extend_from_slice(batch.weights.unwrap_or_default());
            Ok(truth.len() < most)
        })?;
        if truth.len() >= most {
            context.info(format!("the figures of `{channel}` are those of its first {} rows", truth.len()));
        }
        if self.plan.named.weight.is_some() && weights.iter().all(|weight| *weight == 0.0) {
            context.warn(format!(
                "there are no figures of `{channel}`: its first {} rows weigh nothing",
                truth.len()
            ));
            return Ok(summary);
        }
        let target = match &self.classes {
            None => Target::Numbers(truth),
            Some(classes) => {
                let codes = truth.iter().map(|&code| code as u32).collect();
                Target::Classes(Labels { classes: classes.clone(), codes })
            }
        };
        let weights = self.plan.named.weight.map(|_| weights.as_slice());
        let figures = scores::of(&target, &predicted, weights);
        let figures = figures.map_err(|error| blame::failure(error, Some(channel), self.columns()))?;
        let add = |summary: Summary, (name, value)| summary.metric(format!("{channel}:{name}"), value);
        Ok(figures.into_iter().fold(summary, add))
    }
}

/// Reads, learns, stops, scores and writes. `learner` makes the kernel for features and a number of classes (0: numbers);
/// `finish` may write further outputs and figures.
pub fn train<S: Streaming, L: Learner<Kernel = S::Model>>(
    context: &mut Context,
    plan: &StreamTraining<'_>,
    learner: impl FnOnce(&Layout, usize) -> Result<S, Error>,
    finish: impl FnOnce(&Context, &S::Model, &Layout, Option<&Classes>) -> Result<(), Failure>,
) -> Result<Summary, Failure>
where
    S::Model: SparseKernel,
{
    let Named { target, features, weight } = plan.named;
    let schema = context.batches("train")?.schema();
    let place = |failure: Failure| failure.channel("train");
    column::named(&schema, "target", target).map_err(place)?;
    let features = column::features(&schema, features, Some(target), weight).map_err(place)?;
    let mut layout = Layout::new(&schema, features);
    let classes = survey(context, plan, &mut layout)?;
    let (rounded, seen, looks) = (RefCell::default(), RefCell::default(), Cell::new(true));
    let source = Source { plan, layout, classes, rounded, seen, looks };
    let count = source.classes.as_ref().map_or(0, Classes::len);
    let of_table = |error: Error| blame::failure(error, Some("train"), source.columns());
    let about_target = |error: Error| match &error {
        Error::Data { .. } => of_table(error).column(target),
        Error::Param(_) => of_table(error),
    };
    let mut learner = learner(&source.layout, count).map_err(about_target)?;
    let (mut constant, mut weighs) = (Constant::default(), weight.is_none());
    let observe = || {
        source.each(context, "train", |batch| {
            constant.see(batch.y);
            weighs =
                weighs || batch.weights.is_some_and(|weights| weights.iter().any(|weight| *weight > 0.0));
            learner.observe(batch).map(|()| true)
        })
    };
    let rows = context.phase("read", observe)?;
    source.looks.set(false);
    if let (None, Some(value)) = (&source.classes, constant.value()) {
        target::warn_of_constant(context, target, value);
    }
    if let (Some(weight), false, 1..) = (weight, weighs, rows) {
        return Err(invalid_input("all weights are zero").column(weight).channel("train"));
    }
    learner.start().map_err(of_table)?;

    let watched = context.has("validation");
    let mut best: Option<(f64, S::Model)> = None;
    let (mut reference, mut waited, mut epochs) = (f64::INFINITY, 0, 0);
    for epoch in 0..u64::from(plan.epochs.epochs) {
        let learn = || source.each(context, "train", |batch| learner.learn(batch).map(|()| true));
        context.phase("fit", learn)?;
        let mut loss = learner.end_epoch();
        epochs = epoch + 1;
        let grown = || of_table(Error::data("the loss grows without limit; lower the learning rate"));
        if !loss.is_finite() {
            return Err(grown());
        }
        context.metric("train:objective_loss", loss, epoch);
        if watched {
            let (mut sum, mut total) = (0.0, 0.0);
            let judge = || {
                source.each(context, "validation", |batch| {
                    let (loss, weight) = learner.loss(batch)?;
                    sum += loss;
                    total += weight;
                    Ok(true)
                })
            };
            context.phase("score", judge)?;
            if total <= 0.0 {
                let message = "the table has no rows, or all weights are 0";
                return Err(invalid_input(message).channel("validation"));
            }
            loss = sum / total;
            if !loss.is_finite() {
                return Err(grown());
            }
            context.metric("validation:objective_loss", loss, epoch);
        }
        context.progress(epochs, Some(u64::from(plan.epochs.epochs)));
        // Without validation rows there is nothing to tell a better model by: the last one counts.
        if !watched || best.as_ref().is_none_or(|(least, _)| loss < *least) {
            best = Some((loss, learner.model().map_err(of_table)?));
        }
        if loss < reference - plan.epochs.early_stopping_tolerance * reference.abs()
            || reference.is_infinite()
        {
            (reference, waited) = (loss, 0);
        } else {
            waited += 1;
            if waited >= plan.epochs.early_stopping_patience {
                context.info(format!("stopped after {epochs} epochs: the loss no longer improves"));
                break;
            }
        }
    }
    let (loss, model) = best.ok_or_else(|| internal("there was no epoch"))?;

    let set = if watched { "validation" } else { "train" };
    let figure = if loss.abs() < 1e9 { format!("{loss:.6}") } else { shown(loss) };
    let message = format!(
        "learnt from {rows} rows with {} features in {epochs} epochs, {set} loss {figure}",
        source.layout.width()
    );
    let summary =
        Summary::new(message).metric("epochs", epochs as f64).metric(format!("{set}:objective_loss"), loss);
    let answers = |x: View<'_>| match x {
        View::Dense(x) => model.predict(x),
        View::Sparse(x) => model.predict_sparse(x),
    };
    let mut summary = context.phase("score", || source.score(summary, context, "train", &answers))?;
    if watched {
        summary = context.phase("score", || source.score(summary, context, "validation", &answers))?;
    }
    finish(context, &model, &source.layout, source.classes.as_ref())?;
    let columns = with_seen(&source.layout.schema(), source.seen.into_inner());
    predictor::put::<L>(context, &source.layout, &columns, target, source.classes, &model)?;
    Ok(summary)
}

/// Whether all numbers are one.
#[derive(Default)]
struct Constant {
    first: Option<f64>,
    others: bool,
}

impl Constant {
    fn see(&mut self, values: &[f64]) {
        let first = *self.first.get_or_insert(values.first().copied().unwrap_or_default());
        self.others = self.others || values.iter().any(|value| *value != first);
    }

    fn value(&self) -> Option<f64> {
        self.first.filter(|_| !self.others)
    }
}

/// The classes and the sparse features of all batches, if there are any to look for.
fn survey(
    context: &Context,
    plan: &StreamTraining<'_>,
    layout: &mut Layout,
) -> Result<Option<Classes>, Failure> {
    let name = plan.named.target;
    let classified = plan.predictor != PredictorType::Regressor;
    let mut all: Option<Classes> = None;
    if !classified && !layout.is_sparse() {
        return Ok(None);
    }
    let mut rows = 0;
    for batch in context.batches("train")? {
        let batch = batch?;
        let before = rows;
        layout.see(&batch).map_err(|failure| failure.after(before).channel("train"))?;
        rows += batch.num_rows() as u64;
        if !classified {
            continue;
        }
        let of_target = |failure: Failure| failure.after(before).column(name).channel("train");
        target::whole(&batch, name).map_err(of_target)?;
        let own = Classes::of(column::get(&batch, name).map_err(of_target)?).map_err(of_target)?;
        let known = match all.take() {
            None => own,
            Some(known) => union(known, own)?,
        };
        // Before there are more than memory holds.
        if known.len() > MOST_CLASSES {
            target::check_count(known.len(), usize::MAX).map_err(of_target)?;
        }
        all = Some(known);
    }
    if classified && all.is_none() || rows == 0 {
        return Err(invalid_input("the table has no rows").channel("train"));
    }
    if let Some(all) = &all {
        // The table need not fit into memory.
        let counted = target::check_count(all.len(), (rows as usize).min(2 * MOST_CLASSES));
        counted.map_err(|failure| failure.column(name).channel("train"))?;
    }
    if layout.width() == 0 {
        let names = listing(layout.names());
        return Err(invalid_input(format!("no row has a value that is not 0 in {names}")).channel("train"));
    }
    Ok(all)
}

fn union(a: Classes, b: Classes) -> Result<Classes, Failure> {
    fn merged<T>(mut a: Vec<T>, b: Vec<T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<T> {
        a.extend(b);
        a.sort_unstable_by(&order);
        a.dedup_by(|a, b| order(a, b).is_eq());
        a
    }
    match (a, b) {
        (Classes::Int(a), Classes::Int(b)) => Ok(Classes::Int(merged(a, b, Ord::cmp))),
        (Classes::Float(a), Classes::Float(b)) => Ok(Classes::Float(merged(a, b, f64::total_cmp))),
        (Classes::Bool(a), Classes::Bool(b)) => Ok(Classes::Bool(merged(a, b, Ord::cmp))),
        (Classes::Text(a), Classes::Text(b)) => Ok(Classes::Text(merged(a, b, Ord::cmp))),
        _ => Err(internal("the target's type changed between batches")),
    }
}
