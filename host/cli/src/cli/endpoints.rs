//! What can be typed about endpoints and keys.

use std::path::PathBuf;

use clap::{
    ArgAction, Args, Subcommand, ValueEnum,
    builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
};
use millstream_control::Scope;
use millstream_deployment::{LIVE, Reason};
use serde_json::{Map, Value};

use super::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream deploy churn --model churn                  the newest version; creates the endpoint if it is new
  millstream deploy churn --model churn@4 --rollout canary=10%,interval=10m,bake=5m --alarm 'error-rate > 1%' --alarm 'p99 > 50ms'
  millstream deploy churn --model churn@4 --rollout linear=20%,interval=5m --wait
  millstream deploy churn --model churn@champion --sample rows.csv
  millstream deploy churn --timeout 5s --capture 10%     change settings alone
  millstream deploy all --multi-model churn-             serve every model whose name begins with `churn-`; requests name one

The version is loaded and predicts the sample before it gets a request. If that fails, nothing changes. A rejected version cannot be \
deployed. A version that waits for approval can, unless the endpoint has `--approved-only`.

`millstream serve` continues a rollout. A canary gets its share of the traffic, then all of it after the interval, and is watched for \
the bake time. An alarm, or the time limit, rolls everything back.

Alarms: `error-rate > 1%`; `p50`, `p90`, `p95`, `p99` or `p999 > 50ms`; `drift > 0.2`; \
`workflows.NAME.steps.STEP.metrics.METRIC < 0.8`.")]
pub struct DeployArgs {
    /// The endpoint's name: lower-case letters, digits and hyphens.
    pub endpoint: String,
    /// The version: NAME (its newest), NAME@VERSION or NAME@ALIAS.
    #[arg(short, long, value_name = "MODEL", required_unless_present = "settings")]
    pub model: Option<String>,
    /// The endpoint's alias.
    #[arg(long, default_value = LIVE)]
    pub alias: String,
    /// The variant's name [default: MODEL-VERSION].
    #[arg(long, value_name = "NAME", requires = "model")]
    pub variant: Option<String>,
    /// How traffic moves: `all-at-once`, `linear=20%` or `canary=10%`, and behind commas `interval=5m`, `bake=5m`, `time-limit=1h`,
    /// `min-requests=100`.
    #[arg(long, value_name = "PLAN", requires = "model", default_value = "all-at-once")]
    pub rollout: String,
    /// Roll back if this happens, such as 'error-rate > 1%'; may be repeated.
    #[arg(long = "alarm", value_name = "ALARM", requires = "model")]
    pub alarms: Vec<String>,
    /// Rows that the version must predict first: a file of CSV, JSON, JSON Lines or Arrow.
    #[arg(long, value_name = "FILE", requires = "model")]
    pub sample: Option<PathBuf>,
    /// Replace a rollout that is under way; without this the deployment is refused.
    #[arg(long, requires = "model")]
    pub replace: bool,
    /// The reason; kept in the history.
    #[arg(long, value_name = "WHY", requires = "model", value_parser = NonEmptyStringValueParser::new())]
    pub reason: Option<String>,
    /// Wait until the rollout ends; fail if it is rolled back.
    #[arg(long, requires = "model")]
    pub wait: bool,
    #[command(flatten)]
    pub settings: SettingsArgs,
    #[command(flatten)]
    pub output: Output,
}

/// How the endpoint is served; what is not given stays as it is.
#[derive(Debug, Args)]
#[group(id = "settings", multiple = true)]
#[command(next_help_heading = "Settings of the endpoint; those not given stay as they are")]
pub struct SettingsArgs {
    /// Longest time for one answer, such as 5s.
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// Unload a predictor that has been idle for this long, or `never`.
    #[arg(long, value_name = "TIME")]
    idle: Option<String>,
    /// Memory of one predictor, such as 512MiB.
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Most requests at once, waiting ones included.
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// Most rows in one request.
    #[arg(long, value_name = "N")]
    max_rows: Option<String>,
    /// Share of the requests to capture, such as 10%.
    #[arg(long, value_name = "SHARE")]
    capture: Option<String>,
    /// Keep each caller on one variant; callers are told apart by this request header.
    #[arg(long, value_name = "HEADER", conflicts_with_all = ["sticky_cookie", "not_sticky"])]
    sticky_header: Option<String>,
    /// Keep each caller on one variant; callers are told apart by this cookie.
    #[arg(long, value_name = "COOKIE", conflicts_with = "not_sticky")]
    sticky_cookie: Option<String>,
    /// Choose a variant for each request anew.
    #[arg(long)]
    not_sticky: bool,
    /// Deploy approved versions only.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    approved_only: Option<bool>,
    /// Also serve each model whose name begins with this; requests name the model. `none` ends that.
    #[arg(long, value_name = "PREFIX")]
    multi_model: Option<String>,
}

