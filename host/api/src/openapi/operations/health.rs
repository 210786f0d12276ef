//! Whether the server lives and is ready, and what it has counted.

use crate::openapi::operation::{Answer, Content, Operation, Schema, Tag, json_of};
use crate::openapi::schemas::Component;

pub const PING: Operation = Operation {
    tag: Tag::Health,
    summary: "Whether requests can be answered",
    parameters: &[],
    body: None,
    answers: &[
        Answer { status: 200, about: "They can.", headers: &[], content: &[json_of(Component::Ping)] },
        Answer {
            status: 503,
            about: "The server is starting or going down.",
            headers: &[],
            content: &[json_of(Component::Ping)],
        },
    ],
};

pub const LIVE: Operation = Operation {
    tag: Tag::Health,
    summary: "Whether the process runs",
    parameters: &[],
    body: None,
    answers: &[Answer { status: 200, about: "It runs.", headers: &[], content: &[json_of(Component::Live)] }],
};

pub const READY: Operation = Operation {
    tag: Tag::Health,
    summary: "Whether requests can be answered, as the Open Inference Protocol asks",
    parameters: &[],
    body: None,
    answers: &[
        Answer { status: 200, about: "They can.", headers: &[], content: &[json_of(Component::Ready)] },
        Answer {
            status: 503,
            about: "The server is starting or going down.",
            headers: &[],
            content: &[json_of(Component::Ready)],
        },
    ],
};

pub const METRICS: Operation = Operation {
    tag: Tag::Health,
    summary: "What was counted, for Prometheus",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "Metrics in the format of OpenMetrics.",
        headers: &[],
        content: &[Content { media_type: "application/openmetrics-text", schema: Schema::Text }],
    }],
};
