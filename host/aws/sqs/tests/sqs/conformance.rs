//! The suite that every queue passes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use millstream_aws_sqs::Prefix;
use millstream_emulators::{Emulator, lies};
use millstream_queue::{
    Queue,
    conformance::{Fixture, TESTS},
};

use crate::{prefix, queue};

struct Sqs {
    url: String,
    prefix: Prefix,
}

impl Fixture for Sqs {
    fn open(&self) -> Box<dyn Queue> {
        Box::new(queue(&self.url, self.prefix.clone()))
    }

    /// A little more: two clocks are at work.
    fn pass(&self, time: Duration) {
        thread::sleep(time + Duration::from_millis(300));
    }

    fn minute(&self) -> Duration {
        Duration::from_secs(6)
    }
}

/// Tests at once: most of each is waiting.
const SIDE_BY_SIDE: usize = 8;

fn run(emulator: Option<&Emulator>) {
    let Some(emulator) = emulator else { return };
    let kind = emulator.kind();
    let (failed, next) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some((name, test)) = TESTS.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if lies::fails(kind, name) {
                        continue;
                    }
                    let start = Instant::now();
                    let fixture = Sqs { url: emulator.url(), prefix: prefix() };
                    let passed = catch_unwind(AssertUnwindSafe(|| test(&fixture))).is_ok();
                    println!("{}: {name}: {passed} after {:?}", kind.name(), start.elapsed());
                    if !passed {
                        failed.lock().unwrap().push(*name);
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner().unwrap(), [""; 0], "{}", kind.name());
}

#[test]
fn ministack() {
    run(millstream_emulators::ministack());
}

#[test]
fn moto() {
    run(millstream_emulators::moto());
}
