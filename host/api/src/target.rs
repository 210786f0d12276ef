//! A qualifier in a path or query: an alias, a variant or a version of an endpoint.

use millstream_deployment::Endpoint;

use crate::{
    backend::Backend,
    fault::{Fault, Kind},
};

/// Which of an endpoint's variants are meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Those of this alias.
    pub alias: Option<String>,
    /// This one.
    pub variant: Option<String>,
}

/// What a qualifier means for an endpoint; without one, all that `live` has.
pub async fn find<B: Backend>(backend: &B, endpoint: &str, qualifier: Option<&str>) -> Result<Target, Fault> {
    let Some(qualifier) = qualifier else { return Ok(Target::default()) };
    choose(&backend.endpoint(endpoint).await?, qualifier)
}

/// Aliases first, then variants, then versions.
fn choose(endpoint: &Endpoint, qualifier: &str) -> Result<Target, Fault> {
    if endpoint.aliases.contains_key(qualifier) {
        return Ok(Target { alias: Some(qualifier.to_owned()), variant: None });
    }
    let version: Option<u32> = qualifier.parse().ok();
    let variants = || {
        endpoint
            .aliases
            .iter()
            .flat_map(|(alias, behind)| behind.variants.iter().map(move |one| (alias, one)))
    };
    let found = variants()
        .find(|(_, variant)| variant.name == qualifier)
        .or_else(|| variants().find(|(_, variant)| Some(variant.version) == version));
    if let Some((alias, variant)) = found {
        return Ok(Target { alias: Some(alias.clone()), variant: Some(variant.name.clone()) });
    }
    let aliases: Vec<&str> = endpoint.aliases.keys().map(String::as_str).collect();
    let names: Vec<String> =
        variants().map(|(_, variant)| format!("{} (version {})", variant.name, variant.version)).collect();
    Err(Fault::new(
        Kind::NoSuchTarget,
        format!(
            "endpoint `{}` has no alias, variant or version `{qualifier}`; aliases: {}; variants: {}",
            endpoint.name,
            aliases.join(", "),
            names.join(", ")
        ),
    ))
}
