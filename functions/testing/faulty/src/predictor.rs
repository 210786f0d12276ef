//! A predictor that does what its state says.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    Faulty,
    exports::millstream::function::{
        model::{Guest, GuestPredictor, Predictor, Request, Response},
        snapshot,
    },
    millstream::function::{
        inputs,
        report::{self, Level},
        types::{Failure, InvalidInput, Novelty, Unseen},
    },
};

impl Guest for Faulty {
    type Predictor = Rc<Stage>;
}

pub struct Stage {
    state: String,
    calls: Cell<u32>,
    /// What takes room, if the state says so.
    ballast: Vec<u8>,
    /// What takes room, if a row says so: a piece for each request.
    hoard: RefCell<Vec<Vec<u8>>>,
}

thread_local! {
    static LAST: RefCell<Option<Rc<Stage>>> = const { RefCell::new(None) };
}

impl snapshot::Guest for Faulty {
    fn reserve(bytes: u64) -> bool {
        let missing = (bytes as usize).div_ceil(65_536).saturating_sub(core::arch::wasm32::memory_size(0));
        core::arch::wasm32::memory_grow(0, missing) != usize::MAX
    }

    fn resume() -> Option<Predictor> {
        let last = LAST.with_borrow(Clone::clone)?;
        match last.state.as_str() {
            "forgetful" => None,
            "trap-resume" => panic!("can't resume"),
            _ => Some(Predictor::new(last)),
        }
    }
}

fn invalid(message: &str) -> Failure {
    Failure::InvalidInput(InvalidInput {
        message: message.to_owned(),
        channel: None,
        part: None,
        row: Some(3),
        column: None,
    })
}

fn unseen(column: &str, novelty: Novelty, rows: u64) -> Unseen {
    Unseen { column: column.to_owned(), novelty, rows, example: Some("x".to_owned()), near: None }
}

/// Does what the rows say.
fn marked(rows: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let says = |word: &str| rows.windows(word.len()).any(|window| window == word.as_bytes());
    if says("trap") {
        panic!("a row said so");
    }
    if says("refuse") {
        return Err(invalid("a row said so"));
    }
    while says("loop") {
        std::hint::black_box(&rows);
    }
    Ok(rows)
}

impl GuestPredictor for Rc<Stage> {
    fn load(state: Vec<u8>) -> Result<Predictor, Failure> {
        crate::log_panics();
        let state = String::from_utf8(state).map_err(|_| invalid("the state is not text"))?;
        match state.as_str() {
            "refuse-load" => Err(invalid("this state is of version 99")),
            "trap-load" => panic!("can't load"),
            _ => {
                let ballast = if state == "heavy" { vec![7; 24 << 20] } else { Vec::new() };
                let stage = Rc::new(Stage { state, calls: Cell::new(0), ballast, hoard: RefCell::default() });
                LAST.set(Some(stage.clone()));
                Ok(Predictor::new(stage))
            }
        }
    }

    fn describe(&self) -> String {
        match self.state.as_str() {
            "bad-description" => "not JSON".to_owned(),
            "endless-description" => format!(r#"{{"task": "{}"}}"#, "x".repeat(70 << 20)),
            state => format!(r#"{{"task": "transform", "features": ["{state}"]}}"#),
        }
    }

    fn predict(&self, request: Request) -> Result<Response, Failure> {
        let Request { content_type, accept: _, body } = request;
        let content_type = match self.state.as_str() {
            "endless-type" => "x".repeat(70 << 20),
            "broken-type" => "text/plain\r\nX-Forged: yes".to_owned(),
            _ => content_type,
        };
        Ok(Response { content_type, body: self.predict_table(body)? })
    }

    fn predict_table(&self, table: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.calls.set(self.calls.get() + 1);
        match self.state.as_str() {
            "increment" => Ok(table.iter().map(|byte| byte.wrapping_add(1)).collect()),
            "double" => Ok([&table[..], &table].concat()),
            "refuse" => Err(invalid("a row is empty")),
            "trap" => panic!("can't predict"),
            "marked" => {
                if table.starts_with(b"hoard") {
                    let mut piece = Vec::new();
                    if piece.try_reserve_exact(64 << 20).is_err() {
                        return Err(Failure::OutOfMemory("no room for another piece".to_owned()));
                    }
                    piece.resize(64 << 20, 1);
                    self.hoard.borrow_mut().push(std::hint::black_box(piece));
                }
                marked(table)
            }
            "endless-refusal" => Err(invalid(&"x".repeat(70 << 20))),
            "endless-words" => {
                // Far more than anybody reads, without a byte of it written: zeroes are text.
                let zeroes = vec![0; 1 << 30];
                report::log(Level::Info, unsafe { std::str::from_utf8_unchecked(&zeroes) });
                Ok(table)
            }
            "heavy" => {
                let sound = self.ballast.iter().all(|byte| *byte == 7);
                Ok(format!("{sound} {} {}", self.ballast.len(), self.calls.get()).into_bytes())
            }
            "novel" => {
                report::novelties(&[
                    unseen("job", Novelty::Category, 2),
                    unseen("age", Novelty::OutOfRange, 1),
                    unseen("job", Novelty::Missing, 1),
                ]);
                match table.starts_with(b"refuse") {
                    true => Err(invalid("a row said so")),
                    false => Ok(table),
                }
            }
            "reach-out" => Ok(inputs::channels().concat().into_bytes()),
            "hoard" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(std::hint::black_box(vec![1; 1 << 20]));
                }
            }
            _ => Ok(table),
        }
    }
}
