//! What every [`Queue`] must do, as tests. An implementation's own tests call [`run`].

// A test suite: panics are how it speaks.
#![allow(clippy::missing_panics_doc)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Delivery, ErrorKind, MAX_BODY_BYTES, MAX_DELAY, MAX_VISIBILITY, MAX_WAIT, MessageId, Outgoing, Queue,
    Receipt, Result, Stats, dead_letter_queue,
};

/// An implementation under test: queues without messages, with `max_receive_count` 3.
pub trait Fixture {
    /// Another receiver of the same queues.
    fn open(&self) -> Box<dyn Queue>;

    /// Lets time pass: moves a manual clock, or sleeps.
    fn pass(&self, time: Duration);

    /// What the suite takes for a minute. Where time really passes it is shorter: an even number of seconds.
    fn minute(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// A test's name, and the test.
pub type Test = (&'static str, fn(&dyn Fixture));

/// The suite.
pub const TESTS: &[Test] = &[
    ("a message's way", life),
    ("nothing to receive", nothing),
    ("queues are apart", queues),
    ("visibility passes", visibility),
    ("heartbeats", heartbeats),
    ("giving back", giving_back),
    ("delays", delays),
    ("batches fail in part", batches),
    ("stale receipts are harmless", stale_receipts),
    ("dead letters", dead_letters),
    ("dead letters in pages", dead_letter_pages),
    ("a dead-letter queue is a queue", dead_letter_queue_is_a_queue),
    ("redrive", redrive),
    ("one dead letter of several", one_dead_letter),
    ("the names of queues", queue_names),
    ("purge", purge),
    ("arguments out of range", bad_arguments),
    ("a waiting receiver wakes up", long_poll),
    ("no two receivers hold a message", one_holder),
    ("a receiver that is gone", gone),
    ("bodies are kept", bodies),
];

/// The fixture's `max_receive_count`.
pub const MAX_RECEIVE_COUNT: u32 = 3;

const Q: &str = "tasks";
const NOW: Duration = Duration::ZERO;

/// Runs the suite; `make` gives a fixture without messages each time.
///
/// # Panics
/// If the queue does not conform.
pub fn run<F: Fixture>(make: impl Fn() -> F) {
    for (name, test) in TESTS {
        println!("queue conformance: {name}");
        test(&make());
    }
}

#[track_caller]
fn fails<T>(result: Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("succeeds, and should fail as {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

fn send(queue: &dyn Queue, body: &str) -> MessageId {
    queue.send(Q, &[Outgoing::new(body)]).unwrap().remove(0)
}

/// All that can be received now, whatever the size of a batch.
fn receive_all(queue: &dyn Queue, name: &str, visibility: Duration) -> Vec<Delivery> {
    let mut all = Vec::new();
    loop {
        let batch = queue.receive(name, 10, NOW, visibility).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch);
    }
}

#[track_caller]
fn receive_one(fixture: &dyn Fixture, queue: &dyn Queue) -> Delivery {
    let mut batch = queue.receive(Q, 10, NOW, fixture.minute()).unwrap();
    assert_eq!(batch.len(), 1, "{batch:?}");
    batch.remove(0)
}

#[track_caller]
fn receive_none(queue: &dyn Queue) {
    assert_eq!(queue.receive(Q, 10, NOW, MAX_VISIBILITY).unwrap(), []);
}

/// Has a message die: received as often as is allowed, and once more.
fn kill(fixture: &dyn Fixture, queue: &dyn Queue) {
    for _ in 0..MAX_RECEIVE_COUNT {
        receive_all(queue, Q, fixture.minute());
        fixture.pass(fixture.minute());
    }
    receive_none(queue);
}

fn life(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let id = send(&*queue, "hello");
    assert_eq!(queue.stats(Q).unwrap(), Stats { visible: 1, ..Stats::default() });
    let delivery = receive_one(fixture, &*queue);
    assert_eq!((&delivery.id, delivery.body.as_str(), delivery.receive_count), (&id, "hello", 1));
    assert_eq!(delivery.receipt.queue, Q);
    assert_eq!(queue.stats(Q).unwrap(), Stats { in_flight: 1, ..Stats::default() });
    receive_none(&*queue);
    queue.delete(&delivery.receipt).unwrap();
    assert_eq!(queue.stats(Q).unwrap(), Stats::default());
    fixture.pass(2 * fixture.minute());
    receive_none(&*queue);
}

fn nothing(fixture: &dyn Fixture) {
    let queue = fixture.open();
    receive_none(&*queue);
    let start = Instant::now();
    assert_eq!(queue.receive(Q, 1, Duration::from_millis(50), fixture.minute()).unwrap(), []);
    assert!(start.elapsed() >= Duration::from_millis(50), "it waits");
    assert_eq!(queue.stats(Q).unwrap(), Stats::default());
    assert_eq!(queue.send(Q, &[]).unwrap(), []);
    assert!(queue.delete_batch(&[]).unwrap().is_empty());
    assert!(queue.extend_batch(&[], fixture.minute()).unwrap().is_empty());
    if let Some(admin) = queue.admin() {
        assert_eq!(admin.purge(Q).unwrap(), 0);
        assert_eq!(admin.redrive(Q, None).unwrap(), 0);
        assert_eq!(admin.dead_letters(Q, None, 10).unwrap().letters, []);
    }
}

fn queues(fixture: &dyn Fixture) {
    let queue = fixture.open();
    send(&*queue, "here");
    queue.send("other", &[Outgoing::new("there")]).unwrap();
    let there = receive_all(&*queue, "other", fixture.minute());
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].body, "there");
    // A receipt with another queue's name deletes nothing.
    let wrong = Receipt { queue: Q.to_owned(), ..there[0].receipt.clone() };
    queue.delete(&wrong).unwrap();
    assert_eq!(queue.stats("other").unwrap().in_flight, 1);
    assert_eq!(receive_one(fixture, &*queue).body, "here");
}

fn visibility(fixture: &dyn Fixture) {
    let (queue, other) = (fixture.open(), fixture.open());
    let id = send(&*queue, "x");
    let first = receive_one(fixture, &*queue);
    fixture.pass(fixture.minute() / 2);
    receive_none(&*queue);
    receive_none(&*other);
    fixture.pass(fixture.minute() / 2);
    assert_eq!(queue.stats(Q).unwrap(), Stats { visible: 1, ..Stats::default() });
    let second = receive_one(fixture, &*other);
    assert_eq!((&second.id, second.receive_count, second.sent_at), (&id, 2, first.sent_at));
    assert_ne!(second.receipt, first.receipt);
}

fn heartbeats(fixture: &dyn Fixture) {
    let (queue, other) = (fixture.open(), fixture.open());
    send(&*queue, "x");
    let delivery = receive_one(fixture, &*queue);
    for _ in 0..5 {
        fixture.pass(fixture.minute() / 2);
        queue.extend(&delivery.receipt, fixture.minute()).unwrap();
        receive_none(&*other);
    }
    // From now on, not on top.
    fixture.pass(fixture.minute());
    fails(queue.extend(&delivery.receipt, fixture.minute()), ErrorKind::StaleReceipt);
    assert_eq!(receive_one(fixture, &*other).receive_count, 2);
}

fn giving_back(fixture: &dyn Fixture) {
    let (queue, other) = (fixture.open(), fixture.open());
    send(&*queue, "x");
    let delivery = receive_one(fixture, &*queue);
    queue.extend(&delivery.receipt, NOW).unwrap();
    assert_eq!(queue.stats(Q).unwrap().visible, 1);
    assert_eq!(receive_one(fixture, &*other).receive_count, 2);
}

fn delays(fixture: &dyn Fixture) {
    let queue = fixture.open();
    queue.send(Q, &[Outgoing::after("late", fixture.minute()), Outgoing::new("soon")]).unwrap();
    assert_eq!(queue.stats(Q).unwrap(), Stats { visible: 1, delayed: 1, ..Stats::default() });
    assert_eq!(receive_one(fixture, &*queue).body, "soon");
    fixture.pass(fixture.minute() / 2);
    receive_none(&*queue);
    fixture.pass(fixture.minute() / 2);
    let bodies: BTreeSet<_> = receive_all(&*queue, Q, fixture.minute()).into_iter().map(|d| d.body).collect();
    assert_eq!(bodies, BTreeSet::from(["late".to_owned(), "soon".to_owned()]));
}

fn batches(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let bad = "x".repeat(MAX_BODY_BYTES + 1);
    let batch = [
        Outgoing::new("a"),
        Outgoing::new(&bad),
        Outgoing::after("b", MAX_DELAY + fixture.minute()),
        Outgoing::new("c"),
    ];
    let sent = queue.send_batch(Q, &batch).unwrap();
    assert_eq!(sent.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    fails(queue.send(Q, &batch[1..2]), ErrorKind::Invalid);
    let deliveries = receive_all(&*queue, Q, fixture.minute());
    assert_eq!(
        deliveries.iter().map(|d| d.body.as_str()).collect::<BTreeSet<_>>(),
        BTreeSet::from(["a", "c"])
    );

    let nonsense = Receipt { queue: Q.to_owned(), handle: "nonsense".to_owned() };
    let receipts = [deliveries[0].receipt.clone(), nonsense, deliveries[1].receipt.clone()];
    let extended = queue.extend_batch(&receipts, 2 * fixture.minute()).unwrap();
    assert_eq!(extended.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let deleted = queue.delete_batch(&receipts).unwrap();
    assert_eq!(deleted.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(queue.stats(Q).unwrap(), Stats::default());

    let many: Vec<_> = (0..1000).map(|i| Outgoing::new(i.to_string())).collect();
    let ids: BTreeSet<_> = queue.send(Q, &many).unwrap().into_iter().collect();
    assert_eq!(ids.len(), 1000);
    let received: BTreeSet<_> = receive_all(&*queue, Q, MAX_VISIBILITY).into_iter().map(|d| d.id).collect();
    assert_eq!(received, ids);
}

fn stale_receipts(fixture: &dyn Fixture) {
    let (queue, other) = (fixture.open(), fixture.open());
    send(&*queue, "x");
    let first = receive_one(fixture, &*queue);
    fixture.pass(fixture.minute());
    let second = receive_one(fixture, &*other);
    queue.delete(&first.receipt).unwrap();
    fails(queue.extend(&first.receipt, fixture.minute()), ErrorKind::StaleReceipt);
    fails(queue.extend(&first.receipt, NOW), ErrorKind::StaleReceipt);
    assert_eq!(queue.stats(Q).unwrap(), Stats { in_flight: 1, ..Stats::default() });
    other.extend(&second.receipt, fixture.minute()).unwrap();
    other.delete(&second.receipt).unwrap();
    other.delete(&second.receipt).unwrap();
    fails(other.extend(&second.receipt, fixture.minute()), ErrorKind::StaleReceipt);

    // A receipt of a message that is gone says nothing about the next one.
    send(&*queue, "y");
    let next = receive_one(fixture, &*queue);
    queue.delete(&second.receipt).unwrap();
    queue.extend(&next.receipt, fixture.minute()).unwrap();

    // Late, but nobody else has it: deleting still counts.
    fixture.pass(fixture.minute());
    queue.delete(&next.receipt).unwrap();
    receive_none(&*queue);
}

fn dead_letters(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let id = send(&*queue, "poison");
    let mut last = None;
    for count in 1..=MAX_RECEIVE_COUNT {
        let delivery = receive_one(fixture, &*queue);
        assert_eq!(delivery.receive_count, count);
        last = Some(delivery);
        fixture.pass(fixture.minute());
    }
    // In one go with a healthy one.
    send(&*queue, "healthy");
    assert_eq!(receive_one(fixture, &*queue).body, "healthy");
    assert_eq!(queue.stats(Q).unwrap(), Stats { in_flight: 1, dead: 1, ..Stats::default() });
    if let Some(admin) = queue.admin() {
        let page = admin.dead_letters(Q, None, 10).unwrap();
        assert_eq!(page.next, None);
        let [letter] = page.letters.as_slice() else { panic!("{page:?}") };
        assert_eq!(
            (letter.id.clone(), letter.body.as_str(), letter.receive_count),
            (id, "poison", MAX_RECEIVE_COUNT)
        );
    }
    // The last receiver comes late: the letter stays.
    queue.delete(&last.unwrap().receipt).unwrap();
    assert_eq!(queue.stats(Q).unwrap().dead, 1);
}

fn dead_letter_pages(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let Some(admin) = queue.admin() else { return };
    let messages: Vec<_> = (0..25).map(|i| Outgoing::new(i.to_string())).collect();
    let ids: BTreeSet<_> = queue.send(Q, &messages).unwrap().into_iter().collect();
    kill(fixture, &*queue);
    for limit in [1, 7, 25, 1000, 0] {
        let mut found = BTreeSet::new();
        let mut after = None;
        loop {
            let page = admin.dead_letters(Q, after.as_ref(), limit).unwrap();
            assert!(page.letters.len() <= limit.max(1));
            found.extend(page.letters.into_iter().map(|l| l.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, ids, "limit {limit}");
    }
    fails(admin.dead_letters(Q, Some(&MessageId("no such".to_owned())), 10), ErrorKind::Invalid);
}

fn dead_letter_queue_is_a_queue(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let Some(admin) = queue.admin() else { return };
    send(&*queue, "x");
    kill(fixture, &*queue);
    let dead = dead_letter_queue(Q);
    // A dead letter can be received any number of times.
    for _ in 0..MAX_RECEIVE_COUNT + 2 {
        assert_eq!(receive_all(&*queue, &dead, fixture.minute()).len(), 1);
        assert_eq!(admin.redrive(Q, None).unwrap(), 0, "it is with somebody");
        fixture.pass(fixture.minute());
    }
    let letters = receive_all(&*queue, &dead, fixture.minute());
    queue.delete(&letters[0].receipt).unwrap();
    assert_eq!(queue.stats(Q).unwrap(), Stats::default());
}

fn redrive(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let Some(admin) = queue.admin() else { return };
    send(&*queue, "x");
    send(&*queue, "y");
    kill(fixture, &*queue);
    assert_eq!(admin.redrive(Q, None).unwrap(), 2);
    assert_eq!(queue.stats(Q).unwrap(), Stats { visible: 2, ..Stats::default() });
    for count in 1..=MAX_RECEIVE_COUNT {
        let deliveries = receive_all(&*queue, Q, fixture.minute());
        assert_eq!(deliveries.iter().map(|d| d.receive_count).collect::<Vec<_>>(), [count, count]);
        fixture.pass(fixture.minute());
    }
    receive_none(&*queue);
    assert_eq!(queue.stats(Q).unwrap().dead, 2);
}

fn one_dead_letter(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let Some(admin) = queue.admin() else { return };
    let [x, y, z] = ["x", "y", "z"].map(|body| send(&*queue, body));
    kill(fixture, &*queue);
    assert_eq!(admin.redrive(Q, Some(&y)).unwrap(), 1);
    assert_eq!(admin.redrive(Q, Some(&y)).unwrap(), 0, "it is no dead letter any more");
    assert!(!admin.delete_dead_letter(Q, &y).unwrap(), "nor can it be deleted as one");
    let delivery = receive_one(fixture, &*queue);
    assert_eq!((delivery.body.as_str(), delivery.receive_count), ("y", 1));
    assert!(admin.delete_dead_letter(Q, &x).unwrap());
    assert!(!admin.delete_dead_letter(Q, &x).unwrap());
    assert!(!admin.delete_dead_letter("other", &z).unwrap(), "of another queue");
    let left: Vec<_> = admin.dead_letters(Q, None, 10).unwrap().letters.into_iter().map(|l| l.id).collect();
    assert_eq!(left, std::slice::from_ref(&z));
    // Somebody has it in hand.
    assert_eq!(receive_all(&*queue, &dead_letter_queue(Q), fixture.minute()).len(), 1);
    assert_eq!(admin.redrive(Q, Some(&z)).unwrap(), 0);
    assert!(!admin.delete_dead_letter(Q, &z).unwrap());
    let odd = MessageId("no such".to_owned());
    fails(admin.redrive(Q, Some(&odd)), ErrorKind::Invalid);
    fails(admin.delete_dead_letter(Q, &odd), ErrorKind::Invalid);
}

fn queue_names(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let Some(admin) = queue.admin() else { return };
    assert_eq!(admin.queues().unwrap(), Vec::<String>::new());
    send(&*queue, "dead");
    kill(fixture, &*queue);
    assert_eq!(admin.queues().unwrap(), [Q], "a queue of dead letters alone");
    queue.send("other", &[Outgoing::new("x")]).unwrap();
    send(&*queue, "another");
    assert_eq!(admin.queues().unwrap(), ["other", Q]);
}

fn purge(fixture: &dyn Fixture) {
    let queue = fixture.open();
    let Some(admin) = queue.admin() else { return };
    send(&*queue, "dead");
    kill(fixture, &*queue);
    send(&*queue, "in flight");
    let held = receive_one(fixture, &*queue);
    queue.send(Q, &[Outgoing::new("x"), Outgoing::after("y", fixture.minute())]).unwrap();
    queue.send("other", &[Outgoing::new("z")]).unwrap();
    assert_eq!(admin.purge(Q).unwrap(), 3);
    assert_eq!(queue.stats(Q).unwrap(), Stats { dead: 1, ..Stats::default() });
    assert_eq!(queue.stats("other").unwrap().visible, 1);
    fails(queue.extend(&held.receipt, fixture.minute()), ErrorKind::StaleReceipt);
    queue.delete(&held.receipt).unwrap();
}

fn bad_arguments(fixture: &dyn Fixture) {
    let queue = fixture.open();
    for name in ["", "a b", "a/b", "-dead", "ä", &"x".repeat(76)] {
        fails(queue.send(name, &[Outgoing::new("x")]), ErrorKind::Invalid);
        fails(queue.receive(name, 1, NOW, fixture.minute()), ErrorKind::Invalid);
        fails(queue.stats(name), ErrorKind::Invalid);
        if let Some(admin) = queue.admin() {
            fails(admin.dead_letters(name, None, 1), ErrorKind::Invalid);
            fails(admin.redrive(name, None), ErrorKind::Invalid);
            fails(admin.purge(name), ErrorKind::Invalid);
        }
    }
    fails(queue.receive(Q, 0, NOW, fixture.minute()), ErrorKind::Invalid);
    fails(queue.receive(Q, 1, MAX_WAIT + fixture.minute(), fixture.minute()), ErrorKind::Invalid);
    fails(queue.receive(Q, 1, NOW, MAX_VISIBILITY + fixture.minute()), ErrorKind::Invalid);
    fails(queue.receive(Q, 1, Duration::MAX, Duration::MAX), ErrorKind::Invalid);
    let id = send(&*queue, "x");
    let delivery = receive_one(fixture, &*queue);
    assert_eq!(delivery.id, id);
    fails(queue.extend(&delivery.receipt, MAX_VISIBILITY + fixture.minute()), ErrorKind::Invalid);
    for handle in ["", ".", "1", "1.", "x.1", "99999999999999999999.1"] {
        let receipt = Receipt { queue: Q.to_owned(), handle: handle.to_owned() };
        fails(queue.delete(&receipt), ErrorKind::Invalid);
        fails(queue.extend(&receipt, fixture.minute()), ErrorKind::Invalid);
    }
}

fn long_poll(fixture: &dyn Fixture) {
    let minute = fixture.minute();
    // From the same receiver, and from another one (another process may be behind it).
    for same in [true, false] {
        let (queue, other) = (fixture.open(), fixture.open());
        thread::scope(|scope| {
            let receiver = scope.spawn(|| {
                let start = Instant::now();
                let batch = queue.receive(Q, 1, Duration::from_secs(10), minute).unwrap();
                (batch, start.elapsed())
            });
            thread::sleep(Duration::from_millis(50));
            send(if same { &*queue } else { &*other }, "wake up");
            let (batch, waited) = receiver.join().unwrap();
            assert_eq!(batch.len(), 1);
            assert!(waited < Duration::from_secs(5), "{waited:?}");
            queue.delete(&batch[0].receipt).unwrap();
        });
    }
}

fn one_holder(fixture: &dyn Fixture) {
    let sender = fixture.open();
    let messages: Vec<_> = (0..300).map(|i| Outgoing::new(i.to_string())).collect();
    sender.send(Q, &messages).unwrap();
    let received: Mutex<BTreeMap<String, u32>> = Mutex::default();
    let receivers: Vec<_> = (0..8).map(|_| fixture.open()).collect();
    thread::scope(|scope| {
        for queue in &receivers {
            let received = &received;
            scope.spawn(move || {
                loop {
                    let batch = queue.receive(Q, 3, NOW, MAX_VISIBILITY).unwrap();
                    if batch.is_empty() {
                        break;
                    }
                    for delivery in batch {
                        assert_eq!(delivery.receive_count, 1);
                        *received.lock().unwrap().entry(delivery.body).or_default() += 1;
                        // Half of them stay in flight.
                        if delivery.id.0.ends_with(['0', '2', '4', '6', '8']) {
                            queue.delete(&delivery.receipt).unwrap();
                        }
                    }
                }
            });
        }
    });
    let received = received.into_inner().unwrap();
    assert_eq!(received.len(), 300);
    assert!(received.values().all(|count| *count == 1), "{received:?}");
}

fn gone(fixture: &dyn Fixture) {
    let (queue, other) = (fixture.open(), fixture.open());
    queue.send(Q, &[Outgoing::new("x"), Outgoing::new("y"), Outgoing::after("z", fixture.minute())]).unwrap();
    let mut kept = other.receive(Q, 1, NOW, fixture.minute()).unwrap();
    let held = receive_one(fixture, &*queue);
    drop(queue);
    let again = other.receive(Q, 3, Duration::from_secs(10), fixture.minute()).unwrap();
    assert_eq!(again.len(), 1, "only what the dead one held: {again:?}");
    assert_eq!((&again[0].id, again[0].receive_count), (&held.id, 2));
    other.extend(&kept.remove(0).receipt, fixture.minute()).unwrap();
}

fn bodies(fixture: &dyn Fixture) {
    let queue = fixture.open();
    for body in ["", "\u{0}", "x\u{1f}", "\u{ffff}"] {
        fails(queue.send(Q, &[Outgoing::new(body)]), ErrorKind::Invalid);
    }
    for group in ["", "a b", "ä", &"x".repeat(129)] {
        fails(queue.send(Q, &[Outgoing::new("x").of(group)]), ErrorKind::Invalid);
    }
    queue.send(Q, &[Outgoing::new("x").of("20260101-000000-a.b/c")]).unwrap();
    queue.delete(&receive_one(fixture, &*queue).receipt).unwrap();
    let bodies = ["x".repeat(MAX_BODY_BYTES), "ä\u{10ffff}\t\n'\"&<>".to_owned()];
    for body in &bodies {
        send(&*queue, body);
        let delivery = receive_one(fixture, &*queue);
        assert!(delivery.body == *body);
        queue.delete(&delivery.receipt).unwrap();
    }
}
