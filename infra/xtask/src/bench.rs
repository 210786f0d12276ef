//! Benchmarks: us and the peers, side by side in one run. Figures go to standard output as Markdown tables.

mod algorithms;
mod endpoints;
mod extract;
mod lambda;
mod overhead;
mod stages;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// What a run costs when its functions cost nothing: 1,000 steps in a chain, 1,000 in parallel, and 20 in parallel beside Metaflow and
    /// Prefect (from PyPI, into a folder of their own; needs python3).
    Overhead {
        /// Leave out Metaflow and Prefect.
        #[arg(long)]
        no_peers: bool,
    },
    /// What `extract` makes of 50 MB of numbers a second, beside `csv` and `fast-float2` natively.
    Extract,
    /// The algorithms, each beside the fastest of scikit-learn, XGBoost and LightGBM (from PyPI, into a folder of their own; needs
    /// python3), on one thread.
    Algorithms(algorithms::Args),
    /// Endpoints: requests/s and latency beside MLflow, FastAPI, BentoML (from PyPI, into a folder of their own; needs python3) and
    /// plain axum, the first answer after scale-to-zero, and switches under load. Needs wrk.
    Endpoints(endpoints::Args),
    /// Filter, derive and group by in `process`, beside pandas, polars and DuckDB (from PyPI, into a folder of their own; needs python3), on
    /// one thread.
    Stages(stages::Args),
    /// The bootstrap of Lambda functions: its start, its first prediction, warm invocations, memory, sizes.
    Lambda,
}

/// Builds everything and measures.
pub fn bench(what: &Bench) -> anyhow::Result<()> {
    match what {
        Bench::Overhead { no_peers } => overhead::measure(!no_peers),
        Bench::Extract => extract::measure(),
        Bench::Algorithms(args) => algorithms::measure(args),
        Bench::Endpoints(args) => endpoints::measure(args),
        Bench::Stages(args) => stages::measure(args),
        Bench::Lambda => lambda::measure(),
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
