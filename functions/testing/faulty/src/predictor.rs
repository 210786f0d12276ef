//! A predictor that does what its state says.

use std::cell::Cell;

use crate::{
    Faulty,
    exports::millstream::function::model::{Guest, GuestPredictor, Predictor, Request, Response},
    millstream::function::{
        inputs,
        types::{Failure, InvalidInput},
    },
};

impl Guest for Faulty {
    type Predictor = Stage;
}

pub struct Stage {
    state: String,
    calls: Cell<u32>,
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

impl GuestPredictor for Stage {
    fn load(state: Vec<u8>) -> Result<Predictor, Failure> {
        crate::log_panics();
        let state = String::from_utf8(state).map_err(|_| invalid("the state is not text"))?;
        match state.as_str() {
            "refuse-load" => Err(invalid("this state is of version 99")),
            "trap-load" => panic!("can't load"),
            _ => Ok(Predictor::new(Self { state, calls: Cell::new(0) })),
        }
    }

    fn describe(&self) -> String {
        match self.state.as_str() {
            "bad-description" => "not JSON".to_owned(),
            state => format!(r#"{{"task": "transform", "features": ["{state}"]}}"#),
        }
    }

    fn predict(&self, request: Request) -> Result<Response, Failure> {
        let Request { content_type, accept: _, body } = request;
        Ok(Response { content_type, body: self.predict_table(body)? })
    }

    fn predict_table(&self, table: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.calls.set(self.calls.get() + 1);
        match self.state.as_str() {
            "increment" => Ok(table.iter().map(|byte| byte.wrapping_add(1)).collect()),
            "double" => Ok([&table[..], &table].concat()),
            "refuse" => Err(invalid("a row is empty")),
            "trap" => panic!("can't predict"),
            "marked" => marked(table),
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
