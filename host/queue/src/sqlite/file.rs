//! The database file: schema, versions, connections.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    thread,
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior, config::DbConfig};

use crate::{Error, Result, error::Detail};

/// "MsQu", so that nobody else's file is taken for a queue.
const APPLICATION_ID: i32 = 0x4d73_5175;
/// Goes up with each change of the schema.
const SCHEMA_VERSION: i32 = 1;

/// `visible_at` is when a message may be received next: after its delay, its time-out, or at once. Times are
/// milliseconds since the Unix epoch. `consumer` is the handle that received it last, unless it was given back since.
/// Ids are never used again (AUTOINCREMENT), on which receipts rely.
const SCHEMA: &str = "
CREATE TABLE messages (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    queue         TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    sent_at       INTEGER NOT NULL,
    visible_at    INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    generation    INTEGER NOT NULL DEFAULT 0,
    consumer      TEXT
) STRICT;
CREATE INDEX messages_by_time ON messages (queue, visible_at);
CREATE INDEX messages_by_consumer ON messages (consumer) WHERE consumer IS NOT NULL;
";

/// How long a writer waits for writers in other processes.
const BUSY: Duration = Duration::from_secs(10);
const BUSY_PAUSE: Duration = Duration::from_micros(200);

/// The same file twice; SQLite sets how durable a commit is by connection.
#[derive(Debug)]
pub(super) struct Connections {
    /// Commits survive a power failure (a sync of the log each): for what must not be lost.
    pub(super) durable: Connection,
    /// Commits survive the process; after a power failure the last ones may be undone, never torn: a message is received
    /// again, which at-least-once allows.
    pub(super) relaxed: Connection,
}

impl Connections {
    /// Opens the file, and makes it if it is missing. The caller lets one process in at a time.
    pub(super) fn open(path: &Path) -> Result<Self> {
        // Messages are their owner's alone. SQLite gives its other files the mode of this one. Only a new file is opened here:
        // to close one that SQLite has open would take its locks away.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io("create", path, e)),
            _ => {}
        }
        let mut durable = connect(path)?;
        prepare(&mut durable, path)?;
        durable.pragma_update(None, "synchronous", "FULL")?;
        let relaxed = connect(path)?;
        relaxed.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { durable, relaxed })
    }
}

/// Makes a folder for its owner alone; one that is there stays as it is.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file for writing, and makes it for its owner alone if it is missing.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn connect(path: &Path) -> Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_handler(Some(|tries| {
        // Commits take tenths of a millisecond; SQLite's own handler sleeps for whole ones.
        thread::sleep(BUSY_PAUSE);
        BUSY_PAUSE * u32::try_from(tries).unwrap_or(u32::MAX) < BUSY
    }))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Checks whose file it is, and makes the tables of an empty one.
fn prepare(connection: &mut Connection, path: &Path) -> Result<()> {
    let pragma = |c: &Connection, name: &str| c.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let shown = || path.display().to_string();
    let application = pragma(connection, "application_id")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 && application == 0 {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
        return Ok(());
    }
    if application != APPLICATION_ID {
        return Err(Detail::Foreign { path: shown(), found: application }.into());
    }
    let version = pragma(connection, "user_version")?;
    if version != SCHEMA_VERSION {
        return Err(Detail::TooNew { path: shown(), found: version, known: SCHEMA_VERSION }.into());
    }
    Ok(())
}
