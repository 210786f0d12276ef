//! Writes whose answers are lost, and what is told of them.

use std::{
    io::{Read as _, Write as _},
    sync::{Arc, Mutex},
};

use millstream_store::{Artifacts, Fault, MemoryStore, Operation, entries};

use super::*;
use crate::{Created, checksums::Sums};

/// Hears of objects; fails if it is told to.
#[derive(Default)]
struct Heard {
    events: Mutex<Vec<NewObject>>,
    deaf: Mutex<bool>,
}

impl Created for Heard {
    fn created(&self, event: &NewObject) -> Result<(), String> {
        if *self.deaf.lock().unwrap() {
            return Err("the queue is full".to_owned());
        }
        self.events.lock().unwrap().push(event.clone());
        Ok(())
    }
}

fn buckets(store: &MemoryStore, heard: &Arc<Heard>) -> Buckets {
    let buckets = Buckets::new(Artifacts::new(Arc::new(store.clone()))).telling(heard.clone());
    buckets.create("data").unwrap();
    buckets
}

fn put(buckets: &Buckets, bytes: &[u8]) -> S3Result<Record> {
    let mut file = buckets.store().temp_file().unwrap();
    file.write_all(bytes).unwrap();
    let new = New {
        size: bytes.len() as u64,
        etag: format!("{bytes:?}"),
        headers: ObjectHeaders::default(),
        sums: Sums::new(),
        parts: Vec::new(),
        upload: None,
        reason: "Put",
    };
    buckets.put("data", "a/b", file, &new, &WriteIf::default())
}

fn read(buckets: &Buckets) -> Vec<u8> {
    let opened = buckets.open("data", "a/b").unwrap();
    let mut bytes = Vec::new();
    opened.outlet.reader(0..opened.record.size).read_to_end(&mut bytes).unwrap();
    bytes
}

fn blobs(store: &MemoryStore) -> usize {
    entries(store, &layout::all_object_bytes("data")).count()
}

#[test]
fn each_write_is_told_of_and_later_ones_have_greater_sequencers() {
    let (store, heard) = (MemoryStore::new(), Arc::new(Heard::default()));
    let buckets = buckets(&store, &heard);
    for bytes in [&b"one"[..], b"two", b"two"] {
        put(&buckets, bytes).unwrap();
    }
    buckets.delete("data", "a/b", &WriteIf::default()).unwrap();
    put(&buckets, b"again").unwrap();
    let events = heard.events.lock().unwrap();
    let sequencers: Vec<&str> = events.iter().map(|event| event.sequencer.as_str()).collect();
    assert!(sequencers.is_sorted_by(|a, b| a < b) && sequencers.len() == 4, "{sequencers:?}");
    let event = &events[3];
    assert_eq!(
        (event.bucket.as_str(), event.key.as_str(), event.size, event.reason),
        ("data", "a/b", 5, "Put")
    );
    assert_eq!(blobs(&store), 1);
}

#[test]
fn who_was_not_heard_writes_again_and_the_object_is_there() {
    let (store, heard) = (MemoryStore::new(), Arc::new(Heard::default()));
    let buckets = buckets(&store, &heard);
    *heard.deaf.lock().unwrap() = true;
    let error = put(&buckets, b"one").unwrap_err();
    assert_eq!(error.code(), &S3ErrorCode::ServiceUnavailable);
    assert!(error.message().unwrap().contains("the queue is full"), "{error:?}");
    assert_eq!(read(&buckets), b"one");
    *heard.deaf.lock().unwrap() = false;
    put(&buckets, b"one").unwrap();
    assert_eq!((heard.events.lock().unwrap().len(), blobs(&store)), (1, 1));
}

#[test]
fn an_answer_that_is_lost_is_found_out_by_reading() {
    let (store, heard) = (MemoryStore::new(), Arc::new(Heard::default()));
    let buckets = buckets(&store, &heard);
    put(&buckets, b"old").unwrap();
    let record = |key: &str| key.starts_with("objects/");
    let mut failed = false;
    store.inject(move |operation, key| {
        let fails = operation == Operation::Put && record(key) && !std::mem::replace(&mut failed, true);
        fails.then_some(Fault::After(ErrorKind::Unavailable))
    });
    put(&buckets, b"new").unwrap();
    assert_eq!(read(&buckets), b"new");
    assert_eq!(heard.events.lock().unwrap().len(), 2);
    // Nothing was written: tried once more, and then told so; the old object is whole.
    store.inject(move |operation, key| {
        (operation == Operation::Put && record(key)).then_some(Fault::Before(ErrorKind::Unavailable))
    });
    assert_eq!(put(&buckets, b"never").unwrap_err().code(), &S3ErrorCode::ServiceUnavailable);
    store.heal();
    assert_eq!(read(&buckets), b"new");
    // No room is no doubt: nothing is left behind.
    let before = blobs(&store);
    store.inject(move |operation, key| {
        (operation == Operation::Put && record(key)).then_some(Fault::Before(ErrorKind::Full))
    });
    assert_eq!(put(&buckets, b"full").unwrap_err().code().as_str(), "InsufficientStorage");
    store.heal();
    assert_eq!((read(&buckets), blobs(&store)), (b"new".to_vec(), before));
}
