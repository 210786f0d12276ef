//! What a function may say of itself.

use std::collections::BTreeSet;

use millstream_core::manifest::{Channel, Exports, Kind, Manifest};
use serde_json::Value;

use crate::{contract::types, text::shortened};

/// Turns what the guest said into a manifest.
///
/// # Errors
///
/// Everything that is wrong with it, each with its place.
pub(crate) fn check(raw: types::Manifest, exports: Exports) -> Result<Manifest, Vec<String>> {
    let mut faults = Vec::new();
    check_sizes(&raw, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let parameters = serde_json::from_str(&raw.parameters).unwrap_or_else(|error| {
        faults.push(format!("parameters: not JSON: {error}"));
        Value::Bool(true)
    });
    let manifest = Manifest {
        name: raw.name,
        version: raw.version,
        summary: raw.summary,
        description: raw.description,
        channels: raw.channels.into_iter().map(Into::into).collect(),
        outputs: raw.outputs.into_iter().map(Into::into).collect(),
        metrics: raw.metrics.into_iter().map(Into::into).collect(),
        parameters,
        exports,
    };
    check_names(&manifest, &mut faults);
    check_formats(&manifest, &mut faults);
    check_outputs(&manifest, &mut faults);
    if faults.is_empty() {
        check_parameters(&manifest.parameters, &mut faults);
    }
    if faults.is_empty() { Ok(manifest) } else { Err(told(faults)) }
}

/// Longest texts of a manifest, in bytes, and most things of a kind. It is sent between processes, kept, and read by people.
const MAX_TEXT: usize = 256 << 10;
const MAX_WORD: usize = 1 << 10;
const MAX_SCHEMA: usize = 4 << 20;
const MAX_THINGS: usize = 1000;

/// Most faults that are told, and the longest of them.
const MAX_FAULTS: usize = 50;
const MAX_FAULT: usize = 2 << 10;

fn told(mut faults: Vec<String>) -> Vec<String> {
    let more = faults.len().saturating_sub(MAX_FAULTS);
    faults.truncate(MAX_FAULTS);
    let mut faults: Vec<String> = faults.into_iter().map(|fault| shortened(fault, MAX_FAULT)).collect();
    if more > 0 {
        faults.push(format!("and {more} more"));
    }
    faults
}

/// Before anything of it is looked at.
fn check_sizes(raw: &types::Manifest, faults: &mut Vec<String>) {
    let mut text = |place: &str, text: &str, most: usize| {
        if text.len() > most {
            faults.push(format!("{place}: has {} bytes; it may have {most}", text.len()));
        }
    };
    text("name", &raw.name, MAX_WORD);
    text("version", &raw.version, MAX_WORD);
    text("summary", &raw.summary, MAX_WORD);
    text("description", &raw.description, MAX_TEXT);
    text("parameters", &raw.parameters, MAX_SCHEMA);
    let formats =
        raw.channels.iter().take(MAX_THINGS).flat_map(|channel| channel.formats.iter().take(MAX_THINGS));
    let named = raw.channels.iter().take(MAX_THINGS).map(|one| ("channels", &one.name, &one.description));
    let named =
        named.chain(raw.outputs.iter().take(MAX_THINGS).map(|one| ("outputs", &one.name, &one.description)));
    let named =
        named.chain(raw.metrics.iter().take(MAX_THINGS).map(|one| ("metrics", &one.name, &one.description)));
    for (place, name, description) in named.chain(formats.map(|one| ("formats", &one.name, &one.description)))
    {
        text(place, name, MAX_WORD);
        text(place, description, MAX_TEXT);
    }
    for output in raw.outputs.iter().take(MAX_THINGS) {
        text("outputs, media type", &output.media_type, MAX_WORD);
        text("outputs, follows", output.follows.as_ref().map_or("", |one| &one.channel), MAX_WORD);
    }
    let mut count = |place: &str, things: usize| {
        if things > MAX_THINGS {
            faults.push(format!("{place}: there are {things}; there may be {MAX_THINGS}"));
        }
    };
    count("channels", raw.channels.len());
    count("outputs", raw.outputs.len());
    count("metrics", raw.metrics.len());
    for channel in raw.channels.iter().take(MAX_THINGS) {
        count("formats", channel.formats.len());
        for format in channel.formats.iter().take(MAX_THINGS) {
            count("suffixes", format.suffixes.len());
            count("beginnings", format.beginnings.len());
        }
    }
    *faults = told(std::mem::take(faults));
}

fn check_names(manifest: &Manifest, faults: &mut Vec<String>) {
    name(&manifest.name, "name", faults);
    if let Err(error) = semver::Version::parse(&manifest.version) {
        faults.push(format!("version {:?}: not a semantic version such as 1.0.0: {error}", manifest.version));
    }
    if manifest.summary.trim().is_empty() || manifest.summary.contains('\n') {
        faults.push("summary: must be one line that is not empty".to_owned());
    }
    let named = manifest.channels.iter().filter(|channel| channel.name != Channel::ANY);
    names("channels", named.map(|channel| channel.name.as_str()), faults);
    let any: Vec<_> = manifest.channels.iter().filter(|channel| channel.name == Channel::ANY).collect();
    if any.len() > 1 || any.iter().any(|channel| channel.required || !channel.formats.is_empty()) {
        faults.push("channels: `*` stands there once, is not required, and has no formats".to_owned());
    }
    names("outputs", manifest.outputs.iter().map(|output| output.name.as_str()), faults);
    let mut seen = BTreeSet::new();
    for metric in &manifest.metrics {
        if metric.name.is_empty() || metric.name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            faults.push(format!("metrics: {:?} must be a word", metric.name));
        }
        if !seen.insert(&metric.name) {
            faults.push(format!("metrics: `{}` is there twice", metric.name));
        }
    }
}

