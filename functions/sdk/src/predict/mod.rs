//! Requests to a model and its answers: CSV, JSON, JSON Lines or Arrow, by content type.

mod csv;
mod json;
pub mod matrix;
mod numbers;
mod respond;
mod sparse;
mod value;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

pub use numbers::Numbers;
pub use respond::{respond, write_csv, write_json_lines};

use crate::{Failure, failure::invalid_input, table};

/// What a client asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `text/csv`, `application/json`, `application/x-ndjson` or `application/vnd.apache.arrow.stream`.
    pub content_type: String,
    /// What the client would take; the request's own format if it says nothing.
    pub accept: Option<String>,
    /// The rows.
    pub body: Vec<u8>,
}

/// What a model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The body's format.
    pub content_type: String,
    /// The predictions.
    pub body: Vec<u8>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180.
    Csv,
    /// One document.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// Arrow IPC stream.
    Arrow,
    /// See [`matrix`]. Between stages, for tables that it can hold.
    Matrix,
}

/// A request's rows: the columns that were asked for, in their order and types.
#[derive(Clone, Debug)]
pub struct Parsed<R> {
    /// The rows.
    pub rows: R,
    /// How they were written.
    pub form: Form,
}

/// How a request was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The format of its body.
    pub format: Format,
    /// Whether an answer in CSV begins with a header: not if the request was CSV without one. Between stages the media
    /// type carries it on.
    pub header: bool,
}

const SUPPORTED: &str =
    "text/csv, application/json, application/x-ndjson, application/vnd.apache.arrow.stream";

impl Format {
    /// The format of a media type without its parameters.
    pub fn of(media_type: &str) -> Option<Self> {
        Some(match essence(media_type).as_str() {
            "text/csv" | "application/csv" => Self::Csv,
            "application/json" => Self::Json,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonlines"
            | "application/jsonl"
            | "application/x-jsonlines" => Self::JsonLines,
            table::MEDIA_TYPE => Self::Arrow,
            matrix::MEDIA_TYPE => Self::Matrix,
            _ => return None,
        })
    }

    /// The media type of an answer.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Arrow => table::MEDIA_TYPE,
            Self::Matrix => matrix::MEDIA_TYPE,
        }
    }
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads a request's rows as `columns`. Further columns are left out; failures name row and column.
pub fn parse(request: &Request, columns: &SchemaRef) -> Result<Parsed<RecordBatch>, Failure> {
    let format = Format::of(&request.content_type).ok_or_else(|| {
        let given = &request.content_type;
        invalid_input(format!("content type `{given}` is not supported; send one of {SUPPORTED}"))
            .channel("content-type")
    })?;
    let said = header_parameter(&request.content_type);
    let (rows, header) = match format {
        Format::Csv => csv::read(&request.body, said, columns)?,
        Format::Json => (json::read(&request.body, columns)?, true),
        Format::JsonLines => (json::read_lines(&request.body, columns)?, true),
        Format::Arrow => (table::conform(&table::copy_ipc(&request.body)?, columns)?, said.unwrap_or(true)),
        Format::Matrix => {
            (table::conform(&matrix::read_batch(&request.body)?, columns)?, said.unwrap_or(true))
        }
    };
    Ok(Parsed { rows, form: Form { format, header } })
}

/// RFC 4180: `text/csv; header=present` or `absent`.
fn header_parameter(content_type: &str) -> Option<bool> {
    let mut parameters =
        content_type.split(';').skip(1).map(|parameter| parameter.trim().to_ascii_lowercase());
    parameters.find_map(|parameter| match parameter.strip_prefix("header=")?.trim_matches('"') {
        "present" => Some(true),
        "absent" => Some(false),
        _ => None,
    })
}
