//! What a route takes and gives, as its row in the table says it.

use serde_json::{Value, json};

use super::schemas::Component;

/// A route's entry in the OpenAPI document. Names in the path, methods, scope and the shape of errors come from its row.
#[derive(Debug)]
pub struct Operation {
    /// Under which heading it stands.
    pub tag: Tag,
    /// One line.
    pub summary: &'static str,
    /// Headers and query parameters.
    pub parameters: &'static [Parameter],
    /// What is sent; nothing for most that only read.
    pub body: Option<Body>,
    /// What comes back if all is well.
    pub answers: &'static [Answer],
}

/// Headings of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Invoke,
    Later,
    Inference,
    Health,
    Manage,
    Workflows,
}

/// A header or query parameter.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub place: Place,
    pub name: &'static str,
    pub about: &'static str,
    pub schema: Schema,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    Header,
    Query,
}

/// What is sent.
#[derive(Debug)]
pub struct Body {
    pub required: bool,
    pub content: &'static [Content],
}

/// What comes back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub about: &'static str,
    pub headers: &'static [Parameter],
    pub content: &'static [Content],
}

/// A body in one of its media types.
#[derive(Debug)]
pub struct Content {
    pub media_type: &'static str,
    pub schema: Schema,
}

/// What values look like.
#[derive(Clone, Copy, Debug)]
pub enum Schema {
    /// Bytes or text of a format that JSON Schema does not describe.
    Opaque,
    Text,
    /// A whole number from the first to the second.
    Whole(u64, u64),
    OneOf(&'static [&'static str]),
    /// One of the document's own.
    Of(Component),
}

impl Tag {
    pub const ALL: [Self; 6] =
        [Self::Invoke, Self::Later, Self::Inference, Self::Health, Self::Manage, Self::Workflows];

    pub fn name(self) -> &'static str {
        match self {
            Self::Invoke => "Ask an endpoint",
            Self::Later => "Answers that come later",
            Self::Inference => "Open Inference Protocol",
            Self::Health => "Health and metrics",
            Self::Manage => "Endpoints",
            Self::Workflows => "Runs",
        }
    }
}

impl Schema {
    pub fn value(self) -> Value {
        match self {
            Self::Opaque => json!({}),
            Self::Text => json!({ "type": "string" }),
            Self::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Self::OneOf(all) => json!({ "type": "string", "enum": all }),
            Self::Of(component) => json!({ "$ref": format!("#/components/schemas/{}", component.name()) }),
        }
    }
}

/// A header whose value is text.
pub const fn header(name: &'static str, about: &'static str) -> Parameter {
    Parameter { place: Place::Header, name, about, schema: Schema::Text }
}

/// A body in JSON.
pub const fn json_of(component: Component) -> Content {
    Content { media_type: "application/json", schema: Schema::Of(component) }
}
