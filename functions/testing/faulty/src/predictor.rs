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

    fn predict(&self, _: Request) -> Result<Response, Failure> {
        Err(Failure::Internal("this one predicts tables only".to_owned()))
    }

    fn predict_table(&self, table: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.calls.set(self.calls.get() + 1);
        match self.state.as_str() {
            "increment" => Ok(table.iter().map(|byte| byte.wrapping_add(1)).collect()),
            "double" => Ok([&table[..], &table].concat()),
            "refuse" => Err(invalid("a row is empty")),
            "trap" => panic!("can't predict"),
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
