//! The wheel that `cargo xtask wheel` makes, installed as by somebody who has Python and nothing of ours.

use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use millstream_tests::{Place, Ran, root};

/// From the file to the end of a first run, compiling the functions included: it takes seconds on a machine that has nothing else to
/// do. More than this is no slow machine.
const LIMIT: Duration = Duration::from_secs(180);

const BIN: &str = if cfg!(windows) { "Scripts" } else { "bin" };

#[test]
#[ignore = "needs a wheel in MILLSTREAM_WHEEL: `cargo xtask test` makes one where maturin can be had"]
fn a_wheel_in_an_empty_environment_runs_a_workflow() {
    let wheel = PathBuf::from(env::var_os("MILLSTREAM_WHEEL").expect("MILLSTREAM_WHEEL names the wheel"));
    let name = wheel.file_name().expect("a file").to_string_lossy().into_owned();
    assert!(name.starts_with("millstream-") && name.contains("-py3-none-"), "{name}");
    let (system, machine) = match (env::consts::OS, env::consts::ARCH) {
        ("macos", "aarch64") => ("macosx", "arm64"),
        ("macos", machine) => ("macosx", machine),
        (system, machine) => (system, machine),
    };
    assert!(name.contains(system) && name.contains(machine), "{name} is not for this machine");

    let place = Place::new();
    let bin = place.path().join("env").join(BIN);
    let ok = |command: &mut Command| {
        Ran::from(command.current_dir(place.path()).output().expect("it starts")).expect(0)
    };
    ok(Command::new("python3").args(["-m", "venv", "env"]));
    let began = Instant::now();
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"];
    ok(Command::new(bin.join("python")).args(pip).arg(&wheel));

    // Nothing but the environment's own programs, and a home for the cache.
    let millstream = |arguments: &[&str]| {
        let mut command = Command::new(bin.join("millstream"));
        command.args(arguments).env_clear().env("PATH", &bin);
        for kept in ["HOME", "MILLSTREAM_CACHE"] {
            command.envs(env::var_os(kept).map(|value| (kept, value)));
        }
        ok(&mut command)
    };
    let version = millstream(&["--version"]).stdout;
    assert!(name.contains(version.trim().trim_start_matches("millstream ")), "{name}: {version}");
    millstream(&["samples", "--quiet", "data"]);
    fs::copy(root().join("workflow/examples/breast-cancer.yaml"), place.path().join("w.yaml"))
        .expect("a copy");
    let ran = millstream(&["run", "w.yaml", "--json"]);
    assert!(ran.stdout.lines().count() > 5, "{}", ran.stdout);
    assert_eq!(place.runs().len(), 1);
    let took = began.elapsed();
    println!("installed and ran a first workflow in {took:?}");
    assert!(took < LIMIT, "installing and running took {took:?}");
}
