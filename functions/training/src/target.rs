//! What is to be learnt: classes or numbers.

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use millstream_learners::matrix::{MOST_CLASSES, check_single, check_target};
use millstream_sdk::failure::shown;
use millstream_sdk::{Classes, Context, Failure, Labels, Table, Task, column, invalid_input};

use crate::blame;

/// Whole numbers with more distinct values than this are numbers, not classes, unless the user says otherwise.
pub const MOST_INTEGER_CLASSES: usize = 20;

/// Rows times classes at the most: kernels hold up to 16 bytes for each, and a function has 4 GiB.
pub(crate) const MOST_CELLS: usize = 1 << 26;

/// More classes than this that are as many as every second row are more likely names of the rows.
const MOST_NAMES: usize = 100;

/// What the user wants of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To tell classes apart.
    Classes,
    /// To predict a number.
    Numbers,
}

impl Goal {
    /// What a target column suggests: text, booleans and integers of at most [`MOST_INTEGER_CLASSES`] values are
    /// classes, other columns numbers.
    pub fn suggested(table: &Table, target: &str) -> Result<Self, Failure> {
        let column = table.column(target)?;
        Ok(match column.data_type() {
            DataType::Utf8 | DataType::Boolean => Self::Classes,
            DataType::Int64 => match Classes::of(column).map_err(|failure| failure.column(target))?.len() {
                0..=MOST_INTEGER_CLASSES => Self::Classes,
                _ => Self::Numbers,
            },
            _ => Self::Numbers,
        })
    }
}

/// The target column, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The classes, and each row's place among them.
    Classes(Labels),
    /// A number a row.
    Numbers(Vec<f64>),
}

impl Target {
    /// Reads the column for the goal. Fewer than two classes are refused.
    pub fn read(table: &Table, name: &str, goal: Goal) -> Result<Self, Failure> {
        match goal {
            Goal::Numbers => {
                let place = |failure: Failure| failure.channel(table.channel());
                numbers(table, name).map(Self::Numbers).map_err(place)
            }
            Goal::Classes => {
                let place = |failure: Failure| failure.column(name).channel(table.channel());
                whole(table, name).map_err(place)?;
                let labels = table.labels(name)?;
                check_count(labels.classes.len(), labels.codes.len()).map_err(place)?;
                Ok(Self::Classes(labels))
            }
        }
    }

    /// Reads the column of another table, with the classes of this one.
    pub fn read_alike(&self, table: &Table, name: &str) -> Result<Self, Failure> {
        match self {
            Self::Numbers(_) => Self::read(table, name, Goal::Numbers),
            Self::Classes(labels) => {
                let classes = labels.classes.clone();
                let codes =
                    classes.encode(table, name).map_err(|failure| failure.channel(table.channel()))?;
                Ok(Self::Classes(Labels { classes, codes }))
            }
        }
    }

    /// The classes, if there are any.
    pub fn classes(&self) -> Option<&Classes> {
        match self {
            Self::Classes(labels) => Some(&labels.classes),
            Self::Numbers(_) => None,
        }
    }

    /// Warns of numbers that all are one.
    pub fn warn_if_constant(&self, context: &Context, name: &str) {
        let Self::Numbers(values) = self else { return };
        if let Some(first) = values.first()
            && values.iter().all(|value| value == first)
        {
            warn_of_constant(context, name, *first);
        }
    }

    /// Refuses numbers that are too large, or too near to each other, for a kernel whose trees hold single precision: they
    /// would all become one.
    pub fn in_single_precision(&self, name: &str) -> Result<(), Failure> {
        let Self::Numbers(values) = self else { return Ok(()) };
        check_single(values).map_err(|error| blame::failure(error, None, &[]).column(name))
    }

    /// What a model of it does.
    pub fn task(&self) -> Task {
        task(self.classes())
    }

    /// Numbers as they are, classes as their places: what boosting takes.
    pub fn as_numbers(&self) -> Vec<f64> {
        match self {
            Self::Numbers(values) => values.clone(),
            Self::Classes(labels) => labels.codes.iter().map(|&code| f64::from(code)).collect(),
        }
    }
}

/// The column as numbers to learn: none missing, infinite or too large for a sum of squares.
pub fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, Failure> {
    let values = column::target_numbers(batch, name)?;
    check_target(&values, values.len()).map_err(|error| blame::failure(error, None, &[]).column(name))?;
    Ok(values)
}

