//! Columns of text as categories.

use super::*;
use millstream_sdk::unseen::Novelty;

/// A plan decides; `gold` is there once in a while.
fn plans(rows: std::ops::Range<u32>) -> String {
    let row = |i: u32| {
        let x = i.wrapping_mul(2_654_435_761) >> 20;
        let plan = ["basic", "plus", "", "pro", "gold"][(x % 5) as usize];
        let left = (plan == "plus" || plan == "gold") != x.is_multiple_of(23);
        format!("{plan},{},{},{}\n", x % 100, x.is_multiple_of(2), if left { "yes" } else { "no" })
    };
    "plan,x,flag,left\n".to_owned() + &rows.map(row).collect::<String>()
}

const PARAMS: &str = r#"{"target": "left", "num_round": 10, "categorical_features": ["plan", "flag"],
    "export_xgboost": "ubj", "pred_contribs": true}"#;

#[test]
fn texts_are_categories_if_they_are_named_so() {
    let host = Host::new().csv("train", &plans(0..500)).csv("validation", &plans(500..700));
    let summary = host.run::<Train>(PARAMS).unwrap();
    let auc = summary.metrics.iter().find(|(name, _)| name == "validation:auc").unwrap().1;
    assert!(auc > 0.9, "{summary:?}");
    let model = host.load::<Ensemble>("model").unwrap();
    let asked = "plan,x,flag\nplus,3,true\nbasic,3,true\n,3,true\nplatinum,3,true\n";
    let answer = model.predict_batch(&rows(asked)).unwrap();
    let yes = answer.column(2).as_primitive::<Float64Type>();
    assert!(yes.value(0) > 0.8 && yes.value(1) < 0.2, "{yes:?}");
    assert_eq!(yes.value(2), yes.value(3), "a text that was not there counts as missing");
    // The file holds names, types and texts.
    let file = host.output("xgboost");
    let read = millstream_learners::gradient_boosting::Foreign::from_xgboost_ubj(&file).unwrap();
    assert_eq!(read.feature_names, ["plan", "x", "flag"]);
    let texts = ["basic", "gold", "plus", "pro"].map(str::to_owned).to_vec();
    assert_eq!(read.encodings[0].categories, Categories::Text(texts));
    let brought = Host::new().file("model", "m.ubj", file);
    brought.run::<Train>(r#"{"classes": ["no", "yes"]}"#).unwrap();
    // Training goes on with the file's codes.
    let more = brought.clone().csv("train", &plans(0..500));
    more.run::<Train>(PARAMS).unwrap();
    let answer = more.load::<Ensemble>("model").unwrap().predict_batch(&rows(asked).slice(0, 1)).unwrap();
    assert!(answer.column(2).as_primitive::<Float64Type>().value(0) > yes.value(0));
    let brought = Host::new().file("model", "m.ubj", host.output("xgboost"));
    brought.run::<Train>(r#"{"classes": ["no", "yes"]}"#).unwrap();
    let again = brought.load::<Ensemble>("model").unwrap().predict_batch(&rows(asked).slice(0, 3)).unwrap();
    for row in 0..3 {
        let theirs = again.column(2).as_primitive::<Float64Type>().value(row);
        assert!((yes.value(row) - theirs).abs() < 1e-6);
    }
}

#[test]
fn auto_takes_texts_and_booleans() {
    let states = ["[\"plan\", \"flag\"]", "\"auto\""].map(|categorical| {
        let host = Host::new().csv("train", &plans(0..300));
        let with = format!(r#"{{"target": "left", "num_round": 5, "categorical_features": {categorical}}}"#);
        host.run::<Train>(&with).unwrap();
        host.output("model")
    });
    assert_eq!(states[0], states[1]);
    let host = Host::new().csv("train", "a,b,y\n1,2,0.5\n2,3,1.5\n3,5,2.5\n");
    host.run::<Train>(r#"{"target": "y", "categorical_features": "auto"}"#).unwrap();
    let refusal =
        host.run::<Train>(r#"{"target": "y", "categorical_features": "all"}"#).unwrap_err().to_string();
    assert!(refusal.contains("`auto`, or a list of features"), "{refusal}");
}

#[test]
fn categories_that_were_not_there_are_noted() {
    let host = Host::new()
        .csv("train", &plans(0..500))
        .csv("validation", "plan,x,flag,left\nPlus ,1,true,no\n,1,true,yes\n");
    host.run::<Train>(r#"{"target": "left", "num_round": 3, "categorical_features": ["plan", "x"]}"#)
        .unwrap();
    let warned = host
        .logs()
        .into_iter()
        .any(|(_, line)| line.contains("1 of 2 rows") && line.contains("did the data mean `plus`?"));
    assert!(warned, "{:?}", host.logs());
    let model = host.load::<Ensemble>("model").unwrap();
    model.predict_batch(&rows("plan,x,flag\nplus,3,true\n PRO,3,true\nplatinum,100,true\n,,\n")).unwrap();
    let found = model.take_unseen();
    let shown: Vec<_> =
        found.iter().map(|one| (one.column.as_str(), one.novelty, one.rows, one.near.as_deref())).collect();
    let expected = [
        ("plan", Novelty::Category, 2, Some("pro")),
        ("x", Novelty::Category, 1, None),
        ("x", Novelty::Missing, 1, None),
        ("flag", Novelty::Missing, 1, None),
    ];
    assert_eq!(shown, expected, "numbers that are categories have no range");
    // A model of XGBoost's that was brought refuses them, as XGBoost does.
    host.run::<Train>(PARAMS).unwrap();
    let brought = Host::new().file("model", "m.ubj", host.output("xgboost"));
    brought.run::<Train>(r#"{"classes": ["no", "yes"]}"#).unwrap();
    let model = brought.load::<Ensemble>("model").unwrap();
    let refused = model.predict_batch(&rows("plan,x,flag\ngolden,3000,true\n")).unwrap_err().to_string();
    assert!(refused.contains("row 1, column `plan`") && refused.contains("\"golden\""), "{refused}");
}

#[test]
fn texts_that_are_no_categories_are_refused() {
    let host = Host::new().csv("train", &plans(0..100));
    let text = host.run::<Train>(r#"{"target": "left"}"#).unwrap_err().to_string();
    assert!(
        text.contains("input `train`, column `plan`") && text.contains("`categorical_features`"),
        "{text}"
    );

    let ids = "id,left\n".to_owned()
        + &(0..10_001)
            .map(|i| format!("a{i},{}\n", if i % 2 == 0 { "yes" } else { "no" }))
            .collect::<String>();
    let host = Host::new().csv("train", &ids);
    let text =
        host.run::<Train>(r#"{"target": "left", "categorical_features": ["id"]}"#).unwrap_err().to_string();
    assert!(text.contains("column `id`") && text.contains("10000 at the most"), "{text}");

    let host = Host::new().csv("train", &plans(0..100)).csv("validation", "plan,x,flag,left\n1,2,true,yes\n");
    let text = host.run::<Train>(PARAMS).unwrap_err().to_string();
    assert!(text.contains("input `validation`, column `plan`"), "{text}");
}
