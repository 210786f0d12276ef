//! What the machinery costs: steps that do nothing.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use crate::{
    functions, host, python,
    run::{check, target_dir},
};

const ROUNDS: usize = 3;
const STEPS: usize = 1_000;
const PEER_TASKS: usize = 20;

type MakeCommand = dyn Fn(&Path) -> anyhow::Result<Command>;

/// One side of a comparison.
struct Contender {
    name: &'static str,
    /// Makes a command that does the whole job anew, in an empty folder.
    command: Box<MakeCommand>,
}

pub fn measure(peers: bool) -> anyhow::Result<()> {
    let millstream = host::build()?;
    println!(
        "| graph | wall s, median of {ROUNDS} | steps/s | ms a step | peak memory of one process, MiB |\n|---|---|---|---|---|"
    );
    for (name, workflow) in [("chain", chain(STEPS)), ("parallel", parallel(STEPS))] {
        let ours = ours(&millstream, workflow);
        let mut runs = Vec::new();
        for _ in 0..ROUNDS {
            runs.push(time(&ours)?);
        }
        let (wall, memory) = median(&mut runs);
        let (rate, each) = (STEPS as f64 / wall, 1000.0 * wall / STEPS as f64);
        println!("| {STEPS} no-op steps, {name} | {wall:.2} | {rate:.0} | {each:.2} | {memory:.0} |");
    }
    if peers {
        compare(&millstream)?;
    }
    Ok(())
}

/// The contenders take turns, so that a machine whose speed drifts treats them alike.
fn compare(millstream: &Path) -> anyhow::Result<()> {
    let python = python::interpreter(&python::environment(
        "orchestrators",
        &["metaflow==2.19.39", "prefect==3.8.8", "fastapi==0.139.0"],
    )?);
    let script = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
        let path = target_dir().join("bench").join(name);
        fs::write(&path, text)?;
        Ok(path)
    };
    let metaflow = script("metaflow_noop.py", METAFLOW)?;
    let prefect = script("prefect_noop.py", PREFECT)?;
    let interpreter = python.clone();
    let contenders = [
        ours(millstream, parallel(PEER_TASKS)),
        Contender {
            name: "Metaflow, local",
            command: Box::new(move |folder| {
                let mut command = Command::new(&python);
                command.arg(&metaflow).args(["--quiet", "run", "--max-workers", "2"]).current_dir(folder);
                command.env("USERNAME", "bench").env("METAFLOW_USER", "bench");
                Ok(command)
            }),
        },
        Contender {
            name: "Prefect, local",
            command: Box::new(move |folder| {
                let mut command = Command::new(&interpreter);
                command.arg(&prefect).current_dir(folder).env("PREFECT_HOME", folder);
                command.env("PREFECT_LOGGING_LEVEL", "ERROR").env("DO_NOT_TRACK", "1");
                command.env("PREFECT_SERVER_ANALYTICS_ENABLED", "false");
                Ok(command)
            }),
        },
    ];
    let mut runs = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for (contender, runs) in contenders.iter().zip(&mut runs) {
            runs.push(time(contender)?);
        }
    }
    println!(
        "\n| {PEER_TASKS} no-op tasks in parallel | wall s, median of {ROUNDS} | ratio |\n|---|---|---|"
    );
    let first = median(&mut runs[0]).0;
    for (contender, runs) in contenders.iter().zip(&mut runs) {
        let wall = median(runs).0;
        println!("| {} | {wall:.2} | {:.1} |", contender.name, wall / first);
    }
    Ok(())
}

fn ours(millstream: &Path, workflow: String) -> Contender {
    let millstream = millstream.to_owned();
    Contender {
        name: "millstream",
        command: Box::new(move |folder| {
            fs::write(folder.join("w.yaml"), &workflow)?;
            let noop = functions::folder().join("testing/noop.wasm");
            check(
                Command::new(&millstream)
                    .args(["functions", "add"])
                    .arg(noop)
                    .current_dir(folder)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null()),
            )?;
            let mut command = Command::new(&millstream);
            command.args(["run", "--no-cache", "w.yaml"]).current_dir(folder);
            Ok(command)
        }),
    }
}

fn chain(steps: usize) -> String {
    let mut text = String::from("name: chain\nsteps:\n");
    for step in 0..steps {
        let needs = if step == 0 { String::new() } else { format!(", needs: [s{}]", step - 1) };
        writeln!(text, "  s{step}: {{ uses: noop, with: {{ tag: {step} }}{needs} }}")
            .expect("a string takes it");
    }
    text
}

fn parallel(steps: usize) -> String {
    let mut text = String::from("name: parallel\nsteps:\n");
    for step in 0..steps {
        writeln!(text, "  s{step}: {{ uses: noop, with: {{ tag: {step} }} }}").expect("a string takes it");
    }
    text
}

/// Wall time in seconds and peak memory in MiB of one run. Preparing it does not count.
fn time(contender: &Contender) -> anyhow::Result<(f64, f64)> {
    let folder = target_dir().join("bench").join("work");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut command = (contender.command)(&folder)?;
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot start")?;
    let mut errors = child.stderr.take().expect("it is piped");
    let drain = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = std::io::Read::read_to_string(&mut errors, &mut text);
        text
    });
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = peak.max(resident(child.id()).unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = started.elapsed().as_secs_f64();
    let text = drain.join().unwrap_or_default();
    ensure!(status.success(), "{} failed:\n{text}", contender.name);
    Ok((wall, peak))
}

/// Peak resident memory of a process so far, in MiB, where the system tells.
fn resident(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

fn median(runs: &mut [(f64, f64)]) -> (f64, f64) {
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let memory = runs.iter().map(|run| run.1).fold(0.0, f64::max);
    (runs[runs.len() / 2].0, memory)
}

const METAFLOW: &str = "\
from metaflow import FlowSpec, step


class Noop(FlowSpec):
    @step
    def start(self):
        self.items = list(range(20))
        self.next(self.work, foreach='items')

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == '__main__':
    Noop()
";

const PREFECT: &str = "\
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner


@task
def noop(i):
    return i


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def noops():
    for future in [noop.submit(i) for i in range(20)]:
        future.result()


if __name__ == '__main__':
    noops()
";
