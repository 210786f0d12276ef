//! Steps of many tasks: a matrix, a list, shards of a table; and what they gather.

use std::fs;

use millstream_tests::Place;

const WORKFLOW: &str = "
name: wine
params: { source: { type: uri, default: ./data/breast-cancer.csv } }
steps:
  extract: { uses: extract, inputs: { source: \"${{ params.source }}\" } }
  split:
    uses: split
    inputs: { table: \"${{ steps.extract.outputs.table }}\" }
    with: { by: random, train: 0.7, test: 0.3, seed: 1 }
  train:
    uses: random-forest
    inputs: { train: \"${{ steps.split.outputs.train }}\" }
    with: { target: diagnosis, n_estimators: 10, seed: 1 }
  whole:
    uses: batch-predict
    inputs: { model: \"${{ steps.train.outputs.model }}\", table: \"${{ steps.split.outputs.test }}\" }
    with: { include: all }
  sharded:
    uses: batch-predict
    for-each: { shards: 4 }
    inputs: { model: \"${{ steps.train.outputs.model }}\", table: \"${{ steps.split.outputs.test }}\" }
    with: { include: all }
";

/// The text of all parts of a step's output, in the order of its tasks.
fn parts(place: &Place, step: &str) -> Vec<String> {
    let results = place.results(place.runs().last().unwrap());
    let tasks = results.iter().filter(|(key, _)| key.starts_with(&format!("{step}/")));
    let digests = tasks.flat_map(|(_, outcome)| {
        let parts = outcome["outputs"]["predictions"]["parts"].as_array().unwrap().clone();
        parts.into_iter().map(|part| part["digest"].as_str().unwrap().to_owned())
    });
    digests
        .map(|digest| {
            fs::read_to_string(place.store().join("artifacts").join(&digest[..2]).join(&digest)).unwrap()
        })
        .collect()
}

#[test]
fn shards_of_a_table_are_predicted_side_by_side_in_order() {
    let place = Place::new();
    place.run(&["samples", "--quiet", "data"]).expect(0);
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "w.yaml"]).expect(0);
    let whole = parts(&place, "whole");
    let shards = parts(&place, "sharded");
    assert_eq!((whole.len(), shards.len()), (1, 4));
    let header = whole[0].lines().next().unwrap();
    let rows = shards.iter().flat_map(|shard| {
        let mut lines = shard.lines();
        assert_eq!(lines.next(), Some(header));
        lines
    });
    assert_eq!(whole[0].lines().skip(1).collect::<Vec<_>>(), rows.collect::<Vec<_>>(), "order is kept");
}

#[test]
fn predictions_come_in_every_format() {
    let place = Place::new();
    place.run(&["samples", "--quiet", "data"]).expect(0);
    let sharded = WORKFLOW.find("  sharded:").unwrap();
    let workflow = WORKFLOW[..sharded].replace(
        "    with: { include: all }",
        "    matrix: { format: [csv, json-lines, arrow, parquet] }\n    with: { include: all, format: \"${{ matrix.format }}\" }",
    );
    place.write("w.yaml", workflow);
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["artifacts", "latest", "copy", "whole", "out/"]).expect(0);
    let mut names: Vec<String> = fs::read_dir(place.path().join("out"))
        .unwrap()
        .flatten()
        .flat_map(|folder| fs::read_dir(folder.path()).unwrap().flatten())
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 4, "{names:?}");
    for extension in ["arrow", "csv", "jsonl", "parquet"] {
        assert!(names.iter().any(|name| name.ends_with(&format!(".{extension}"))), "{names:?}");
    }
}

#[test]
fn a_matrix_makes_a_task_of_each_combination_less_those_excluded() {
    let place = Place::new().with_test_functions(&["faulty", "noop"]);
    place.write(
        "w.yaml",
        "name: m\nsteps:\n  many:\n    uses: \"${{ matrix.uses }}\"\n    matrix: { uses: [noop, faulty], tag: [1, 2, 3] }\n    with: {}\n",
    );
    // `faulty` has no `tag` and needs a `mode`: what the matrix does not give, `with` must.
    place.run(&["run", "w.yaml"]).expect(2).says(&["mode"]);
    place.write(
        "w.yaml",
        "name: m\nsteps:\n  many: { uses: noop, matrix: { tag: [1, 2, 3], write: [true, false] }, with: { tag: \"${{ matrix.tag }}\", write: \"${{ matrix.write }}\" } }\n  next: { uses: noop, for-each: \"${{ steps.many.outputs.done }}\", inputs: { after: \"${{ item }}\" } }\n",
    );
    place.run(&["run", "w.yaml"]).expect(0);
    let results = place.results(&place.runs()[0]);
    let count = |step: &str| results.keys().filter(|key| key.starts_with(&format!("{step}/"))).count();
    assert_eq!((count("many"), count("next")), (6, 3));
}

#[test]
fn shards_by_size_are_predicted_side_by_side_in_order() {
    let place = Place::new();
    // 8 numbers of 8 bytes a row: 600,000 rows are 36.6 MiB, two shards.
    let mut text = "a,b,c,d,e,f,g,y\n".to_owned();
    for row in 0..600_000_u32 {
        let x = f64::from(row % 1_000) + 0.5;
        text += &format!("{x},{x},{x},{x},{x},{x},{x},{}\n", x * 2.0);
    }
    place.write("data/rows.csv", text);
    place.write(
        "w.yaml",
        "name: sized\nsteps:\n  extract: { uses: extract, inputs: { source: ./data/rows.csv } }\n  \
         train: { uses: linear-regression, inputs: { train: \"${{ steps.extract.outputs.table }}\" }, with: { target: y } }\n  \
         sharded: { uses: batch-predict, for-each: { shards: auto }, inputs: { model: \"${{ steps.train.outputs.model }}\", table: \"${{ steps.extract.outputs.table }}\" } }\n",
    );
    place.run(&["run", "w.yaml"]).expect(0);
    let shards = parts(&place, "sharded");
    let rows: Vec<usize> = shards.iter().map(|shard| shard.lines().count() - 1).collect();
    assert_eq!(rows, [300_000, 300_000]);
    let run = place.runs().remove(0);
    let rounds = place.records(&format!("runs/{run}/rounds/sharded"));
    assert_eq!(rounds.len(), 1);
    assert_eq!(rounds["000000.json"]["count"], 2);
}
