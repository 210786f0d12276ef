//! Builds, tests, benchmarks and demonstrates Millstream. One place per verb.

mod bench;
mod check;
mod demo;
mod docs;
mod functions;
mod host;
mod infra;
mod lambda;
mod new;
mod python;
mod run;
mod simulate;
mod test;
mod toolchain;
mod watch;
mod wheel;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Works on Millstream itself. Needs Rust and a C compiler; does the rest of the set-up on its own.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build everything and run the main job: raw data to predictions on the breast-cancer data.
    Demo,
    /// Build everything and run every test. Arguments go to `cargo test`.
    Test {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build the functions (WebAssembly components) and the `millstream` binary that carries them.
    Build,
    /// Build the functions alone, into <target>/functions.
    Functions,
    /// Build the binary, and a Python wheel that carries it.
    Wheel,
    /// Build the bootstrap of Lambda functions, into <target>/release/millstream-lambda-<arch>.
    Lambda {
        /// The processor that the functions run on.
        #[arg(long, default_value = "x86_64")]
        arch: lambda::Arch,
    },
    /// Check the format and the lints.
    Lint,
    /// Check the format, the lints, the dependencies, and that the references in docs/ are up to date.
    Check,
    /// Run a cargo command again whenever a source changes: `check` if none is given.
    Watch {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Write the references in docs/ and the schema beside the examples anew.
    Docs,
    /// Begin a new one of something that there are many of.
    New {
        #[command(subcommand)]
        what: new::New,
    },
    /// Run many schedules of the simulation: workers, kills, slow and failing stores on virtual time.
    Simulate(simulate::Seeds),
    /// Measure us and the peers side by side.
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
    /// See that Rust can build for WebAssembly, and mend it if not.
    Setup,
}

fn main() -> anyhow::Result<ExitCode> {
    if let Some(end) = wheel::as_cargo() {
        return end;
    }
    match Cli::parse().verb {
        Verb::Demo => demo::demo()?,
        Verb::Docs => docs::docs()?,
        Verb::Test { args } => test::test(&args)?,
        Verb::New { what } => new::new(&what)?,
        Verb::Simulate(seeds) => simulate::simulate(&seeds)?,
        Verb::Bench { what } => bench::bench(&what)?,
        Verb::Build => println!("{}", host::build()?.display()),
        Verb::Functions => println!("{}", functions::build()?.display()),
        Verb::Lambda { arch } => println!("{}", lambda::build(arch)?.display()),
        Verb::Wheel => println!("{}", wheel::wheel()?.display()),
        Verb::Lint => check::lint()?,
        Verb::Check => check::check()?,
        Verb::Watch { args } => watch::watch(&args)?,
        Verb::Setup => println!("{}", toolchain::find()?),
    }
    Ok(ExitCode::SUCCESS)
}
