//! Pools of a home: groups of workers with so much memory each, every one with a queue of its own.
//!
//! On AWS a pool is a Lambda function and the queue that feeds it. The record is written when the stack is deployed; a home without
//! one has a single queue for all tasks, beside those of pools that steps name and somebody serves by `--pool`.

use serde::{Deserialize, Serialize};

/// A pool: `{"name": "small", "memory": 1769}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// What one of its workers has, in MB of 1,048,576 bytes, as Lambda counts.
    pub memory: u64,
}

impl Pool {
    /// In bytes.
    pub fn bytes(&self) -> u64 {
        self.memory << 20
    }
}

/// The pools of a home, least first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pools(Vec<Pool>);

/// Why no pool can run a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// None has this name.
    #[error("there is no pool `{name}`; there {pools}")]
    NoSuchPool {
        /// As it was named.
        name: String,
        /// Those that there are, in words.
        pools: String,
    },
    /// Each has less memory.
    #[error("no pool has the {asked} MB that its `limits.memory` asks for; there {pools}")]
    TooSmall {
        /// In MB, rounded up.
        asked: u64,
        /// Those that there are, in words.
        pools: String,
    },
    /// The one that it names has less memory.
    #[error("pool `{name}` has {memory} MB, and its `limits.memory` asks for {asked} MB; there {pools}")]
    PoolTooSmall {
        /// The pool.
        name: String,
        /// Of the pool, in MB.
        memory: u64,
        /// In MB, rounded up.
        asked: u64,
        /// Those that there are, in words.
        pools: String,
    },
}

impl Pools {
    /// These, least first whatever their order.
    pub fn new(mut pools: Vec<Pool>) -> Self {
        pools.sort_by_key(|pool| pool.memory);
        Self(pools)
    }

    /// Reads the record.
    ///
    /// # Errors
    /// What is wrong with it: not JSON of this form, no pool at all, or a name that is there twice.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let Self(pools) = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if pools.is_empty() {
            return Err("it names no pool".to_owned());
        }
        let twice = |(at, pool): (usize, &Pool)| pools[..at].iter().any(|other| other.name == pool.name);
        if let Some((_, pool)) = pools.iter().enumerate().find(|one| twice(*one)) {
            return Err(format!("pool `{}` is there twice", pool.name));
        }
        Ok(Self::new(pools))
    }

    /// Least first.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.0.iter()
    }

    /// The pool of a step: the one that it names, or the least that holds its limit of memory, in bytes. A step without a limit goes
    /// to the least of all.
    ///
    /// # Errors
    /// There is none that can run it.
    pub fn of(&self, named: Option<&str>, memory: Option<u64>) -> Result<&Pool, Unfit> {
        let asked = memory.unwrap_or(0).div_ceil(1 << 20);
        let Some(name) = named else {
            let fits = |pool: &&Pool| pool.memory >= asked;
            return self.0.iter().find(fits).ok_or_else(|| Unfit::TooSmall { asked, pools: self.told() });
        };
        let pool = self.0.iter().find(|pool| pool.name == name);
        let pool = pool.ok_or_else(|| Unfit::NoSuchPool { name: name.to_owned(), pools: self.told() })?;
        if pool.memory < asked {
            let name = name.to_owned();
            return Err(Unfit::PoolTooSmall { name, memory: pool.memory, asked, pools: self.told() });
        }
        Ok(pool)
    }

    /// `are small (1769 MB) and large (10240 MB)`.
    fn told(&self) -> String {
        let all: Vec<String> =
            self.0.iter().map(|pool| format!("{} ({} MB)", pool.name, pool.memory)).collect();
        match all.split_last() {
            None => "is none".to_owned(),
            Some((only, [])) => format!("is {only}"),
            Some((last, rest)) => format!("are {} and {last}", rest.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools() -> Pools {
        let text = r#"[{"name": "large", "memory": 10240}, {"name": "small", "memory": 1769}, {"name": "standard", "memory": 5308}]"#;
        Pools::from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_step_goes_to_the_least_pool_that_holds_it() {
        let pools = pools();
        let of = |memory| pools.of(None, memory).map(|pool| pool.name.as_str());
        assert_eq!(of(None), Ok("small"));
        assert_eq!(of(Some(1769 << 20)), Ok("small"));
        assert_eq!(of(Some((1769 << 20) + 1)), Ok("standard"));
        assert_eq!(of(Some(10 << 30)), Ok("large"));
        let error = of(Some(11 << 30)).unwrap_err().to_string();
        assert!(error.contains("11264 MB") && error.contains("small (1769 MB), standard"), "{error}");
    }

    #[test]
    fn a_pool_that_is_named_must_be_there_and_hold_the_step() {
        let pools = pools();
        assert_eq!(pools.of(Some("large"), Some(1 << 20)).unwrap().name, "large");
        assert!(matches!(pools.of(Some("gpu"), None), Err(Unfit::NoSuchPool { .. })));
        let error = pools.of(Some("small"), Some(4 << 30)).unwrap_err().to_string();
        assert!(error.contains("`small` has 1769 MB") && error.contains("4096 MB"), "{error}");
    }

    #[test]
    fn a_record_that_makes_no_sense_is_refused() {
        for (text, why) in [
            ("[]", "no pool"),
            ("{}", "sequence"),
            (r#"[{"name": "a", "memory": 1, "cpu": 2}]"#, "unknown field"),
            (r#"[{"name": "a", "memory": 1}, {"name": "a", "memory": 2}]"#, "twice"),
        ] {
            let error = Pools::from_json(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
