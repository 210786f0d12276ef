//! The suite on each implementation of this crate.

use std::{sync::Arc, time::Duration};

use millstream_queue::{
    ErrorKind, ManualClock, MemoryQueue, Outgoing, Queue, QueueOptions, SqliteQueue,
    conformance::{self, Fixture, MAX_RECEIVE_COUNT},
};

const OPTIONS: QueueOptions = QueueOptions { max_receive_count: MAX_RECEIVE_COUNT };

struct Memory {
    clock: Arc<ManualClock>,
    queue: MemoryQueue,
}

impl Memory {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { queue: MemoryQueue::new(clock.clone(), OPTIONS).unwrap(), clock }
    }
}

impl Fixture for Memory {
    fn open(&self) -> Box<dyn Queue> {
        Box::new(self.queue.clone())
    }
    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

struct Sqlite {
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Sqlite {
    fn new() -> Self {
        Self { clock: Arc::default(), folder: tempfile::tempdir().unwrap() }
    }
}

impl Fixture for Sqlite {
    fn open(&self) -> Box<dyn Queue> {
        Box::new(SqliteQueue::open_with_clock(self.folder.path(), OPTIONS, self.clock.clone()).unwrap())
    }
    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

#[test]
fn memory() {
    conformance::run(Memory::new);
}

#[test]
fn sqlite() {
    conformance::run(Sqlite::new);
}

#[test]
fn messages_outlive_the_handle() {
    let fixture = Sqlite::new();
    fixture.open().send("q", &[Outgoing::new("x")]).unwrap();
    let queue = fixture.open();
    assert_eq!(queue.receive("q", 1, Duration::ZERO, Duration::from_secs(1)).unwrap()[0].body, "x");
    drop(queue);
    // Every handle removed its own lock file.
    assert_eq!(std::fs::read_dir(fixture.folder.path().join("consumers")).unwrap().count(), 0);
}

#[test]
fn no_message_is_ever_received_zero_times() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        SqliteQueue::open(folder.path(), QueueOptions { max_receive_count: 0 }).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn files_that_are_no_queue_of_ours_are_refused_and_left_alone() {
    let open = |folder: &tempfile::TempDir| SqliteQueue::open(folder.path(), OPTIONS).map(drop).unwrap_err();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.sqlite");

    std::fs::write(&file, "this is no database, and long enough to look like one".repeat(100)).unwrap();
    assert_eq!(open(&folder).kind(), ErrorKind::Corrupt);

    std::fs::remove_file(&file).unwrap();
    let foreign = rusqlite::Connection::open(&file).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);").unwrap();
    let error = open(&folder);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(foreign.query_row("SELECT count(*) FROM theirs", [], |r| r.get::<_, i64>(0)).unwrap(), 1);

    let folder = tempfile::tempdir().unwrap();
    drop(SqliteQueue::open(folder.path(), OPTIONS).unwrap());
    let newer = rusqlite::Connection::open(folder.path().join("queue.sqlite")).unwrap();
    newer.pragma_update(None, "user_version", 2).unwrap();
    let error = open(&folder);
    assert_eq!(error.kind(), ErrorKind::TooNew);
    assert!(error.to_string().contains("newer Millstream"), "{error}");
}
