//! Requests with one row, and with many, against all servers in turn.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};

use super::{
    ask::{self, Ask},
    contenders::{self, Contender, Side},
    processes::Watch,
    wrk::{self, Load},
};
use crate::{bench::median, run::say};

/// Connections of the client: with one row, and with many, where each body keeps a core busy.
const CONNECTIONS: [usize; 2] = [16, 2];

/// One server asked in one format, and what came of it, round after round.
struct Case<'a> {
    contender: &'a Contender,
    format: &'static str,
    ask: &'a Ask,
    loads: Vec<Load>,
    memory: f64,
}

/// Medians of the rounds; of memory the most.
struct Figures {
    load: Load,
    memory: f64,
}

pub fn measure(binary: &Path, folder: &Path, quick: bool) -> anyhow::Result<()> {
    let contenders = contenders::start(binary, folder)?;
    let (rounds, seconds) = if quick { (1, 2) } else { (5, 10) };
    let one = contenders.iter().flat_map(|contender| {
        contender.one.iter().map(move |(format, ask)| Case::new(contender, format, ask))
    });
    let mut one: Vec<Case> = one.collect();
    agree(&one)?;
    run(&mut one, folder, CONNECTIONS[0], rounds, seconds)?;
    println!(
        "\nOne row of 30 features, {} connections, {rounds} rounds of {seconds} s in turn, medians. Ratio: ours in the same format to this one.\n",
        CONNECTIONS[0]
    );
    println!(
        "| server | body | requests/s | p50 ms | p99 ms | peak MiB | ratio | goal |\n|---|---|---|---|---|---|---|---|"
    );
    for case in &one {
        println!("{}", row(case, &one, case.contender.goal, 1.0));
    }
    let mut many: Vec<Case> =
        contenders.iter().map(|contender| Case::new(contender, "CSV", &contender.many)).collect();
    agree(&many)?;
    run(&mut many, folder, CONNECTIONS[1], rounds, seconds)?;
    let rows = contenders[0].many.body.lines().count();
    println!(
        "\n{rows} rows in one CSV body, {} connections; goal: twice the fastest peer.\n",
        CONNECTIONS[1]
    );
    println!(
        "| server | body | rows/s | p50 ms | p99 ms | peak MiB | ratio | goal |\n|---|---|---|---|---|---|---|---|"
    );
    let peers = many.iter().filter(|case| case.contender.side == Side::Peer);
    let fastest = peers.map(|case| case.figures().load.rate).fold(0.0, f64::max);
    for case in &many {
        let rate = case.figures().load.rate;
        let peer = case.contender.side == Side::Peer && rate >= fastest;
        println!("{}", row(case, &many, if peer { 2.0 } else { f64::NAN }, rows as f64));
    }
    Ok(())
}

impl<'a> Case<'a> {
    fn new(contender: &'a Contender, format: &'static str, ask: &'a Ask) -> Self {
        Self { contender, format, ask, loads: Vec::new(), memory: 0.0 }
    }

    fn load(&self, folder: &Path, connections: usize, seconds: u64) -> anyhow::Result<Load> {
        wrk::load(folder, self.contender.name, &self.contender.server.url, self.ask, connections, seconds)
    }

    fn figures(&self) -> Figures {
        let of = |figure: fn(&Load) -> f64| median(&mut self.loads.iter().map(figure).collect::<Vec<_>>());
        let load = Load { rate: of(|load| load.rate), p50: of(|load| load.p50), p99: of(|load| load.p99) };
        Figures { load, memory: self.memory }
    }
}

/// All of them have the same trees: the last row's probability, as the first one gives it, is in each answer.
fn agree(cases: &[Case]) -> anyhow::Result<()> {
    let agent = ask::agent(Duration::from_secs(60));
    let mut expected = None;
    for case in cases {
        let (name, url) = (case.contender.name, &case.contender.server.url);
        let address = format!("{url}{}", case.ask.path);
        let reply = ask::post(&agent, &address, case.ask.content_type, case.ask.body.as_bytes())
            .with_context(|| format!("{name} does not answer"))?;
        let found = ask::numbers(&reply.ok(name)?);
        let last = *found.last().with_context(|| format!("{name} answered without a number"))?;
        let expected = *expected.get_or_insert(last);
        ensure!(
            // Peers have single precision.
            found.iter().rev().take(4).any(|number| (number - expected).abs() < 1e-5),
            "{name} predicts {last}, we {expected}: it has other trees"
        );
    }
    Ok(())
}

/// The servers take turns, so that a machine whose speed drifts treats them alike.
fn run(
    cases: &mut [Case],
    folder: &Path,
    connections: usize,
    rounds: usize,
    seconds: u64,
) -> anyhow::Result<()> {
    for case in &*cases {
        case.load(folder, connections, seconds.min(3))?;
    }
    for round in 0..rounds {
        for case in &mut *cases {
            let watch = Watch::begin(case.contender.server.id());
            let load = case.load(folder, connections, seconds);
            case.memory = case.memory.max(watch.end());
            let load = load?;
            say(&format!(
                "round {}: {}, {}: {:.0} requests/s",
                round + 1,
                case.contender.name,
                case.format,
                load.rate
            ));
            case.loads.push(load);
        }
    }
    Ok(())
}

fn row(case: &Case, all: &[Case], goal: f64, unit: f64) -> String {
    let Figures { load: Load { rate, p50, p99 }, memory } = case.figures();
    let ours = all.iter().find(|one| one.contender.side == Side::Ours && one.format == case.format);
    let ratio = match (case.contender.side, ours) {
        (Side::Ours, _) | (_, None) => String::new(),
        (_, Some(ours)) => format!("{:.2}", ours.figures().load.rate / rate),
    };
    let goal = if ratio.is_empty() || goal.is_nan() { String::new() } else { format!(">= {goal}") };
    let (name, format, rate) = (case.contender.name, case.format, rate * unit);
    format!("| {name} | {format} | {rate:.0} | {p50:.2} | {p99:.2} | {memory:.0} | {ratio} | {goal} |")
}
