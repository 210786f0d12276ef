//! Runs of workflows.

use crate::openapi::operation::{Answer, Body, Content, Operation, Schema, Tag, header, json_of};
use crate::openapi::schemas::Component;

pub const START: Operation = Operation {
    tag: Tag::Workflows,
    summary: "Start a run of a workflow that has `http` under `on`",
    parameters: &[
        header("Idempotency-Key", "Names the request: sent again with the same key it starts no other run."),
        header(
            "X-Hub-Signature-256",
            "`sha256=` and the HMAC-SHA-256 of the body, where the workflow has a secret.",
        ),
        header(
            "ce-specversion",
            "`1.0`: the request is a CloudEvent in binary mode, with its attributes in `ce-*` headers.",
        ),
    ],
    body: Some(Body {
        required: false,
        content: &[
            json_of(Component::Anything),
            Content { media_type: "application/cloudevents+json", schema: Schema::Of(Component::CloudEvent) },
        ],
    }),
    answers: &[
        Answer {
            status: 202,
            about: "The run has started, or starts when others have ended.",
            headers: &[header("Location", "The run's address.")],
            content: &[json_of(Component::RunStart)],
        },
        Answer {
            status: 200,
            about: "The same event has started a run before, or the workflow starts none for it.",
            headers: &[header("Idempotent-Replayed", "`true` if the event has started a run before.")],
            content: &[json_of(Component::RunStart)],
        },
    ],
};

pub const RUN: Operation = Operation {
    tag: Tag::Workflows,
    summary: "How a run stands",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The run and its steps.",
        headers: &[],
        content: &[json_of(Component::Anything)],
    }],
};