fn names<'a>(place: &str, all: impl Iterator<Item = &'a str>, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for one in all {
        name(one, place, faults);
        if !seen.insert(one) {
            faults.push(format!("{place}: `{one}` is there twice"));
        }
    }
}

/// Longest name of a function, channel or output, in bytes.
const MAX_NAME: usize = 64;

fn name(name: &str, place: &str, faults: &mut Vec<String>) {
    let good = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if !good {
        faults.push(format!(
            "{place}: {name:?} must begin with a lower-case letter and hold lower-case letters, digits, `-` and `_` only, \
             {MAX_NAME} at most"
        ));
    }
}

/// What a format's files end or begin with is read by people too: it is short.
const MAX_MARK: usize = 64;

fn check_formats(manifest: &Manifest, faults: &mut Vec<String>) {
    for channel in manifest.channels.iter().filter(|channel| !channel.formats.is_empty()) {
        let place = format!("channel `{}`, formats", channel.name);
        names(&place, channel.formats.iter().map(|format| format.name.as_str()), faults);
        if channel.kind != Kind::File {
            faults.push(format!("{place}: only a channel of kind `file` reads them"));
        }
        if !manifest.outputs.iter().any(|output| output.kind == Kind::Model) {
            faults.push(format!(
                "{place}: no output is of kind `model`, which a model that is read would go to"
            ));
        }
        for format in &channel.formats {
            let suffix = |suffix: &String| suffix.starts_with('.') && (2..=MAX_MARK).contains(&suffix.len());
            if format.suffixes.is_empty() && format.beginnings.is_empty() {
                faults.push(format!("{place}: nothing tells files of `{}` from others", format.name));
            }
            if let Some(bad) = format.suffixes.iter().find(|given| !suffix(given)) {
                faults.push(format!("{place}: {bad:?} is no suffix such as `.json`"));
            }
            if format.beginnings.iter().any(|bytes| !(1..=MAX_MARK).contains(&bytes.len())) {
                faults.push(format!("{place}: a beginning of `{}` has 1 to {MAX_MARK} bytes", format.name));
            }
        }
    }
}

