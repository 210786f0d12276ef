//! `serve` and `invoke`.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;
use millstream_core::quantity;

use super::Threads;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream serve                                     endpoints and tasks, for this machine alone
  millstream serve --port 9000 --no-workers            endpoints alone
  millstream serve --workflows workflows               push what changes there, and start runs by `on:`
  millstream serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem  for other machines; needs API keys (`millstream keys create`)
  curl -d @rows.csv -H 'Content-Type: text/csv' http://127.0.0.1:8080/endpoints/churn/invocations
  boto3.client('sagemaker-runtime', endpoint_url='http://127.0.0.1:8080')")]
pub struct ServeArgs {
    /// The address to listen on; any other than loopback needs API keys and TLS.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub host: IpAddr,
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Threads that answer requests [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub http_threads: Option<u32>,
    /// Memory for all predictors together; the least recently used are unloaded first.
    #[arg(long, default_value = "4GB", value_name = "SIZE", value_parser = size)]
    pub memory: quantity::Size,
    /// The largest body of a request.
    #[arg(long, default_value = "64MB", value_name = "SIZE", value_parser = size)]
    pub max_body: quantity::Size,
    /// How long requests in flight may take after the server is told to stop.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time)]
    pub drain: quantity::Duration,
    /// A PEM file with the certificate, and the intermediate ones.
    #[arg(long, requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's private key.
    #[arg(long, requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Listen on a public address without TLS, behind a proxy that has it.
    #[arg(long)]
    pub insecure_http: bool,
    /// Ask for API keys on loopback too.
    #[arg(long)]
    pub require_keys: bool,
    /// Also answer under this host name; may be repeated.
    #[arg(long = "allowed-host", value_name = "NAME")]
    pub allowed_hosts: Vec<String>,
    /// Write a JSON line for each request to this file; `-` means standard error.
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
    /// Share of the requests to log; failed ones are always logged.
    #[arg(long, default_value_t = 1.0, value_name = "0..1", requires = "access_log")]
    pub access_log_sample: f64,
    /// Push the workflows of this folder when they change; their triggers start runs.
    #[arg(long, value_name = "FOLDER")]
    pub workflows: Option<PathBuf>,
    /// Start no runs by schedules, folders, queues and alarms: another server does.
    #[arg(long, conflicts_with = "workflows")]
    pub no_triggers: bool,
    /// Serve endpoints alone; do no tasks.
    #[arg(long, conflicts_with = "no_endpoints")]
    pub no_workers: bool,
    /// Do tasks alone; serve no endpoints.
    #[arg(long)]
    pub no_endpoints: bool,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream invoke churn rows.csv                     print predictions
  echo 1,2,3 | millstream invoke churn                 CSV rows from standard input
  millstream invoke churn rows.json --accept text/csv --variant churn-3
  millstream invoke churn rows.csv --url http://127.0.0.1:8080   ask a running server")]
pub struct InvokeArgs {
    /// The endpoint.
    pub endpoint: String,
    /// The file with rows [default: standard input].
    pub file: Option<PathBuf>,
    /// Media type of the rows [default: from the file's name, else text/csv].
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// Media type of the answer [default: that of the rows].
    #[arg(long, value_name = "TYPE")]
    pub accept: Option<String>,
    /// The endpoint's alias.
    #[arg(long)]
    pub alias: Option<String>,
    /// Ask this variant.
    #[arg(long)]
    pub variant: Option<String>,
    /// The model, at an endpoint that serves many: NAME, NAME@VERSION or NAME@ALIAS.
    #[arg(long, value_name = "MODEL")]
    pub target_model: Option<String>,
    /// Ask the server at this address; without it, this process answers.
    #[arg(long, env = "MILLSTREAM_URL", value_name = "URL")]
    pub url: Option<String>,
    /// The API key for the server.
    #[arg(long, env = "MILLSTREAM_API_KEY", value_name = "KEY", hide_env_values = true, requires = "url")]
    pub api_key: Option<String>,
}

fn size(text: &str) -> Result<quantity::Size, String> {
    quantity::Size::parse(text).ok_or_else(|| "write a number and a unit, such as 512MB or 4GB".to_owned())
}

fn time(text: &str) -> Result<quantity::Duration, String> {
    quantity::Duration::parse(text).ok_or_else(|| "write a number and a unit, such as 30s or 5m".to_owned())
}
