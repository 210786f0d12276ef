//! Triggers over a store and a queue in memory, on a clock that is moved by hand: storms, races, crashes, missed times, concurrency.

mod alarms;
mod chains;
mod crashes;
mod schedules;
mod shell;
mod storms;
mod support;
