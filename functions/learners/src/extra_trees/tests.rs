use super::*;
use crate::{Check, Matrix, rng::Rng};

/// `y` is 1 inside a square; a column says nothing, another is constant.
fn square(rows: usize) -> (Matrix, Vec<u32>) {
    let mut rng = Rng::new(5, 0);
    let row = |_| [rng.unit(), rng.unit(), rng.unit(), 7.0];
    let rows: Vec<[f64; 4]> = (0..rows).map(row).collect();
    let inside = |r: &[f64; 4]| r[0] > 0.3 && r[0] < 0.8 && r[1] < 0.6;
    let y = rows.iter().map(|r| u32::from(inside(r))).collect();
    (Matrix::from_rows(&rows.concat(), 4).unwrap(), y)
}

#[test]
fn learns_a_square() {
    let (matrix, y) = square(1000);
    let params = Params { bootstrap: true, oob_score: true, ..Params::default() }.check().unwrap();
    let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
    assert!(forest.oob_score().unwrap() > 0.93, "{:?}", forest.oob_score());
    let importances = forest.importances();
    assert!(importances[2] < 0.2 && importances[3] == 0.0, "{importances:?}");
    let numbers: Vec<f64> = y.iter().map(|&y| f64::from(y) * 10.0 - 3.0).collect();
    let forest = params.fit_numbers(&matrix.columns(), &numbers, None, &mut |_| {}).unwrap();
    assert!(forest.oob_score().unwrap() > 0.75, "{:?}", forest.oob_score());
}

/// Trees on all rows until leaves are pure say of each row what it is; yet they differ in their splits.
#[test]
fn all_rows_are_learnt_by_heart() {
    let (matrix, y) = square(300);
    let params = Params { n_estimators: 7, ..Params::default() }.check().unwrap();
    let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
    assert_eq!(forest.predict(&matrix.columns()).unwrap(), y);
    let (fresh, _) = square(2000);
    let proba = forest.predict_proba(&fresh.columns()).unwrap();
    assert!(proba.iter().any(|p| *p > 0.2 && *p < 0.8));
}
