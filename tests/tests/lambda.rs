//! The bootstrap as a worker and as an undertaker, under a Runtime API of the tests, fed from a home on this machine.

use std::{
    collections::BTreeMap,
    fs,
    process::Child,
    sync::OnceLock,
    time::{Duration, Instant},
};

use millstream_aws_package::Target;
use millstream_core::task::Message;
use millstream_queue::{Outgoing, Queue as _, dead_letter_queue};
use millstream_tests::{
    Place,
    lambda::{Answer, Environment, Package, Source, of_store},
    root, wait_until,
};
use millstream_worker::failpoint::{KILL_AT, POINTS};
use serde_json::{Value, json};

const POOLS: &str = r#"[{"name": "small", "memory": 1769}, {"name": "standard", "memory": 5308}]"#;

/// As long as Lambda lets an invocation be.
const LONG: Duration = Duration::from_secs(900);

fn here() -> Target {
    Target::here().expect("Lambda has this machine's processor")
}

/// A home with pools and the function `faulty`, and a workflow of these steps.
fn place(steps: &str) -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write(".millstream/store/settings/pools.json", POOLS);
    place.write("input.txt", "some bytes\n");
    place.write("w.yaml", format!("name: w\nsteps:\n{steps}"));
    place
}

fn faulty() -> &'static Package {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    PACKAGE.get_or_init(|| Package::of(&of_store(&Place::new().with_test_functions(&["faulty"])), here()))
}

/// A run that somebody follows here and that Lambda does.
struct Followed(Child);

impl Followed {
    fn start(place: &Place) -> Self {
        let child = place.spawn(&["run", "w.yaml"], &[]);
        wait_until("the run has begun", Duration::from_secs(60), || {
            place
                .runs()
                .first()
                .is_some_and(|run| place.store().join(format!("runs/{run}/plan.json")).exists())
        });
        Self(child)
    }

