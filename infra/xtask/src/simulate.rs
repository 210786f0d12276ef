//! Many schedules of the simulation.

use clap::Args;

use crate::run::{cargo, check};

/// Which schedules.
#[derive(Args)]
pub struct Seeds {
    /// How many schedules, one for each seed.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
}

/// Runs them; ends at the fifth one that goes wrong. `docs/simulation.md` says what that means.
pub fn simulate(seeds: &Seeds) -> anyhow::Result<()> {
    let mut command = cargo();
    command.args(["test", "--release", "--workspace", "--test", "schedules", "many_seeds"]);
    command.args(["--", "--ignored", "--nocapture"]);
    command.env("MILLSTREAM_SEEDS", seeds.seeds.to_string());
    command.env("MILLSTREAM_SEEDS_FROM", seeds.from.to_string());
    check(&mut command)
}
