//! The Open Inference Protocol.

use crate::openapi::operation::{Answer, Body, Operation, Tag, json_of};
use crate::openapi::schemas::Component;

pub const PROTOCOL: Operation = Operation {
    tag: Tag::Inference,
    summary: "The server's name and version",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "Name, version, extensions.",
        headers: &[],
        content: &[json_of(Component::ServerMetadata)],
    }],
};

pub const MODEL: Operation = Operation {
    tag: Tag::Inference,
    summary: "Columns that a model takes and gives",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "Columns with their types, and the versions that answer.",
        headers: &[],
        content: &[json_of(Component::ModelMetadata)],
    }],
};

pub const MODEL_READY: Operation = Operation {
    tag: Tag::Inference,
    summary: "Whether a model answers",
    parameters: &[],
    body: None,
    answers: &[
        Answer { status: 200, about: "It does.", headers: &[], content: &[json_of(Component::ModelReady)] },
        Answer {
            status: 503,
            about: "The server is starting or going down.",
            headers: &[],
            content: &[json_of(Component::ModelReady)],
        },
    ],
};

pub const INFER: Operation = Operation {
    tag: Tag::Inference,
    summary: "Predictions for tensors",
    parameters: &[],
    body: Some(Body { required: true, content: &[json_of(Component::InferenceRequest)] }),
    answers: &[Answer {
        status: 200,
        about: "One tensor for each column of the predictions.",
        headers: &[],
        content: &[json_of(Component::InferenceResponse)],
    }],
};
