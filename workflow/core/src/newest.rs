//! The names of a workflow's newest runs, as they are kept under [`layout::latest`](crate::layout::latest): so that nobody has to
//! go through all runs to find the last one of a workflow.

/// Names of runs, those that were started last first; a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newest(Vec<String>);

/// How many are kept.
pub const KEPT: usize = 20;

impl Newest {
    /// As they were written.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Self(text.lines().filter(|run| !run.is_empty()).take(KEPT).map(str::to_owned).collect())
    }

    /// As they are written.
    pub fn text(&self) -> String {
        self.0.join("\n")
    }

    /// The runs, the newest first.
    pub fn runs(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds a run that is started now; none if it is there.
    #[must_use]
    pub fn with(&self, run: &str) -> Option<Self> {
        if self.0.iter().any(|known| known == run) {
            return None;
        }
        Some(Self(std::iter::once(run.to_owned()).chain(self.0.iter().take(KEPT - 1).cloned()).collect()))
    }

    /// The run that was started before this one; the last one, if this one is not there.
    pub fn before(&self, run: &str) -> Option<&str> {
        let at = self.0.iter().position(|known| known == run).map_or(0, |at| at + 1);
        self.0.get(at).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut newest = Newest::default();
        assert_eq!(newest.before("r0"), None);
        for run in 0..25 {
            newest = newest.with(&format!("r{run}")).expect("a new one");
        }
        assert_eq!(newest.runs().count(), KEPT);
        assert_eq!(newest.runs().next(), Some("r24"));
        assert_eq!(Newest::parse(newest.text().as_bytes()), newest);
        assert_eq!((newest.before("r25"), newest.before("r24")), (Some("r24"), Some("r23")));
        assert_eq!(newest.with("r24"), None, "the same start again");
        assert_eq!(newest.before("r5"), None);
    }
}