fn check_outputs(manifest: &Manifest, faults: &mut Vec<String>) {
    for output in &manifest.outputs {
        let place = format!("output `{}`", output.name);
        if !is_media_type(&output.media_type) {
            faults.push(format!("{place}: {:?} is not a media type such as `text/html`", output.media_type));
        }
        if let Some(follows) = &output.follows
            && manifest.channel(&follows.channel).is_none()
        {
            faults.push(format!("{place}: follows channel `{}`, which is not declared", follows.channel));
        }
        if output.follows.as_ref().is_some_and(|follows| follows.through_model)
            && !manifest.outputs.iter().any(|other| other.kind == Kind::Model)
        {
            faults.push(format!("{place}: goes through the job's model, but no output is of kind `model`"));
        }
        if output.kind == Kind::Model && !manifest.exports.model {
            faults.push(format!(
                "{place}: of kind `model`, but the component does not export `millstream:function/model`"
            ));
        }
    }
}

fn check_parameters(schema: &Value, faults: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else {
        faults.push("parameters: the JSON Schema must be an object".to_owned());
        return;
    };
    if schema.get("type").is_some_and(|kind| kind != "object") {
        faults.push("parameters: the JSON Schema's `type` must be `object`".to_owned());
    }
    match schema.get("properties") {
        None => (),
        Some(Value::Object(properties)) => {
            for (name, property) in properties {
                if !property.is_object() && !property.is_boolean() {
                    faults.push(format!("parameters: the schema of `{name}` must be an object"));
                }
            }
        }
        Some(_) => faults.push("parameters: `properties` must be an object".to_owned()),
    }
}

