//! How an endpoint is served, as people and programs write it: changes of some settings. What is not named stays as it is;
//! `null` (or `default`) is how a setting goes back to its default.

use std::collections::BTreeMap;

use millstream_core::{
    nearest,
    quantity::{self, Duration, Size},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Config, Sticky};

/// What people may set, each with an example.
pub const SETTINGS: [(&str, &str); 9] = [
    ("timeout", "30s"),
    ("idle", "15m or never"),
    ("memory", "2GiB"),
    ("concurrency", "256"),
    ("max-rows", "1000000"),
    ("capture", "10%"),
    ("sticky", "header:X-User, cookie:session or none"),
    ("approved-only", "true"),
    ("multi-model", "churn- or none"),
];

/// Changes of an endpoint's configuration, by the setting's name; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Settings(BTreeMap<String, Set>);

#[derive(Clone, Debug, PartialEq, Serialize)]
enum Set {
    Timeout(u64),
    Idle(Option<u64>),
    Memory(u64),
    Concurrency(u32),
    MaxRows(u64),
    Capture(f64),
    Sticky(Option<Sticky>),
    ApprovedOnly(bool),
    MultiModel(Option<String>),
}

impl Settings {
    /// Reads settings as people write them, such as `{"timeout": "5s", "capture": "10%", "sticky": null}`.
    ///
    /// # Errors
    /// Which setting is wrong, and what would be right.
    pub fn parse(written: &Map<String, Value>) -> Result<Self, String> {
        let settings = written.iter().map(|(name, value)| Ok((name.clone(), read(name, value)?)));
        Ok(Self(settings.collect::<Result<_, String>>()?))
    }

    /// The same for programs, which may also send back what an endpoint's record shows: times in milliseconds, memory in
    /// bytes, `capture` as a share from 0 to 1, `sticky` as `{"header": NAME}` or `{"cookie": NAME}`.
    ///
    /// # Errors
    /// Which setting is wrong, and what would be right.
    pub fn patch(written: &Map<String, Value>) -> Result<Self, String> {
        let settings = written.iter().map(|(name, value)| {
            let set = recorded(name, value).map_or_else(|| read(name, value), Ok)?;
            Ok((name.clone(), set))
        });
        Ok(Self(settings.collect::<Result<_, String>>()?))
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The models that the endpoint shall serve beside its variants, by the beginning of their names.
    pub fn multi_model(&self) -> Option<&str> {
        self.0.values().find_map(|set| match set {
            Set::MultiModel(prefix) => prefix.as_deref(),
            _ => None,
        })
    }

    /// Makes the changes.
    pub fn apply(&self, config: &mut Config) {
        for set in self.0.values().cloned() {
            match set {
                Set::Timeout(timeout) => config.timeout = timeout,
                Set::Idle(idle) => config.idle = idle,
                Set::Memory(memory) => config.memory = memory,
                Set::Concurrency(concurrency) => config.concurrency = concurrency,
                Set::MaxRows(rows) => config.max_rows = rows,
                Set::Capture(share) => config.capture = share,
                Set::Sticky(sticky) => config.sticky = sticky,
                Set::ApprovedOnly(only) => config.approved_only = only,
                Set::MultiModel(prefix) => config.multi_model = prefix,
            }
        }
    }
}

/// A setting as a record shows it; none if it is written in another way, or unknown.
fn recorded(name: &str, value: &Value) -> Option<Set> {
    let whole = || {
        let float = || value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=2f64.powi(53)).contains(n));
        value.as_u64().or_else(|| float().map(|n| n as u64))
    };
    match name {
        "timeout" => whole().map(Set::Timeout),
        "idle" => whole().map(|idle| Set::Idle(Some(idle))),
        "memory" => whole().map(Set::Memory),
        "concurrency" => whole().and_then(|n| u32::try_from(n).ok()).map(Set::Concurrency),
        "max-rows" => whole().map(Set::MaxRows),
        "capture" => value.as_f64().map(Set::Capture),
        "sticky" if value.is_object() => {
            serde_json::from_value(value.clone()).ok().map(|sticky| Set::Sticky(Some(sticky)))
        }
        _ => None,
    }
}

/// The default of a setting; none if it is unknown.
fn default(name: &str) -> Option<Set> {
    let config = Config::default();
    Some(match name {
        "timeout" => Set::Timeout(config.timeout),
        "idle" => Set::Idle(config.idle),
        "memory" => Set::Memory(config.memory),
        "concurrency" => Set::Concurrency(config.concurrency),
        "max-rows" => Set::MaxRows(config.max_rows),
        "capture" => Set::Capture(config.capture),
        "sticky" => Set::Sticky(config.sticky),
        "approved-only" => Set::ApprovedOnly(config.approved_only),
        "multi-model" => Set::MultiModel(config.multi_model),
        _ => return None,
    })
}

