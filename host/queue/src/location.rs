//! From a location to a queue.

use std::{fmt, sync::Arc};

use millstream_core::location::{Location, Schemes};

use crate::{Error, ErrorKind, Queue, QueueOptions, Result, SqliteQueue};

/// The scheme of folders with a SQLite file, and of locations that name none.
pub const SQLITE: &str = "sqlite";

/// Opens the queue at a location of one scheme.
pub type OpenQueue = fn(&Location, QueueOptions) -> Result<Arc<dyn Queue>>;

/// The kinds of queues that a program has: SQLite files (`sqlite:`), and what it registers beside them.
#[derive(Clone)]
pub struct Queues(Schemes<OpenQueue>);

impl Default for Queues {
    fn default() -> Self {
        Self(Schemes::<OpenQueue>::new("queue").register(SQLITE, |location, options| {
            let folder = location.folder().map_err(|why| refuse(&location.to_string(), &why))?;
            Ok(Arc::new(SqliteQueue::open(folder, options)?))
        }))
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queues").finish_non_exhaustive()
    }
}

impl Queues {
    /// One more kind.
    #[must_use]
    pub fn register(self, scheme: &'static str, open: OpenQueue) -> Self {
        Self(self.0.register(scheme, open))
    }

    /// Opens the queue at `location`: a plain path, `sqlite:FOLDER`, `sqlite:///an/absolute/folder`, or what else is registered.
    /// A folder is made if it is missing.
    ///
    /// # Errors
    /// `Unsupported` for other schemes; whatever opening it meets.
    pub fn open(&self, location: &str, options: QueueOptions) -> Result<Arc<dyn Queue>> {
        let location = Location::parse(location, SQLITE).map_err(|why| refuse(location, &why))?;
        self.open_at(&location, options)
    }

    /// The same for a location that was read before.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at(&self, location: &Location, options: QueueOptions) -> Result<Arc<dyn Queue>> {
        let open = self.0.find(location).map_err(|why| refuse(&location.to_string(), &why))?;
        open(location, options)
    }
}

fn refuse(location: &str, why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("cannot open {location:?}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryQueue, Outgoing, SystemClock};

    #[test]
    fn sqlite_and_nothing_else_unless_it_is_registered() {
        let folder = tempfile::tempdir().unwrap();
        let options = QueueOptions::default();
        let path = folder.path().join("queue");
        let open = |location: String| Queues::default().open(&location, options);
        open(format!("sqlite:{}", path.display())).unwrap().send("q", &[Outgoing::new("x")]).unwrap();
        for location in [path.display().to_string(), format!("sqlite://{}", path.display())] {
            assert_eq!(open(location).unwrap().stats("q").unwrap().visible, 1);
        }
        for location in ["", "sqlite:", "sqs://123/tasks", "file:x", "sqlite://host/a"] {
            let error = open(location.to_owned()).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{location}: {error}");
        }
        let error = open("sqs://123/tasks".to_owned()).map(drop).unwrap_err().to_string();
        assert!(error.contains("no queue for `sqs:`") && error.contains("sqlite:"), "{error}");
        let more = Queues::default()
            .register("sqs", |_, options| Ok(Arc::new(MemoryQueue::new(Arc::new(SystemClock), options)?)));
        assert!(more.open("sqs://123/tasks", options).unwrap().admin().is_some());
    }
}
