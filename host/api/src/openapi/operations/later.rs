//! Requests that are answered later.

use super::invoke::{INFERENCE_ID, INVOKED_VARIANT, PREDICTIONS, ROWS};
use crate::openapi::operation::{Answer, Body, Operation, Parameter, Place, Schema, Tag, header, json_of};
use crate::openapi::schemas::Component;

const CONDITIONS: &[Parameter] = &[
    header("Range", "The part that is wanted."),
    header("If-Match", "Only if it is this one."),
    header("If-None-Match", "Only if it is another one."),
    header("If-Modified-Since", "Only if it is newer."),
    header("If-Unmodified-Since", "Only if it is not newer."),
];

const PART: Answer =
    Answer { status: 206, about: "The part that `Range` names.", headers: &[], content: PREDICTIONS };
const NOT_MODIFIED: Answer =
    Answer { status: 304, about: "The caller has it already.", headers: &[], content: &[] };

pub const INVOKE: Operation = Operation {
    tag: Tag::Later,
    summary: "Queue a request",
    parameters: &[
        header(
            "X-Amzn-SageMaker-InputLocation",
            "The object with the rows, such as `s3://bucket/key`, if they are not the body.",
        ),
        header("X-Amzn-SageMaker-Content-Type", "The media type of the rows."),
        header("X-Amzn-SageMaker-Accept", "Media types that the caller takes."),
        INFERENCE_ID,
        Parameter {
            place: Place::Header,
            name: "X-Amzn-SageMaker-RequestTTLSeconds",
            about: "Within how many seconds it must be begun.",
            schema: Schema::Whole(1, crate::later::LONGEST_TTL),
        },
        Parameter {
            place: Place::Header,
            name: "X-Amzn-SageMaker-InvocationTimeoutSeconds",
            about: "How many seconds the model may take.",
            schema: Schema::Whole(1, crate::later::LONGEST_TIMEOUT),
        },
    ],
    body: Some(Body { required: false, content: ROWS }),
    answers: &[Answer {
        status: 202,
        about: "It is queued.",
        headers: &[
            header("X-Amzn-SageMaker-OutputLocation", "The object that the answer will be."),
            header(
                "X-Amzn-SageMaker-FailureLocation",
                "The object that the error will be, if there is no answer.",
            ),
        ],
        content: &[json_of(Component::Ticket)],
    }],
};

pub const ANSWER: Operation = Operation {
    tag: Tag::Later,
    summary: "The answer to a queued request",
    parameters: CONDITIONS,
    body: None,
    answers: &[
        Answer { status: 200, about: "The predictions.", headers: &[INVOKED_VARIANT], content: PREDICTIONS },
        Answer {
            status: 202,
            about: "There is none yet.",
            headers: &[header("Retry-After", "Seconds until it is worth to ask again.")],
            content: &[json_of(Component::Ticket)],
        },
        PART,
        NOT_MODIFIED,
    ],
};
