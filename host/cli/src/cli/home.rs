//! Where the home is.

use std::path::{Path, PathBuf, absolute};

use anyhow::Context as _;
use clap::Args;
use millstream_core::location::Location;
use millstream_queue::{Queues, SQLITE};
use millstream_store::{FILE, Stores};
use millstream_worker::home::HomeLocation;

use crate::{commands::Usage, profile};

/// State lives here unless `--home` or `MILLSTREAM_HOME` says otherwise.
const DEFAULT_HOME: &str = ".millstream";

/// The kinds of stores that this binary has, beside folders: a line each.
pub fn stores() -> Stores {
    let stores = Stores::default();
    #[cfg(feature = "aws")]
    let stores = stores.register(millstream_aws_s3::SCHEME, millstream_aws_s3::open);
    #[cfg(not(feature = "aws"))]
    let stores = stores.register("s3", |location| {
        Err(millstream_store::Error::told(
            millstream_store::ErrorKind::Unsupported,
            millstream_errors::Code::AwsNotBuilt,
            not_built(location),
        ))
    });
    stores
    // One more kind of store: `.register("SCHEME", open)`.
}

/// The kinds of queues that this binary has, beside SQLite files: a line each.
pub fn queues() -> Queues {
    let queues = Queues::default();
    #[cfg(feature = "aws")]
    let queues = queues.register(millstream_aws_sqs::SCHEME, millstream_aws_sqs::open);
    #[cfg(not(feature = "aws"))]
    let queues = queues.register("sqs", |location, _| {
        Err(millstream_queue::Error::told(
            millstream_queue::ErrorKind::Unsupported,
            millstream_errors::Code::AwsNotBuilt,
            not_built(location),
        ))
    });
    queues
    // One more kind of queue: `.register("SCHEME", open)`.
}

/// Who builds from source gets no SDK of AWS, unless that is asked for.
#[cfg(not(feature = "aws"))]
fn not_built(location: &Location) -> String {
    format!(
        "cannot open {location}: this binary was built without AWS; use a released one (`pip install millstream`), or build it with \
         `--features aws`"
    )
}

#[derive(Clone, Debug, Args)]
pub struct HomeArgs {
    /// Use the home of the profile `[on.NAME]`: what `millstream aws deploy` made is `aws`.
    #[arg(long, global = true, env = "MILLSTREAM_ON", value_name = "NAME")]
    pub on: Option<String>,
    /// Folder of runs, results, models and queue.
    #[arg(long, global = true, env = "MILLSTREAM_HOME", default_value = DEFAULT_HOME, value_name = "FOLDER")]
    pub home: PathBuf,
    /// The store, if it is elsewhere: `file:FOLDER`, `s3://BUCKET/PREFIX`. By default `file:HOME/store`.
    #[arg(long, global = true, env = "MILLSTREAM_STORE", value_name = "URL", hide_short_help = true)]
    pub store: Option<String>,
    /// The queue, if it is elsewhere: `sqlite:FOLDER`, `sqs://PREFIX`. By default `sqlite:HOME/queue`.
    #[arg(long, global = true, env = "MILLSTREAM_QUEUE", value_name = "URL", hide_short_help = true)]
    pub queue: Option<String>,
    /// Folder on this machine for copies of reports and files. By default `HOME/runs`.
    #[arg(long, global = true, env = "MILLSTREAM_EXPORTS", value_name = "FOLDER", hide_short_help = true)]
    pub exports: Option<PathBuf>,
}

impl HomeArgs {
    /// The store and the queue that were asked for.
    pub fn location(&self) -> anyhow::Result<HomeLocation> {
        let folder = self.folder()?;
        let folder = folder
            .to_str()
            .ok_or_else(|| Usage(format!("--home {}: the path must be UTF-8", folder.display())))?;
        let mut location = HomeLocation::of_folder(folder);
        let read = |flag: &str, text: &str, scheme: &str| {
            Location::parse(text, scheme).map_err(|why| Usage(format!("{flag} {text:?}: {why}")))
        };
        if let Some(name) = &self.on {
            if self.store.is_some() || self.queue.is_some() {
                return Err(Usage(format!(
                    "--on {name} says where the home is, and so do --store or --queue (MILLSTREAM_STORE, MILLSTREAM_QUEUE); give one"
                ))
                .into());
            }
            let profile = profile::find(name)?;
            location.store = read(&format!("store of [on.{name}]:"), &profile.store, FILE)?;
            location.queue = read(&format!("queue of [on.{name}]:"), &profile.queue, SQLITE)?;
        }
        if let Some(store) = &self.store {
            location.store = read("--store", store, FILE)?;
        }
        if let Some(queue) = &self.queue {
            location.queue = read("--queue", queue, SQLITE)?;
        }
        Ok(location)
    }

    /// Others do the work there: what is started is followed, and no worker is started here.
    pub fn is_worked_on(&self) -> bool {
        self.on.is_some()
    }

    /// The profile's region is that of the environment, unless it has one. To be called before there are threads.
    pub fn enter_region(&self) {
        const VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        if VARIABLES.iter().any(|name| std::env::var_os(name).is_some()) {
            return;
        }
        // Whoever needs the profile says what is wrong with it.
        let profile = self.on.as_ref().and_then(|name| profile::find(name).ok());
        if let Some(region) = profile.and_then(|profile| profile.region) {
            // SAFETY: this process has no other threads yet.
            unsafe { std::env::set_var("AWS_REGION", region) };
        }
    }

    /// Where copies for people go.
    pub fn exports(&self) -> anyhow::Result<PathBuf> {
        match &self.exports {
            Some(folder) => whole(folder),
            None => Ok(self.folder()?.join("runs")),
        }
    }

    fn folder(&self) -> anyhow::Result<PathBuf> {
        whole(&self.home)
    }
}

fn whole(folder: &Path) -> anyhow::Result<PathBuf> {
    absolute(folder).with_context(|| format!("cannot use the folder {}", folder.display()))
}

#[cfg(all(test, not(feature = "aws")))]
mod tests {
    use millstream_errors::{Code, Coded as _};
    use millstream_queue::QueueOptions;

    use super::*;

    #[test]
    fn a_binary_without_aws_says_so() {
        let store = stores().open("s3://bucket/x").map(drop).unwrap_err();
        let queue = queues().open("sqs://x", QueueOptions::default()).map(drop).unwrap_err();
        assert_eq!((store.code(), queue.code()), (Code::AwsNotBuilt, Code::AwsNotBuilt));
        for text in [store.to_string(), queue.to_string()] {
            assert!(text.contains("pip install millstream") && text.contains("--features aws"), "{text}");
        }
    }
}
