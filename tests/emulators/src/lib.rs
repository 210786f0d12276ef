//! Emulators of AWS for tests: from PyPI, on free ports, gone with the test that started them.
//!
//! [`ministack`] and [`moto`] give one that all tests of a process share; [`Emulator::start`] gives one of its own. None where PyPI
//! is out of reach: one line says so, and the test is skipped. What each emulator does otherwise than AWS: [`lies`].

mod install;
pub mod lies;
pub mod proxy;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// From the start to the first answer, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(90);

/// Runs an emulator until nobody holds the other end of its input: whoever started it has ended, however that came. What the
/// emulator started (functions of Lambda) goes with it.
const LAUNCHER: &str = "
import os, signal, sys, threading
def watch():
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
from importlib import import_module
module = sys.argv[1]
sys.argv = sys.argv[1:]
import_module(module).main()
";

/// Which emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// MiniStack: S3, SQS, Lambda, EventBridge, CloudFormation and more, quick.
    MiniStack,
    /// moto: the oldest one.
    Moto,
}

impl Kind {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::MiniStack => "MiniStack",
            Self::Moto => "moto",
        }
    }

    fn module(self) -> &'static str {
        match self {
            Self::MiniStack => "ministack.app",
            Self::Moto => "moto.server",
        }
    }
}

/// A running emulator. Dropped, it ends.
#[derive(Debug)]
pub struct Emulator {
    kind: Kind,
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

/// The MiniStack that all tests of this process share.
pub fn ministack() -> Option<&'static Emulator> {
    static SHARED: OnceLock<Option<Emulator>> = OnceLock::new();
    SHARED.get_or_init(|| Emulator::start(Kind::MiniStack)).as_ref()
}

/// The moto that all tests of this process share.
pub fn moto() -> Option<&'static Emulator> {
    static SHARED: OnceLock<Option<Emulator>> = OnceLock::new();
    SHARED.get_or_init(|| Emulator::start(Kind::Moto)).as_ref()
}

impl Emulator {
    /// One of its own, empty.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(kind: Kind) -> Option<Self> {
        let python = match install::python() {
            Ok(python) => python,
            Err(why) => {
                // Past the test harness, which keeps what a passing test prints to itself.
                let _ = std::io::Write::write_all(
                    &mut std::io::stderr(),
                    format!("skipped: no {}: {why}\n", kind.name()).as_bytes(),
                );
                return None;
            }
        };
        // A port that was free may be taken by the time the emulator comes to it.
        let tries = (0..3).find_map(|_| Self::launch(kind, &python).ok());
        Some(tries.unwrap_or_else(|| panic!("{} does not start", kind.name())))
    }

    fn launch(kind: Kind, python: &std::path::Path) -> Result<Self, ()> {
        let folder = tempfile::Builder::new().prefix("emulator").tempdir().expect("a temporary folder");
        let port = free_port();
        let mut command = Command::new(python);
        command.args(["-c", LAUNCHER, kind.module()]).current_dir(folder.path());
        if kind == Kind::Moto {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        }
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("TMPDIR", folder.path())
            .env("LOG_LEVEL", "ERROR")
            // They listen on ports of their own, always the same.
            .env("SFTP_ENABLED", "0")
            .env("IOT_MTLS_ENABLED", "0");
        let log = std::fs::File::create(folder.path().join("log")).expect("a file for the log");
        command.stdin(Stdio::piped()).stdout(log.try_clone().expect("the log twice")).stderr(log);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process = command.spawn().expect("Python starts");
        let mut emulator = Self { kind, process, port, _folder: folder };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Ok(emulator);
            }
            if let Ok(Some(status)) = emulator.process.try_wait() {
                let log = std::fs::read_to_string(emulator._folder.path().join("log")).unwrap_or_default();
                eprintln!("{} ended with {status}:\n{log}", kind.name());
                return Err(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(())
    }

    /// Which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its endpoint, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What an SDK or the binary needs in the environment to use this emulator and nothing else.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(&self.url())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Its launcher ends the whole group.
        drop(self.process.stdin.take());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What an SDK or the binary needs in the environment to use what listens at `url`: keys that are nobody's, a region, and no
/// look into files or the network for others.
pub fn environment(url: &str) -> Vec<(&'static str, String)> {
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", nowhere),
        ("AWS_SHARED_CREDENTIALS_FILE", nowhere),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// A port that nobody listens on, a moment ago.
///
/// # Panics
/// There is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_answers_and_ends_with_its_owner() {
        for kind in [Kind::MiniStack, Kind::Moto] {
            let Some(emulator) = Emulator::start(kind) else { return };
            let address = emulator.address();
            assert!(TcpStream::connect(address).is_ok());
            drop(emulator);
            assert!(TcpStream::connect(address).is_err(), "{} still listens", kind.name());
        }
    }
}
