//! `models` and its verbs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Output, parse_param};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  millstream models                            list all models
  millstream models churn                      versions of one model, with metrics
  millstream models churn --compare 1 2        two versions side by side
  millstream models approve churn 2
  millstream models alias churn champion 2     `churn@champion` is version 2 from now on
  millstream models rm churn@1
  millstream models restore churn@1            undo the removal
  millstream models import churn.json          register a model that was trained elsewhere"
)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub verb: Option<ModelsVerb>,
    /// The model.
    pub name: Option<String>,
    /// Compare two versions.
    #[arg(long, num_args = 2, value_names = ["A", "B"], requires = "name")]
    pub compare: Vec<u32>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum ModelsVerb {
    /// Approve a version: it may be deployed.
    Approve(Judged),
    /// Reject a version: it cannot be deployed.
    Reject(Judged),
    /// Point an alias of a model at a version.
    Alias {
        /// The model.
        name: String,
        /// The alias.
        alias: String,
        /// The version that it points at from now on.
        #[arg(required_unless_present = "remove")]
        version: Option<u32>,
        /// Fail unless the alias points at this version now; 0: unless there is no such alias.
        #[arg(long, value_name = "VERSION", requires = "version")]
        expect: Option<u32>,
        /// Remove the alias.
        #[arg(long = "rm", conflicts_with = "version")]
        remove: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a version that nothing uses; its number is not used again.
    Rm(OneVersion),
    /// Restore a removed version.
    Restore(OneVersion),
    /// Register a model that was trained elsewhere: by XGBoost, LightGBM or scikit-learn (ONNX).
    Import(ImportArgs),
}

/// A version that is approved or rejected.
#[derive(Debug, Args)]
pub struct Judged {
    /// The model.
    pub name: String,
    /// The version's number.
    pub version: u32,
    #[command(flatten)]
    pub output: Output,
}

/// A version that is removed or restored.
#[derive(Debug, Args)]
pub struct OneVersion {
    /// The version.
    #[arg(value_name = "NAME@VERSION")]
    pub version: String,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The file's name and its first bytes tell its format. The model predicts as it did where it was trained. Its columns have the file's \
names, or f0, f1, ... A file that is imported again gives the same version.

Where models come from:
  XGBoost       model.save_model('churn.json')  or .ubj
  LightGBM      model.booster_.save_model('churn.txt')
  scikit-learn  open('churn.onnx', 'wb').write(skl2onnx.to_onnx(model, X[:1]).SerializeToString())

Examples:
  millstream models import churn.json --target churned
  millstream models import churn.ubj --name churn --param classes=no,yes
  millstream models import model.onnx --name prices --param features=rooms,area,year
  millstream functions describe onnx           all parameters; for XGBoost and LightGBM those of gradient-boosting")]
pub struct ImportArgs {
    /// The model's file.
    pub file: PathBuf,
    /// The model's name [default: the file's].
    #[arg(long)]
    pub name: Option<String>,
    /// The file's format, if its name and first bytes do not tell.
    #[arg(long)]
    pub format: Option<String>,
    /// The function that reads the file, if several can.
    #[arg(long)]
    pub function: Option<String>,
    /// The column that the model predicts; `evaluate` compares with it.
    #[arg(long)]
    pub target: Option<String>,
    /// Set a parameter of the function that reads the file; may be repeated. Lists have commas.
    #[arg(short, long = "param", value_name = "KEY=VALUE", value_parser = parse_param)]
    pub params: Vec<(String, String)>,
    #[command(flatten)]
    pub output: Output,
}
