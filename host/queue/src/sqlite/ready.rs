//! What can be received.

use rusqlite::{Transaction, params};

use crate::{Result, receipt::Handle};

/// A message that can be received.
pub struct Ready {
    pub handle: Handle,
    pub body: String,
    pub sent_at: i64,
    pub receive_count: u32,
}

/// The messages of `queue` that can be received at `now`, longest visible first; at most `max`.
pub fn ready(transaction: &Transaction<'_>, queue: &str, now: i64, max: usize) -> Result<Vec<Ready>> {
    let mut select = transaction.prepare_cached(
        "SELECT id, generation, body, sent_at, receive_count FROM messages
         WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at, id LIMIT ?3",
    )?;
    let rows = select.query_map(params![queue, now, i64::try_from(max).unwrap_or(i64::MAX)], |row| {
        Ok(Ready {
            handle: Handle { id: row.get(0)?, generation: row.get(1)? },
            body: row.get(2)?,
            sent_at: row.get(3)?,
            receive_count: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
