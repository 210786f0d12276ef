//! The stack's template, looked at by the tools that others would look at it with. They come from PyPI.

use std::process::Command;

use crate::{
    check::quietly,
    python::{BIN, environment},
    run::{root, say},
};

/// Tools that go together in one environment.
struct Tools {
    name: &'static str,
    packages: &'static [&'static str],
    /// A program with its arguments.
    calls: &'static [&'static [&'static str]],
}

const TOOLS: [Tools; 2] = [
    Tools {
        name: "sam",
        packages: &["aws-sam-cli==1.170.0", "cfn-lint==1.58.0"],
        calls: &[
            &["cfn-lint", "infra/aws/template.yaml"],
            &["sam", "validate", "--lint", "--region", "us-east-1", "--template", "infra/aws/template.yaml"],
        ],
    },
    Tools {
        name: "checkov",
        packages: &["checkov==3.3.30"],
        calls: &[&[
            "checkov",
            "--config-file",
            "infra/aws/checkov.yaml",
            "--file",
            "infra/aws/template.yaml",
        ]],
    },
];

/// Has the template checked: cfn-lint, `sam validate --lint`, and checkov with the exceptions of `infra/aws/checkov.yaml`.
pub fn check(skipped: &mut Vec<String>) -> anyhow::Result<()> {
    for Tools { name, packages, calls } in TOOLS {
        let folder = match environment(name, packages) {
            Ok(folder) => folder,
            Err(error) => {
                skipped.push(format!(
                    "the template of the stack by {name}, which cannot be installed: {error:#}"
                ));
                continue;
            }
        };
        for call in calls {
            say(&format!("Checking the template of the stack by {}", call[0]));
            let mut command = Command::new(folder.join(BIN).join(call[0]));
            // Nothing of it asks AWS; a region has to be said all the same.
            command.args(&call[1..]).current_dir(root()).env("SAM_CLI_TELEMETRY", "0");
            quietly(command.env("AWS_DEFAULT_REGION", "us-east-1"))?;
        }
    }
    Ok(())
}