/// `type/subtype`, with parameters or without; either half may be `*`.
fn is_media_type(text: &str) -> bool {
    let token = |token: &str| {
        !token.is_empty() && token.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$&^_.+-*".contains(&c))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

/// Whether a part of type `given` fits an output declared as `declared`. Parameters don't matter; `*` stands for anything.
pub(crate) fn accepts(declared: &str, given: &str) -> bool {
    fn halves(text: &str) -> Option<(String, String)> {
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence.split_once('/').map(|(kind, subtype)| (kind.to_owned(), subtype.to_owned()))
    }
    let (Some(declared), Some(given)) = (halves(declared), halves(given)) else { return false };
    is_media_type(&format!("{}/{}", given.0, given.1))
        && (declared.0 == "*" || declared.0 == given.0)
        && (declared.1 == "*" || declared.1 == given.1)
}

/// Why a part can't have that name: parts become files when people copy them out.
pub(crate) fn part_name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > 255 {
        Some("a part's name has 1 to 255 bytes")
    } else if name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()) {
        Some("a part's name has no slashes and no control characters")
    } else if name.starts_with('.') {
        Some("a part's name does not begin with a dot")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> types::Manifest {
        types::Manifest {
            name: "scale".into(),
            version: "1.0.0".into(),
            summary: "Scales.".into(),
            description: String::new(),
            channels: vec![types::Channel {
                name: "table".into(),
                description: String::new(),
                kind: types::Kind::Table,
                required: true,
                formats: vec![],
            }],
            outputs: vec![types::Output {
                name: "table".into(),
                description: String::new(),
                kind: types::Kind::Table,
                media_type: "application/vnd.apache.arrow.stream".into(),
                required: true,
                follows: Some(types::Lineage { channel: "table".into(), through_model: false }),
            }],
            metrics: vec![],
            parameters: r#"{"type": "object", "properties": {"by": {"type": "number"}}}"#.into(),
        }
    }

    fn faults(change: impl FnOnce(&mut types::Manifest)) -> Vec<String> {
        let mut raw = manifest();
        change(&mut raw);
        check(raw, Exports { job: true, model: false }).err().unwrap_or_default()
    }

    #[test]
    fn a_good_one_passes() {
        assert_eq!(faults(|_| ()), [""; 0]);
        let any = |m: &mut types::Manifest| {
            m.channels.push(types::Channel { name: "*".into(), required: false, ..m.channels[0].clone() });
        };
        assert_eq!(faults(any), [""; 0]);
    }

    #[test]
    fn each_fault_is_named() {
        type Change = fn(&mut types::Manifest);
        fn any() -> types::Channel {
            types::Channel { name: "*".into(), required: false, ..manifest().channels[0].clone() }
        }
        fn foreign(suffixes: &[&str]) -> types::Format {
            let suffixes = suffixes.iter().map(|&suffix| suffix.into()).collect();
            types::Format { name: "theirs".into(), description: "T.".into(), suffixes, beginnings: vec![] }
        }
        let cases: [(Change, &str); 23] = [
            (|m| m.name = "x".repeat(1 << 21), "name: has 2097152 bytes"),
            (|m| m.description = "x".repeat(1 << 21), "description: has 2097152 bytes"),
            (|m| m.parameters = format!("{{}}{}", " ".repeat(1 << 23)), "parameters: has"),
            (|m| m.channels = vec![m.channels[0].clone(); 1001], "channels: there are 1001"),
            (|m| m.outputs[0].media_type = "x".repeat(1 << 21), "media type: has"),
            (|m| m.channels[0].formats = vec![foreign(&[".x"]); 1001], "formats: there are 1001"),
            (|m| m.name = "Scale".into(), "name: \"Scale\""),
            (|m| m.version = "1".into(), "version \"1\""),
            (|m| m.summary = "a\nb".into(), "summary"),
            (|m| m.channels.push(m.channels[0].clone()), "channels: `table` is there twice"),
            (|m| m.channels[0].name = "*".into(), "channels: `*` stands there once, is not required"),
            (|m| m.channels.extend(vec![any(); 2]), "channels: `*` stands there once"),
            (|m| m.outputs[0].media_type = "arrow".into(), "output `table`: \"arrow\""),
            (|m| m.outputs[0].follows.as_mut().unwrap().channel = "x".into(), "follows channel `x`"),
            (|m| m.outputs[0].follows.as_mut().unwrap().through_model = true, "no output is of kind `model`"),
            (|m| m.outputs[0].kind = types::Kind::Model, "does not export"),
            (|m| m.channels[0].formats.push(foreign(&[".x"])), "of kind `file`"),
            (|m| m.channels[0].formats.push(foreign(&[".x"])), "no output is of kind `model`"),
            (|m| m.channels[0].formats.push(foreign(&[])), "nothing tells files of `theirs`"),
            (|m| m.channels[0].formats.push(foreign(&["x"])), "\"x\" is no suffix"),
            (|m| m.parameters = "{".into(), "parameters: not JSON"),
            (|m| m.parameters = "[]".into(), "must be an object"),
            (|m| m.parameters = r#"{"properties": {"x": 1}}"#.into(), "schema of `x`"),
        ];
        for (change, expected) in cases {
            let faults = faults(change);
            assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected}: {faults:?}");
        }
    }

    #[test]
    fn many_faults_are_told_in_few_words() {
        let faults = faults(|m| {
            m.channels = (0..900)
                .map(|number| types::Channel {
                    name: format!("{number} {}", "x".repeat(900)),
                    ..m.channels[0].clone()
                })
                .collect();
        });
        assert_eq!(faults.len(), MAX_FAULTS + 1);
        assert!(faults.iter().all(|fault| fault.len() <= MAX_FAULT), "{faults:?}");
        assert!(faults[MAX_FAULTS].ends_with("more"));
    }

    #[test]
    fn media_types() {
        assert!(accepts("text/csv", "text/csv; header=present"));
        assert!(accepts("*/*", "image/png"));
        assert!(accepts("text/*", "Text/HTML"));
        assert!(!accepts("text/*", "image/png"));
        assert!(!accepts("*/*", "anything"));
    }

    #[test]
    fn part_names() {
        for bad in ["", "a/b", "..", ".hidden", "a\\b", "a\nb"] {
            assert!(part_name_fault(bad).is_some(), "{bad:?}");
        }
        assert_eq!(part_name_fault("table-0.arrow"), None);
    }
}
