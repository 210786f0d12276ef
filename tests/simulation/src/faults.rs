//! Misfortune: what goes wrong in a schedule, and faults put in on purpose that the oracles must find.

/// How likely each misfortune is. A schedule draws which ones it has at all, so that some have much of few and few of many.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// A request to the store or queue fails before it has an effect.
    pub before: f64,
    /// It has its effect, and the answer is lost.
    pub after: f64,
    /// It takes from half a second to 90 s instead of some milliseconds.
    pub slow: f64,
    /// The process that makes a request is killed, before or after its effect.
    pub kill: f64,
    /// It is stopped for up to 200 s, and goes on.
    pub stop: f64,
    /// It stops as somebody asked it to, and lets its tasks go.
    pub leave: f64,
    /// Its wall clock is set, by up to ten minutes.
    pub clock: f64,
    /// A message that is sent comes twice.
    pub twice: f64,
    /// A message that was deleted comes again.
    pub undead: f64,
    /// Messages are late by up to 20 s, each by another time.
    pub late: f64,
    /// A function takes up to 400 s, which is longer than a message stays invisible.
    pub long: f64,
    /// An executor ends before its function does.
    pub executor: f64,
    /// The bytes of an artifact change, or it is gone.
    pub damage: f64,
    /// Somebody cancels a run, or retries it, while it goes on.
    pub meddle: f64,
}

impl Faults {
    /// Those of a schedule.
    pub fn draw(random: &mut fastrand::Rng) -> Self {
        let mut some = |most: f64| if random.bool() { random.f64() * most } else { 0.0 };
        Self {
            before: some(0.08),
            after: some(0.08),
            slow: some(0.03),
            kill: some(0.02),
            stop: some(0.006),
            leave: some(0.004),
            clock: some(0.01),
            twice: some(0.3),
            undead: some(0.2),
            late: some(1.0),
            long: some(0.4),
            executor: some(0.15),
            damage: some(0.03),
            meddle: some(1.0),
        }
    }
}

/// A fault put in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The store creates what is there already: `Absent` is not looked at.
    IgnoreAbsent,
    /// The store says that it wrote, and did not, one time in twenty.
    LoseWrites,
    /// Listings do not show what was written in the last ten seconds.
    StaleLists,
    /// A record that was written in the last ten seconds is not found by who did not write it.
    StaleReads,
    /// A worker deletes a message when it has received it, and not after it has sent the successors.
    DeleteEarly,
    /// The queue says that it has taken messages, and has not, one time in ten.
    LoseSends,
    /// Functions give other bytes each time.
    ImpureFunctions,
    /// Heartbeats do nothing, and say that all is well. This must be harmless.
    NoHeartbeats,
}
