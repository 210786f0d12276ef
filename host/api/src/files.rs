//! How many connections the process may have: each is a file, and the rest of the server needs files too.

/// Files that are left for everything else: the store, predictors, executors, the queue.
#[cfg(unix)]
const RESERVE: u64 = 256;

/// Raises the number of files that this process may open as far as it may, and gives the connections that this leaves room
/// for, `wanted` at most.
#[cfg(unix)]
pub fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    // Some systems have another limit beside the one they tell, and refuse more.
    const ELSE: u64 = 10_240;
    for more in [limit.maximum, Some(limit.maximum.map_or(ELSE, |most| most.min(ELSE)))] {
        let raises = limit.current.is_some_and(|now| more.is_none_or(|more| more > now));
        if raises && setrlimit(Resource::Nofile, Rlimit { current: more, ..limit }).is_ok() {
            break;
        }
    }
    let files = getrlimit(Resource::Nofile).current;
    let most = files.map_or(wanted, |files| room(files).min(wanted as u64) as usize);
    if most < wanted {
        tracing::warn!(
            connections = most,
            files,
            "fewer connections at once than {wanted}: the process may not open more files (`ulimit -Hn`)"
        );
    }
    most
}

#[cfg(not(unix))]
pub fn connections(wanted: usize) -> usize {
    wanted
}

/// Connections that fit among so many files.
#[cfg(unix)]
fn room(files: u64) -> u64 {
    (files - RESERVE.min(files / 2)).max(1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_for_the_store() {
        assert_eq!([room(1024), room(4096), room(256), room(2), room(0)], [768, 3840, 128, 1, 1]);
    }

    #[test]
    fn the_soft_limit_is_raised() {
        assert_eq!(connections(1), 1);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert!(limit.current >= limit.maximum.map(|most| most.min(10_240)), "{limit:?}");
    }
}
