//! `millstream explain`

use millstream_errors::{Code, index, pages};

use super::{End, print};

/// Each code's page.
static PAGES: &[(Code, &str)] = &pages!();

pub fn explain(code: Option<Code>) -> anyhow::Result<End> {
    match code {
        Some(wanted) => {
            PAGES.iter().filter(|(code, _)| *code == wanted).try_for_each(|(_, page)| print(page))?
        }
        None => print(&index())?,
    }
    Ok(End::Done)
}
