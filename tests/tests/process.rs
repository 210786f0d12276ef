//! `process`, from messy rows to an endpoint that takes them as they are, and with further tables.

use std::fs;

use millstream_tests::{Place, root};
use serde_json::{Value, json};

/// People as files have them: blanks around texts, full stops behind labels, question marks, rows twice and without a label.
fn people() -> String {
    // The 64-bit linear congruential generator of Knuth's MMIX.
    let mut state = 41_u64;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = "id,age,workclass,education,sex,hours,joined,income\n".to_owned();
    for id in 0..600 {
        let age = 18 + next(55);
        let degree = next(4);
        let hours = 20 + next(45);
        let workclass = [" Private", "Private ", "State-gov", "Self-emp", "?"][next(5) as usize];
        let education = [" HS-grad", "Bachelors", "Masters ", "11th"][[3, 0, 1, 2][degree as usize]];
        let (day, month, year) = (1 + next(28), 1 + next(12), 2010 + next(14));
        let joined = if next(40) == 0 { "unknown".to_owned() } else { format!("{day:02}.{month:02}.{year}") };
        let score = age as f64 / 10.0 + 2.0 * degree as f64 + hours as f64 / 12.0 + next(40) as f64 / 10.0;
        let rich = score > 13.5;
        let stop = if next(3) == 0 { "." } else { "" };
        let income = if next(50) == 0 {
            String::new()
        } else {
            format!(" {}{stop}", if rich { ">50K" } else { "<=50K" })
        };
        let sex = ["M", "F ", " F"][next(3) as usize];
        let hours = if next(100) == 0 { 999 } else { hours };
        let line = format!("{id},{age},{workclass},{education},{sex},{hours},{joined},{income}\n");
        text.push_str(&line);
        if id % 60 == 0 {
            text.push_str(&line);
        }
    }
    text
}

/// `MILLSTREAM_UPDATE_EXAMPLES=1` writes the file anew.
#[test]
fn the_people_of_the_example_are_these() {
    let file = root().join("workflow/examples/people.csv");
    if std::env::var_os("MILLSTREAM_UPDATE_EXAMPLES").is_some() {
        fs::write(&file, people()).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), people());
}

#[test]
fn an_endpoint_takes_rows_as_they_are_in_the_file() {
    let place = Place::new();
    for file in ["people.yaml", "people.csv"] {
        fs::copy(root().join("workflow/examples").join(file), place.path().join(file)).unwrap();
    }
    place.run(&["run", "people.yaml"]).expect(0);
    let results = place.results(place.runs().last().expect("a run"));
    let metric =
        |step: &str, name: &str| results[&format!("{step}/000000.json")]["metrics"][name].as_f64().unwrap();
    assert!(metric("rows", "dropped_rows") >= 15.0);
    assert!(metric("columns", "clipped") >= 1.0 && metric("columns", "not_parsed") >= 5.0);
    assert!(
        (0..3)
            .all(|task| results[&format!("evaluate/{task:06}.json")]["metrics"]["auc"].as_f64().unwrap()
                > 0.75)
    );
    let version = &place.records("models/people/versions")["000001.json"];
    let stages: Vec<&str> =
        version["pipeline"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(stages[..2], ["process", "features"]);

    let server = place.serve(&[]);
    let row = |education: &str, sex: &str, age: u32| json!({ "id": 1, "age": age, "workclass": " Private", "education": education, "sex": sex, "hours": 60, "joined": "03.02.2012" });
    let ask = |row: &Value| {
        let body = json!({ "instances": [row] }).to_string();
        server
            .post("/endpoints/people/invocations", &[("content-type", "application/json")], body.as_bytes())
            .expect(200)
            .json()["predictions"][0]
            .clone()
    };
    let (rich, poor) = (ask(&row("Masters ", " F", 60)), ask(&row("11th", "M", 19)));
    assert_ne!(rich, poor);
    // Blanks, stops and case do not matter, as they did not in training.
    assert_eq!(rich, ask(&row(" masters.", "female", 60)));
    let stopped = server.stop();
    assert_eq!(stopped, Some(0));
}

#[test]
fn further_inputs_go_by_names_of_the_steps_own() {
    let place = Place::new();
    place.write("sales.csv", "item,amount\npen,3\nink,1\ncap,2\n");
    place.write("prices.csv", "item,price\npen,2\nink,7.5\n");
    let workflow = |steps: &Value| {
        let extract = |file: &str| json!({ "uses": "extract", "inputs": { "source": file } });
        json!({ "name": "w", "steps": {
            "sales": extract("sales.csv"),
            "prices": extract("prices.csv"),
            "process": {
                "uses": "process",
                "inputs": { "table": "${{ steps.sales.outputs.table }}", "prices": "${{ steps.prices.outputs.table }}" },
                "with": { "steps": steps },
            },
            "out": {
                "uses": "analyze",
                "inputs": { "table": "${{ steps.process.outputs.table }}" },
            },
        } })
        .to_string()
    };
    place.write("w.yaml", workflow(&json!([
        { "sql": "SELECT self.item, amount * price AS cost FROM self JOIN prices ON self.item = prices.item" },
    ])));
    place.run(&["validate", "w.yaml"]).expect(0);
    place.run(&["run", "w.yaml"]).expect(0);
    let results = place.results(place.runs().last().unwrap());
    assert_eq!(results["process/000000.json"]["metrics"]["rows"], 2.0);
    assert!(results["process/000000.json"]["outputs"].get("model").is_none());

    // What is wrong with the parameters is said before anything runs, the rest by the step.
    place.write("w.yaml", workflow(&json!([{ "filtr": "amount > 1" }])));
    let refused = place.run(&["validate", "w.yaml"]);
    assert!(refused.expect(2).stderr.contains("`filter`"));
    place.write("w.yaml", workflow(&json!([{ "filter": "amuont > 1" }])));
    let failed = place.run(&["run", "w.yaml"]).stderr;
    assert!(failed.contains("steps[0].filter") && failed.contains("did you mean `amount`?"), "{failed}");
}