fn read(name: &str, value: &Value) -> Result<Set, String> {
    if (value.is_null() || value.as_str().is_some_and(|text| text.trim() == "default"))
        && let Some(set) = default(name)
    {
        return Ok(set);
    }
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        _ => String::new(),
    };
    let time = || Duration::parse(&text).map(|time| time.0);
    let set = match name {
        "timeout" => time().map(Set::Timeout),
        "idle" if text == "never" => Some(Set::Idle(None)),
        "idle" => time().map(|idle| Set::Idle(Some(idle))),
        "memory" => Size::parse(&text).map(|size| Set::Memory(size.0)),
        "concurrency" => text.parse().ok().map(Set::Concurrency),
        "max-rows" => text.parse().ok().map(Set::MaxRows),
        "capture" => {
            let share = if text == "0" { Some(0.0) } else { quantity::percent(&text) };
            share.map(|share| Set::Capture(share / 100.0))
        }
        "sticky" => match text.split_once(':') {
            Some(("header", name)) => Some(Set::Sticky(Some(Sticky::Header(name.trim().to_owned())))),
            Some(("cookie", name)) => Some(Set::Sticky(Some(Sticky::Cookie(name.trim().to_owned())))),
            _ => (text == "none").then_some(Set::Sticky(None)),
        },
        "approved-only" => text.parse().ok().map(Set::ApprovedOnly),
        "multi-model" if text == "none" => Some(Set::MultiModel(None)),
        "multi-model" => (!text.is_empty()).then_some(Set::MultiModel(Some(text))),
        _ => {
            let help = nearest::or_all(name, SETTINGS.iter().map(|(name, _)| *name), "settings");
            return Err(format!("an endpoint has no setting `{name}`; {help}"));
        }
    };
    let example = SETTINGS.iter().find(|(known, _)| *known == name).map_or("", |(_, example)| example);
    set.ok_or_else(|| format!("`{name}` is written like {example}, or null for its default; not {value}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(written: Value) -> Result<Settings, String> {
        Settings::parse(written.as_object().unwrap())
    }

    #[test]
    fn what_is_named_is_set_and_the_rest_stays() {
        let settings = parse(json!({
            "timeout": "5s", "idle": "never", "memory": "512MiB", "concurrency": 8, "max-rows": "100",
            "capture": "25%", "sticky": "header:X-User", "approved-only": true,
            "multi-model": "churn-",
        }))
        .unwrap();
        let mut config = Config::default();
        settings.apply(&mut config);
        let wanted = Config {
            sticky: Some(Sticky::Header("X-User".to_owned())),
            capture: 0.25,
            timeout: 5_000,
            idle: None,
            memory: 512 << 20,
            concurrency: 8,
            max_rows: 100,
            approved_only: true,
            multi_model: Some("churn-".to_owned()),
        };
        assert_eq!(config, wanted);
        assert_eq!(settings.multi_model(), Some("churn-"));
        let off = json!({"sticky": "none", "capture": 0, "idle": "1m", "multi-model": "none"});
        parse(off).unwrap().apply(&mut config);
        let wanted = Config { sticky: None, capture: 0.0, idle: Some(60_000), multi_model: None, ..wanted };
        assert_eq!(config, wanted);
    }

    #[test]
    fn null_resets_and_a_record_can_be_sent_back() {
        let odd = Config {
            sticky: Some(Sticky::Cookie("c".to_owned())),
            capture: 0.5,
            timeout: 1_000,
            idle: None,
            memory: 1 << 30,
            concurrency: 3,
            max_rows: 7,
            approved_only: true,
            multi_model: Some("m-".to_owned()),
        };
        for (name, _) in SETTINGS {
            for reset in [Value::Null, json!("default"), json!(" default ")] {
                let mut config = odd.clone();
                parse(json!({ name: reset })).unwrap().apply(&mut config);
                let before = serde_json::to_value(&odd).unwrap();
                let (after, default) = (
                    serde_json::to_value(&config).unwrap(),
                    serde_json::to_value(Config::default()).unwrap(),
                );
                assert_eq!(after.get(name), default.get(name), "{name}");
                let others = |config: &Value| {
                    let mut all = config.as_object().unwrap().clone();
                    all.remove(name);
                    all
                };
                assert_eq!(others(&after), others(&before), "{name}: the others stay");
            }
        }
        // What a record shows can be sent back as it is.
        let odd = Config { idle: Some(9_000), ..odd };
        let shown = serde_json::to_value(&odd).unwrap();
        let mut config = Config::default();
        Settings::patch(shown.as_object().unwrap()).unwrap().apply(&mut config);
        assert_eq!(config, odd);
        let patch = |written: Value| Settings::patch(written.as_object().unwrap());
        assert_eq!(patch(json!({"timeout": "5s"})), patch(json!({"timeout": 5000.0})));
        for bad in [
            json!({"timeout": -1}),
            json!({"timeout": 1.5}),
            json!({"timeout": true}),
            json!({"concurrency": 4_294_967_296_u64}),
            json!({"sticky": {"heder": "x"}}),
            json!({"sticky": []}),
            json!({"approved-only": 1}),
            json!({"approved-only": "yes"}),
            json!({"multi-model": 5.5e300}),
            json!({"capture": "half"}),
        ] {
            let refused = patch(bad.clone());
            // A number is a text that no model's name begins with; the record's own check refuses it.
            let at_the_check = |settings: &Settings| {
                let mut config = Config::default();
                settings.apply(&mut config);
                config.check().is_err()
            };
            assert!(refused.as_ref().map_or(true, at_the_check), "{bad}: {refused:?}");
        }
        // People's files are not to mean 5 ms by 5.
        assert!(parse(json!({"timeout": 5})).is_err());
        for typo in ["approved_only", "approvedOnly", "approved-onyl", "ApprovedOnly"] {
            let error = patch(json!({ typo: false })).unwrap_err();
            assert!(error.contains("did you mean `approved-only`?"), "{error}");
        }
    }

    #[test]
    fn every_setting_says_how_it_is_written() {
        for (name, example) in SETTINGS {
            let error = parse(json!({ name: [] })).unwrap_err();
            assert!(error.contains(example), "{error}");
            let first = example.split([',', ' ']).next().unwrap();
            assert!(parse(json!({ name: first })).is_ok(), "{name}: {first}");
        }
        assert!(parse(json!({"timout": "5s"})).unwrap_err().contains("did you mean `timeout`?"));
    }
}
