//! The connections that are open, and which of them has to go when there are as many as may be.
//!
//! A connection is let go for a new one only while it waits for its client: one without a request at any time, the one that
//! has waited longest first; one whose request or answer is on its way only if nothing has moved for a while, or if its
//! address holds more than half of all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// No request, or its answer is handed over to be sent.
    Idle,
    /// A request's body is awaited.
    Receiving,
    /// A request is answered.
    Working,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    peer: IpAddr,
    opened: Instant,
    /// When a byte came or went last, in milliseconds since it was opened.
    moved: AtomicU64,
    phase: AtomicU8,
    /// Its client does not take what is to be sent.
    blocked: AtomicBool,
    close: Notify,
}

/// All that are open.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Arc<Connection>>,
}

/// A connection's place among those that are open, until it is dropped.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    number: u64,
    pub connection: Arc<Connection>,
}

/// Nothing has moved for so long: the client has stopped.
const STOPPED: Duration = Duration::from_secs(2);

impl Connection {
    fn new(peer: IpAddr) -> Self {
        Self {
            peer,
            opened: Instant::now(),
            moved: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Idle as u8),
            blocked: AtomicBool::new(false),
            close: Notify::new(),
        }
    }

    /// One that is in no list.
    pub fn alone(peer: IpAddr) -> Arc<Self> {
        Arc::new(Self::new(peer))
    }

    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        if phase == Phase::Receiving {
            // Its bytes begin to be awaited now. The other phases begin with bytes that have come, or end with such that go.
            self.moved();
        }
    }

    /// A byte came or went.
    pub fn moved(&self) {
        self.moved.store(self.opened.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether its client takes what is to be sent.
    pub fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// When it has to go.
    pub async fn let_go(&self) {
        self.close.notified().await;
    }

    fn still(&self) -> Duration {
        self.opened.elapsed().saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)))
    }

    fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    fn is_idle(&self) -> bool {
        self.is(Phase::Idle) && !self.blocked.load(Ordering::Relaxed)
    }
}

impl Connections {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), open: Mutex::default() })
    }

    /// A place for a new connection. If there is none left another connection is let go; none: no other can be.
    pub fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut open = self.open();
        if open.all.len() >= self.most {
            let number = longest_waiting(&open.all, peer, self.most)?;
            if let Some(gone) = open.all.remove(&number) {
                gone.close.notify_one();
            }
        }
        let number = open.next;
        open.next += 1;
        let connection = Arc::new(Connection::new(peer));
        open.all.insert(number, connection.clone());
        drop(open);
        Some(Place { connections: self.clone(), number, connection })
    }

    /// Lets the connection go that has waited for its client longest, whoever asks for it. False: there is none.
    pub fn let_one_go(&self) -> bool {
        let mut open = self.open();
        let idle = open.all.iter().filter(|(_, connection)| connection.is_idle());
        let Some(number) = idle.max_by_key(|(_, connection)| connection.still()).map(|(number, _)| *number)
        else {
            return false;
        };
        if let Some(gone) = open.all.remove(&number) {
            gone.close.notify_one();
        }
        true
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().all.remove(&self.number);
    }
}

fn longest_waiting(all: &HashMap<u64, Arc<Connection>>, newcomer: IpAddr, most: usize) -> Option<u64> {
    let longest = |may_go: &dyn Fn(&Connection) -> bool| {
        all.iter()
            .filter(|(_, connection)| may_go(connection))
            .max_by_key(|(_, connection)| connection.still())
            .map(|(number, _)| *number)
    };
    if let Some(number) = longest(&Connection::is_idle) {
        return Some(number);
    }
    let waits = |connection: &Connection| !connection.is(Phase::Working);
    if let Some(number) = longest(&|connection| waits(connection) && connection.still() >= STOPPED) {
        return Some(number);
    }
    // Many that each send a byte now and then, all from one address.
    let mut by_peer: HashMap<IpAddr, usize> = HashMap::new();
    for connection in all.values() {
        *by_peer.entry(connection.peer).or_default() += 1;
    }
    let (heavy, _) = by_peer.into_iter().find(|(_, count)| *count > most / 2)?;
    if heavy == newcomer {
        return None;
    }
    longest(&|connection| connection.peer == heavy && waits(connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    /// As if it had waited for so long.
    fn age(place: &Place, seconds: u64) {
        let connection = &place.connection;
        let older = Connection {
            peer: connection.peer,
            opened: connection.opened - Duration::from_secs(seconds),
            moved: AtomicU64::new(0),
            phase: AtomicU8::new(connection.phase.load(Ordering::Relaxed)),
            blocked: AtomicBool::new(connection.blocked.load(Ordering::Relaxed)),
            close: Notify::new(),
        };
        place.connections.open().all.insert(place.number, Arc::new(older));
    }

    fn is_there(place: &Place) -> bool {
        place.connections.open().all.contains_key(&place.number)
    }

    #[test]
    fn the_one_that_waited_longest_goes_and_no_request_is_harmed() {
        let connections = Connections::new(3);
        let places: Vec<Place> = (0..3).map(|n| connections.enter(peer(n)).unwrap()).collect();
        places[0].connection.enter(Phase::Working);
        age(&places[0], 100);
        age(&places[1], 5);
        age(&places[2], 10);
        let new = connections.enter(peer(9)).unwrap();
        assert_eq!([0, 1, 2].map(|n| is_there(&places[n])), [true, true, false]);
        let newer = connections.enter(peer(9)).unwrap();
        assert_eq!((is_there(&places[1]), is_there(&new)), (false, true));
        new.connection.enter(Phase::Working);
        newer.connection.enter(Phase::Working);
        assert!(connections.enter(peer(9)).is_none(), "all are answered");
        drop(new);
        assert!(connections.enter(peer(9)).is_some());
    }

    #[test]
    fn a_client_that_stopped_in_the_middle_goes_one_that_goes_on_does_not() {
        let connections = Connections::new(2);
        let [first, second] = [1, 2].map(|n| connections.enter(peer(n)).unwrap());
        first.connection.enter(Phase::Receiving);
        second.connection.set_blocked(true);
        assert!(connections.enter(peer(3)).is_none());
        age(&second, 3);
        let third = connections.enter(peer(3)).unwrap();
        assert_eq!((is_there(&first), is_there(&second), is_there(&third)), (true, false, true));
    }

    #[test]
    fn an_address_that_holds_most_makes_room_for_others() {
        let connections = Connections::new(4);
        let many: Vec<Place> = (0..4).map(|_| connections.enter(peer(1)).unwrap()).collect();
        many.iter().for_each(|place| place.connection.enter(Phase::Receiving));
        assert!(connections.enter(peer(1)).is_none(), "it has enough");
        assert!(connections.enter(peer(2)).is_some());
        assert_eq!(many.iter().filter(|place| is_there(place)).count(), 3);
    }

    #[test]
    fn an_idle_one_can_be_let_go_at_any_time() {
        let connections = Connections::new(9);
        assert!(!connections.let_one_go());
        let place = connections.enter(peer(1)).unwrap();
        place.connection.enter(Phase::Working);
        assert!(!connections.let_one_go());
        place.connection.enter(Phase::Idle);
        assert!(connections.let_one_go());
        assert!(!is_there(&place));
    }
}
