//! One schema from training to the last row scored: a row has one answer, whatever stands beside it in its file, and by
//! whatever way it comes.

use millstream_tests::Place;

/// Codes with and without leading zeros, truth values, grades, each beside one word that makes the column one of text.
fn training() -> String {
    let codes = ["02139", "10001", "K1A0B1", "94105"];
    let flags = ["TRUE", "FALSE", "unknown"];
    let grades = ["1.0", "2.5", "n"];
    let rows = (0..120usize).map(|i| {
        let (code, flag, grade) = (codes[i % 4], flags[i % 3], grades[(i / 2) % 3]);
        let level = if i % 10 == 0 { "?".to_owned() } else { (i % 7).to_string() };
        let y =
            if (i % 4 == 0) == (i % 11 != 0) || flag == "FALSE" && i % 5 != 0 || grade == "1.0" && i % 3 == 0
            {
                "yes"
            } else {
                "no"
            };
        format!("{code},{flag},{grade},{level},{y}\n")
    });
    std::iter::once("code,flag,grade,level,y\n".to_owned()).chain(rows).collect()
}

const ROWS: &str =
    "code,flag,grade,level\n02139,TRUE,1.0,3\n10001,FALSE,2.5,?\nK1A0B1,unknown,n,5\n02139,FALSE,1.0,?\n";

fn workflow(like: bool) -> String {
    let like = if like { ", like: \"${{ steps.train.outputs.model }}\"" } else { "" };
    format!(
        "
name: one-schema
params:
  rows: {{ type: uri, default: ./rows.csv }}
  include: {{ type: string, default: none }}
steps:
  extract: {{ uses: extract, inputs: {{ source: ./train.csv }}, with: {{ missing_values: [\"?\"] }} }}
  features: {{ uses: features, inputs: {{ table: \"${{{{ steps.extract.outputs.table }}}}\" }}, with: {{ target: y }} }}
  train: {{ uses: logistic-regression, inputs: {{ train: \"${{{{ steps.features.outputs.table }}}}\" }}, with: {{ target: y }} }}
  new: {{ uses: extract, inputs: {{ source: \"${{{{ params.rows }}}}\"{like} }} }}
  predict:
    uses: batch-predict
    inputs: {{ model: \"${{{{ steps.train.outputs.model }}}}\", table: \"${{{{ steps.new.outputs.table }}}}\" }}
    with: {{ include: \"${{{{ params.include }}}}\" }}
  register: {{ uses: register, inputs: {{ model: \"${{{{ steps.train.outputs.model }}}}\" }}, with: {{ name: one-schema }} }}
"
    )
}

struct Scored(Place);

impl Scored {
    fn new() -> Self {
        let place = Place::new();
        place.write("train.csv", training());
        place.write("rows.csv", ROWS);
        place.write("like.yaml", workflow(true));
        place.write("unlike.yaml", workflow(false));
        Self(place)
    }

    fn predict(&self, workflow: &str, rows: &str, more: &[&str]) -> Vec<String> {
        self.0.write("new.csv", rows);
        let arguments = [&["run", workflow, "-p", "rows=./new.csv"], more].concat();
        self.0.run(&arguments).expect(0);
        self.0.run(&["artifacts", "latest", "copy", "predict/predictions", "out.csv", "--force"]).expect(0);
        let out = std::fs::read_to_string(self.0.path().join("out.csv")).unwrap();
        out.lines().skip(1).map(str::to_owned).collect()
    }
}

/// The rows of `ROWS` in these places, under its header.
fn some(places: &[usize]) -> String {
    let lines: Vec<&str> = ROWS.lines().collect();
    let chosen = places.iter().map(|place| lines[place + 1]);
    std::iter::once(lines[0]).chain(chosen).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_row_has_one_answer_whatever_stands_beside_it() {
    let scored = Scored::new();
    let all = scored.predict("like.yaml", ROWS, &[]);
    assert_eq!(all.len(), 4);
    for places in [&[0, 1, 3][..], &[0], &[1], &[0, 3], &[2], &[3, 2, 1, 0]] {
        let expected: Vec<&String> = places.iter().map(|place| &all[*place]).collect();
        assert_eq!(
            scored.predict("like.yaml", &some(places), &[]).iter().collect::<Vec<_>>(),
            expected,
            "{places:?}"
        );
    }
    // The endpoint reads the same bytes likewise.
    scored.0.run(&["deploy", "one-schema", "--model", "one-schema"]).expect(0);
    let server = scored.0.serve(&["--no-workers"]);
    let answer = server.invoke("one-schema", ROWS).expect(200).text();
    assert_eq!(answer.lines().skip(1).collect::<Vec<_>>(), all);
    // Rows are written as they came.
    let joined = scored.predict("like.yaml", &some(&[0, 1]), &["-p", "include=all"]);
    assert!(
        joined[0].starts_with("02139,TRUE,1.0,3,") && joined[1].starts_with("10001,FALSE,2.5,,"),
        "{joined:?}"
    );
}

#[test]
fn without_it_an_answer_is_the_same_or_refused() {
    let scored = Scored::new();
    let all = scored.predict("like.yaml", ROWS, &[]);
    // US codes alone keep their zeros; truth values and grades that are all written alike become what they were.
    let known = some(&[0]);
    assert_eq!(scored.predict("unlike.yaml", &known, &[]), all[..1]);
    // They are written as they were read, whatever the table holds.
    let joined = scored.predict("unlike.yaml", &known, &["-p", "include=all"]);
    assert!(joined[0].starts_with("02139,TRUE,1.0,3,"), "{joined:?}");
    let refused = |rows: &str, says: &[&str]| {
        scored.0.write("new.csv", rows);
        scored.0.run(&["run", "unlike.yaml", "-p", "rows=./new.csv"]).expect(1).says(says);
    };
    refused(
        "code,flag,grade,level\n02139,TRUE,1.0,3\n02139,True,1.0,3\n",
        &["column `flag`", "text is needed", "`True`", "like:", "steps.train.outputs.model", "string"],
    );
    refused(
        "code,flag,grade,level\n02139,TRUE,1.0,3\n02139,TRUE,1e0,3\n",
        &["column `grade`", "text is needed", "`1.0`", "like:"],
    );
    // A text that stood for nothing in training, in a column of numbers, makes a bad record.
    let scores = scored.predict("unlike.yaml", &some(&[0, 1]), &[]);
    assert_eq!(scores.first(), all.first());
    scored.0.run(&["artifacts", "latest", "copy", "predict/errors", "errors.jsonl", "--force"]).expect(0);
    let errors = std::fs::read_to_string(scored.0.path().join("errors.jsonl")).unwrap();
    assert!(errors.contains(r#""column":"level""#) && errors.contains("but the text is `?`"), "{errors}");
}
