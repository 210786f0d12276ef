//! What the bootstrap of Lambda functions costs, under a Runtime API of the tests.

use crate::{
    functions, host,
    lambda::{self, Arch},
    run::{cargo, check},
};

/// Builds the bootstrap for this machine, and measures it.
pub fn measure() -> anyhow::Result<()> {
    let binary = host::build_with_tests()?;
    let arch = if cfg!(target_arch = "aarch64") { Arch::Arm64 } else { Arch::X86_64 };
    let bootstrap = lambda::build(arch)?;
    let mut command = cargo();
    command.args(["test", "--quiet", "--release", "--workspace", "--test", "lambda_figures", "--"]);
    command.args(["--ignored", "--nocapture"]);
    command.env("MILLSTREAM_BIN", binary).env("MILLSTREAM_LAMBDA_BIN", bootstrap);
    check(command.env("MILLSTREAM_FUNCTIONS_DIR", functions::folder()))
}
