//! `millstream schema`

use std::path::Path;

use millstream_workflow::{compile::Functions as _, schema};

use super::{End, print, print_json};
use crate::place::Place;

pub fn schema(home: &Path, reference: bool) -> anyhow::Result<End> {
    let place = Place::open(home, None)?;
    place.find(&place.functions.names())?;
    if reference {
        print(&schema::reference_markdown(place.functions.as_ref()))?;
    } else {
        print_json(&schema::workflow(place.functions.as_ref()))?;
    }
    Ok(End::Done)
}
