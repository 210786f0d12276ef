//! A consumer on real threads and real time. `tests/simulation` runs its loops on virtual time.
#![allow(clippy::disallowed_methods)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use millstream_consumer::{Consumer, Handle, Handled, Options};
use millstream_queue::{
    DeadLetter, Delivery, MemoryQueue, Outgoing, Queue, QueueOptions, SystemClock, dead_letter_queue,
};

/// Takes the milliseconds that a message names; `again` is given back, `trouble` is in trouble.
#[derive(Clone, Default)]
struct Sleeper(Arc<State>);

#[derive(Default)]
struct State {
    handled: Mutex<BTreeMap<String, u32>>,
    begun: AtomicU32,
    buried: AtomicU32,
    unwanted: AtomicBool,
}

impl Sleeper {
    fn handled(&self, body: &str) -> u32 {
        self.0.handled.lock().unwrap().get(body).copied().unwrap_or(0)
    }
}

impl Handle for Sleeper {
    type Cancel = Arc<AtomicBool>;

    fn handle(&self, delivery: &Delivery, cancel: &Arc<AtomicBool>) -> Handled {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        match delivery.body.as_str() {
            "again" if delivery.receive_count == 1 => return Handled::Again(Duration::from_millis(50)),
            "trouble" if delivery.receive_count == 1 => return Handled::Trouble,
            _ => {}
        }
        let end = Instant::now() + Duration::from_millis(delivery.body.parse().unwrap_or(0));
        while Instant::now() < end {
            if cancel.load(Ordering::SeqCst) {
                return Handled::Again(Duration::ZERO);
            }
            thread::sleep(Duration::from_millis(5));
        }
        *self.0.handled.lock().unwrap().entry(delivery.body.clone()).or_default() += 1;
        Handled::Delete
    }

    fn cancel(&self, cancel: &Arc<AtomicBool>) {
        cancel.store(true, Ordering::SeqCst);
    }

    fn look(&self, in_hand: &[(Delivery, Arc<AtomicBool>)]) {
        if self.0.unwanted.load(Ordering::SeqCst) {
            in_hand.iter().for_each(|(_, cancel)| cancel.store(true, Ordering::SeqCst));
        }
    }

    fn bury(&self, _: &DeadLetter) -> bool {
        self.0.buried.fetch_add(1, Ordering::SeqCst);
        true
    }
}

fn start(bodies: &[&str], options: Options) -> (Consumer<Sleeper>, Sleeper, Arc<MemoryQueue>) {
    let queue =
        Arc::new(MemoryQueue::new(Arc::new(SystemClock), QueueOptions { max_receive_count: 3 }).unwrap());
    for body in bodies {
        queue.send("work", &[Outgoing::new(*body)]).unwrap();
    }
    let sleeper = Sleeper::default();
    let options = Options {
        queues: vec!["work".to_owned()],
        threads: 2,
        wait: Some(Duration::from_millis(20)),
        visibility: Duration::from_millis(400),
        heartbeat: Duration::from_millis(100),
        look: Duration::from_millis(20),
        dead_letters: Some(Duration::from_millis(20)),
        ..options
    };
    let consumer = Consumer::start(
        queue.clone(),
        Arc::new(SystemClock),
        fastrand::Rng::with_seed(1),
        sleeper.clone(),
        options,
    );
    (consumer.unwrap(), sleeper, queue)
}

/// Within ten seconds.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn messages_are_handled_given_back_and_tried_again() {
    let (consumer, sleeper, queue) = start(&["1", "2", "again", "trouble"], Options::default());
    let all = ["1", "2", "again", "trouble"];
    eventually("all are handled", || all.iter().all(|body| sleeper.handled(body) == 1));
    consumer.finish();
    let stats = queue.stats("work").unwrap();
    assert_eq!(stats.visible + stats.in_flight + stats.delayed, 0, "{stats:?}");
}

#[test]
fn heartbeats_keep_a_long_one_invisible() {
    // Several times as long as it stays invisible without them.
    let (consumer, sleeper, _queue) = start(&["1500"], Options::default());
    eventually("it is handled", || sleeper.handled("1500") == 1);
    assert_eq!(sleeper.0.begun.load(Ordering::SeqCst), 1, "nobody else has begun it");
    consumer.finish();
}

#[test]
fn whoever_finishes_ends_what_is_in_hand_and_takes_no_more() {
    let (consumer, sleeper, queue) = start(&["300", "301"], Options::default());
    eventually("both are in hand", || sleeper.0.begun.load(Ordering::SeqCst) == 2);
    let ending = consumer.ending();
    ending.begin();
    queue.send("work", &[Outgoing::new("1")]).unwrap();
    consumer.finish();
    assert_eq!((sleeper.handled("300"), sleeper.handled("301"), sleeper.handled("1")), (1, 1, 0));
    eventually("the third one is given back", || queue.stats("work").unwrap().visible == 1);
    ending.begin();
}

#[test]
fn whoever_aborts_or_drops_gives_back_what_is_in_hand() {
    let given_back = |end: fn(Consumer<Sleeper>)| {
        let (consumer, sleeper, queue) = start(&["60000", "60001"], Options::default());
        eventually("both are in hand", || sleeper.0.begun.load(Ordering::SeqCst) == 2);
        let began = Instant::now();
        end(consumer);
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(queue.stats("work").unwrap().visible, 2);
    };
    given_back(|consumer| assert_eq!(consumer.abort(), 0));
    given_back(drop);
}

#[test]
fn what_nobody_wants_any_more_is_cancelled() {
    let (consumer, sleeper, _queue) = start(&["60000"], Options::default());
    eventually("it is in hand", || sleeper.0.begun.load(Ordering::SeqCst) >= 1);
    sleeper.0.unwanted.store(true, Ordering::SeqCst);
    // It is given back, comes again, and is cancelled again.
    eventually("it is cancelled", || sleeper.0.begun.load(Ordering::SeqCst) >= 2);
    consumer.abort();
}

#[test]
fn dead_letters_are_buried_once() {
    let (consumer, sleeper, queue) = start(&[], Options::default());
    queue.send(&dead_letter_queue("work"), &[Outgoing::new("1"), Outgoing::new("2")]).unwrap();
    let buried = || sleeper.0.buried.load(Ordering::SeqCst);
    eventually("both are buried", || buried() >= 2);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(buried(), 2, "and not again");
    consumer.finish();
}
