//! Asking an endpoint: SageMaker's runtime and Lambda's.

use crate::openapi::operation::{
    Answer, Body, Content, Operation, Parameter, Place, Schema, Tag, header, json_of,
};
use crate::openapi::schemas::Component;

pub const TARGET_VARIANT: Parameter =
    header("X-Amzn-SageMaker-Target-Variant", "The variant that shall answer, instead of one by weight.");
pub const TARGET_MODEL: Parameter = header(
    "X-Amzn-SageMaker-Target-Model",
    "The model that shall answer, of an endpoint that serves several.",
);
pub const ALIAS: Parameter = header("X-Millstream-Alias", "Another of the endpoint's aliases than `live`.");
pub const INFERENCE_ID: Parameter =
    header("X-Amzn-SageMaker-Inference-Id", "Names the request in captured data.");
pub const INVOKED_VARIANT: Parameter =
    header("x-Amzn-Invoked-Production-Variant", "The variant that answered.");
pub const MODEL: Parameter = header("x-millstream-model", "The version that answered, such as `churn@4`.");

pub const ROWS: &[Content] = &[
    Content { media_type: "text/csv", schema: Schema::Text },
    json_of(Component::Rows),
    Content { media_type: "application/x-ndjson", schema: Schema::Text },
    Content { media_type: "application/vnd.apache.arrow.stream", schema: Schema::Opaque },
];

pub const PREDICTIONS: &[Content] = &[
    Content { media_type: "text/csv", schema: Schema::Text },
    json_of(Component::Predictions),
    Content { media_type: "application/x-ndjson", schema: Schema::Text },
    Content { media_type: "application/vnd.apache.arrow.stream", schema: Schema::Opaque },
];

pub const INVOKE: Operation = Operation {
    tag: Tag::Invoke,
    summary: "Predictions for rows",
    parameters: &[TARGET_VARIANT, TARGET_MODEL, ALIAS, INFERENCE_ID],
    body: Some(Body { required: true, content: ROWS }),
    answers: &[Answer {
        status: 200,
        about: "The predictions, in a media type that `Accept` names.",
        headers: &[INVOKED_VARIANT, MODEL],
        content: PREDICTIONS,
    }],
};

pub const STREAM: Operation = Operation {
    tag: Tag::Invoke,
    summary: "Predictions for rows, as an event stream",
    parameters: &[
        TARGET_VARIANT,
        TARGET_MODEL,
        ALIAS,
        INFERENCE_ID,
        header("X-Amzn-SageMaker-Accept", "Media types that the caller takes inside of the stream."),
    ],
    body: Some(Body { required: true, content: ROWS }),
    answers: &[Answer {
        status: 200,
        about: "The predictions in `PayloadPart` frames.",
        headers: &[
            INVOKED_VARIANT,
            MODEL,
            header("X-Amzn-SageMaker-Content-Type", "The media type of what is in the frames."),
        ],
        content: &[Content { media_type: "application/vnd.amazon.eventstream", schema: Schema::Opaque }],
    }],
};

pub const LAMBDA: Operation = Operation {
    tag: Tag::Invoke,
    summary: "Predictions for an event, as Lambda's Invoke has it",
    parameters: &[
        Parameter {
            place: Place::Query,
            name: "Qualifier",
            about: "An alias, a variant or a version number.",
            schema: Schema::Text,
        },
        Parameter {
            place: Place::Header,
            name: "X-Amz-Invocation-Type",
            about: "Whether to wait for the answer, drop it, or only check that there is such an endpoint.",
            schema: Schema::OneOf(&["RequestResponse", "Event", "DryRun"]),
        },
        header("X-Amz-Log-Type", "`Tail` brings the log back."),
    ],
    body: Some(Body { required: false, content: &[json_of(Component::Event)] }),
    answers: &[
        Answer {
            status: 200,
            about: "The predictions, or an HTTP answer to an HTTP event. `X-Amz-Function-Error` says that it is an error.",
            headers: &[
                header("X-Amz-Executed-Version", "The version that answered."),
                header("X-Amz-Function-Error", "There if the model refused the rows or failed."),
                header("X-Amz-Log-Result", "The log in base64, if it was asked for."),
            ],
            content: &[json_of(Component::Anything)],
        },
        Answer {
            status: 202,
            about: "The event was taken; its answer is dropped.",
            headers: &[],
            content: &[],
        },
        Answer { status: 204, about: "There is such an endpoint (`DryRun`).", headers: &[], content: &[] },
    ],
};
