//! Random operations on the SQLite queue and on its model, the memory queue, must give the same answers.

use std::{sync::Arc, time::Duration};

use millstream_queue::{
    ManualClock, MemoryQueue, Outgoing, Queue, QueueAdmin, QueueOptions, Receipt, SqliteQueue,
    dead_letter_queue,
};
use proptest::prelude::*;

const HANDLES: usize = 3;

#[derive(Clone, Debug)]
enum Act {
    Send {
        queue: usize,
        delays: Vec<u8>,
    },
    Receive {
        handle: usize,
        queue: usize,
        max: usize,
        visibility: u8,
    },
    /// Of any receipt ever given out, stale ones included.
    Extend {
        handle: usize,
        receipts: Vec<prop::sample::Index>,
        visibility: u8,
    },
    Delete {
        handle: usize,
        receipts: Vec<prop::sample::Index>,
    },
    Pass {
        seconds: u8,
    },
    Redrive {
        queue: usize,
    },
    Purge {
        queue: usize,
    },
    /// The receiver dies, and another takes its place.
    Die {
        handle: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let seconds = || 0..20_u8;
    let receipts = || prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    prop_oneof![
        4 => (0..2_usize, prop::collection::vec(prop_oneof![3 => Just(0), 1 => seconds()], 0..4))
            .prop_map(|(queue, delays)| Act::Send { queue, delays }),
        8 => (0..HANDLES, 0..3_usize, 1..5_usize, seconds())
            .prop_map(|(handle, queue, max, visibility)| Act::Receive { handle, queue, max, visibility }),
        3 => (0..HANDLES, receipts(), seconds())
            .prop_map(|(handle, receipts, visibility)| Act::Extend { handle, receipts, visibility }),
        3 => (0..HANDLES, receipts()).prop_map(|(handle, receipts)| Act::Delete { handle, receipts }),
        5 => seconds().prop_map(|seconds| Act::Pass { seconds }),
        1 => (0..2_usize).prop_map(|queue| Act::Redrive { queue }),
        1 => (0..2_usize).prop_map(|queue| Act::Purge { queue }),
        1 => (0..HANDLES).prop_map(|handle| Act::Die { handle }),
    ]
}

/// What a call answered, with errors by what they ask for.
fn answer<T: std::fmt::Debug>(result: millstream_queue::Result<T>) -> String {
    format!("{:?}", result.map_err(|e| e.kind()))
}

fn answers<T: std::fmt::Debug>(
    result: millstream_queue::Result<Vec<millstream_queue::Result<T>>>,
) -> Vec<String> {
    result.unwrap().into_iter().map(answer).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_does_what_the_model_does(acts in prop::collection::vec(act(), 1..40)) {
        let options = QueueOptions { max_receive_count: 2 };
        let clock = Arc::new(ManualClock::default());
        let folder = tempfile::tempdir().unwrap();
        let first = MemoryQueue::new(clock.clone(), options).unwrap();
        let open = || SqliteQueue::open_with_clock(folder.path(), options, clock.clone()).unwrap();
        let mut model: Vec<_> = (0..HANDLES).map(|_| first.clone()).collect();
        let mut real: Vec<_> = (0..HANDLES).map(|_| open()).collect();
        let names = ["a".to_owned(), "b".to_owned(), dead_letter_queue("a")];
        let mut receipts: Vec<Receipt> = Vec::new();
        let seconds = |s: u8| Duration::from_secs(s.into());

        for act in acts {
            match act {
                Act::Send { queue, delays } => {
                    let messages: Vec<_> =
                        delays.iter().map(|d| Outgoing::after(format!("after {d}"), seconds(*d))).collect();
                    let [expected, found] = [&model[0] as &dyn Queue, &real[0]]
                        .map(|q| q.send(&names[queue], &messages).unwrap());
                    prop_assert_eq!(expected, found);
                }
                Act::Receive { handle, queue, max, visibility } => {
                    let [expected, found] = [&model[handle] as &dyn Queue, &real[handle]]
                        .map(|q| q.receive(&names[queue], max, Duration::ZERO, seconds(visibility)).unwrap());
                    receipts.extend(expected.iter().map(|d| d.receipt.clone()));
                    prop_assert_eq!(expected, found);
                }
                Act::Extend { handle, receipts: chosen, visibility } if !receipts.is_empty() => {
                    let chosen: Vec<_> = chosen.iter().map(|i| i.get(&receipts).clone()).collect();
                    let [expected, found] = [&model[handle] as &dyn Queue, &real[handle]]
                        .map(|q| answers(q.extend_batch(&chosen, seconds(visibility))));
                    prop_assert_eq!(expected, found);
                }
                Act::Delete { handle, receipts: chosen } if !receipts.is_empty() => {
                    let chosen: Vec<_> = chosen.iter().map(|i| i.get(&receipts).clone()).collect();
                    let [expected, found] = [&model[handle] as &dyn Queue, &real[handle]]
                        .map(|q| answers(q.delete_batch(&chosen)));
                    prop_assert_eq!(expected, found);
                }
                Act::Extend { .. } | Act::Delete { .. } => {}
                Act::Pass { seconds: s } => clock.advance(seconds(s)),
                Act::Redrive { queue } => {
                    let [expected, found] =
                        [&model[0] as &dyn QueueAdmin, &real[0]].map(|q| q.redrive(&names[queue], None).unwrap());
                    prop_assert_eq!(expected, found);
                }
                Act::Purge { queue } => {
                    let [expected, found] =
                        [&model[0] as &dyn QueueAdmin, &real[0]].map(|q| q.purge(&names[queue]).unwrap());
                    prop_assert_eq!(expected, found);
                }
                Act::Die { handle } => {
                    model[handle] = first.clone();
                    real[handle] = open();
                }
            }
            for name in &names[..2] {
                let [expected, found] = [&model[0] as &dyn Queue, &real[0]].map(|q| q.stats(name).unwrap());
                prop_assert_eq!(expected, found);
                let [expected, found] =
                    [&model[0] as &dyn QueueAdmin, &real[0]].map(|q| q.dead_letters(name, None, 3).unwrap());
                prop_assert_eq!(expected, found);
            }
        }
    }
}
