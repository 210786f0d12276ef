//! Profiles: homes by name, as `--on NAME` takes them.
//!
//! `millstream.toml` in the current folder or one above it, and `~/.config/millstream/config.toml` (`XDG_CONFIG_HOME`), each with
//! tables `[on.NAME]`. The nearer file wins.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use millstream_core::nearest;
use serde::{Deserialize, Serialize};

use crate::commands::Usage;

/// In a project's folder.
const PROJECT: &str = "millstream.toml";

/// A home by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HomeProfile {
    /// The store's location.
    pub store: String,
    /// The queue's location.
    pub queue: String,
    /// The region of AWS, where the environment names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The stack that does the work there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    on: BTreeMap<String, HomeProfile>,
}

/// The profile of that name.
pub fn find(name: &str) -> anyhow::Result<HomeProfile> {
    let profiles = all()?;
    if let Some((_, profile)) = profiles.iter().find(|(known, _)| known == name) {
        return Ok(profile.clone());
    }
    let help = if profiles.is_empty() {
        "`millstream aws deploy` writes `[on.aws]`".to_owned()
    } else {
        nearest::or_all(name, profiles.iter().map(|(known, _)| known.as_str()), "profiles")
    };
    let looked: Vec<String> = files()?.iter().map(|file| file.display().to_string()).collect();
    Err(Usage(format!("there is no profile `[on.{name}]` in {}; {help}", looked.join(" or "))).into())
}

/// Whether there is a profile of that name.
pub fn is_there(name: &str) -> anyhow::Result<bool> {
    Ok(all()?.iter().any(|(known, _)| known == name))
}

/// All profiles, those of the nearest file first.
fn all() -> anyhow::Result<Vec<(String, HomeProfile)>> {
    let mut profiles = Vec::new();
    for file in files()? {
        profiles.extend(read(&file)?.into_iter().flat_map(|read| read.on));
    }
    Ok(profiles)
}

/// The user's own file, whether it is there or not.
pub fn own() -> anyhow::Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(env::home_dir()?.join(".config")));
    let folder = folder.context("there is no folder for settings: set HOME or XDG_CONFIG_HOME")?;
    Ok(folder.join("millstream/config.toml"))
}

/// Writes a profile; everything else in the file stays, comments too.
#[cfg(feature = "aws")]
pub fn write(file: &Path, name: &str, profile: &HomeProfile) -> anyhow::Result<()> {
    let cannot = || format!("cannot write the profile to {}", file.display());
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(cannot),
    };
    let mut document: toml_edit::DocumentMut = text.parse().with_context(cannot)?;
    let on = document.entry("on").or_insert_with(toml_edit::table);
    if let Some(on) = on.as_table_mut() {
        on.set_implicit(true);
    }
    let own = toml_edit::ser::to_document(profile).with_context(cannot)?;
    on[name] = toml_edit::Item::Table(own.as_table().clone());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    fs::write(file, document.to_string()).with_context(cannot)
}

/// The files, the nearest first.
fn files() -> anyhow::Result<Vec<PathBuf>> {
    let here = env::current_dir().context("cannot tell the current folder")?;
    let project = here.ancestors().map(|folder| folder.join(PROJECT)).find(|file| file.is_file());
    Ok(project.into_iter().chain([own()?]).collect())
}

fn read(file: &Path) -> anyhow::Result<Option<File>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let wrong = |error: toml_edit::de::Error| Usage(format!("{}: {error}", file.display()));
    Ok(Some(toml_edit::de::from_str(&text).map_err(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> HomeProfile {
        HomeProfile {
            store: "s3://b/millstream/store".to_owned(),
            queue: "sqs://millstream".to_owned(),
            region: Some("eu-central-1".to_owned()),
            stack: Some("millstream".to_owned()),
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_written_reads_back_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/config.toml");
        write(&file, "aws", &profile()).unwrap();
        let before = "# mine\n[on.shared]\nstore = \"file:/s\" # here\nqueue = \"sqlite:/q\"\n";
        fs::write(&file, before).unwrap();
        write(&file, "aws", &profile()).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(before), "{text}");
        let again = HomeProfile { region: None, ..profile() };
        write(&file, "aws", &again).unwrap();
        let read = read(&file).unwrap().unwrap();
        assert_eq!(read.on["aws"], again);
        assert_eq!(read.on["shared"].store, "file:/s");
    }

    #[test]
    fn what_no_profile_has_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("millstream.toml");
        fs::write(&file, "[on.aws]\nstore = \"s3://b\"\nqueue = \"sqs://q\"\nbucket = 1\n").unwrap();
        let error = read(&file).unwrap_err().to_string();
        assert!(error.contains("bucket") && error.contains("millstream.toml"), "{error}");
        assert_eq!(read(&folder.path().join("none.toml")).unwrap().map(|_| ()), None);
        assert!(profile().region.is_some());
    }
}
