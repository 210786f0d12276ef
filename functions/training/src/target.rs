//! What is to be learnt: classes or numbers.

use arrow_schema::DataType;
use millstream_sdk::failure::shown;
use millstream_sdk::{Classes, Failure, Labels, Table, Task, invalid_input};

/// Whole numbers with more distinct values than this are numbers, not classes, unless the user says otherwise.
pub const MOST_INTEGER_CLASSES: usize = 20;

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
            Goal::Numbers => Ok(Self::Numbers(table.target_numbers(name)?)),
            Goal::Classes => {
                whole(table, name)?;
                let labels = table.labels(name)?;
                if labels.classes.len() < 2 {
                    return Err(invalid_input(
                        "all rows have the same class; a classifier needs two at least",
                    )
                    .column(name)
                    .channel(table.channel()));
                }
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

/// Refuses fractions as classes, as scikit-learn does: each would be a class of its own.
fn whole(table: &Table, name: &str) -> Result<(), Failure> {
    if *table.column(name)?.data_type() != DataType::Float64 {
        return Ok(());
    }
    let values = millstream_sdk::column::numbers(table, name)?;
    match values.iter().position(|value| value.is_finite() && value.fract() != 0.0) {
        None => Ok(()),
        Some(row) => Err(invalid_input(format!(
            "{} is no class: classes are text, integers or booleans; to predict a number, use a regression",
            shown(values[row])
        ))
        .row(row as u64 + 1)
        .column(name)
        .channel(table.channel())),
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
    }
}
