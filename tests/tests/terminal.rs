//! What people see: tables in a pipe, names of tasks, a run after Ctrl-C.

use std::{process::Stdio, time::Duration};

use millstream_tests::{Place, Ran, wait_until};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Runs a command whose output goes into a pipe, on a terminal that says it is narrow and has colours.
fn piped(place: &Place, arguments: &[&str]) -> String {
    let mut command = place.command(arguments);
    command.env("COLUMNS", "40").env("TERM", "xterm-256color");
    Ran::from(command.output().expect("the binary starts")).expect(0).stdout
}

/// All lines of the block of `text` that begins with the title `first`.
fn block<'t>(text: &'t str, first: &str) -> Vec<&'t str> {
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with(first)).collect();
    assert!(!lines.is_empty(), "{first} is not in {text}");
    lines.into_iter().take_while(|line| !line.is_empty()).collect()
}

/// Each column begins at the same place in every row.
#[track_caller]
fn stable(what: &str, lines: &[&str], starts: &[usize]) {
    for line in lines {
        let chars: Vec<char> = line.chars().collect();
        for start in starts.iter().filter(|start| **start > 0 && **start < chars.len()) {
            assert_eq!(chars[start - 2..*start], [' ', ' '], "{what}, column {start}: {line}");
        }
    }
}

/// Where the titles of a table begin.
fn starts(titles: &str) -> Vec<usize> {
    let chars: Vec<char> = titles.chars().collect();
    (0..chars.len())
        .filter(|at| chars[*at] != ' ' && (*at == 0 || (*at >= 2 && chars[at - 2..*at] == [' ', ' '])))
        .collect()
}

