//! Modes that don't come to an end by themselves, or to a sudden one.

use std::hint::black_box;

use crate::{
    done,
    millstream::function::{
        inputs, outputs,
        report::{self, Level},
        types::{Failure, InvalidInput, Summary},
    },
};

// Named in backtraces, which the tests read.
#[inline(never)]
pub fn run(mode: &str) -> Option<Result<Summary, Failure>> {
    Some(match mode {
        "trap" => core::arch::wasm32::unreachable(),
        "panic" => panic!("the third column is on fire"),
        "divide" => done(&(1 / black_box(0)).to_string()),
        "overflow" => done(&recurse(1).to_string()),
        "loop" => loop {
            black_box(0);
        },
        "allocate" => allocate(),
        "try-allocate" => try_allocate(),
        "write" => write(),
        "log" => log(),
        "progress" => progress(),
        "metrics" => metrics(),
        "open" => open(),
        "endless-failure" => Err(Failure::Internal(long())),
        "endless-input" => Err(Failure::InvalidInput(InvalidInput {
            message: long(),
            channel: Some(long()),
            part: Some(long()),
            row: Some(1),
            column: Some(long()),
        })),
        "endless-summary" => finished().and_then(|()| done(&long())),
        "endless-name" => outputs::create(&long(), "a.txt", "text/plain").and_then(|_| done("created")),
        "endless-part" => outputs::create("echo", &long(), "text/plain").and_then(|_| done("created")),
        "endless-channel" => inputs::open(&long(), 0).and_then(|_| done("opened")),
        "endless-panic" => panic!("{}", long()),
        "many-metrics" => finished().map(|()| {
            let metrics = (0..20_000).map(|number| (number.to_string(), 1.0)).collect();
            Summary { message: String::new(), metrics }
        }),
        "endless-words" => {
            report::log(Level::Info, &long());
            report::metric(&long(), 1.0, 1);
            report::phase(Some(&long()));
            finished().and_then(|()| done("said"))
        }
        _ => return None,
    })
}

#[expect(unconditional_recursion, reason = "the stack has to overflow")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 8]);
    recurse(depth + 1) + frame[(depth % 8) as usize]
}

fn allocate() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 1 << 20]));
    }
}

/// Notices that there is no more, and says so.
fn try_allocate() -> Result<Summary, Failure> {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(1 << 20).is_err() {
            let blocks = hoard.len();
            drop(hoard);
            return Err(Failure::OutOfMemory(format!("only {blocks} MiB fit")));
        }
        hoard.push(black_box(block));
    }
}

fn write() -> Result<Summary, Failure> {
    let writer = outputs::create("echo", "flood.txt", "text/plain")?;
    let block = vec![b'x'; 1 << 16];
    loop {
        writer.write(&block)?;
    }
}

/// Logs a lot, then succeeds.
fn log() -> Result<Summary, Failure> {
    for line in 0..100_000 {
        report::log(Level::Info, &format!("line {line}"));
    }
    outputs::create("echo", "a.txt", "text/plain")?.finish()?;
    done("logged")
}

/// Says what it does far too often, then succeeds.
fn progress() -> Result<Summary, Failure> {
    for done in 0..=100_000 {
        report::progress(done, Some(100_000));
    }
    outputs::create("echo", "a.txt", "text/plain")?.finish()?;
    done("progressed")
}

fn metrics() -> Result<Summary, Failure> {
    for step in 0..100_000 {
        report::metric("loss", 1.0, step);
    }
    outputs::create("echo", "a.txt", "text/plain")?.finish()?;
    done("measured")
}

fn open() -> Result<Summary, Failure> {
    let mut readers = Vec::new();
    loop {
        readers.push(inputs::open("table", 0)?);
    }
}

/// 70 MiB of text, with a character of several bytes here and there.
fn long() -> String {
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaä".repeat((70 << 20) / 64)
}

fn finished() -> Result<(), Failure> {
    outputs::create("echo", "a.txt", "text/plain")?.finish()
}
