//! The types of events: what `${{ event.* }}` may name.

use std::collections::BTreeMap;

use millstream_core::event;
use schemars::JsonSchema;
use serde_json::Value;

use super::{Kind, Trigger};
use crate::expr::{Record, Type};

/// The type of `event` for one of these triggers: it has the fields of all of them, and what they do not share has any value or null.
pub fn event_type<'a>(triggers: impl IntoIterator<Item = &'a Trigger>) -> Option<Type> {
    triggers.into_iter().map(|trigger| Type::Record(Box::new(envelope(&trigger.kind)))).reduce(either)
}

/// The attributes of a CloudEvent. Whoever sends requests and messages may add their own.
fn envelope(kind: &Kind) -> Record {
    let data = match kind {
        Kind::ObjectCreated(_) => known::<event::ObjectCreated>(),
        Kind::Schedule(_) => known::<event::ScheduleTick>(),
        Kind::WorkflowCompleted(_) => known::<event::WorkflowCompleted>(),
        Kind::Alarm(_) => known::<event::AlarmFired>(),
        Kind::Http(_) | Kind::Queue(_) => Type::Any,
    };
    let text = ["id", "source", "type", "subject", "time"].map(|name| (name.to_owned(), Type::String));
    let fields = text.into_iter().chain([("data".to_owned(), data)]).collect();
    Record { fields, open: matches!(kind, Kind::Http(_) | Kind::Queue(_)) }
}

/// The fields of an event's data, from the type that writes them.
fn known<T: JsonSchema>() -> Type {
    Type::Record(Box::new(Record { fields: fields_of::<T>(), open: false }))
}

/// The names and types of a struct's fields.
pub fn fields_of<T: JsonSchema>() -> BTreeMap<String, Type> {
    let schema = schemars::schema_for!(T).to_value();
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.into_iter().map(|(name, schema)| (name, of_schema(&schema))).collect()
}

fn of_schema(schema: &Value) -> Type {
    let name = match &schema["type"] {
        Value::String(name) => name.as_str(),
        // An optional field: it may be null, as anything may.
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("")
        }
        _ => "",
    };
    match name {
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Bool,
        "object" => Type::Object,
        "array" => Type::list(Type::Any),
        _ => Type::Any,
    }
}

fn either(a: Type, b: Type) -> Type {
    match (a, b) {
        (Type::Record(a), Type::Record(b)) => {
            let mut fields = BTreeMap::new();
            for name in a.fields.keys().chain(b.fields.keys()) {
                let of = match (a.fields.get(name), b.fields.get(name)) {
                    (Some(a), Some(b)) => either(a.clone(), b.clone()),
                    _ => Type::Any,
                };
                fields.insert(name.clone(), of);
            }
            Type::Record(Box::new(Record { fields, open: a.open || b.open }))
        }
        (a, b) => Type::common([a, b]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triggers::{OnHttp, OnObject, OnSchedule};

    fn trigger(kind: Kind) -> Trigger {
        Trigger { name: kind.name().to_owned(), place: None, kind }
    }

    fn data(of: &[Trigger]) -> Type {
        match event_type(of) {
            Some(Type::Record(record)) => record.fields["data"].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_have_the_types_of_what_writes_them() {
        let object = trigger(Kind::ObjectCreated(OnObject::default()));
        let Type::Record(record) = data(std::slice::from_ref(&object)) else { panic!() };
        assert_eq!(record.fields["key"], Type::String);
        assert_eq!(record.fields["size"], Type::Integer);
        assert_eq!(record.fields["version_id"], Type::String);
        assert!(!record.fields.contains_key("due"));

        let both = [object, trigger(Kind::Schedule(OnSchedule::default()))];
        let Type::Record(record) = data(&both) else { panic!() };
        assert_eq!((&record.fields["key"], &record.fields["due"]), (&Type::Any, &Type::Any));
        assert_eq!(data(&[trigger(Kind::Http(OnHttp::default()))]), Type::Any);
        assert_eq!(event_type(&[]), None);
    }
}