impl SettingsArgs {
    /// By the settings' names.
    pub fn written(&self) -> Map<String, Value> {
        let sticky = match (&self.sticky_header, &self.sticky_cookie) {
            (Some(header), _) => Some(format!("header:{header}")),
            (None, Some(cookie)) => Some(format!("cookie:{cookie}")),
            (None, None) => self.not_sticky.then(|| "none".to_owned()),
        };
        let given = [
            ("timeout", self.timeout.clone()),
            ("idle", self.idle.clone()),
            ("memory", self.memory.clone()),
            ("concurrency", self.concurrency.clone()),
            ("max-rows", self.max_rows.clone()),
            ("capture", self.capture.clone()),
            ("sticky", sticky),
            ("approved-only", self.approved_only.map(|only| only.to_string())),
            ("multi-model", self.multi_model.clone()),
        ];
        given.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))).collect()
    }
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  millstream endpoints                   list all endpoints
  millstream endpoints churn             variants, rollout, settings and newest changes of one
  millstream endpoints churn --history   all its changes
  millstream endpoints rm churn"
)]
pub struct EndpointsArgs {
    #[command(subcommand)]
    pub verb: Option<EndpointsVerb>,
    /// The endpoint.
    pub name: Option<String>,
    /// Show all changes, not only the newest.
    #[arg(long, requires = "name")]
    pub history: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum EndpointsVerb {
    /// Remove an endpoint, or one of its aliases; models stay.
    Rm {
        /// The endpoint.
        name: String,
        /// Remove this alias alone.
        #[arg(long, value_name = "ALIAS")]
        alias: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream traffic churn churn-3=90 churn@4=10          an A/B test: a variant that is there and a new version
  millstream traffic churn churn-3=1 --shadow churn@4     churn@4 gets copies; its answers are compared and dropped
  millstream traffic churn churn-4=1                      one variant again

The list replaces the old one: a variant that it does not name is removed. A variant of weight 0 stays, and answers only requests \
that name it (X-Amzn-SageMaker-Target-Variant). `millstream rollback` undoes the change.")]
pub struct TrafficArgs {
    /// The endpoint.
    pub endpoint: String,
    /// A variant, MODEL@VERSION or MODEL@ALIAS, with its weight relative to the others.
    #[arg(required = true, value_name = "NAME=WEIGHT", value_parser = parse_weight)]
    pub weights: Vec<(String, f64)>,
    /// Send a copy of each request to this variant or MODEL@VERSION; may be repeated.
    #[arg(long = "shadow", value_name = "NAME")]
    pub shadows: Vec<String>,
    #[command(flatten)]
    pub of: AliasAndReason,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Undoes the last deployment or change of traffic, at once, and ends a rollout that is under way. Only one change can be undone; a \
second rollback says so. To go back further, deploy an older version:
  millstream deploy churn --model churn@2")]
pub struct RollbackArgs {
    /// The endpoint.
    pub endpoint: String,
    #[command(flatten)]
    pub of: AliasAndReason,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct RolloutArgs {
    /// The endpoint.
    pub endpoint: String,
    /// What to do with its rollout.
    #[arg(value_enum, default_value_t = RolloutVerb::Status)]
    pub verb: RolloutVerb,
    #[command(flatten)]
    pub of: AliasAndReason,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RolloutVerb {
    /// Show how far it is.
    Status,
    /// Watch it until it ends; with `--on`, where no server carries it on, do so.
    Continue,
    /// Give the new version all traffic now.
    Promote,
    /// Give all traffic back to the old version.
    Abort,
}

#[derive(Debug, Args)]
pub struct AliasAndReason {
    /// The endpoint's alias.
    #[arg(long, default_value = LIVE)]
    pub alias: String,
    /// The reason; kept in the history.
    #[arg(long, value_name = "WHY", value_parser = NonEmptyStringValueParser::new())]
    pub reason: Option<String>,
}

impl AliasAndReason {
    /// As it is asked for.
    pub fn asked(&self) -> Reason {
        Reason { alias: self.alias.clone(), reason: self.reason.clone() }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream keys create ci --scope deploy
  millstream keys create laptop --scope read,write     buckets, for S3 clients
  millstream keys create shop --scope invoke --endpoint churn --expires 90d
  millstream keys list
  millstream keys revoke 3f9a0c2b11d4

A key is shown once, when it is created. Only its hash is kept.")]
pub struct KeysArgs {
    #[command(subcommand)]
    pub verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
pub enum KeysVerb {
    /// Create a key, and print it.
    Create {
        /// A name that says what the key is for.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// What the key allows; may be repeated.
        #[arg(long = "scope", value_name = "SCOPE", value_parser = parse_scope(), required = true, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// Limit the key to this endpoint; may be repeated.
        #[arg(long = "endpoint", value_name = "NAME")]
        endpoints: Vec<String>,
        /// The key expires after this time, such as 90d.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// List all keys, without their secrets.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a key.
    Revoke {
        /// The key's public part, between its underscores.
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

/// Reads a scope, and lists all in the help.
fn parse_scope() -> impl TypedValueParser<Value = Scope> {
    let known = |scope: Scope| PossibleValue::new(scope.as_str()).help(scope.description());
    PossibleValuesParser::new(Scope::ALL.map(known)).map(|text| {
        let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
        scope.expect("the parser before takes these alone")
    })
}

fn parse_weight(text: &str) -> Result<(String, f64), String> {
    let form = || "write it as NAME=WEIGHT, such as churn-3=90 or churn@4=10".to_owned();
    let (name, weight) = text.rsplit_once('=').ok_or_else(form)?;
    let weight = weight.trim().trim_end_matches('%').parse().ok().filter(|weight: &f64| weight.is_finite());
    match weight {
        Some(weight) if !name.is_empty() && weight >= 0.0 => Ok((name.to_owned(), weight)),
        _ => Err(form()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::{Cli, Verb};

    fn parse(line: &str) -> Result<Verb, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.verb)
    }

    #[test]
    fn a_deployment_needs_a_model_or_settings() {
        assert!(parse("millstream deploy churn").is_err());
        assert!(parse("millstream deploy churn --rollout canary --timeout 5s").is_err());
        let Ok(Verb::Deploy(deploy)) = parse("millstream deploy churn --timeout 5s --approved-only") else {
            panic!()
        };
        assert_eq!(deploy.settings.written().len(), 2);
        let Ok(Verb::Deploy(deploy)) = parse("millstream deploy churn --model churn@3 --approved-only=false")
        else {
            panic!()
        };
        assert_eq!(deploy.settings.written()["approved-only"], "false");
        assert!(parse("millstream deploy e -m m --sticky-header a --sticky-cookie b").is_err());
    }

    #[test]
    fn weights() {
        let Ok(Verb::Traffic(traffic)) = parse("millstream traffic e a=90% m@2=10 --shadow m@3") else {
            panic!()
        };
        assert_eq!(traffic.weights, [("a".to_owned(), 90.0), ("m@2".to_owned(), 10.0)]);
        for bad in ["a", "a=", "=1", "a=-1", "a=x", "a=inf", "a=NaN"] {
            assert!(parse(&format!("millstream traffic e {bad}")).is_err(), "{bad}");
        }
        assert!(parse("millstream traffic e").is_err());
    }

    #[test]
    fn a_rollout_is_looked_at_unless_something_is_done_about_it() {
        use super::RolloutVerb;
        let Ok(Verb::Rollout(status)) = parse("millstream rollout e") else { panic!() };
        assert_eq!(status.verb, RolloutVerb::Status);
        let Ok(Verb::Rollout(abort)) = parse("millstream rollout e abort --reason slow") else { panic!() };
        assert_eq!((abort.verb, abort.of.reason.as_deref()), (RolloutVerb::Abort, Some("slow")));
    }

    #[test]
    fn keys_need_a_scope() {
        assert!(parse("millstream keys create ci").is_err());
        assert!(parse("millstream keys create ci --scope invoke,deploy --endpoint a").is_ok());
    }
}
