//! wrk: as many requests as the server answers.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::ask::Ask;
use crate::run::captured;

/// Sends one body again and again, and prints the figures on a line of their own.
const SCRIPT: &str = r#"
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = os.getenv("BENCH_TYPE")
file:close()

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("figures %f %f %f %d %d\n",
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"#;

/// Requests a second, and milliseconds.
#[derive(Clone, Copy)]
pub struct Load {
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
}

/// Sees that it is there.
pub fn find() -> anyhow::Result<()> {
    let found = Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.map(drop).context(
        "wrk is not installed: `apt-get install wrk` on Debian and Ubuntu, `brew install wrk` on macOS",
    )
}

/// Keeps `connections` busy for `seconds`. A request that fails fails this.
pub fn load(
    folder: &Path,
    who: &str,
    url: &str,
    ask: &Ask,
    connections: usize,
    seconds: u64,
) -> anyhow::Result<Load> {
    let (script, body) = (folder.join("post.lua"), folder.join("body"));
    fs::write(&script, SCRIPT)?;
    fs::write(&body, &ask.body)?;
    let mut command = Command::new("wrk");
    command.args(["--threads", "1", "--timeout", "30s", "--latency"]);
    command.args(["--connections", &connections.to_string(), "--duration", &format!("{seconds}s")]);
    command.arg("--script").arg(&script).arg(format!("{url}{}", ask.path));
    command.env("BENCH_BODY", &body).env("BENCH_TYPE", ask.content_type);
    let finished = captured(&mut command, Duration::from_secs(seconds + 60))?;
    ensure!(finished.ok(), "wrk failed against {who}:\n{}", finished.output.trim());
    let line = finished.output.lines().find_map(|line| line.strip_prefix("figures "));
    let line = line.with_context(|| format!("wrk printed no figures:\n{}", finished.output.trim()))?;
    let figures: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let &[rate, p50, p99, refused, broken] = &figures[..] else {
        anyhow::bail!("wrk printed other figures: {line}");
    };
    ensure!(
        refused + broken == 0.0,
        "{who}: {refused} answers were errors, {broken} requests got none within 30 s"
    );
    ensure!(rate > 0.0, "{who} answered nothing in {seconds} s");
    Ok(Load { rate, p50, p99 })
}
