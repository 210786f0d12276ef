//! A folder of workflows that are pushed when they change.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use millstream_control::workflows::{self, Error as PushError};
use millstream_core::artifact::Digest;

use super::{Options, files::Files};
use crate::{Error, Triggers};

/// The folder.
pub struct PushedFolder {
    files: Files,
    /// The text that each file had when it was looked at last.
    known: HashMap<PathBuf, Digest>,
}

impl PushedFolder {
    /// Pushes the workflows of `folder`, and watches it. What is wrong with one of them is said, and keeps nobody from serving the
    /// others.
    pub fn start(triggers: &Triggers, folder: &Path, settings: &Options) -> Result<Self, Error> {
        let files = Files::watch(folder)
            .map_err(|why| Error::Unfit(format!("cannot watch {}: {why}", folder.display())))?;
        let mut pushed = Self { files, known: HashMap::new() };
        for (path, _) in pushed.files.there() {
            pushed.push(triggers, &path, settings);
        }
        Ok(pushed)
    }

    /// Pushes what has changed.
    pub fn look(&mut self, triggers: &Triggers, settings: &Options) {
        for (path, _) in self.files.at_rest() {
            self.push(triggers, &path, settings);
        }
    }

    fn push(&mut self, triggers: &Triggers, path: &Path, settings: &Options) {
        if !matches!(path.extension().and_then(|ending| ending.to_str()), Some("yaml" | "yml")) {
            return;
        }
        let name = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return (settings.say)(&format!("warning: cannot read {name}: {error}")),
        };
        let digest = Digest::of(text.as_bytes());
        if self.known.get(path) == Some(&digest) {
            return;
        }
        let pushed = workflows::push(
            &triggers.0.home,
            settings.functions.as_ref(),
            &name.to_string(),
            &text,
            &settings.who,
        );
        match pushed {
            Ok(pushed) if pushed.is_new => {
                triggers.0.catalog.forget();
                (settings.say)(&format!("Pushed {} from {name}", pushed.version.reference()));
            }
            Ok(_) => {}
            // It is tried again when the file changes, or the server starts.
            Err(error @ PushError::Store(_)) => {
                return (settings.say)(&format!("warning: {name} is not pushed: {error}"));
            }
            Err(error) => (settings.say)(&format!("warning: {name} is not pushed:\n{error}")),
        }
        self.known.insert(path.to_owned(), digest);
    }
}
