//! Stages that turn numeric columns into components: what principal components and the like share.

use crate::blame;
use crate::unlabelled::LoadedUnlabelled;
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use millstream_learners::Check;
use millstream_learners::pca::{self, Components, Pca};
use millstream_sdk::column::Choice;
use millstream_sdk::failure::shown;
use millstream_sdk::table::{self, BATCH_ROWS, batch_of};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Kind, Manifest, Model, Output, State, Summary, Table,
    Task, internal, invalid_parameter,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::sync::Arc;

/// The channel and the output.
pub const TABLE: &str = "table";

/// A number of components as users write it: below 1 a share of the variance, else a count.
///
/// # Errors
/// For other numbers.
pub fn components(value: Option<f64>) -> Result<Components, Failure> {
    match value {
        None => Ok(Components::All),
        Some(share) if share > 0.0 && share < 1.0 => Ok(Components::Share(share)),
        Some(count) if count >= 1.0 && count <= f64::from(u32::MAX) && count.trunc() == count => {
            Ok(Components::Count(count as u32))
        }
        Some(other) => {
            Err(invalid_parameter("n_components", format!("{} is not a number of components", shown(other)))
                .allowed("whole numbers from 1, or a share of the variance between 0 and 1"))
        }
    }
}

/// A function that turns columns into components.
pub trait Transformer: 'static {
    /// As in its manifest.
    const NAME: &'static str;
    /// Columns are called this and their number.
    const PREFIX: &'static str;
}

/// The state of a stage.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fitted {
    prefix: String,
    kernel: Pca,
}

/// A stage, loaded.
pub struct Stage<T>(LoadedUnlabelled<Fitted>, PhantomData<T>);

/// Channels, outputs, metrics and parameters; `manifest` says the rest.
pub fn declare<T: Transformer, P: JsonSchema>(manifest: Manifest) -> Manifest {
    let first = T::PREFIX;
    let second = if first.len() < 8 { format!(" `{first}1`,") } else { String::new() };
    let rows = format!("The rows' components `{first}0`,{second} ..., and the target.");
    manifest
        .channel(Channel::required(TABLE, Kind::Table, "The rows to learn from: numeric columns."))
        .output(Output::table(TABLE, &rows).follows_through_model(TABLE))
        .output(Output::model("model", "The components.").follows(TABLE))
        .output(Output::report(
            "components",
            "application/json",
            "What each component explains, and its weights of the columns.",
        ))
        .metric("components", Direction::Neither, "columns that come out, the target not counted")
        .metric("explained_variance_ratio", Direction::Maximize, "share of the variance that they explain")
        .parameters::<P>()
}

/// One component in the report.
#[derive(Serialize)]
struct Component<'a> {
    name: String,
    explained_variance: f64,
    explained_variance_ratio: f64,
    singular_value: f64,
    /// In the order of the features.
    weights: &'a [f64],
}

#[derive(Serialize)]
struct Report<'a> {
    features: &'a [String],
    means: &'a [f64],
    components: Vec<Component<'a>>,
}

/// Fits the components, and writes table, model and report.
pub fn run<T: Transformer>(
    context: &mut Context,
    choice: Choice<'_>,
    target: Option<&str>,
    kernel: pca::Params,
) -> Result<Summary, Failure> {
    let (table, rows) = crate::Rows::of_channel(context, TABLE, choice, target, None)?;
    let kernel = kernel.check().map_err(blame::parameter)?;
    let x = rows.columns()?;
    let kernel = context.phase("fit", || kernel.fit(&x)).map_err(|error| rows.blame(error))?;
    let fitted = Fitted { prefix: T::PREFIX.to_owned(), kernel };
    let stage = Stage::<T>(LoadedUnlabelled::new(rows.names(), fitted), PhantomData);
    context.put_json("components", &stage.report())?;
    context.put_model::<Stage<T>>("model", &rows.matrix().seen_schema(), stage.0.kernel())?;
    context.phase("write", || stage.write(context, &table, target))?;
    let model = stage.model();
    let share: f64 = model.explained_variance_ratio().iter().sum();
    let (count, width) = (model.len(), model.width());
    Ok(Summary::new(format!("{count} components of {width} columns explain {:.1} %", 100.0 * share))
        .metric("components", count as f64)
        .metric("explained_variance_ratio", share))
}

impl<T: Transformer> Model for Stage<T> {
    const FUNCTION: &'static str = T::NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        LoadedUnlabelled::open(state, |fitted: &Fitted| fitted.kernel.width())
            .map(|loaded| Self(loaded, PhantomData))
    }

    fn describe(&self) -> Description {
        self.0.describe(Task::Transform)
    }

    /// The components of rows.
    fn predict_table(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let names = self.names();
        let columns = self.0.ask(batch, |fitted, x| fitted.kernel.transform(x))?;
        let columns = columns.unwrap_or_else(|| vec![Vec::new(); names.len()]);
        let columns = columns.into_iter().map(|column| Arc::new(Float64Array::from(column)) as ArrayRef);
        batch_of(names.iter().map(String::as_str).zip(columns))
    }
}

impl<T: Transformer> Stage<T> {
    fn model(&self) -> &Pca {
        &self.0.kernel().kernel
    }

    fn names(&self) -> Vec<String> {
        (0..self.model().len()).map(|k| format!("{}{k}", self.0.kernel().prefix)).collect()
    }

    fn report(&self) -> Report<'_> {
        let model = self.model();
        let component = |(k, name): (usize, String)| Component {
            name,
            explained_variance: model.explained_variance()[k],
            explained_variance_ratio: model.explained_variance_ratio()[k],
            singular_value: model.singular_values()[k],
            weights: &model.components()[k * model.width()..(k + 1) * model.width()],
        };
        Report {
            features: self.0.features(),
            means: model.means(),
            components: self.names().into_iter().enumerate().map(component).collect(),
        }
    }

    /// The rows' components, and the target behind them.
    fn write(&self, context: &Context, table: &Table, target: Option<&str>) -> Result<(), Failure> {
        let mut writer = None;
        for start in (0..table.num_rows()).step_by(BATCH_ROWS) {
            let slice = table.slice(start, BATCH_ROWS.min(table.num_rows() - start));
            let mut out = context.phase("transform", || self.predict_table(&slice))?;
            if let Some(target) = target {
                let column = millstream_sdk::column::get(&slice, target)?.clone();
                out = crate::labelled::with_column(&Table::new(TABLE, out), target, column)?;
            }
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(context.create_table(TABLE, &out.schema())?),
            };
            writer.write(&out)?;
        }
        let writer: table::TableWriter = writer.ok_or_else(|| internal("a table without rows was fitted"))?;
        writer.finish()
    }
}