const MODELS: &str = "
name: twins
params: { intercept: { type: boolean, default: true } }
steps:
  extract: { uses: extract, inputs: { source: ./rows.csv } }
  train: { uses: linear-regression, inputs: { train: \"${{ steps.extract.outputs.table }}\" }, with: { target: y, fit_intercept: \"${{ params.intercept }}\" } }
  evaluate: { uses: evaluate, inputs: { model: \"${{ steps.train.outputs.model }}\", test: \"${{ steps.extract.outputs.table }}\" } }
  register: { uses: register, needs: [evaluate], inputs: { model: \"${{ steps.train.outputs.model }}\" }, with: { name: twins } }
";

#[test]
fn tables_in_a_pipe_are_whole() {
    let place = Place::new();
    let names: Vec<String> = (0..40).map(|i| format!("measurement_{i:02}")).collect();
    let row = |i: usize| (0..40).map(|j| ((i * 7 + j * j) % 13).to_string()).collect::<Vec<_>>().join(",");
    let rows: String = (0..80).map(|i| format!("{},{}\n", row(i), i % 9)).collect();
    place.write("rows.csv", format!("{},y\n{rows}", names.join(",")));
    place.write("w.yaml", MODELS);
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["run", "w.yaml", "-p", "intercept=false"]).expect(0);
    place.run(&["deploy", "twins", "--model", "twins@1", "--reason", "because it is there"]).expect(0);
    place.run(&["keys", "create", "a key", "--scope", "invoke"]).expect(0);
    for (arguments, titles) in [
        (&["runs"][..], "RUN"),
        (&["models"], "MODEL"),
        (&["models", "twins"], "VERSION"),
        (&["endpoints"], "ENDPOINT"),
        (&["endpoints", "twins"], "REVISION"),
        (&["functions", "list"], "FUNCTION"),
        (&["artifacts"], "ARTIFACT"),
        (&["keys", "list"], "KEY"),
    ] {
        let text = piped(&place, arguments);
        assert!(!text.contains('\u{1b}') && !text.contains('…'), "{arguments:?}: {text}");
        let lines = block(&text, titles);
        assert!(lines.len() > 1, "{arguments:?}: {text}");
        stable(&arguments.join(" "), &lines, &starts(lines[0]));
    }
    let models = piped(&place, &["models", "twins"]);
    let run = &place.runs()[0];
    assert!(models.lines().any(|line| line.starts_with("1 ") && line.ends_with(run.as_str())), "{models}");

    let status = piped(&place, &["status"]);
    for step in ["extract", "train", "evaluate", "register"] {
        assert!(status.lines().any(|line| line.split_whitespace().nth(1) == Some(step)), "{step}: {status}");
    }
    assert!(!status.contains("(+"), "all metrics: {status}");

    let compared = piped(&place, &["models", "twins", "--compare", "1", "2"]);
    let lines = block(&compared, " ");
    stable("compare", &lines, &starts(lines[0])[..2]);
    assert!(lines.iter().all(|line| line.chars().count() < 120), "{compared}");
    assert!(
        lines.iter().any(|line| line.starts_with("rmse") && line.split_whitespace().count() == 4),
        "{compared}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("features") && line.contains("40 (below)")),
        "{compared}"
    );
    assert!(compared.contains(&names.join(", ")), "every feature: {compared}");
}

#[test]
fn a_function_is_described_in_columns_that_can_be_read() {
    let text = piped(&Place::new(), &["functions", "describe", "gradient-boosting"]);
    let parameters = block(&text, "Parameters");
    let column = |line: &str, word: &str| line.find(word).map(|at| line[..at].chars().count());
    let row = |name: &str| {
        let found = parameters.iter().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        *found.unwrap_or_else(|| panic!("{name} is not in {text}"))
    };
    // Beside the name: what it takes, its default, what it does.
    let takes = column(row("gamma"), "number").unwrap();
    assert!(takes < 40, "{}", row("gamma"));
    assert!(column(row("scale_pos_weight"), "[1").unwrap() < 80, "{}", row("scale_pos_weight"));
    stable("describe", &parameters[1..], &[takes]);
    // Long lists of words are in the text, and whole.
    let objective = row("objective");
    assert!(objective.contains("one of ") && objective.contains("binary:logistic"), "{objective}");
}

#[test]
fn tasks_are_called_by_the_keys_of_their_matrix() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write(
        "w.yaml",
        "name: m
steps:
  train:
    uses: faulty
    matrix: { algorithm: [ridge, lasso], fold: [0, 2] }
    with: { mode: say, state: \"${{ matrix.algorithm }} ${{ matrix.fold }}\" }
  each: { uses: faulty, for-each: { items: [ok, fail-input] }, with: { mode: \"${{ item }}\" } }
",
    );
    let name = "train[algorithm=ridge, fold=2]";
    let ran = place.run(&["run", "w.yaml"]).expect(1);
    ran.says(&[
        &format!("{name}: started"),
        &format!("{name}: warning: ridge 2"),
        &format!("{name}: done in"),
    ]);
    ran.says(&["each[ok]: done", "each[fail-input]: failed"]);
    assert!(ran.stdout.contains("each[fail-input]: "), "the summary: {}", ran.stdout);
    let status = place.run(&["status"]).expect(0).stdout;
    assert!(status.contains("[algorithm=ridge, fold=2]") && status.contains("[fail-input]"), "{status}");
    let logs = place.run(&["logs"]).expect(0).stdout;
    assert!(logs.contains(&format!("{name} ridge 2")), "{logs}");
    let artifacts = place.run(&["artifacts"]).expect(0).stdout;
    assert!(
        artifacts.lines().any(|line| line.starts_with("train.1/echo") && line.ends_with(name)),
        "{artifacts}"
    );
    let copied = place.run(&["artifacts", "latest", "copy", &format!("{name}/echo"), "one.txt"]).expect(0);
    assert_eq!(copied.stdout.trim(), "one.txt");
    for text in [&ran.stderr, &ran.stdout, &status, &logs] {
        // Files lie in folders by number.
        for numbered in ["train.1:", "train.1 ", "each.1:", "each.1 "] {
            assert!(!text.contains(numbered), "{numbered}: {text}");
        }
    }
    let events = place.run(&["run", "w.yaml", "--no-cache", "--json"]).expect(1).stdout;
    let labels: Vec<Value> = events.lines().map(|line| json(line)["label"].clone()).collect();
    assert!(labels.contains(&name.into()), "{events}");
    // Who is not the one that shows the run calls them so, too.
    let run = place.run(&["run", "w.yaml", "--no-cache", "--detach"]).expect(0).stdout;
    let mut worker = place.command(&["worker"]);
    let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the run has ended", Duration::from_secs(60), || {
        json(&place.run(&["status", run.trim(), "--json"]).expect(0).stdout)["state"] == "failed"
    });
    worker.kill().unwrap();
    let told = worker.wait_with_output().unwrap().stderr;
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains(&format!("{} {name}: done", run.trim())), "{told}");
}

/// As Ctrl-C in a terminal, which signals every process of the group.
#[cfg(unix)]
fn press_ctrl_c(child: &std::process::Child) {
    // SAFETY: a signal to a group that a child leads which has not been waited for.
    unsafe { libc::kill(-i32::try_from(child.id()).unwrap(), libc::SIGINT) };
}

#[cfg(unix)]
#[test]
fn a_run_is_interrupted_by_ctrl_c_and_says_how_it_is_continued() {
    use std::os::unix::process::CommandExt as _;
    let place = Place::new().with_test_functions(&["faulty"]);
    // The second step computes until somebody stops it.
    place.write(
        "w.yaml",
        "name: long\nsteps:\n  first: { uses: faulty, with: { mode: ok } }\n  second: { uses: faulty, needs: [first], with: { mode: loop } }\n",
    );
    let mut command = place.command(&["run", "w.yaml"]);
    let child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let states = || {
        let Some(run) = place.runs().pop() else { return Value::Null };
        json(&place.run(&["status", &run, "--json"]).expect(0).stdout)
    };
    wait_until("the first step is done", Duration::from_secs(60), || {
        place.runs().pop().is_some_and(|run| !place.results(&run).is_empty())
    });
    assert_eq!(states()["state"], "running");
    std::thread::sleep(Duration::from_millis(500));
    press_ctrl_c(&child);
    let ran = Ran::from(child.wait_with_output().unwrap()).expect(130);
    let run = place.runs().pop().unwrap();
    ran.says(&[&format!("millstream retry {run}")]);
    assert!(ran.stdout.contains(&format!("{run} interrupted after ")), "{}", ran.stdout);
    assert!(!ran.stderr.contains("failed") && !ran.stdout.contains("Failures"), "{}", ran.stderr);
    let now = states();
    assert_eq!(now["state"], "interrupted");
    assert_eq!(now["steps"][0]["state"], "done");
    assert!(["waiting", "running"].contains(&now["steps"][1]["state"].as_str().unwrap()), "{now}");
    let runs = json(&place.run(&["runs", "--json"]).expect(0).stdout);
    assert_eq!(runs[0]["state"], "interrupted");
    place.run(&["status"]).expect(0).says(&[&format!("millstream retry {run}")]);

    // Whoever takes it up works on it again.
    place.run(&["retry", &run, "--detach"]).expect(0);
    assert_eq!(states()["state"], "running");
    place.run(&["cancel", &run]).expect(0);
    assert_eq!(states()["state"], "cancelled");
}
