//! Tables of predictions.

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use millstream_learners::matrix::all_finite;
use millstream_learners::metrics::most_probable;
use millstream_sdk::failure::shown;
use millstream_sdk::table::{batch_of, schema_of};
use millstream_sdk::{Classes, Failure, Matrix, internal, invalid_input};
use std::sync::Arc;

/// The tables of a supervised model.
#[derive(Clone, Debug)]
pub struct Answers {
    classes: Option<Classes>,
    schema: SchemaRef,
}

impl Answers {
    /// Of a model of these classes, or of one of numbers.
    pub fn new(classes: Option<&Classes>) -> Self {
        let prediction = classes.map_or(DataType::Float64, Classes::data_type);
        let names = classes.map(Classes::names).unwrap_or_default();
        let names: Vec<String> = names.into_iter().map(|name| format!("probability_{name}")).collect();
        let probabilities = names.iter().map(|name| (name.as_str(), DataType::Float64));
        let schema = schema_of([("prediction", prediction)].into_iter().chain(probabilities));
        Self { classes: classes.cloned(), schema }
    }

    /// `prediction`, and for classes, in their own type, a `probability_<class>` each in their order: `values` are
    /// numbers, or rows x classes probabilities.
    pub fn table(&self, values: Vec<f64>) -> Result<RecordBatch, Failure> {
        let columns = match &self.classes {
            None => vec![floats(values)],
            Some(classes) => {
                let predicted = classes.decode(&most_probable(&values, classes.len()));
                [predicted].into_iter().chain(columns(&values, classes.len())).collect()
            }
        };
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| internal(error.to_string()))
    }
}

/// Refuses answers that are not finite: a sum of the row's values was not. `answers` are as many for each row of `rows`.
pub fn check(answers: &[f64], rows: &Matrix) -> Result<(), Failure> {
    if all_finite(answers) {
        return Ok(());
    }
    let bad = answers.iter().position(|answer| !answer.is_finite()).unwrap_or_default();
    let row = bad / (answers.len() / rows.rows()).max(1);
    let size = |column: usize| rows.column(column)[row].abs();
    let largest = (0..rows.columns()).max_by(|a, b| size(*a).total_cmp(&size(*b)));
    let failure = invalid_input(match largest {
        Some(column) if size(column).is_finite() => format!(
            "the model has no answer: {} is too large for it; check for a placeholder value",
            shown(rows.column(column)[row])
        ),
        _ => "the model has no answer: what it computes is not finite".to_owned(),
    });
    let failure = failure.row(row as u64 + 1);
    Err(match largest {
        Some(column) => failure.column(&rows.names()[column]),
        None => failure,
    })
}

/// `prediction` of a cluster's number, and `distance_<number>` to each.
pub fn clusters(nearest: &[u32], distances: &[f64], clusters: usize) -> Result<RecordBatch, Failure> {
    let predicted: Int64Array = nearest.iter().map(|&cluster| i64::from(cluster)).collect();
    let names = (0..clusters).map(|cluster| cluster.to_string()).collect();
    batch_with(("prediction", Arc::new(predicted)), &by_column("distance", names, distances))
}

/// `prediction` of the likeliest component's number, `probability_<number>` of each, and the rows' `log_likelihood`.
pub fn components(proba: &[f64], components: usize, logs: Vec<f64>) -> Result<RecordBatch, Failure> {
    let likeliest: Int64Array = most_probable(proba, components).into_iter().map(i64::from).collect();
    let names = (0..components).map(|component| component.to_string()).collect();
    let mut rest = by_column("probability", names, proba);
    rest.push(("log_likelihood".to_owned(), floats(logs)));
    batch_with(("prediction", Arc::new(likeliest)), &rest)
}

/// Rows x `count` values as columns.
fn columns(values: &[f64], count: usize) -> impl Iterator<Item = ArrayRef> {
    (0..count).map(move |place| floats(values.iter().skip(place).step_by(count).copied().collect()))
}

/// Rows x names values as a column a name.
fn by_column(prefix: &str, names: Vec<String>, values: &[f64]) -> Vec<(String, ArrayRef)> {
    let columns = columns(values, names.len());
    names.iter().map(|name| format!("{prefix}_{name}")).zip(columns).collect()
}

fn batch_with(first: (&str, ArrayRef), rest: &[(String, ArrayRef)]) -> Result<RecordBatch, Failure> {
    let rest = rest.iter().map(|(name, column)| (name.as_str(), column.clone()));
    batch_of(std::iter::once(first).chain(rest))
}

fn floats(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Float64Type;

    #[test]
    fn classes_keep_their_type_and_order() {
        let classes = Classes::Text(vec!["no".into(), "yes".into()]);
        let answers = Answers::new(Some(&classes));
        let table = answers.table(vec![0.9, 0.1, 0.2, 0.8]).unwrap();
        let names: Vec<_> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["prediction", "probability_no", "probability_yes"]);
        assert_eq!(table.column(0).as_string::<i32>().value(1), "yes");
        assert_eq!(table.column(2).as_primitive::<Float64Type>().values(), &[0.1, 0.8]);
        assert_eq!(answers.table(Vec::new()).unwrap().num_rows(), 0);
        assert_eq!(Answers::new(None).table(vec![1.5]).unwrap().num_columns(), 1);
    }

    #[test]
    fn clusters_come_with_distances() {
        let table = clusters(&[1, 0], &[2.0, 1.0, 0.5, 3.0], 2).unwrap();
        assert_eq!(table.schema().field(2).name(), "distance_1");
        assert_eq!(table.column(2).as_primitive::<Float64Type>().values(), &[1.0, 3.0]);
    }
}
