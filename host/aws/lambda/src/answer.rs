//! What goes back to Lambda.

use lambda_runtime::{FunctionResponse, IntoFunctionResponse, StreamResponse, streaming::Body};
use serde::Serialize;
use serde_json::value::RawValue;

/// An answer.
pub enum Answer {
    /// As a whole.
    Whole(Box<RawValue>),
    /// In pieces, with the status and the headers of HTTP.
    Streamed(Box<StreamResponse<Body>>),
}

impl Answer {
    /// A value of ours: its keys are strings and its numbers finite.
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::Whole)
    }
}

impl IntoFunctionResponse<Box<RawValue>, Body> for Answer {
    fn into_response(self) -> FunctionResponse<Box<RawValue>, Body> {
        match self {
            Self::Whole(value) => FunctionResponse::BufferedResponse(value),
            Self::Streamed(response) => FunctionResponse::StreamingResponse(*response),
        }
    }
}
