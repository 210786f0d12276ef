//! Messages that nobody could deal with: what they are about, and what can be done about them.
//!
//! A task or a request whose worker or server ended each time comes to the dead letters. Workers and servers mark it as failed; its
//! message stays there, for whoever looks into it.

use std::time::UNIX_EPOCH;

use millstream_core::{
    completion::FailureRecord,
    failure::Failure,
    nearest,
    task::{Message, Task},
};
use millstream_endpoint::later::{self, QUEUE, QueuedRequest};
use millstream_errors::{Code, Coded};
use millstream_queue::{DeadLetter, MessageId, Outgoing, QueueAdmin};
use millstream_state::Run;
use millstream_worker::{Home, Records};
use serde::Serialize;

use crate::runs;

/// A message that was delivered too often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Letter {
    /// Names it.
    pub id: String,
    /// The queue that it comes from.
    pub queue: String,
    /// What it is about.
    pub about: About,
    /// How often it was delivered.
    pub deliveries: u32,
    /// When it was sent, in milliseconds since 1970 UTC.
    pub sent: u64,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// A task of a run.
    Task {
        /// The run.
        run: String,
        /// The step.
        step: String,
        /// Which of its tasks.
        task: u32,
    },
    /// A request that is answered later.
    Request {
        /// The endpoint.
        endpoint: String,
        /// The request's inference id.
        id: String,
    },
    /// Nobody knows: the message, at most its first 200 characters.
    Unknown(String),
}

/// Why nothing can be done about a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such letter, or it cannot be redriven. The text says what can be done.
    #[error("{0}")]
    Invalid(String),
    /// The kind of queue does not show them.
    #[error(
        "the queue of {home} does not show its dead letters; look at them with the tools of whoever runs it"
    )]
    Hidden {
        /// The home.
        home: String,
    },
    /// The run cannot be retried.
    #[error(transparent)]
    Run(#[from] runs::Error),
    /// A run's records cannot be read or written.
    #[error(transparent)]
    State(#[from] millstream_state::Error<millstream_store::Error>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] millstream_queue::Error),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::Hidden { .. } => Code::DeadLetter,
            Self::Run(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Queue(error) => error.code(),
        }
    }
}

/// Letters that are read in one go.
const PAGE: usize = 1000;

/// All dead letters, by queue, oldest first.
///
/// # Errors
/// The queue is out of reach, or of a kind whose dead letters nobody can list from here.
pub fn list(home: &Home) -> Result<Vec<Letter>, Error> {
    Ok(all(admin(home)?)?)
}

/// Who looks after the queues of `home`.
fn admin(home: &Home) -> Result<&dyn QueueAdmin, Error> {
    home.queue().admin().ok_or_else(|| Error::Hidden { home: home.location().to_string() })
}

