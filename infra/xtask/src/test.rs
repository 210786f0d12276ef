//! Every test, quiet when green.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::bail;

use crate::{
    functions, host, python,
    run::{captured, cargo, say, shown},
    wheel,
};

/// Hours, not minutes: a machine may be slow. A test that hangs has a limit of its own.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// Builds the functions and the binary, then runs the workspace's tests. Prints whole outputs only of what fails; the
/// last line counts.
pub fn test(args: &[String]) -> anyhow::Result<()> {
    let binary = host::build_with_tests()?;
    let functions = functions::folder();
    let cargo_test = || {
        let mut command = cargo();
        command.args(["test", "--release"]);
        if !args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package")) {
            command.arg("--workspace").args(host::WHOLE);
        }
        command.env("MILLSTREAM_BIN", &binary).env("MILLSTREAM_FUNCTIONS_DIR", &functions);
        command
    };
    say("Testing");
    let mut counts = report(cargo_test().arg("--no-fail-fast").args(args))?;
    // Tests that need a tool from elsewhere are ignored unless it is there.
    if args.is_empty() {
        let mut with_tool = |tests: &[&str], variable: &str, tool: Option<PathBuf>| -> anyhow::Result<()> {
            let Some(tool) = tool else { return Ok(()) };
            let more = report(cargo_test().args(tests).env(variable, tool))?;
            counts.passed += more.passed;
            counts.ignored = counts.ignored.saturating_sub(more.passed);
            Ok(())
        };
        let components = ["--test", "engine", "--test", "functions", "--", "--ignored", "python"];
        with_tool(&components, "COMPONENTIZE_PY", python::componentize_py())?;
        with_tool(&["--test", "endpoints", "--", "--ignored", "boto3"], "BOTO3_PYTHON", python::boto3())?;
        with_tool(&["--test", "s3", "--", "--ignored", "boto3"], "S3_PYTHON", python::s3())?;
        with_tool(&["--test", "s3", "--", "--ignored", "pandas"], "S3FS_PYTHON", python::s3fs())?;
        with_tool(&["--test", "openapi", "--", "--ignored"], "OPENAPI_PYTHON", python::openapi())?;
        with_tool(&["--test", "wheel", "--", "--ignored"], "MILLSTREAM_WHEEL", wheel::for_tests(&binary)?)?;
    }
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.ignored);
    Ok(())
}

/// Runs tests; what they print is shown if one fails.
fn report(command: &mut Command) -> anyhow::Result<Counts> {
    let finished = captured(command, LIMIT)?;
    let counts = Counts::of(&finished.output);
    if finished.ok() && counts.failed == 0 && counts.passed > 0 {
        return Ok(counts);
    }
    say(&finished.output);
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.ignored);
    match counts.passed + counts.failed {
        0 if finished.ok() => bail!("no test ran"),
        _ => bail!("{} did not pass", shown(command)),
    }
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Adds up the lines `test result: ok. 5 passed; 0 failed; 1 ignored; ...`.
    fn of(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
            let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
            for pair in words.windows(2) {
                let Ok(number) = pair[0].parse::<u64>() else { continue };
                match pair[1] {
                    "passed" => counts.passed += number,
                    "failed" => counts.failed += number,
                    "ignored" => counts.ignored += number,
                    _ => {}
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn adds_up_what_the_test_runner_prints() {
        let output = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
        assert_eq!(Counts::of(output), Counts { passed: 5, failed: 1, ignored: 1 });
    }
}
