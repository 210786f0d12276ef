//! Writes that take place once, or not at all, and are known to have.
//!
//! S3 decides about a condition, but its answer may be lost, and what the SDK sends again is then refused: by what it has written
//! itself. So each write has an id of its own in the object's metadata, and whoever is refused after more than one try, or gets no
//! answer, reads whose object is there.

use std::{fmt, time::Duration};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use millstream_aws::SendCount;
use millstream_store::{Condition, Error, ErrorKind, Result, Version};

use crate::{
    S3Store,
    error::{WRITE, answer},
    store::version,
};

/// The name of the write's id in an object's metadata.
pub(crate) const WRITE_ID: &str = "millstream-write";

/// Tries of a write that S3 answers by "at the same time as another one" (409), and the first wait between them.
const CONFLICTS: (u32, Duration) = (12, Duration::from_millis(20));

/// The id of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriteId(String);

impl WriteId {
    fn new() -> Self {
        Self(format!("{:032x}", fastrand::u128(..)))
    }
}

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of one try.
#[derive(Debug)]
pub(crate) enum Tried {
    /// The object is in this state.
    Done(Version),
    /// The condition does not hold, by S3's word.
    Refused,
    /// Another write came at the same time.
    Conflict,
    /// Something else.
    Failed(Error),
}

impl Tried {
    /// Reads the answer.
    pub(crate) fn of<T, E>(
        store: &S3Store,
        key: &str,
        condition: &Condition,
        answered: std::result::Result<T, SdkError<E, HttpResponse>>,
        e_tag: impl FnOnce(&T) -> Option<&str>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let error = match answered {
            Ok(output) => match e_tag(&output).and_then(version) {
                Some(version) => return Self::Done(version),
                None => {
                    return Self::Failed(Error::new(ErrorKind::Unavailable, "S3 gave no ETag for a write"));
                }
            },
            Err(error) => error,
        };
        match answer(&error) {
            Some((412, _)) => Self::Refused,
            Some((409, code)) if code != "BucketAlreadyExists" => Self::Conflict,
            // An earlier try has completed the upload, or somebody has ended it.
            Some((404, code)) if code == "NoSuchUpload" => Self::Refused,
            // There is nothing that could match.
            Some((404, code)) if code != "NoSuchBucket" && *condition != Condition::Any => Self::Refused,
            _ => Self::Failed(store.trouble(WRITE, key, &error)),
        }
    }
}

impl S3Store {
    /// Has `send` write the object `key` under `condition`, as often as it takes to know what became of it.
    pub(crate) async fn write<F>(
        &self,
        key: &str,
        condition: &Condition,
        mut send: impl FnMut(WriteId, SendCount) -> F,
    ) -> Result<Version>
    where
        F: Future<Output = Tried>,
    {
        let id = WriteId::new();
        let mut wait = CONFLICTS.1;
        let mut sent = 0;
        for _ in 0..CONFLICTS.0 {
            let attempts = SendCount::default();
            let tried = send(id.clone(), attempts.clone()).await;
            sent += attempts.count();
            match tried {
                Tried::Done(version) => return Ok(version),
                Tried::Refused if sent > 1 => {
                    return self.whose(key, &id).await?.ok_or_else(|| refused(key, condition));
                }
                Tried::Refused => return Err(refused(key, condition)),
                Tried::Conflict => {
                    tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64())).await;
                    wait = (wait * 2).min(Duration::from_secs(2));
                }
                Tried::Failed(error) => {
                    // If that cannot be read either, it stays open.
                    if error.kind() == ErrorKind::Unavailable
                        && let Ok(Some(version)) = self.whose(key, &id).await
                    {
                        return Ok(version);
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::new(ErrorKind::Unavailable, format!("others write {key:?} all the time; try again later")))
    }

    /// The object's state, if the write `id` made it.
    async fn whose(&self, key: &str, id: &WriteId) -> Result<Option<Version>> {
        let Some(found) = self.look(key).await? else { return Ok(None) };
        let own = found.metadata().and_then(|all| all.get(WRITE_ID)).is_some_and(|found| *found == id.0);
        Ok(if own { found.e_tag().and_then(version) } else { None })
    }
}

fn refused(key: &str, condition: &Condition) -> Error {
    let message = match condition {
        Condition::Any => {
            let message = format!("somebody has ended the upload of {key:?}; try again");
            return Error::new(ErrorKind::Unavailable, message);
        }
        Condition::Matches(expected) => {
            format!("object {key:?} has changed since version {expected} was read")
        }
        Condition::Absent => format!("object {key:?} exists already"),
    };
    Error::new(ErrorKind::PreconditionFailed, message)
}
