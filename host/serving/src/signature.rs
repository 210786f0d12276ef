//! What a version takes and gives, out of what it says of itself.

use millstream_api::{Column, Datatype, Signature};
use millstream_deployment::{Endpoint, Variant};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Described {
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    /// Of functions that say no more than names.
    features: Vec<String>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    r#type: String,
}

impl Field {
    fn column(self) -> Column {
        let datatype = match self.r#type.as_str() {
            "booleans" => Datatype::Bool,
            "integers" => Datatype::Int64,
            "numbers" => Datatype::Fp64,
            _ => Datatype::Bytes,
        };
        Column { name: self.name, datatype }
    }
}

/// The signature of a variant of an endpoint.
pub fn of(endpoint: &Endpoint, variant: &Variant, description: &str) -> Signature {
    let Described { inputs, outputs, features } = serde_json::from_str(description).unwrap_or_default();
    let mut inputs: Vec<Column> = inputs.into_iter().map(Field::column).collect();
    if inputs.is_empty() {
        inputs = features.into_iter().map(|name| Column { name, datatype: Datatype::Fp64 }).collect();
    }
    let answering = endpoint.aliases.values().flat_map(|alias| &alias.variants);
    let mut versions: Vec<u32> =
        answering.filter(|other| other.model == variant.model).map(|variant| variant.version).collect();
    versions.sort_unstable();
    versions.dedup();
    Signature {
        model: variant.model.clone(),
        version: variant.version,
        versions,
        inputs,
        outputs: outputs.into_iter().map(Field::column).collect(),
    }
}