    /// The exit code, once the run has ended.
    fn ended(&mut self) -> Option<i32> {
        self.0
            .try_wait()
            .expect("a child can be asked")
            .map(|status| status.code().expect("it ends by itself"))
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Feeds messages in until the run ends; gives its exit code.
fn feed(source: &Source, environment: &mut Environment, run: &mut Followed) -> i32 {
    let began = Instant::now();
    loop {
        if let Some(code) = run.ended() {
            return code;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "the run does not end");
        let deliveries = source.take(1);
        if !deliveries.is_empty() {
            let answer = environment.invoke(&source.event(&deliveries), LONG);
            source.settle(&deliveries, &answer);
        }
    }
}

/// The first message of the queue.
fn first(source: &Source) -> millstream_queue::Delivery {
    let began = Instant::now();
    loop {
        if let Some(delivery) = source.take(1).pop() {
            return delivery;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "there is no message");
    }
}

/// The only failure of the only run.
fn failure(place: &Place) -> Value {
    let failed = place.records(&format!("runs/{}/failed", place.runs()[0]));
    assert_eq!(failed.len(), 1, "{failed:?}");
    failed.into_values().next().expect("a failure")["failure"].clone()
}

#[test]
fn the_workflow_of_the_readme_ends_in_the_same_bytes() {
    let prepare = || {
        let place = Place::new();
        fs::copy(root().join("workflow/examples/breast-cancer.yaml"), place.path().join("w.yaml")).unwrap();
        place.run(&["samples", "--quiet", "data"]).expect(0);
        place
    };
    let (here_alone, with_lambda) = (prepare(), prepare());
    here_alone.run(&["run", "w.yaml"]).expect(0);
    let expected = here_alone.results(&here_alone.runs()[0]);
    let package = Package::of(&of_store(&here_alone), here());

    with_lambda.write(".millstream/store/settings/pools.json", POOLS);
    let mut run = Followed::start(&with_lambda);
    let mut environment = Environment::start(&with_lambda, &package, "worker", &[]);
    let source = Source::new(&with_lambda, "tasks-small");
    assert_eq!(feed(&source, &mut environment, &mut run), 0);
    assert_eq!(with_lambda.results(&with_lambda.runs()[0]), expected);
    assert_eq!(with_lambda.records("models/breast-cancer/versions").len(), 1);
    with_lambda.check_artifacts();
    let stats = source.queue().stats("tasks-small").unwrap();
    assert_eq!((stats.visible, stats.in_flight, stats.dead), (0, 0, 0));
}

/// A chain, a fan-out with its fan-in, and a model.
const STEPS: &str = "
  first: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo } }
  fan:
    uses: faulty
    for-each: { items: [1, 2] }
    inputs: { table: \"${{ steps.first.outputs.echo }}\" }
    with: { mode: fit, state: \"state ${{ item }}\" }
  register: { uses: register, inputs: { model: \"${{ steps.fan.outputs.state[1] }}\" }, with: { name: crash } }
";

#[test]
fn a_bootstrap_that_is_killed_at_any_point_leaves_a_message_that_comes_again() {
    let mut expected: Option<BTreeMap<String, Value>> = None;
    let mut killed = 0;
    for point in ["nowhere"].into_iter().chain(POINTS) {
        let place = place(STEPS);
        let mut run = Followed::start(&place);
        let source = Source::new(&place, "tasks-small");
        let mut doomed = Environment::start(&place, faulty(), "worker", &[(KILL_AT, point)]);
        let began = Instant::now();
        while doomed.ended().is_none() && run.ended().is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "{point}: neither killed nor done");
            let deliveries = source.take(1);
            if deliveries.is_empty() {
                continue;
            }
            let answer = doomed.invoke(&source.event(&deliveries), LONG);
            source.settle(&deliveries, &answer);
            if answer == Answer::Gone {
                killed += 1;
                source.time_out(&deliveries);
                break;
            }
        }
        let mut next = Environment::start(&place, faulty(), "worker", &[]);
        assert_eq!(feed(&source, &mut next, &mut run), 0, "{point}");
        let results = place.results(&place.runs()[0]);
        assert_eq!(&results, expected.get_or_insert_with(|| results.clone()), "{point}");
        assert_eq!(place.records("models/crash/versions").len(), 1, "{point}: registered once");
        place.check_artifacts();
    }
    assert!(killed >= 6, "only {killed} of the points were reached");
}

#[test]
fn a_task_that_may_take_longer_than_is_left_is_given_back() {
    let place = place(
        "  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo }, limits: { time: 60s } }\n",
    );
    let mut run = Followed::start(&place);
    let source = Source::new(&place, "tasks-small");
    let mut environment = Environment::start(&place, faulty(), "worker", &[]);
    let delivery = first(&source);
    let answer = environment.invoke(&source.event(std::slice::from_ref(&delivery)), Duration::from_secs(5));
    assert_eq!(answer.json(), json!({"batchItemFailures": [{"itemIdentifier": delivery.id.0}]}));
    // It is there again at once, for an invocation with more time.
    let again = first(&source);
    assert_eq!(again.id, delivery.id);
    source.time_out(&[again]);
    assert_eq!(feed(&source, &mut environment, &mut run), 0);
}

#[test]
fn a_task_that_no_invocation_can_do_fails_and_says_so() {
    let place = place(
        "  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo }, limits: { time: 20m } }\n",
    );
    let mut run = Followed::start(&place);
    let source = Source::new(&place, "tasks-small");
    let mut environment = Environment::start(&place, faulty(), "worker", &[]);
    assert_eq!(feed(&source, &mut environment, &mut run), 1);
    let failure = failure(&place);
    assert_eq!(failure["limit"], "time", "{failure}");
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains("1200s") && message.contains("`pool:`"), "{message}");
    // On a busy machine some of the 890 s have passed by then.
    assert!(message.contains("has 890.0s") || message.contains("has 88"), "{message}");
}

#[test]
fn a_guest_that_spins_ends_with_its_environment() {
    let place = place(
        "  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: loop }, limits: { time: 1s } }\n",
    );
    let mut run = Followed::start(&place);
    let source = Source::new(&place, "tasks-small");
    let mut environment = Environment::start(&place, faulty(), "worker", &[]);
    let delivery = first(&source);
    assert_eq!(environment.invoke(&source.event(&[delivery]), LONG), Answer::Gone);
    assert_eq!(environment.ended().unwrap().code(), Some(1));
    // The task has failed, and its message is gone: the process deleted it itself.
    wait_until("the run has ended", Duration::from_secs(30), || run.ended().is_some());
    assert_eq!(failure(&place)["limit"], "time");
    let stats = source.queue().stats("tasks-small").unwrap();
    assert_eq!((stats.visible, stats.in_flight), (0, 0));
}

#[test]
fn what_needs_more_memory_than_the_function_has_fails_and_leaves_it_alive() {
    let place = place("  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: allocate } }\n");
    let mut run = Followed::start(&place);
    let source = Source::new(&place, "tasks-small");
    let variables = [("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")];
    let mut environment = Environment::start(&place, faulty(), "worker", &variables);
    assert_eq!(feed(&source, &mut environment, &mut run), 1);
    assert_eq!(failure(&place)["limit"], "memory", "{}", failure(&place));
    assert!(environment.ended().is_none());
}

#[test]
fn a_batch_is_answered_message_by_message_and_foreign_ones_stay() {
    let place = place(
        "  a: { uses: faulty, for-each: { items: [1, 2, 3] }, inputs: { table: ./input.txt }, with: { mode: echo } }\n",
    );
    let mut run = Followed::start(&place);
    let source = Source::new(&place, "tasks-small");
    source.queue().send("tasks-small", &[Outgoing::new("not ours")]).unwrap();
    let mut environment = Environment::start(&place, faulty(), "worker", &[]);
    let mut deliveries = vec![first(&source)];
    wait_until("four messages", Duration::from_secs(30), || {
        deliveries.extend(source.take(10));
        deliveries.len() == 4
    });
    let answer = environment.invoke(&source.event(&deliveries), LONG);
    let again = source.settle(&deliveries, &answer);
    let foreign = deliveries.iter().find(|one| one.body == "not ours").expect("it was delivered");
    // One vCPU: the first took its turn, and the others had less than a whole invocation left only if they came much later.
    assert_eq!(again, [foreign.id.0.as_str()]);
    wait_until("the run has ended", Duration::from_secs(30), || run.ended().is_some());
    assert_eq!(place.results(&place.runs()[0]).len(), 3);
    let stats = source.queue().stats("tasks-small").unwrap();
    assert_eq!(stats.visible + stats.in_flight, 1, "whoever sent it can look for it");
}

#[test]
fn the_undertaker_marks_the_task_and_leaves_what_is_not_ours() {
    let place = place(
        "  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo } }\n  b: { uses: faulty, needs: [a], inputs: { table: ./input.txt }, with: { mode: echo } }\n",
    );
    let mut run = Followed::start(&place);
    let task = first(&Source::new(&place, "tasks-small"));
    let message: Message = serde_json::from_str(&task.body).unwrap();
    let dead = Source::new(&place, &dead_letter_queue("tasks-small"));
    dead.queue()
        .send(
            &dead_letter_queue("tasks-small"),
            &[Outgoing::new(task.body.clone()), Outgoing::new("not ours")],
        )
        .unwrap();
    let mut environment = Environment::start(&place, faulty(), "undertaker", &[]);
    let mut letters = vec![first(&dead)];
    wait_until("two letters", Duration::from_secs(30), || {
        letters.extend(dead.take(10));
        letters.len() == 2
    });
    let answer = environment.invoke(&dead.event(&letters), LONG);
    let stays = dead.settle(&letters, &answer);
    let foreign = letters.iter().find(|one| one.body == "not ours").unwrap();
    assert_eq!(stays, [foreign.id.0.as_str()]);
    wait_until("the run has ended", Duration::from_secs(30), || run.ended().is_some());
    assert_eq!(run.ended(), Some(1));
    let failed = place.records(&format!("runs/{}/failed", message.run));
    let why = failed["a/000000.json"]["failure"].to_string();
    assert!(why.contains("each invocation of Lambda"), "{why}");
}

#[test]
fn what_is_wrong_with_the_environment_is_named() {
    let place = Place::new();
    for (role, variables, says) in [
        ("baker", &[][..], "MILLSTREAM_ROLE is \"baker\""),
        ("worker", &[("MILLSTREAM_STORE", "")][..], "MILLSTREAM_STORE is not set"),
        ("worker", &[("MILLSTREAM_STORE", "ftp:x")][..], "MILLSTREAM_STORE is ftp:x"),
        ("worker", &[("MILLSTREAM_COMPONENTS", "/nowhere")][..], "MILLSTREAM_COMPONENTS is /nowhere"),
    ] {
        let log = place.path().join("log");
        let mut command = std::process::Command::new(millstream_tests::lambda::bootstrap());
        command.stderr(fs::File::create(&log).unwrap());
        let mut environment = Environment::start_command(command, &place, faulty(), role, variables);
        wait_until("it ends", Duration::from_secs(10), || environment.ended().is_some());
        let said = fs::read_to_string(&log).unwrap();
        assert!(said.contains(says), "{said}");
        assert_eq!(environment.ended().unwrap().code(), Some(1));
    }
}

#[test]
fn a_function_that_the_package_lacks_is_not_compiled() {
    let place = place(
        "  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo }, retry: { max-attempts: 1 } }\n",
    );
    let mut run = Followed::start(&place);
    let source = Source::new(&place, "tasks-small");
    let empty = Package::of(&[], here());
    let mut environment = Environment::start(&place, &empty, "worker", &[]);
    assert_eq!(feed(&source, &mut environment, &mut run), 1);
    let failure = failure(&place).to_string();
    assert!(failure.contains("not in this package"), "{failure}");
}

#[test]
fn a_run_that_no_pool_can_do_is_not_started() {
    let place =
        place("  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo }, pool: huge }\n");
    place.run(&["run", "w.yaml"]).expect(1).says(&[
        "MS0330",
        "step `a`",
        "small (1769 MB) and standard (5308 MB)",
    ]);
    assert!(place.runs().is_empty());
}
