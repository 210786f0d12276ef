//! The threads that a server has: queues and folders.

use std::{
    fs,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use millstream_queue::{Outgoing, Queue as _};
use millstream_triggers::{Options, Shell};
use serde_json::json;

use crate::support::{NoFunctions, World};

fn start(world: &World, said: &Arc<Mutex<Vec<String>>>) -> Shell {
    let said = said.clone();
    let settings = Options {
        workflows: None,
        functions: Arc::new(NoFunctions),
        who: "tester".to_owned(),
        say: Arc::new(move |text| said.lock().unwrap().push(text.to_owned())),
    };
    Shell::start(world.process(), settings).unwrap()
}

#[track_caller]
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_message_in_a_queue_starts_a_run_however_often_it_is_sent() {
    let world = World::new();
    world.push(
        "orders",
        "on: { queue: { name: orders, params: { n: '${{ event.data.n }}' } } }\nparams: { n: { type: integer } }",
    );
    let event =
        json!({"specversion": "1.0", "id": "7", "source": "/shop", "type": "order", "data": {"n": 2}});
    let send = |body: String| world.queue.send("orders", &[Outgoing::new(body)]).unwrap();
    let said = Arc::default();
    let shell = start(&world, &said);
    send(event.to_string());
    send(event.to_string());
    send(json!({"n": 3}).to_string());
    wait("two runs", || world.runs().len() == 2);
    wait("the queue is empty", || {
        let stats = world.queue.stats("orders").unwrap();
        stats.visible + stats.in_flight == 0
    });
    let mut found: Vec<_> = world.runs().iter().map(|run| world.plan(run).params["n"].clone()).collect();
    found.sort_by_key(serde_json::Value::as_i64);
    assert_eq!(found, [json!(2), json!(3)]);
    drop(shell);
}

#[test]
fn a_folder_that_is_not_there_is_told_and_watched_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    let world = World::new();
    world.push(
        "files",
        &format!("on: {{ object-created: {{ bucket: 'file://{}', existing: true }} }}", path.display()),
    );
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let shell = start(&world, &said);
    wait("it is told", || said.lock().unwrap().iter().any(|text| text.contains("there is no such folder")));
    fs::create_dir(&path).unwrap();
    fs::write(path.join("a.csv"), "x\n").unwrap();
    wait("a run", || world.runs().len() == 1);
    drop(shell);
    // The next server finds the file, too; it was seen.
    let shell = start(&world, &said);
    fs::write(path.join("b.csv"), "x\n").unwrap();
    wait("another run", || world.runs().len() == 2);
    assert_eq!(said.lock().unwrap().iter().filter(|text| text.contains("no such folder")).count(), 1);
    drop(shell);
}
