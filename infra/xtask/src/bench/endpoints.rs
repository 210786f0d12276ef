//! Endpoints: how fast `millstream serve` answers beside the peers, after nothing was loaded, and while versions change.
//!
//! Everything runs on this machine over loopback, the client too: on a machine with few cores it takes its share of every figure.

mod ask;
mod cold;
mod contenders;
mod fairness;
mod home;
mod processes;
mod server;
mod switch;
mod throughput;
mod traffic;
mod wrk;

use std::{fs, path::PathBuf};

use anyhow::Context as _;

use crate::{
    host,
    run::{say, target_dir},
};

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Few and short rounds: to see that everything works.
    #[arg(long)]
    quick: bool,
    /// These parts only.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Measure this `millstream` instead of building one.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Part {
    /// One row, and 10,000 rows, in a request: us, MLflow, FastAPI, BentoML, and axum without WebAssembly.
    Throughput,
    /// The first answer after a predictor was unloaded, by the size of the model.
    Cold,
    /// An alias that moves under load.
    Switch,
    /// Small requests beside long ones.
    Fairness,
}

/// Prints a table for each part.
pub fn measure(args: &Args) -> anyhow::Result<()> {
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let folder = target_dir().join("bench").join("endpoints");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if wanted(Part::Throughput) {
        wrk::find()?;
    }
    let binary = match &args.binary {
        Some(path) => path.canonicalize().with_context(|| format!("no binary at {}", path.display()))?,
        None => host::build()?,
    };
    if wanted(Part::Throughput) {
        say("One row, and 10,000 rows, in a request");
        throughput::measure(&binary, &folder, args.quick)?;
    }
    if wanted(Part::Cold) {
        say("The first answer after scale-to-zero");
        cold::measure(&binary, &folder, args.quick)?;
    }
    if wanted(Part::Switch) {
        say("A switch under load");
        switch::measure(&binary, &folder, args.quick)?;
    }
    if wanted(Part::Fairness) {
        say("Small requests beside long ones");
        fairness::measure(&binary, &folder, args.quick)?;
    }
    Ok(())
}
