//! The suite that every store passes.

use std::{sync::Arc, time::Instant};

use millstream_emulators::{Emulator, lies};
use millstream_store::conformance::TESTS;

use crate::{bucket, store};

fn run(emulator: Option<&Emulator>) {
    let Some(emulator) = emulator else { return };
    for (name, test) in TESTS {
        if lies::fails(emulator.kind(), name) {
            continue;
        }
        let start = Instant::now();
        let bucket = bucket(&emulator.url());
        test(Arc::new(store(&emulator.url(), &bucket)));
        println!("{}: {name}: {:?}", emulator.kind().name(), start.elapsed());
    }
}

#[test]
fn ministack() {
    run(millstream_emulators::ministack());
}

#[test]
fn moto() {
    run(millstream_emulators::moto());
}
