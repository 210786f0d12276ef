//! Stages that turn numeric columns into components: what principal components and the like share.

use crate::{blame, rows};
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use millstream_learners::pca::{self, Components, Pca};
use millstream_learners::{Check, Checked};
use millstream_sdk::failure::shown;
use millstream_sdk::table::{self, BATCH_ROWS, batch_of};
use millstream_sdk::{
    Context, Description, Failure, Matrix, Model, State, Summary, Table, Task, internal, invalid_input,
    invalid_parameter,
};
use serde::{Deserialize, Serialize};
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
            Err(invalid_parameter("n_components", format!("{} is no number of components", shown(other)))
                .allowed("whole numbers from 1, or a share of the variance between 0 and 1"))
        }
    }
}

/// The state of a stage.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fitted {
    /// Columns are called this and their number.
    prefix: String,
    kernel: Pca,
}

/// A stage, loaded.
pub struct Loaded {
    features: Vec<String>,
    fitted: Fitted,
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

/// What a stage is made from.
pub struct Job<'a> {
    /// Columns are called this and their number.
    pub prefix: &'a str,
    pub features: Option<&'a [String]>,
    pub target: Option<&'a str>,
    pub kernel: pca::Params,
}

impl Job<'_> {
    /// Fits the components, and writes table, model and report.
    pub fn run<M: Model>(self, context: &mut Context) -> Result<Summary, Failure> {
        let (table, rows) = crate::Rows::of_channel(context, TABLE, self.features, self.target, None)?;
        let kernel: Checked<pca::Params> = self.kernel.check().map_err(blame::parameter)?;
        let model = kernel.fit(&rows.columns()?).map_err(|error| rows.blame(error))?;
        let loaded = Loaded {
            features: rows.names().to_vec(),
            fitted: Fitted { prefix: self.prefix.to_owned(), kernel: model },
        };
        context.put_json("components", &loaded.report())?;
        context.put_model::<M>("model", &rows.matrix().schema(), &loaded.fitted)?;
        loaded.write(context, &table, self.target)?;
        let model = &loaded.fitted.kernel;
        let share: f64 = model.explained_variance_ratio().iter().sum();
        let (count, width) = (model.len(), model.width());
        Ok(Summary::new(format!("{count} components of {width} columns explain {:.1} %", 100.0 * share))
            .metric("components", count as f64)
            .metric("explained_variance_ratio", share))
    }
}

impl Loaded {
    /// Opens the state.
    pub fn open(state: State<'_>) -> Result<Self, Failure> {
        let features: Vec<String> =
            state.columns().fields().iter().map(|field| field.name().clone()).collect();
        let fitted: Fitted = state.decode()?;
        if fitted.kernel.width() != features.len() {
            return Err(invalid_input("the model's state is damaged: train it again or restore the file"));
        }
        Ok(Self { features, fitted })
    }

    pub fn describe(&self) -> Description {
        Description::new(Task::Transform, &self.features)
    }

    /// The components of rows.
    pub fn answer(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let names = self.names();
        let columns = match batch.num_rows() {
            0 => vec![Vec::new(); names.len()],
            _ => {
                let matrix = Matrix::from_columns(batch, &self.features)?;
                let columns = self.fitted.kernel.transform(&rows::columns(&matrix)?);
                columns.map_err(|error| blame::failure(error, None, &self.features))?
            }
        };
        let columns = columns.into_iter().map(|column| Arc::new(Float64Array::from(column)) as ArrayRef);
        batch_of(names.iter().map(String::as_str).zip(columns))
    }

    fn names(&self) -> Vec<String> {
        (0..self.fitted.kernel.len()).map(|k| format!("{}{k}", self.fitted.prefix)).collect()
    }

    fn report(&self) -> Report<'_> {
        let model = &self.fitted.kernel;
        let component = |(k, name): (usize, String)| Component {
            name,
            explained_variance: model.explained_variance()[k],
            explained_variance_ratio: model.explained_variance_ratio()[k],
            singular_value: model.singular_values()[k],
            weights: &model.components()[k * model.width()..(k + 1) * model.width()],
        };
        Report {
            features: &self.features,
            means: model.means(),
            components: self.names().into_iter().enumerate().map(component).collect(),
        }
    }

    /// The rows' components, and the target behind them.
    fn write(&self, context: &Context, table: &Table, target: Option<&str>) -> Result<(), Failure> {
        let mut writer = None;
        for start in (0..table.num_rows()).step_by(BATCH_ROWS) {
            let slice = table.slice(start, BATCH_ROWS.min(table.num_rows() - start));
            let mut out = self.answer(&slice)?;
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
