//! Endpoints: what there is, and how it is changed.

use crate::openapi::operation::{Answer, Body, Content, Operation, Parameter, Schema, Tag, header, json_of};
use crate::openapi::schemas::Component;

const CHANGE: &[Parameter] =
    &[header("Idempotency-Key", "Names the change: sent again with the same key it is not made again.")];

const CHANGED: &[Answer] = &[Answer {
    status: 200,
    about: "The endpoint as it is afterwards.",
    headers: &[header("Idempotent-Replayed", "`true` if the change had been made before.")],
    content: &[json_of(Component::Endpoint)],
}];

pub const INDEX: Operation = Operation {
    tag: Tag::Manage,
    summary: "Endpoints and routes, as JSON or as a page",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "What there is.",
        headers: &[],
        content: &[json_of(Component::Index), Content { media_type: "text/html", schema: Schema::Text }],
    }],
};

pub const OPENAPI: Operation = Operation {
    tag: Tag::Manage,
    summary: "This document",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The routes, in OpenAPI 3.1.",
        headers: &[],
        content: &[json_of(Component::Anything)],
    }],
};

pub const ENDPOINTS: Operation = Operation {
    tag: Tag::Manage,
    summary: "All endpoints",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "By name.",
        headers: &[],
        content: &[json_of(Component::Endpoints)],
    }],
};

pub const ENDPOINT: Operation = Operation {
    tag: Tag::Manage,
    summary: "One endpoint",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "As it is now.",
        headers: &[],
        content: &[json_of(Component::Endpoint)],
    }],
};

pub const DEPLOY: Operation = Operation {
    tag: Tag::Manage,
    summary: "Put a version behind an endpoint",
    parameters: CHANGE,
    body: Some(Body { required: true, content: &[json_of(Component::Deploy)] }),
    answers: CHANGED,
};

pub const TRAFFIC: Operation = Operation {
    tag: Tag::Manage,
    summary: "Set who answers, with which weights",
    parameters: CHANGE,
    body: Some(Body { required: true, content: &[json_of(Component::Traffic)] }),
    answers: CHANGED,
};

pub const ROLL_BACK: Operation = Operation {
    tag: Tag::Manage,
    summary: "Go back to who answered before",
    parameters: CHANGE,
    body: Some(Body { required: false, content: &[json_of(Component::Reason)] }),
    answers: CHANGED,
};

pub const PROMOTE: Operation = Operation {
    tag: Tag::Manage,
    summary: "Complete the rollout under way now",
    parameters: CHANGE,
    body: Some(Body { required: false, content: &[json_of(Component::Reason)] }),
    answers: CHANGED,
};

pub const ABORT: Operation = Operation {
    tag: Tag::Manage,
    summary: "Take the rollout under way back now",
    parameters: CHANGE,
    body: Some(Body { required: false, content: &[json_of(Component::Reason)] }),
    answers: CHANGED,
};
