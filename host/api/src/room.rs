//! Room in memory for the bodies of requests and answers: by what has arrived or is left to send, for all together and for
//! each who asks.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    config::Limits,
    fault::{Fault, Kind},
};

/// Bodies up to this size are not counted: as many as there can be connections do no harm.
pub const SMALL: u64 = 64 << 10;

/// Who holds room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The holder of the API key of this name.
    Key(Arc<str>),
    /// Whoever is at this address, where no keys are needed.
    Peer(IpAddr),
}

/// Bytes that are held.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<Mutex<Sums>>);

#[derive(Debug, Default)]
struct Sums {
    all: u64,
    by: HashMap<Owner, u64>,
}

/// Room that is taken until it is dropped.
#[derive(Debug)]
pub struct Room {
    held: Held,
    owner: Owner,
    size: u64,
}

impl Held {
    /// Room for so many bytes; none is needed for a few.
    pub fn room(&self, owner: &Owner, size: u64, limits: &Limits) -> Result<Option<Room>, Fault> {
        let mut room = None;
        self.grow(&mut room, owner, size, limits)?;
        Ok(room)
    }

    /// Makes room as large as that; it never shrinks.
    pub fn grow(
        &self,
        room: &mut Option<Room>,
        owner: &Owner,
        size: u64,
        limits: &Limits,
    ) -> Result<(), Fault> {
        let has = room.as_ref().map_or(0, |room| room.size);
        if size <= SMALL.max(has) {
            return Ok(());
        }
        let mut sums = self.sums();
        let more = size - has;
        if sums.all + more > limits.bodies {
            return Err(full(format!(
                "the server holds as many bytes of requests and answers as it may, {}; try again later, or send fewer rows at a \
                 time",
                limits.bodies
            )));
        }
        if sums.by.get(owner).copied().unwrap_or(0) + more > limits.bodies_each {
            return Err(full(format!(
                "requests and answers of {} hold as many bytes as those of one caller may, {}; wait for answers that are \
                 under way, or send fewer rows at a time",
                match owner {
                    Owner::Key(name) => format!("API key `{name}`"),
                    Owner::Peer(address) => address.to_string(),
                },
                limits.bodies_each
            )));
        }
        *sums.by.entry(owner.clone()).or_default() += more;
        sums.all += more;
        drop(sums);
        match room {
            Some(room) => room.size = size,
            None => *room = Some(Room { held: self.clone(), owner: owner.clone(), size }),
        }
        Ok(())
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn full(message: String) -> Fault {
    Fault::new(Kind::Unavailable, message).retry_after(Duration::from_secs(1))
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut sums = self.held.sums();
        sums.all -= self.size;
        if let Some(mine) = sums.by.get_mut(&self.owner) {
            *mine -= self.size;
            if *mine == 0 {
                sums.by.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(bodies: u64, bodies_each: u64) -> Limits {
        Limits { bodies, bodies_each, ..Limits::default() }
    }

    #[test]
    fn room_is_shared_and_given_back() {
        let held = Held::default();
        let limits = limits(4 << 20, 3 << 20);
        let (ann, bob) = (Owner::Key("ann".into()), Owner::Peer([10, 0, 0, 1].into()));
        assert!(held.room(&ann, SMALL, &limits).unwrap().is_none());
        let mut first = held.room(&ann, 1 << 20, &limits).unwrap();
        held.grow(&mut first, &ann, 3 << 20, &limits).unwrap();
        // Less is no shrinking, and no error.
        held.grow(&mut first, &ann, 1, &limits).unwrap();
        let more = held.room(&ann, 1 << 20, &limits).unwrap_err();
        assert!(more.message.contains("API key `ann`"), "{}", more.message);
        let second = held.room(&bob, 1 << 20, &limits).unwrap();
        let more = held.room(&bob, 1 << 20, &limits).unwrap_err();
        assert_eq!(more.kind, Kind::Unavailable);
        assert!(more.message.contains("the server holds"), "{}", more.message);
        // What could not be had is not counted.
        assert_eq!(held.sums().all, 4 << 20);
        drop((first, second));
        let sums = held.sums();
        assert_eq!((sums.all, sums.by.len()), (0, 0));
    }
}