fn all(admin: &dyn QueueAdmin) -> Result<Vec<Letter>, millstream_queue::Error> {
    let mut letters = Vec::new();
    for queue in admin.queues()? {
        let mut after = None;
        loop {
            let page = admin.dead_letters(&queue, after.as_ref(), PAGE)?;
            letters.extend(page.letters.into_iter().map(|letter| read(&queue, letter)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(letters)
}

fn read(queue: &str, letter: DeadLetter) -> Letter {
    let about = if queue == QUEUE {
        serde_json::from_str(&letter.body)
            .ok()
            .map(|QueuedRequest { endpoint, id }| About::Request { endpoint, id })
    } else {
        serde_json::from_str(&letter.body).ok().map(|Message { run, step, task }| About::Task {
            run,
            step,
            task,
        })
    };
    Letter {
        id: letter.id.0,
        queue: queue.to_owned(),
        about: about.unwrap_or_else(|| About::Unknown(letter.body.chars().take(200).collect())),
        deliveries: letter.receive_count,
        sent: letter.sent_at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
    }
}

/// The letters of these ids.
///
/// # Errors
/// There is none of one of them, or the queue is out of reach.
pub fn find(home: &Home, ids: &[String]) -> Result<Vec<Letter>, Error> {
    let letters = list(home)?;
    let find = |id: &String| {
        letters.iter().find(|letter| letter.id == *id).cloned().ok_or_else(|| {
            let help = if letters.is_empty() {
                "there are none".to_owned()
            } else {
                nearest::or_all(id, letters.iter().map(|letter| letter.id.as_str()), "letters")
            };
            Error::Invalid(format!("there is no dead letter `{id}`; {help}"))
        })
    };
    ids.iter().map(find).collect()
}

/// Has a message dealt with once more: a request is answered, and the run of a task is retried, with all that has failed in it.
/// Dead letters of the same run go with it. Harmless if somebody did so before.
///
/// # Errors
/// The task's run is gone, or store or queue failed.
pub fn redrive(home: &Home, letter: &Letter) -> Result<(), Error> {
    let id = MessageId(letter.id.clone());
    match &letter.about {
        About::Task { run, .. } => {
            let Some(plan) = Records::new(home.store().clone()).plan(run)? else {
                return Err(Error::Invalid(format!(
                    "run {run} is gone; `millstream dead rm {}` removes the letter",
                    letter.id
                )));
            };
            if !runs::retry(home, &plan)? {
                // The run has succeeded without it.
                admin(home)?.delete_dead_letter(&letter.queue, &id)?;
            }
        }
        About::Request { endpoint, id: request } => {
            let request = QueuedRequest { endpoint: endpoint.clone(), id: request.clone() };
            later::reopen(home.store().as_ref(), &request)?;
            admin(home)?.redrive(&letter.queue, Some(&id))?;
        }
        About::Unknown(_) => {
            admin(home)?.redrive(&letter.queue, Some(&id))?;
        }
    }
    Ok(())
}

/// Removes a message for good. What it is about has failed by then: if nobody has written that down yet, it is now.
///
/// # Errors
/// Store or queue failed.
pub fn remove(home: &Home, letter: &Letter) -> Result<(), Error> {
    match &letter.about {
        About::Task { run, step, task } => {
            fail(home, letter, Message { run: run.clone(), step: step.clone(), task: *task })?;
        }
        About::Request { endpoint, id } => {
            let request = QueuedRequest { endpoint: endpoint.clone(), id: id.clone() };
            later::give_up(home.store().as_ref(), &request, home.now())?;
        }
        About::Unknown(_) => {}
    }
    admin(home)?.delete_dead_letter(&letter.queue, &MessageId(letter.id.clone()))?;
    Ok(())
}

/// Marks a letter's task as failed, unless it has come to an end, and has a worker tell the rest of the run.
fn fail(home: &Home, letter: &Letter, message: Message) -> Result<(), Error> {
    let records = Records::new(home.store().clone());
    let Some(plan) = records.plan(&message.run)? else { return Ok(()) };
    let run = Run::new(&plan, &records);
    let task = Task { step: message.step.clone(), task: message.task };
    if run.completion(&task)?.is_some() || run.failure(&task)?.is_some() {
        return Ok(());
    }
    run.fail(&FailureRecord {
        step: message.step.clone(),
        task: message.task,
        failure: Failure::Host { message: "its message was removed from the dead letters".to_owned() },
        attempts: letter.deliveries,
        at: home.now(),
        blocked_by: None,
    })?;
    let body = serde_json::to_string(&message).expect("a message is JSON");
    home.queue().send(&letter.queue, &[Outgoing::new(body).of(&message.run)])?;
    Ok(())
}

/// Removes the dead letters of a run that is about to be retried: its tasks are sent anew.
pub(crate) fn forget(home: &Home, run: &str) -> Result<(), millstream_queue::Error> {
    // Where nobody can look at dead letters, nobody marks them as failed either: they stay.
    let Some(admin) = home.queue().admin() else { return Ok(()) };
    for letter in all(admin)? {
        if matches!(&letter.about, About::Task { run: of, .. } if of == run) {
            admin.delete_dead_letter(&letter.queue, &MessageId(letter.id))?;
        }
    }
    Ok(())
}
