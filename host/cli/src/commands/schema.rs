//! `millstream schema`

use millstream_language::{
    Functions as _,
    schema::{self, reference},
};

use super::{End, print, print_json};
use crate::{
    cli::{HomeArgs, Reference},
    place::Place,
};

pub fn schema(home: &HomeArgs, wanted: Option<Reference>) -> anyhow::Result<End> {
    let place = Place::open(home, None)?;
    place.find(&place.functions.names())?;
    match wanted {
        None => print_json(&schema::workflow(place.functions.as_ref()))?,
        Some(Reference::Workflow) => print(&reference::workflow_markdown(place.functions.as_ref()))?,
        Some(Reference::Functions) => print(&reference::functions_markdown(place.functions.as_ref()))?,
    }
    Ok(End::Done)
}
