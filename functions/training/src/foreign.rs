//! What the functions that read other tools' models share.

use std::io::Read as _;

use millstream_sdk::{Classes, Context, Failure, internal, invalid_input, invalid_parameter};
use schemars::JsonSchema;
use serde::Deserialize;

/// The channel of a model that was trained elsewhere; SageMaker calls it so too.
pub const CHANNEL: &str = "model";

/// A file that another tool wrote.
pub struct File {
    pub bytes: Vec<u8>,
    name: String,
}

impl File {
    /// What is wrong with the file, with its name.
    pub fn blame(&self, failure: Failure) -> Failure {
        failure.channel(CHANNEL).part(&self.name)
    }
}

/// The one file in the channel.
pub fn file(context: &Context) -> Result<File, Failure> {
    let parts = context.parts(CHANNEL);
    if parts.len() != 1 {
        return Err(invalid_input(format!("one file is expected, not {}", parts.len())).channel(CHANNEL));
    }
    let mut bytes = Vec::new();
    let read = context.open(CHANNEL, 0)?.read_to_end(&mut bytes);
    read.map_err(|error| Failure::from_io(error, internal))?;
    let file = File { bytes, name: parts[0].name.clone() };
    match file.bytes.is_empty() {
        true => Err(file.blame(invalid_input("the file is empty"))),
        false => Ok(file),
    }
}

/// A class as the user names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClassName {
    Bool(bool),
    Int(i64),
    Text(String),
}

/// The names that the user gives to the `count` classes of a file. Their order is the file's, sorted or not: that of the
/// probabilities.
///
/// # Errors
/// Another number of names, names of different types, or one twice.
pub fn classes(names: &[ClassName], count: usize) -> Result<Classes, Failure> {
    let refuse = |message: String| {
        invalid_parameter("classes", message).allowed(
            "a name for each class of the model, in its order, all text, all integers or all booleans",
        )
    };
    if names.len() != count {
        return Err(refuse(format!("the model tells {count} classes apart, but {} are named", names.len())));
    }
    let mut sorted = names.to_vec();
    sorted.sort();
    sorted.dedup();
    if sorted.len() != names.len() {
        return Err(refuse("a class is named twice".to_owned()));
    }
    fn all<T>(names: &[ClassName], own: impl Fn(&ClassName) -> Option<T>) -> Option<Vec<T>> {
        names.iter().map(own).collect()
    }
    let texts =
        || all(names, |name| if let ClassName::Text(text) = name { Some(text.clone()) } else { None });
    let ints = || all(names, |name| if let ClassName::Int(int) = name { Some(*int) } else { None });
    let bools = || all(names, |name| if let ClassName::Bool(bool) = name { Some(*bool) } else { None });
    texts()
        .map(Classes::Text)
        .or_else(|| ints().map(Classes::Int))
        .or_else(|| bools().map(Classes::Bool))
        .ok_or_else(|| refuse("the names are of different types".to_owned()))
}

/// The names of `width` columns: those that the user gives, those of the file, or `f0`, `f1`, ...
///
/// # Errors
/// Another number of names, or one twice.
pub fn features(
    given: Option<&[String]>,
    of_file: Option<Vec<String>>,
    width: usize,
) -> Result<Vec<String>, Failure> {
    let names = match (given, of_file) {
        (Some(names), _) => names.to_vec(),
        (None, Some(names)) => names,
        (None, None) => (0..width).map(|place| format!("f{place}")).collect(),
    };
    let refuse = |message: String| {
        invalid_parameter("features", message).allowed("a name for each column of the model, in its order")
    };
    if names.len() != width {
        return Err(refuse(format!("the model takes in {width} columns, but {} are named", names.len())));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(refuse(format!("`{}` is named twice", pair[0])));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_classes() {
        let text =
            |names: &[&str]| names.iter().map(|&name| ClassName::Text(name.into())).collect::<Vec<_>>();
        let given = classes(&text(&["yes", "no"]), 2).unwrap();
        assert_eq!(given, Classes::Text(vec!["yes".into(), "no".into()]), "the model's order stays");
        assert!(classes(&text(&["yes"]), 2).unwrap_err().to_string().contains("2 classes"));
        assert!(classes(&text(&["yes", "yes"]), 2).unwrap_err().to_string().contains("twice"));
        let mixed = [ClassName::Int(1), ClassName::Bool(true)];
        assert!(classes(&mixed, 2).unwrap_err().to_string().contains("different types"));
        assert_eq!(features(None, None, 2).unwrap(), ["f0", "f1"]);
        assert!(features(Some(&["a".into(), "a".into()]), None, 2).is_err());
    }
}
