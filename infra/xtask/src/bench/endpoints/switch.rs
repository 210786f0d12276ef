//! An alias that moves under load: not one request may fail of it.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::{
    ask,
    home::{self, Home, TARGET},
    traffic::{self, Answers},
};
use crate::{functions, run::say};

const RATE: u32 = 2_000;
const ENDPOINT: &str = "tumours";
/// The version that fails on purpose: it loads, and traps on each row.
const FAULTY: &str = "faulty-1";
const ROLLBACK: Duration = Duration::from_secs(20);

/// What was done while the load went on.
struct Changes {
    moves: usize,
    /// From the deployment of the faulty version until all traffic was taken from it again.
    rollback: Duration,
    why: String,
}

pub fn measure(binary: &Path, folder: &Path, quick: bool) -> anyhow::Result<()> {
    let (seconds, moves) = if quick { (8, 4) } else { (60, 20) };
    let home = Home::new(binary, folder.join("switch"))?;
    let source = prepare(&home)?;
    home.run(&["deploy", ENDPOINT, "--model", "tumours@1"])?;
    let server = home.serve(folder)?;
    let body = home::rows(&source)?.into_iter().next().context("no rows")? + "\n";
    // Errors on this route name the variant whose they are.
    let address = format!("{}/v1/endpoints/{ENDPOINT}/invocations", server.url);
    traffic::drive(&address, &body, RATE, 2);
    say(&format!("{RATE} requests/s for {seconds} s, nothing changes"));
    let mut calm = traffic::drive(&address, &body, RATE, seconds);
    say(&format!("The same, with {moves} moves and a version that fails"));
    let url = server.url.clone();
    let (mut busy, changes) = thread::scope(|scope| {
        let changes = scope.spawn(move || change(&url, moves, Duration::from_secs(seconds)));
        let busy = traffic::drive(&address, &body, RATE, seconds);
        (busy, changes.join())
    });
    let changes = changes.map_err(|_| anyhow::anyhow!("whoever changes the alias broke off"))??;
    print(&mut calm, &mut busy, &changes, seconds);
    Ok(())
}

/// Three versions that work, and one that does not.
fn prepare(home: &Home) -> anyhow::Result<std::path::PathBuf> {
    let source = home.samples()?;
    for trees in [100, 101, 102] {
        home.train(
            "tumours",
            "gradient-boosting",
            &source,
            &json!({ "target": TARGET, "preset": "xgboost", "num_round": trees }),
        )?;
    }
    let faulty = functions::folder().join("testing/faulty.wasm");
    ensure!(faulty.exists(), "no {}: `cargo xtask functions` builds it", faulty.display());
    home.run(&["functions", "add", &faulty.to_string_lossy()])?;
    let state = "${{ steps.fit.outputs.state }}";
    home.workflow(
        "faulty",
        &json!({
            "fit": { "uses": "faulty", "inputs": { "table": source }, "with": { "mode": "fit", "state": "trap" } },
            "register": { "uses": "register", "inputs": { "model": state }, "with": { "name": "faulty" } },
        }),
    )?;
    Ok(source)
}

/// Moves the alias at even distances, and half-way gives the faulty version a tenth until it is rolled back.
fn change(url: &str, moves: usize, time: Duration) -> anyhow::Result<Changes> {
    let agent = ask::agent(Duration::from_secs(30));
    let base = format!("{url}/v1/endpoints/{ENDPOINT}");
    let deploy = |body: Value| -> anyhow::Result<Value> {
        let address = format!("{base}/deploy");
        let reply = ask::post(&agent, &address, "application/json", body.to_string().as_bytes())?;
        Ok(serde_json::from_str(&reply.ok("deploy")?)?)
    };
    let began = Instant::now();
    let mut rolled_back = None;
    for place in 0..moves {
        // The last one is over before the load is.
        let due = began + time.mul_f64((place as f64 + 0.5) / (moves as f64 + 0.5));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let version = format!("tumours@{}", (place + 1) % 3 + 1);
        let after = deploy(json!({ "model": version, "reason": "the benchmark" }))?;
        let live = variants(&after);
        ensure!(live == [version.replace('@', "-")], "after a move to {version} {live:?} answer");
        if place + 1 == moves / 2 {
            let plan =
                json!({ "canary": "10%", "interval": "30s", "bake": "10s", "alarms": ["error-rate > 5%"] });
            let since = Instant::now();
            deploy(json!({ "model": "faulty@1", "rollout": plan }))?;
            rolled_back = Some(wait_for_rollback(&agent, &base, since)?);
        }
    }
    ensure!(began.elapsed() < time, "the moves took longer than the load: the machine is too slow");
    let (rollback, why) = rolled_back.context("no version failed on purpose")?;
    Ok(Changes { moves, rollback, why })
}

