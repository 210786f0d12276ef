//! Functions that break: stopped, reported, others unharmed.

use millstream_tests::Place;

/// One step that breaks in `mode`, and one that does not depend on it.
fn workflow(mode: &str, limits: &str) -> String {
    format!(
        "name: faults\nsteps:\n  broken: {{ uses: faulty, with: {{ mode: {mode} }}, limits: {limits} }}\n  after: {{ uses: faulty, needs: broken, with: {{ mode: ok }} }}\n  beside: {{ uses: faulty, with: {{ mode: ok }} }}\n"
    )
}

#[track_caller]
fn check(mode: &str, limits: &str, says: &[&str]) {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("w.yaml", workflow(mode, limits));
    let ran = place.run(&["run", "w.yaml"]).expect(1);
    ran.says(says);
    let run = place.runs().pop().unwrap();
    let results = place.results(&run);
    assert_eq!(
        results.keys().collect::<Vec<_>>(),
        ["beside/000000.json"],
        "only the step beside it ended well"
    );
    place.check_artifacts();
}

#[test]
fn a_trap_comes_with_the_guests_backtrace() {
    check("trap", "{}", &["broken", "unreachable", "runaways"]);
}

#[test]
fn a_panic_comes_with_its_message() {
    check("panic", "{}", &["the third column is on fire"]);
}

#[test]
fn a_stack_overflow_is_a_trap() {
    check("overflow", "{}", &["broken", "stack"]);
}

#[test]
fn a_loop_ends_at_the_time_limit() {
    check("loop", "{ time: 2s }", &["time limit"]);
}

#[test]
fn an_allocation_without_end_ends_at_the_memory_limit() {
    check("allocate", "{ memory: 64MiB }", &["memory limit"]);
}

#[test]
fn an_output_without_end_ends_at_the_output_limit() {
    check("write", "{ output: 1MiB }", &["output limit"]);
}

#[test]
fn bad_input_names_its_place() {
    check("fail-input", "{}", &["`table`", "rows.csv", "row 7", "`age`", "not a number"]);
}

#[test]
fn a_cancelled_run_ends_and_a_retry_does_the_rest() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("w.yaml", workflow("loop", "{ time: 60s }"));
    let mut runner = place.spawn(&["run", "w.yaml"], &[]);
    millstream_tests::wait_until("the run has begun", std::time::Duration::from_secs(30), || {
        place.runs().pop().is_some_and(|run| place.results(&run).len() == 1)
    });
    place.run(&["cancel", "latest"]).expect(0);
    let status = runner.wait().unwrap();
    assert_eq!(status.code(), Some(1), "a cancelled run has not succeeded");
}
