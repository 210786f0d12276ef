//! What an executor gives up before it sees the first byte of foreign code. WebAssembly keeps a function in its memory; this
//! is for the day on which that is not enough.

use std::path::Path;

use millstream_store::Network;
use serde::{Deserialize, Serialize};

/// What holds an executor back, besides WebAssembly: as far as this system can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Confinement {
    /// It can't get more rights than it has (`no_new_privs`).
    pub no_new_privileges: bool,
    /// The system calls that it has no use for are refused: sockets (but for TCP and UDP where the store is over the network), other
    /// programs, other processes, mounts, keys, modules (seccomp).
    pub system_calls: bool,
    /// No files but those of the store and the cache (Landlock).
    pub files: bool,
    /// No TCP, or only to the ports of a store over the network (Landlock).
    pub network: bool,
}

impl Confinement {
    /// What does not hold, for people.
    pub fn lacks(&self) -> Vec<&'static str> {
        let all = [
            (self.no_new_privileges, "no_new_privs"),
            (self.system_calls, "seccomp"),
            (self.files, "Landlock for files"),
            (self.network, "Landlock for the network"),
        ];
        all.into_iter().filter(|(held, _)| !held).map(|(_, what)| what).collect()
    }
}

/// Gives up all but the files in these folders, which are there, and the way to a store over the network, if there is one. For the only thread of the process: others would keep what
/// they have. What the system can't do is not done, and is told.
pub(super) fn confine(folders: &[&Path], network: Option<&Network>) -> Confinement {
    #[cfg(target_os = "linux")]
    return linux::confine(folders, network);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (folders, network);
        Confinement::default()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, path::PathBuf};

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus, NetPort,
        Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
        path_beneath_rules,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    use super::{Confinement, Network, Path};

    pub fn confine(folders: &[&Path], network: Option<&Network>) -> Confinement {
        // SAFETY: plain numbers; it changes what this thread and those that it starts may become.
        let no_new_privileges = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == 0;
        // Before the calls that it takes are refused.
        let networked = network.is_some();
        let (files, network) = match landlock(folders, network) {
            Ok(held) => held,
            Err(error) => {
                tracing::debug!(%error, "no Landlock");
                (false, false)
            }
        };
        let system_calls = match seccomp(networked) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "no seccomp");
                false
            }
        };
        Confinement { no_new_privileges, system_calls, files, network }
    }

    /// The folders, and what lies behind links in them: a store whose artifacts are on another disk.
    fn with_links(folders: &[&Path]) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        for folder in folders {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                    all.extend(fs::canonicalize(entry.path()).ok());
                }
            }
        }
        all
    }

    fn landlock(folders: &[&Path], network: Option<&Network>) -> Result<(bool, bool), RulesetError> {
        // Without `Refer` (kernel 5.19) nothing could be linked from one folder into another, as the store does.
        let files = AccessFs::from_all(ABI::V5);
        let own = files & !AccessFs::Execute;
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let (readable, ports) =
            network.map_or((&[][..], &[][..]), |network| (&network.files, &network.ports));
        let ports =
            ports.iter().map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp)));
        let created = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V2))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(files)?
            .handle_access(AccessNet::from_all(ABI::V4))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .add_rules(path_beneath_rules(with_links(folders), own))?
            .add_rules(path_beneath_rules(readable, read))?
            .add_rules(ports)?
            // How much memory it takes, and its own program for backtraces.
            .add_rules(path_beneath_rules(["/proc/self", "/proc/self/exe"], read))?
            .add_rules(path_beneath_rules(
                ["/dev/null", "/dev/zero", "/dev/urandom"],
                files & !AccessFs::Execute,
            ))?;
        let status = created.restrict_self()?;
        let held = status.ruleset != RulesetStatus::NotEnforced;
        // TCP is among what Landlock knows from kernel 6.7 on.
        let network = match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => effective_abi >= ABI::V4,
            _ => false,
        };
        Ok((held, held && network))
    }

    fn seccomp(network: bool) -> Result<(), Box<dyn std::error::Error>> {
        let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
            REFUSED.iter().map(|call| (*call, Vec::new())).collect();
        // A signal to itself is how a process aborts.
        let pid = u64::from(std::process::id());
        let others = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, pid)?;
        for call in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo]
        {
            rules.insert(call, vec![SeccompRule::new(vec![others.clone()])?]);
        }
        // Two ends within the process, connected to nobody: tokio makes a pair when WASI's runtime begins.
        let elsewhere =
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, libc::AF_UNIX as u64)?;
        rules.insert(libc::SYS_socketpair, vec![SeccompRule::new(vec![elsewhere])?]);
        if network {
            // To others, by the internet's protocols: nobody comes in, and no socket leads to another process of this machine by its file.
            rules.remove(&libc::SYS_connect);
            let not = |family: i32| {
                SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family as u64)
            };
            let others = vec![not(libc::AF_INET)?, not(libc::AF_INET6)?];
            rules.insert(libc::SYS_socket, vec![SeccompRule::new(others)?]);
        }
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EPERM as u32),
            std::env::consts::ARCH.try_into()?,
        )?;
        let program: BpfProgram = filter.try_into()?;
        Ok(seccompiler::apply_filter(&program)?)
    }

    const REFUSED: &[i64] = &[
        // Other programs.
        libc::SYS_execve,
        libc::SYS_execveat,
        // The network, other processes' sockets included.
        libc::SYS_socket,
        libc::SYS_bind,
        libc::SYS_connect,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        // Other processes.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_kcmp,
        libc::SYS_tkill,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_perf_event_open,
        // The system.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_open_by_handle_at,
        libc::SYS_name_to_handle_at,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_clock_adjtime,
        libc::SYS_adjtimex,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_syslog,
        // Much of the kernel for little use.
        libc::SYS_bpf,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_fanotify_init,
    ];
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        fs, net,
        os::unix::net::{UnixListener, UnixStream},
        process::Command,
        thread,
    };

    use super::*;

    /// On a thread of its own, which alone gives up what it has.
    #[test]
    fn what_is_given_up_is_gone() {
        let (own, links, other) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(links.path(), own.path().join("behind")).unwrap();
        let tried = thread::scope(|scope| {
            let confined = scope.spawn(|| {
                let held = confine(&[own.path()], None);
                let file = own.path().join("a");
                fs::write(&file, "x").unwrap();
                fs::create_dir(own.path().join("folder")).unwrap();
                fs::hard_link(&file, own.path().join("folder/b")).unwrap();
                fs::rename(own.path().join("folder/b"), own.path().join("c")).unwrap();
                fs::write(own.path().join("behind/d"), "behind a link in the folder").unwrap();
                assert!(fs::read_to_string("/proc/self/statm").is_ok());
                if held.files {
                    assert!(fs::read(other.path().join("secret")).is_err());
                    assert!(fs::write(other.path().join("new"), "x").is_err());
                    assert!(fs::read("/etc/passwd").is_err());
                    assert!(
                        fs::read(format!("/proc/{}/environ", std::os::unix::process::parent_id())).is_err()
                    );
                }
                if held.system_calls {
                    assert!(Command::new("true").status().is_err());
                    assert!(net::TcpListener::bind("127.0.0.1:0").is_err());
                    assert!(net::UdpSocket::bind("127.0.0.1:0").is_err());
                    let folder = own.path().join("socket");
                    assert!(UnixListener::bind(&folder).is_err() && UnixStream::connect(&folder).is_err());
                    assert!(UnixStream::pair().is_ok(), "two ends within the process");
                    let other =
                        rustix::process::Pid::from_raw(std::os::unix::process::parent_id() as i32).unwrap();
                    assert!(rustix::process::test_kill_process(other).is_err());
                    assert!(rustix::process::test_kill_process(rustix::process::getpid()).is_ok());
                }
                held
            });
            confined.join()
        });
        let held = tried.unwrap();
        assert!(held.no_new_privileges);
        assert!(fs::read(other.path().join("secret")).is_ok(), "others have what they had");
        println!("held: {held:?}");
    }

    /// Where the store is over the network.
    #[test]
    fn the_way_to_the_store_stays_open_and_no_other() {
        let own = tempfile::tempdir().unwrap();
        let keys = tempfile::tempdir().unwrap();
        fs::write(keys.path().join("config"), "x").unwrap();
        // Their backlogs take connections for as long as they live.
        let listeners = [(); 2].map(|()| net::TcpListener::bind("127.0.0.1:0").unwrap());
        let [store, other] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
        let network = Network {
            variables: Vec::new(),
            files: vec![keys.path().to_owned(), "/nowhere".into()],
            ports: vec![store.port()],
        };
        let tried = thread::scope(|scope| {
            let confined = scope.spawn(|| {
                let held = confine(&[own.path()], Some(&network));
                assert_eq!(fs::read_to_string(keys.path().join("config")).unwrap(), "x");
                if held.files {
                    assert!(fs::write(keys.path().join("config"), "y").is_err(), "it is only read");
                    assert!(fs::read("/etc/passwd").is_err());
                }
                if held.system_calls {
                    assert!(net::TcpListener::bind("127.0.0.1:0").is_err());
                    assert!(UnixListener::bind(own.path().join("socket")).is_err());
                    assert!(Command::new("true").status().is_err());
                }
                (held, net::TcpStream::connect(store).is_ok(), net::TcpStream::connect(other).is_ok())
            });
            confined.join()
        });
        let (held, to_store, to_other) = tried.unwrap();
        assert!(to_store, "{held:?}");
        assert!(!(held.network && to_other), "{held:?}");
    }
}
