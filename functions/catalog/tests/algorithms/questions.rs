//! Rows that a model is asked about.

use super::*;

/// Rows to ask a model about, made of the training rows; and what is to come of them.
struct Question {
    name: &'static str,
    rows: fn(&Table) -> Table,
    expect: Expect,
}

fn questions() -> Vec<Question> {
    let question = |name, rows, expect| Question { name, rows, expect };
    vec![
        question("columns in another order", |t| Table(t.0.iter().rev().cloned().collect()), Expect::Learns),
        question(
            "a further column",
            |t| t.clone().with("z", texts(ROWS, |i| format!("{i}"))),
            Expect::Learns,
        ),
        question(
            "no row",
            |t| Table(t.0.iter().map(|(n, c)| (n.clone(), c.slice(0, 0))).collect()),
            Expect::Table,
        ),
        question(
            "a missing column",
            |t| Table(t.0.iter().filter(|(name, _)| name != "b").cloned().collect()),
            Expect::Column("b", None),
        ),
        question("text", |t| t.clone().with("b", texts(ROWS, |_| "red".into())), Expect::Column("b", None)),
        question(
            "dates",
            |t| t.clone().with("b", (0..ROWS as i32).map(Some).collect::<Date32Array>()),
            Expect::Column("b", None),
        ),
        question(
            "a missing value",
            |t| t.clone().with("b", spoiled(|i| (i != 2).then(|| noise(i, 1)))),
            Expect::Column("b", Some(3)),
        ),
        question(
            "infinity",
            |t| t.clone().with("b", spoiled(|i| Some(if i == 2 { f64::NEG_INFINITY } else { noise(i, 1) }))),
            Expect::Column("b", Some(3)),
        ),
        question(
            "huge",
            |t| t.clone().with("b", spoiled(|i| Some(if i == 2 { 1e200 } else { noise(i, 1) }))),
            Expect::Either("b"),
        ),
        question(
            "as large as numbers get",
            |t| t.clone().with("b", spoiled(|i| Some(if i == 2 { -1.7e308 } else { noise(i, 1) }))),
            Expect::Either("b"),
        ),
        question(
            "all as large as numbers get",
            |t| {
                ["a", "b", "c"]
                    .iter()
                    .fold(t.clone(), |t, name| t.with(name, spoiled(|i| Some(1.7e308 * noise(i, 1)))))
            },
            Expect::Any,
        ),
    ]
}

#[test]
fn every_model_answers_or_says_what_is_wrong() {
    let mut wrong = Vec::new();
    for algorithm in &all() {
        let train = base(algorithm);
        let trained = algorithm.train(&train.batch(), &json!({})).unwrap();
        let Some(model) = &trained.model else { continue };
        let answers = model.predict(&train.batch()).unwrap();
        for question in questions() {
            let rows = (question.rows)(&train).batch();
            let outcome = catch_unwind(AssertUnwindSafe(|| model.predict(&rows)));
            let missing = question.name == "a missing value" && algorithm.takes_missing;
            let what = match (outcome, &question.expect) {
                (Err(_), _) => Some("panics".to_owned()),
                (Ok(Ok(answer)), Expect::Learns) => (answer != answers).then(|| "answers otherwise".into()),
                (Ok(Ok(answer)), Expect::Table) => (answer.num_rows() != 0).then(|| "answers".into()),
                (Ok(Ok(answer)), Expect::Either(_) | Expect::Any) => not_finite(&answer),
                (Ok(Ok(answer)), Expect::Column(..)) if missing => not_finite(&answer),
                (Ok(Ok(_)), _) => Some("answers".into()),
                (Ok(Err(Failure::InvalidInput(input))), expect) => {
                    let fits = match expect {
                        Expect::Column(column, row) => {
                            input.column.as_deref() == Some(*column) && (row.is_none() || input.row == *row)
                        }
                        Expect::Either(column) => {
                            input.column.as_deref() == Some(*column) && input.row == Some(3)
                        }
                        Expect::Any => input.row.is_some(),
                        _ => false,
                    };
                    (!fits).then(|| format!("{input:?}"))
                }
                (Ok(Err(failure)), _) => Some(format!("{failure:?}")),
            };
            if let Some(what) = what {
                wrong.push(format!("{}: {} ({:?}): {what}", question.name, algorithm.name, algorithm.learns));
            }
        }
    }
    assert_none(wrong);
}
