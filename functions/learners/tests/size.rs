//! How large a forest is as it is stored: at most a fifth of what others write.
//!
//! `theirs` are bytes of 100 trees of default parameters on the same table: scikit-learn 1.9.1's pickle (protocol 5,
//! `random_state=0`; `reference/sizes.py`) and smartcore 0.7.0's forest in bincode 1.3.3.

use millstream_learners::{Check, Matrix, random_forest};
use smartcore::dataset::{Dataset, breast_cancer, diabetes, digits, iris};

type Class<Y> = fn(Y) -> u32;
type Number<Y> = fn(Y) -> f64;

#[track_caller]
fn at_most_a_fifth<Y: Copy>(
    name: &str,
    data: &Dataset<f32, Y>,
    class: Option<Class<Y>>,
    number: Number<Y>,
    theirs: [usize; 2],
) {
    let values: Vec<f64> = data.data.iter().map(|v| f64::from(*v)).collect();
    let table = Matrix::from_rows(&values, data.num_features).unwrap();
    let params = random_forest::Params::default().check().unwrap();
    let forest = match class {
        Some(class) => {
            let y: Vec<u32> = data.target.iter().map(|y| class(*y)).collect();
            params.fit_classes(&table.columns(), &y, None, &mut |_| {})
        }
        None => {
            let y: Vec<f64> = data.target.iter().map(|y| number(*y)).collect();
            params.fit_numbers(&table.columns(), &y, None, &mut |_| {})
        }
    };
    let ours = postcard::to_allocvec(&forest.unwrap()).unwrap().len();
    for theirs in theirs {
        assert!(5 * ours <= theirs, "{name}: {ours} bytes, theirs {theirs}");
    }
}

#[test]
fn a_forest_takes_at_most_a_fifth_of_their_bytes() {
    let (class, number): (Class<u32>, Number<u32>) = (|y| y, f64::from);
    at_most_a_fifth("breast cancer", &breast_cancer::load_dataset(), Some(class), number, [372_731, 230_937]);
    at_most_a_fifth("iris", &iris::load_dataset(), Some(class), number, [176_422, 93_839]);
    let (class, number): (Class<f32>, Number<f32>) = (|y| y as u32, f64::from);
    at_most_a_fifth("digits", &digits::load_dataset(), Some(class), number, [5_812_652, 2_189_497]);
    let number: Number<u32> = f64::from;
    at_most_a_fifth("diabetes", &diabetes::load_dataset(), None, number, [3_940_348, 2_015_504]);
}
