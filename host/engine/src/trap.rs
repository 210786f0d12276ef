//! What ended a guest early, as a failure that says whose fault it was.

use std::fmt::Write as _;

use millstream_core::failure::Failure;
use wasmtime::{Trap, WasmBacktrace};

use crate::{
    host::{Abort, State},
    text::{shortened, truncate},
};

/// Frames of a backtrace that are kept. The innermost say most.
const MAX_FRAMES: usize = 32;

/// Longest message, in bytes: a guest's last words are several lines.
const MAX_WORDS: usize = 64 << 10;

/// Longest name of a frame, in bytes.
const MAX_FRAME_NAME: usize = 512;

/// Why a call into a guest came back with an error.
pub(crate) fn failure(error: wasmtime::Error, state: &State) -> Failure {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(render).filter(|text| !text.is_empty());
    if let Some(Abort(failure)) = error.downcast_ref::<Abort>() {
        return match failure.clone() {
            Failure::Function { message, backtrace: None } => Failure::Function { message, backtrace },
            failure => failure,
        };
    }
    if let Some(failure) = state.memory.exhausted() {
        return failure;
    }
    let why = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => "its stack overflowed: it recurses too deeply or for ever".to_owned(),
        Some(trap) => format!("it trapped: {trap}"),
        None => match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            Some(exit) => format!("it called exit({})", exit.0),
            None => format!("it broke the contract: {}", error.root_cause()),
        },
    };
    // A panic says what it has to say and then executes `unreachable`.
    let message = match (state.reporter.last_words(), error.downcast_ref::<Trap>()) {
        (Some(words), Some(Trap::UnreachableCodeReached) | None) => format!("{words} ({why})"),
        _ => why,
    };
    Failure::Function { message: shortened(message, MAX_WORDS), backtrace }
}

/// A line a frame, innermost first, with demangled names.
fn render(backtrace: &WasmBacktrace) -> String {
    let frames = backtrace.frames();
    let mut text = String::new();
    for (index, frame) in frames.iter().take(MAX_FRAMES).enumerate() {
        let name = match frame.func_name() {
            Some(name) => truncate(&format!("{:#}", rustc_demangle::demangle(name)), MAX_FRAME_NAME),
            None => format!("function {}", frame.func_index()),
        };
        if index > 0 {
            text.push('\n');
        }
        let _ = write!(text, "  {index:2}: {name}");
        if let Some(offset) = frame.module_offset() {
            let _ = write!(text, " at {offset:#x}");
        }
    }
    if frames.len() > MAX_FRAMES {
        let _ = write!(text, "\n  ... and {} more", frames.len() - MAX_FRAMES);
    }
    text
}
