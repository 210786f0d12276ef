//! What a model has not seen in training is said: by evaluate, batch-predict and the endpoint, which read the same rows alike.

use std::fmt::Write as _;

use millstream_tests::{Place, server::Server};

/// Rows of a job, a region and a number; nurses and pilots say yes.
fn rows(header: &str, count: usize, row: impl Fn(usize, &str) -> String) -> String {
    let mut text = format!("{header}\n");
    for i in 0..count {
        let job = ["clerk", "nurse", "cook", "pilot"][i % 4];
        writeln!(text, "{}", row(i, job)).unwrap();
    }
    text
}

fn label(job: &str) -> &'static str {
    if matches!(job, "nurse" | "pilot") { "yes" } else { "no" }
}

/// Trains on stripped jobs, evaluates and predicts rows with a blank before each of them.
fn workflow(train: &str, limit: &str) -> String {
    format!(
        "name: blanks
steps:
  known: {{ uses: extract, inputs: {{ source: train.csv }} }}
  other: {{ uses: extract, inputs: {{ source: test.csv }} }}
{train}
  evaluate: {{ uses: evaluate, inputs: {{ model: \"${{{{ steps.train.outputs.model }}}}\", test: \"${{{{ steps.other.outputs.table }}}}\" }}, with: {{ {limit} }} }}
  predict: {{ uses: batch-predict, inputs: {{ model: \"${{{{ steps.train.outputs.model }}}}\", table: \"${{{{ steps.other.outputs.table }}}}\" }} }}
  register: {{ uses: register, inputs: {{ model: \"${{{{ steps.train.outputs.model }}}}\" }}, with: {{ name: jobs }} }}
"
    )
}

const BOOSTED: &str = "  train: { uses: gradient-boosting, inputs: { train: \"${{ steps.known.outputs.table }}\" }, with: { target: y, \
                       categorical_features: [job], num_round: 5 } }";

const ENCODED: &str = "  features: { uses: features, inputs: { table: \"${{ steps.known.outputs.table }}\" }, with: { target: y } }
  train: { uses: logistic-regression, inputs: { train: \"${{ steps.features.outputs.table }}\" }, with: { target: y } }";

fn place() -> Place {
    let place = Place::new();
    place.write("train.csv", rows("job,x,y", 200, |i, job| format!("{job},{}.5,{}", i % 50, label(job))));
    let other =
        |i: usize, job: &str| format!("\" {job}\",{}.5,{}", if i == 7 { 990 } else { i % 50 }, label(job));
    place.write("test.csv", rows("job,x,y", 100, other));
    place
}

#[test]
fn jobs_say_what_their_model_has_not_seen() {
    for train in [BOOSTED, ENCODED] {
        let place = place();
        place.write("w.yaml", workflow(train, ""));
        let ran = place.run(&["run", "w.yaml"]).expect(0);
        let run = place.runs().remove(0);
        let results = place.results(&run);
        for step in ["evaluate", "predict"] {
            let done = results.iter().find(|(name, _)| name.contains(step)).expect(step).1;
            let metrics = &done["metrics"];
            assert_eq!(metrics["unknown_categories"], 100.0, "{step}: {metrics}");
            assert_eq!(metrics["unknown_share"], 1.0, "{step}: {metrics}");
            assert_eq!(metrics["unknown:job"], 1.0, "{step}: {metrics}");
            assert_eq!(metrics["out_of_range"], 1.0, "{step}: {metrics}");
            assert_eq!(metrics["newly_missing"], 0.0, "{step}: {metrics}");
        }
        ran.says(&["column `job`: 100 of 100 rows (100 %)", "did the data mean `"]);

        place.write("limited.yaml", workflow(train, "max_unknown: 0.5"));
        let ran = place.run(&["run", "limited.yaml"]).expect(1);
        ran.says(&["column `job`", "100 of 100 rows", "did the data mean `", "`max_unknown` is 0.5"]);
    }
}

#[test]
fn an_endpoint_counts_them_by_column() {
    let place = place();
    place.write("w.yaml", workflow(ENCODED, ""));
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["deploy", "jobs", "--model", "jobs"]).expect(0);
    let server = place.serve(&["--no-workers"]);
    let counted = |server: &Server, column: &str, kind: &str| {
        let text = server.get("/metrics").expect(200).text();
        let line = text.lines().find(|line| {
            line.starts_with("millstream_unseen_rows_total{")
                && line.contains(&format!("column=\"{column}\""))
                && line.contains(&format!("kind=\"{kind}\""))
        });
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
    };
    let answer = server.invoke("jobs", "job,x\nnurse,1.5\n").expect(200).text();
    assert_eq!(counted(&server, "job", "category"), 0, "{answer}");
    server.invoke("jobs", "job,x\n nurse,1.5\nastronaut,1000\nnurse,\n").expect(200);
    server.invoke("jobs", "job,x\n clerk,1.5\n").expect(200);
    assert_eq!(counted(&server, "job", "category"), 3);
    assert_eq!(counted(&server, "x", "out-of-range"), 1);
    assert_eq!(counted(&server, "x", "missing"), 1);
    // Rows that are refused are not answered, and not counted.
    server.invoke("jobs", "job,x\n pilot,many\n").expect(424);
    assert_eq!(counted(&server, "job", "category"), 3);
}

/// The bytes of a file get the same predictions from the endpoint as from the jobs that read it.
#[test]
fn missing_values_are_the_same_to_jobs_and_endpoints() {
    let place = Place::new();
    let regions = ["EMEA", "NA", "APAC", "None", "", "null", "<NA>"];
    let train = rows("region,x,y", 140, |i, _| {
        let region = regions[i % 7];
        format!("{region},{},{}", i % 5, if region == "EMEA" { 10 } else { i % 5 })
    });
    place.write("train.csv", train);
    let test =
        "region,x\nNA,1\nEMEA,1\nNone,NA\n,2\n\"\",<NA>\nzzz,#NA\nnull,1.#QNAN\n\" NA \",-nan\nn/a,N/A\n";
    place.write("test.csv", test);
    place.write(
        "w.yaml",
        "name: w
steps:
  known: { uses: extract, inputs: { source: train.csv } }
  features: { uses: features, inputs: { table: \"${{ steps.known.outputs.table }}\" }, with: { target: y } }
  train: { uses: linear-regression, inputs: { train: \"${{ steps.features.outputs.table }}\" }, with: { target: y } }
  rows: { uses: extract, inputs: { source: test.csv } }
  predict: { uses: batch-predict, inputs: { model: \"${{ steps.train.outputs.model }}\", table: \"${{ steps.rows.outputs.table }}\" } }
  register: { uses: register, inputs: { model: \"${{ steps.train.outputs.model }}\" }, with: { name: regions } }
",
    );
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["artifacts", "latest", "copy", "predict/predictions", "p.csv"]).expect(0);
    let batch = std::fs::read_to_string(place.path().join("p.csv")).unwrap();
    place.run(&["deploy", "regions", "--model", "regions"]).expect(0);
    let server = place.serve(&["--no-workers"]);
    assert_eq!(server.invoke("regions", test).expect(200).text(), batch);
    let json = |region: &str, x: &str| {
        let body = format!("[{{\"region\": {region}, \"x\": {x}}}]");
        let headers = [("content-type", "application/json"), ("accept", "text/csv")];
        server.post("/endpoints/regions/invocations", &headers, body.as_bytes()).expect(200).text()
    };
    let missing = json("null", "1");
    for region in ["\"NA\"", "\"\"", "\"None\"", "\" NA \""] {
        assert_eq!(json(region, "1"), missing, "the model knows no such category: {region}");
    }
    assert_ne!(json("\"EMEA\"", "1"), missing);
    assert_eq!(json("\"EMEA\"", "NaN"), json("\"EMEA\"", "null"));
    assert_eq!(json("\"EMEA\"", "\"3\""), json("\"EMEA\"", "3"));
}
