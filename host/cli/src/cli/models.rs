//! `models` and its verbs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Output, parse_param};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  millstream models                            all models
  millstream models churn                      versions of one, with metrics
  millstream models churn --compare 1 2        two of them side by side
  millstream models approve churn 2
  millstream models alias churn champion 2     `churn@champion` is version 2 from now on
  millstream models rm churn@1
  millstream models restore churn@1            as if it had not been removed
  millstream models import churn.json          a version of a model that was trained elsewhere"
)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub verb: Option<ModelsVerb>,
    /// The model.
    pub name: Option<String>,
    /// Two versions side by side.
    #[arg(long, num_args = 2, value_names = ["A", "B"], requires = "name")]
    pub compare: Vec<u32>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum ModelsVerb {
    /// A version may be deployed.
    Approve { name: String, version: u32 },
    /// A version must not be deployed.
    Reject { name: String, version: u32 },
    /// Point an alias of a model at a version.
    Alias {
        name: String,
        alias: String,
        #[arg(required_unless_present = "remove")]
        version: Option<u32>,
        /// Only if it points at this version now; 0: if there is no such alias.
        #[arg(long, value_name = "VERSION", requires = "version")]
        expect: Option<u32>,
        /// Remove it.
        #[arg(long = "rm", conflicts_with = "version")]
        remove: bool,
    },
    /// Remove a version that nothing uses; its number is not given again.
    Rm {
        #[arg(value_name = "NAME@VERSION")]
        version: String,
    },
    /// Bring a removed version back.
    Restore {
        #[arg(value_name = "NAME@VERSION")]
        version: String,
    },
    /// Make a version of a model that was trained elsewhere: XGBoost, LightGBM, scikit-learn by ONNX.
    Import(ImportArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The file's name and its first bytes say what it is. The model predicts as it did where it was
trained. Its columns are called as the file says, or f0, f1, ... Importing a file again gives the
same version.

Where models come from:
  XGBoost       model.save_model('churn.json')  or .ubj
  LightGBM      model.booster_.save_model('churn.txt')
  scikit-learn  open('churn.onnx', 'wb').write(skl2onnx.to_onnx(model, X[:1]).SerializeToString())

Examples:
  millstream models import churn.json --target churned
  millstream models import churn.ubj --name churn --param classes=no,yes
  millstream models import model.onnx --name prices --param features=rooms,area,year
  millstream functions describe onnx           what else it takes; so for gradient-boosting")]
pub struct ImportArgs {
    /// The model's file.
    pub file: PathBuf,
    /// The model's name [default: the file's].
    #[arg(long)]
    pub name: Option<String>,
    /// The file's format, if its name and beginning don't say.
    #[arg(long)]
    pub format: Option<String>,
    /// The function that reads it, if several do.
    #[arg(long)]
    pub function: Option<String>,
    /// The column that the model predicts; `evaluate` compares with it.
    #[arg(long)]
    pub target: Option<String>,
    /// A parameter of the function that reads it; may be repeated. Lists have commas.
    #[arg(short, long = "param", value_name = "KEY=VALUE", value_parser = parse_param)]
    pub params: Vec<(String, String)>,
    #[command(flatten)]
    pub output: Output,
}
