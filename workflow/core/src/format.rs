//! Formats in which other tools keep their models, and how a file is told to be of one.

use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;

/// A file format in which another tool keeps its models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// Lower-case letters, digits and hyphens, such as `xgboost-json`.
    pub name: String,
    /// What writes it, in a few words.
    pub description: String,
    /// What names of its files end with, such as `.json`.
    pub suffixes: Vec<String>,
    /// A file of this format begins with one of these; none if its beginning says nothing.
    pub beginnings: Vec<Vec<u8>>,
}

impl Format {
    /// Whether a file's name ends as names of this format do.
    pub fn fits_name(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.suffixes.iter().any(|suffix| name.ends_with(&suffix.to_ascii_lowercase()))
    }

    /// Whether a file begins as files of this format do, if that can be told.
    pub fn fits_beginning(&self, head: &[u8]) -> Option<bool> {
        let any = || self.beginnings.iter().any(|beginning| head.starts_with(beginning));
        (!self.beginnings.is_empty()).then(any)
    }
}

/// A function's channel that reads a format.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The function.
    pub function: &'a Manifest,
    /// The channel.
    pub channel: &'a str,
    /// What it reads.
    pub format: &'a Format,
}

/// Everything that these functions read.
pub fn readers<'a>(functions: impl IntoIterator<Item = &'a Manifest>) -> Vec<Reader<'a>> {
    let of_function = |function: &'a Manifest| {
        function.channels.iter().flat_map(move |channel| {
            let reader = move |format| Reader { function, channel: channel.name.as_str(), format };
            channel.formats.iter().map(reader)
        })
    };
    functions.into_iter().flat_map(of_function).collect()
}

/// What a file's name and beginning say.
#[derive(Debug)]
pub enum Told<'a> {
    /// It is of a format that one or several functions read.
    Format(Vec<Reader<'a>>),
    /// Its name says one thing, its beginning another: it is damaged, or has a wrong name.
    Doubtful(Vec<Reader<'a>>),
    /// Nobody reads it.
    Unknown,
}

/// Tells a file's format by its name and its first bytes. What it begins with counts for more than what it is called.
pub fn tell<'a>(readers: &[Reader<'a>], name: &str, head: &[u8]) -> Told<'a> {
    let chosen = |fits: &dyn Fn(&Reader<'a>) -> bool| -> Vec<Reader<'a>> {
        readers.iter().filter(|reader| fits(reader)).copied().collect()
    };
    let begins = |reader: &Reader<'_>, otherwise| reader.format.fits_beginning(head).unwrap_or(otherwise);
    let named = |reader: &Reader<'_>| reader.format.fits_name(name);
    let orders: [&dyn Fn(&Reader<'a>) -> bool; 2] =
        [&|reader| named(reader) && begins(reader, true), &|reader| begins(reader, false)];
    for fits in orders {
        let found = chosen(fits);
        if !found.is_empty() {
            return Told::Format(found);
        }
    }
    match chosen(&named) {
        found if found.is_empty() => Told::Unknown,
        found => Told::Doubtful(found),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn function(name: &str, formats: Value) -> Manifest {
        serde_json::from_value(json!({
            "name": name, "version": "1.0.0", "summary": "Reads.", "description": "", "outputs": [], "metrics": [],
            "parameters": {}, "exports": {"job": true, "model": true},
            "channels": [{
                "name": "model", "description": "", "kind": "file", "required": false, "formats": formats,
            }],
        }))
        .unwrap()
    }

    #[test]
    fn beginnings_count_for_more_than_names() {
        let format = |name: &str, suffix: &str, beginnings: &[&str]| {
            let beginnings: Vec<&[u8]> = beginnings.iter().map(|text| text.as_bytes()).collect();
            json!({"name": name, "description": "", "suffixes": [suffix], "beginnings": beginnings})
        };
        let trees =
            function("trees", json!([format("text", ".txt", &["tree"]), format("json", ".json", &["{"])]));
        let graphs = function("graphs", json!([format("graph", ".g", &[])]));
        let readers = readers([&trees, &graphs]);
        let told = |name: &str, head: &str| {
            let names =
                |found: Vec<Reader<'_>>| found.iter().map(|r| r.format.name.clone()).collect::<Vec<_>>();
            match tell(&readers, name, head.as_bytes()) {
                Told::Format(found) => format!("{:?}", names(found)),
                Told::Doubtful(found) => format!("doubtful {:?}", names(found)),
                Told::Unknown => "unknown".to_owned(),
            }
        };
        assert_eq!(told("a.TXT", "tree\n"), r#"["text"]"#);
        assert_eq!(told("a.bst", "{}"), r#"["json"]"#);
        assert_eq!(told("a.txt", "{}"), r#"["json"]"#);
        assert_eq!(told("a.g", "anything"), r#"["graph"]"#);
        assert_eq!(told("a.txt", "<html>"), r#"doubtful ["text"]"#);
        assert_eq!(told("a.pkl", "\u{80}"), "unknown");
    }
}