/// Waits until the history says that the faulty version was rolled back: how long it had its share by the history's times, and why.
fn wait_for_rollback(
    agent: &ureq::Agent,
    address: &str,
    since: Instant,
) -> anyhow::Result<(Duration, String)> {
    loop {
        let text = ask::get(agent, address)?.ok("the endpoint")?;
        let endpoint: Value = serde_json::from_str(&text)?;
        let changes = endpoint["changes"].as_array().map_or(&[][..], Vec::as_slice);
        let found = |words: &str| changes.iter().find(|change| why(change).starts_with(words));
        if let (Some(begun), Some(ended)) =
            (found("began to deploy faulty"), found("rolled back from faulty"))
        {
            let time = |change: &Value| change["at"].as_u64().context("a change without its time");
            let lasted = Duration::from_millis(time(ended)?.saturating_sub(time(begun)?));
            return Ok((lasted, why(ended).to_owned()));
        }
        if since.elapsed() > ROLLBACK {
            bail!("after {} s {FAULTY} was not rolled back: {:?}", ROLLBACK.as_secs(), variants(&endpoint));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn why(change: &Value) -> &str {
    change["why"].as_str().unwrap_or_default()
}

/// Names of those that have a share of the traffic.
fn variants(endpoint: &Value) -> Vec<String> {
    let live = endpoint["aliases"]["live"]["variants"].as_array().map_or(&[][..], Vec::as_slice);
    let sharing = live.iter().filter(|variant| variant["weight"].as_f64().is_some_and(|weight| weight > 0.0));
    sharing.filter_map(|variant| variant["name"].as_str().map(str::to_owned)).collect()
}

fn print(calm: &mut Answers, busy: &mut Answers, changes: &Changes, seconds: u64) {
    println!(
        "\n{RATE} requests/s for {seconds} s, by a client that keeps the rate; times from when a request was due. {} moves among three versions; \
         a version that traps got 10 % and was rolled back {:.1} s after its deployment ({}).\n",
        changes.moves,
        changes.rollback.as_secs_f64(),
        changes.why
    );
    println!(
        "| | requests | p50 ms | p99 ms | slowest | the faulty version's own errors | other failures |\n|---|---|---|---|---|---|---|"
    );
    for (name, answers) in [("nothing changes", &mut *calm), ("it moves", &mut *busy)] {
        let own = answers.failed.iter().filter(|(variant, _)| variant.as_deref() == Some(FAULTY)).count();
        println!(
            "| {name} | {} | {:.2} | {:.2} | {:.1} | {own} | {} |",
            answers.made(),
            answers.percentile(0.5),
            answers.percentile(0.99),
            answers.percentile(1.0),
            answers.failed.len() - own
        );
    }
    println!(
        "\np99 while it moves to that without: {:.2} (goal <= 2); other failures: goal 0.",
        busy.percentile(0.99) / calm.percentile(0.99)
    );
    let others = calm.failed.iter().chain(&busy.failed).filter(|(who, _)| who.as_deref() != Some(FAULTY));
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (variant, why) in others {
        *kinds.entry(format!("{}: {why}", variant.as_deref().unwrap_or("no variant"))).or_default() += 1;
    }
    for (kind, count) in kinds.iter().take(10) {
        println!("- {count} x {kind}");
    }
}
