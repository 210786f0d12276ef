//! A server that is measured: started on a free port of loopback, and ended with all that it started.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::{ask, processes};
use crate::run::shown;

/// MLflow's imports alone take many seconds on a busy machine.
const READY: Duration = Duration::from_secs(180);
const END: Duration = Duration::from_secs(10);

pub struct Server {
    child: Child,
    name: String,
    log: PathBuf,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl Server {
    /// Starts what `command` makes for a port, and waits until `ready`, a path, answers with 200.
    pub fn start(
        name: &str,
        folder: &Path,
        ready: &str,
        command: impl FnOnce(u16) -> Command,
    ) -> anyhow::Result<Self> {
        // Free a moment ago; nothing else here asks for one.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = folder.join(format!("{}.log", name.replace(' ', "-")));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = command(port);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("cannot start {}", shown(&command)))?;
        let url = format!("http://127.0.0.1:{port}");
        let mut server = Self { child, name: name.to_owned(), log, url };
        let agent = ask::agent(Duration::from_secs(5));
        let began = Instant::now();
        let address = format!("{}{ready}", server.url);
        while !ask::get(&agent, &address).is_ok_and(|reply| reply.status == 200) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended with {status}:\n{}", server.last_words());
            }
            if began.elapsed() > READY {
                bail!("{name} was not ready after {} s:\n{}", READY.as_secs(), server.last_words());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The end of its output.
    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Server {
    /// Asks first: servers of several processes end their workers themselves.
    fn drop(&mut self) {
        let all = processes::tree(self.child.id());
        signal("-TERM", &[self.child.id()]);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < END {
            thread::sleep(Duration::from_millis(20));
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            eprintln!("{} did not end when it was asked", self.name);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let left: Vec<u32> =
            all.into_iter().skip(1).filter(|id| Path::new(&format!("/proc/{id}")).exists()).collect();
        if !left.is_empty() {
            signal("-KILL", &left);
        }
    }
}

fn signal(which: &str, ids: &[u32]) {
    let ids = ids.iter().map(u32::to_string);
    // One that has ended meanwhile is no failure.
    let _ = Command::new("kill").arg(which).args(ids).stderr(Stdio::null()).status();
}
