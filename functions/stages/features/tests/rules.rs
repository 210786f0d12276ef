//! Which steps a column takes.

use fn_features::{Features, Fitted};
use millstream_sdk::{arrow_array::RecordBatch, testing::Host};

const TABLE: &str =
    "lag_1,lag_2,other,word,flag,y\n1,5,1,a,true,1\n2,6,3,b,false,0\n3,9,8,a,true,1\n4,1,2,b,false,0\n";

fn run(csv: &str, parameters: &str) -> Host {
    let host = Host::new().csv("table", csv);
    host.run::<Features>(parameters).unwrap();
    host
}

fn refusal(parameters: &str) -> String {
    Host::new().csv("table", TABLE).run::<Features>(parameters).unwrap_err().to_string()
}

fn names(table: &RecordBatch) -> Vec<String> {
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn the_most_specific_rule_wins_and_is_said() {
    let parameters = r#"{"target": "y", "columns": {
        "type:number": "binning", "lag_*": ["passthrough", {"spline": {"n_knots": 2, "degree": 1}}], "lag_2": "passthrough",
        "/^(word|flag)$/": "frequency", "type:boolean": "drop"
    }}"#;
    let host = run(TABLE, parameters);
    assert_eq!(
        names(&host.table("table")),
        ["lag_1_sp_0", "lag_1_sp_1", "lag_2", "other", "word", "flag", "y"]
    );
    let logs: Vec<String> = host.logs().into_iter().map(|(_, line)| line).collect();
    for said in
        ["`lag_*` takes `lag_1`", "`type:number` takes `other`", "`/^(word|flag)$/` takes `word`, `flag`"]
    {
        assert!(logs.iter().any(|line| line == said), "{said}: {logs:?}");
    }
}

#[test]
fn a_column_with_a_star_in_its_name_can_be_named() {
    let host = run("a*,ab\n1,2\n3,4\n", r#"{"columns": {"a*": "passthrough", "ab": "drop"}}"#);
    assert_eq!(names(&host.table("table")), ["a*"]);
}

#[test]
fn rules_that_fit_nothing_or_are_not_clear_are_refused() {
    for (parameters, expected) in [
        (r#"{"columns": {"gal_*": "drop"}}"#, "parameter `columns`: no column fits the pattern `gal_*`"),
        (
            r#"{"columns": {"la*_1": "drop", "l*g_1": "standard"}}"#,
            "both fit the column `lag_1`, and neither is more specific",
        ),
        (r#"{"columns": {"type:numbers": "drop"}}"#, "there is no type of columns `type:numbers`"),
        (r#"{"columns": {"/(/": "drop"}}"#, "is no regular expression"),
        (r#"{"columns": {"lag_1": {"one-hot": {"min_freqency": 2}}}}"#, "did you mean `min_frequency`?"),
        (
            r#"{"columns": {"lag_1": {"one-hot": 3}}}"#,
            "parameter `columns.lag_1.one-hot`: takes a map of options",
        ),
        (r#"{"columns": {"lag_1": {"log": {"base": 2}}}}"#, "`log` has no option `base`"),
        (r#"{"columns": {"lag_1": 5}}"#, "5 is no step"),
        (r#"{"columns": {"word": {"ordinal": ["a"]}}}"#, "the column holds `b`, which is not in the order"),
        (r#"{"columns": {"word": {"ordinal": ["a", "b", "a"]}}}"#, "`a` stands twice"),
        (r#"{"columns": {"word": "target"}}"#, "parameter `target`: is required by `target`"),
        (
            r#"{"columns": {"other": "log1p", "lag_1": {"impute": {"strategy": "constant"}}}}"#,
            "needs the constant",
        ),
        (r#"{"columns": {"word": "tf-idf"}}"#, "the column holds no words"),
        (r#"{"columns": {"other": {"spline": {"n_knots": 1}}}}"#, "1 is out of range"),
        (r#"{"combine": ["pac"]}"#, "parameter `combine[0]`: there is no step `pac`; did you mean `pca`?"),
        (
            r#"{"combine": [{"interactions": {"columns": ["lagg_1"]}}]}"#,
            "there is no feature `lagg_1`; did you mean `lag_1`?",
        ),
        (r#"{"select": [{"f-test": {}}]}"#, "needs either `k`"),
        (r#"{"select": [{"f-test": {"k": 2}}]}"#, "parameter `target`: is required by `f-test`"),
        (
            r#"{"target": "y", "columns": {"word": "passthrough"}, "select": [{"f-test": {"k": 2}}]}"#,
            "the feature `word` holds text",
        ),
        (r#"{"select": [{"variance": 1e9}]}"#, "`variance` leaves no feature"),
    ] {
        let refusal = refusal(parameters);
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
}

#[test]
fn hyphens_in_options_are_as_good_as_underscores() {
    let with = |option: &str| {
        let host = run(
            TABLE,
            &format!(r#"{{"default": "drop", "columns": {{"word": {{"one-hot": {{"{option}": 1}}}}}}}}"#),
        );
        host.load::<Fitted>("model").unwrap();
        names(&host.table("table"))
    };
    assert_eq!(with("max-categories"), with("max_categories"));
    assert_eq!(with("max-categories"), ["word_infrequent"]);
}