/// Says that there is nothing to learn.
pub fn warn_of_constant(context: &Context, name: &str, value: f64) {
    context.warn(format!(
        "the target `{name}` is {} in every row: there is nothing to learn, and the model says nothing else",
        shown(value)
    ));
}

/// Refuses so many classes, of so many rows, that they are none or that nothing could hold what is counted by them; and
/// fewer than two.
pub fn check_count(classes: usize, rows: usize) -> Result<(), Failure> {
    let advice = "to predict a number, use a regression; a column that tells rows apart is no target";
    if classes < 2 {
        return Err(invalid_input("all rows have the same class; a classifier needs two at least"));
    }
    if classes > MOST_CLASSES {
        return Err(invalid_input(format!(
            "the column has {classes} distinct values, and a classifier tells {MOST_CLASSES} classes apart at the most: {advice}"
        )));
    }
    if classes > MOST_NAMES && classes > rows / 2 {
        return Err(invalid_input(format!(
            "the column has {classes} distinct values in {rows} rows, too many for classes: {advice}"
        )));
    }
    // Two classes share one number.
    if classes > 2 && classes.saturating_mul(rows) > MOST_CELLS {
        return Err(invalid_input(format!(
            "{rows} rows of {classes} classes take more memory than a function has: take a sample of the rows, or put rare \
             classes together"
        )));
    }
    Ok(())
}

/// Refuses fractions and infinity as classes, as scikit-learn does: each would be a class of its own.
pub fn whole(batch: &RecordBatch, name: &str) -> Result<(), Failure> {
    if *column::get(batch, name)?.data_type() != DataType::Float64 {
        return Ok(());
    }
    let values = column::numbers(batch, name)?;
    match values.iter().position(|value| !value.is_nan() && value.fract() != 0.0) {
        None => Ok(()),
        Some(row) => Err(invalid_input(format!(
            "{} is no class: classes are text, integers or booleans; to predict a number, use a regression",
            shown(values[row])
        ))
        .row(row as u64 + 1)
        .column(name)),
    }
}

/// What a model of these classes does; without classes it predicts a number.
pub fn task(classes: Option<&Classes>) -> Task {
    match classes.map(Classes::len) {
        None => Task::Regression,
        Some(2) => Task::Binary,
        Some(_) => Task::Multiclass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::Host;

    #[test]
    fn fractions_are_no_classes() {
        let read = |csv: &str| {
            let host = Host::new().csv("train", csv);
            Target::read(&host.context().table("train").unwrap(), "y", Goal::Classes)
        };
        assert!(read("y\n0\n1\n1\n").is_ok());
        let refusal = read("y\n0\n0.5\n1\n").unwrap_err().to_string();
        assert!(refusal.contains("row 2, column `y`: 0.5 is no class"), "{refusal}");
        let refusal = read("y\n0\n1.0\ninf\n").unwrap_err().to_string();
        assert!(refusal.contains("row 3, column `y`: inf is no class"), "{refusal}");
    }

    #[test]
    fn classes_are_counted() {
        for (classes, rows, says) in [
            (1, 50, "same class"),
            (1_001, 1_000_000, "1001 distinct values"),
            (101, 201, "in 201 rows"),
            (1_000, 1_000_000, "memory"),
        ] {
            let refusal = check_count(classes, rows).unwrap_err().to_string();
            assert!(refusal.contains(says), "{refusal}");
        }
        for (classes, rows) in [(2, 2), (100, 100), (101, 202), (1_000, 50_000), (2, 50_000_000)] {
            assert!(check_count(classes, rows).is_ok(), "{classes} {rows}");
        }
    }

    #[test]
    fn numbers_go_into_single_precision_or_are_refused() {
        let check = |values: &[f64]| Target::Numbers(values.to_vec()).in_single_precision("y");
        assert!(
            check(&[1e-20, 3e30, -2.0]).is_ok() && check(&[5.0, 5.0]).is_ok() && check(&[1e-50; 3]).is_ok()
        );
        assert!(check(&[0.0, 1e-50]).unwrap_err().to_string().contains("too small"));
        assert!(
            check(&[0.0, -1e100])
                .unwrap_err()
                .to_string()
                .contains("column `y`: the target lies between -1e100")
        );
    }
}
