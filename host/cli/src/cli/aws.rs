//! What can be typed about the stack in an AWS account.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream aws package                     package.zip: the functions, compiled for Lambda
  millstream aws deploy --dry-run            what would be made in the account
  millstream aws deploy                      make it so; from then on `--on aws` names it
  millstream run workflow.yaml --on aws
  millstream aws status                      pools, what waits, what it costs
  millstream aws logs worker-small --follow
  millstream aws destroy                     remove everything again; asks first

Credentials and region come from the environment or a profile of AWS, as for its own tools.")]
pub struct AwsArgs {
    #[command(subcommand)]
    pub verb: AwsVerb,
}

#[derive(Debug, Subcommand)]
pub enum AwsVerb {
    /// Print the SAM template of a stack.
    Template {
        #[command(flatten)]
        settings: SettingsFile,
    },
    /// Make the zip of Lambda's functions: the bootstrap, and the functions compiled for its processor.
    Package(AwsPackageArgs),
    /// Make or change the stack.
    Deploy(AwsDeployArgs),
    /// Show the stack: pools, what waits, endpoints, what it costs.
    Status {
        #[command(flatten)]
        stack: StackName,
        #[command(flatten)]
        settings: SettingsFile,
        #[command(flatten)]
        output: Output,
    },
    /// Show what the stack's functions have logged.
    Logs(AwsLogsArgs),
    /// Remove the stack, with its bucket and all that is in it.
    Destroy(AwsDestroyArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream run workflow.yaml                  measures how long each task takes
  millstream plan workflow.yaml --on aws        what it would cost and take on Lambda, beside instances of SageMaker")]
pub struct PlanArgs {
    /// The workflow's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The run whose times count [default: the newest of this workflow in this home].
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// The settings of the stack [default: those that this binary carries].
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct StackName {
    /// The stack's name; the names of its queues and functions begin with it.
    #[arg(long, value_name = "NAME", default_value = "millstream", env = "MILLSTREAM_STACK")]
    pub stack: String,
    /// The region [default: as the environment or the profile of AWS says].
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}

#[derive(Debug, Args)]
pub struct SettingsFile {
    /// The settings: pools, lifetimes, alarms, budget [default: those that this binary carries, see `infra/aws/settings.yaml`].
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream aws package                                 all functions, for the processor that the settings name
  millstream aws package --only extract,split,k-means    these alone: a smaller package
  millstream aws package --bootstrap millstream-lambda-arm64 --out churn.zip")]
pub struct AwsPackageArgs {
    /// Where the zip goes; a file that is there is replaced.
    #[arg(short, long, value_name = "FILE", default_value = "package.zip")]
    pub out: PathBuf,
    /// The processor, arm64 or x86_64 [default: that of the settings].
    #[arg(long, value_name = "PROCESSOR", value_parser = ["arm64", "x86_64"])]
    pub architecture: Option<String>,
    /// The program millstream-lambda for that processor [default: millstream-lambda-PROCESSOR beside this program].
    #[arg(long, value_name = "FILE")]
    pub bootstrap: Option<PathBuf>,
    /// Only these functions [default: all, those that were added too].
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub only: Vec<String>,
    #[command(flatten)]
    pub settings: SettingsFile,
    /// Show what would go into it, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct AwsDeployArgs {
    #[command(flatten)]
    pub stack: StackName,
    #[command(flatten)]
    pub settings: SettingsFile,
    /// The zip that `millstream aws package` has made.
    #[arg(long, value_name = "FILE", default_value = "package.zip")]
    pub package: PathBuf,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Fail if somebody else changes the stack at this moment, instead of waiting for it.
    #[arg(long)]
    pub no_wait: bool,
    /// Do not write the profile `[on.aws]`.
    #[arg(long)]
    pub no_profile: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct AwsLogsArgs {
    /// `worker-POOL`, `undertaker`, `trigger` or `endpoint-NAME`.
    #[arg(value_name = "FUNCTION")]
    pub function: String,
    #[command(flatten)]
    pub stack: StackName,
    /// Keep printing.
    #[arg(short, long)]
    pub follow: bool,
    /// How far back to begin, such as 10m or 2h.
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub since: String,
    /// Show what would be read, and read nothing.
    #[arg(long, conflicts_with = "follow")]
    pub dry_run: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct AwsDestroyArgs {
    #[command(flatten)]
    pub stack: StackName,
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Also remove objects in the bucket that Millstream has not written.
    #[arg(long)]
    pub all_objects: bool,
    #[command(flatten)]
    pub output: Output,
}
