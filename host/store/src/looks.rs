//! How often a store is looked at by whoever waits for something to change.

use std::time::Duration;

/// How often a store may be looked at while somebody waits for news: no two looks are closer than `least`, and none is later
/// than `most`, however long nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// Between two looks while things happen.
    pub least: Duration,
    /// Between two looks while nothing happens.
    pub most: Duration,
    /// Whether each request costs money or a way over the network, so that what is known is not asked again.
    pub metered: bool,
}

impl Looks {
    /// On this machine: a look costs next to nothing.
    pub const LOCAL: Self =
        Self { least: Duration::from_millis(250), most: Duration::from_millis(500), metered: false };
    /// Over the network: two looks a minute while nothing happens.
    pub const REMOTE: Self =
        Self { least: Duration::from_secs(2), most: Duration::from_secs(30), metered: true };

    /// The waits between looks, from now on.
    pub fn pace(self) -> Pace {
        Pace { looks: self, next: self.least }
    }
}

/// Waits that grow from [`Looks::least`] to [`Looks::most`] while there is no news.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    looks: Looks,
    next: Duration,
}

impl Pace {
    /// How long to wait before the next look, after one that found `news` or none.
    pub fn after(&mut self, news: bool) -> Duration {
        let wait = if news { self.looks.least } else { self.next };
        self.next = (wait * 2).min(self.looks.most);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_while_nothing_happens() {
        let mut pace = Looks::REMOTE.pace();
        let waits: Vec<u64> = (0..6).map(|_| pace.after(false).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 30, 30]);
        assert_eq!(pace.after(true).as_secs(), 2);
        assert_eq!(pace.after(false).as_secs(), 4);
        let mut near = Looks::LOCAL.pace();
        assert!((0..9).all(|_| near.after(false) <= Duration::from_millis(500)));
    }
}
