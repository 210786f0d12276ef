//! Tables of predictions.

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use millstream_learners::metrics::most_probable;
use millstream_sdk::{Classes, Failure, table::batch_of};
use std::sync::Arc;

/// `prediction`, and for classes a `probability_<class>` each: `values` are numbers, or rows x classes probabilities.
pub fn table(classes: Option<&Classes>, values: &[f64]) -> Result<RecordBatch, Failure> {
    match classes {
        None => numbers(values),
        Some(classes) => self::classes(classes, values),
    }
}

/// `prediction` of a number.
pub fn numbers(values: &[f64]) -> Result<RecordBatch, Failure> {
    batch_of([("prediction", floats(values.to_vec()))])
}

/// `prediction` in the classes' own type, and `probability_<class>` in their order.
pub fn classes(classes: &Classes, proba: &[f64]) -> Result<RecordBatch, Failure> {
    let predicted = classes.decode(&most_probable(proba, classes.len()));
    let columns = by_column("probability", classes.names(), proba);
    batch_with(("prediction", predicted), &columns)
}

/// `prediction` of a cluster's number, and `distance_<number>` to each.
pub fn clusters(nearest: &[u32], distances: &[f64], clusters: usize) -> Result<RecordBatch, Failure> {
    let predicted: Int64Array = nearest.iter().map(|&cluster| i64::from(cluster)).collect();
    let names = (0..clusters).map(|cluster| cluster.to_string()).collect();
    batch_with(("prediction", Arc::new(predicted)), &by_column("distance", names, distances))
}

/// `prediction` of the likeliest component's number, and `probability_<number>` of each.
pub fn components(proba: &[f64], components: usize) -> Result<RecordBatch, Failure> {
    let likeliest: Int64Array = most_probable(proba, components).into_iter().map(i64::from).collect();
    let names = (0..components).map(|component| component.to_string()).collect();
    batch_with(("prediction", Arc::new(likeliest)), &by_column("probability", names, proba))
}

/// Rows x names values as a column a name.
fn by_column(prefix: &str, names: Vec<String>, values: &[f64]) -> Vec<(String, ArrayRef)> {
    let count = names.len();
    let column = |place: usize| floats(values.iter().skip(place).step_by(count).copied().collect());
    names.into_iter().enumerate().map(|(place, name)| (format!("{prefix}_{name}"), column(place))).collect()
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
        let table = table(Some(&classes), &[0.9, 0.1, 0.2, 0.8]).unwrap();
        let names: Vec<_> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["prediction", "probability_no", "probability_yes"]);
        assert_eq!(table.column(0).as_string::<i32>().value(1), "yes");
        assert_eq!(table.column(2).as_primitive::<Float64Type>().values(), &[0.1, 0.8]);
        assert_eq!(self::table(Some(&classes), &[]).unwrap().num_rows(), 0);
    }

    #[test]
    fn clusters_come_with_distances() {
        let table = clusters(&[1, 0], &[2.0, 1.0, 0.5, 3.0], 2).unwrap();
        assert_eq!(table.schema().field(2).name(), "distance_1");
        assert_eq!(table.column(2).as_primitive::<Float64Type>().values(), &[1.0, 3.0]);
    }
}
