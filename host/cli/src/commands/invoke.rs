//! `millstream invoke`

use std::{
    fs,
    io::{self, Read as _, Write as _},
    time::Duration,
};

use anyhow::Context as _;
use millstream_endpoint::{Invocation, InvokeError};
use millstream_errors::{Code, Coded as _};
use millstream_serving as serving;

use super::{End, Usage};
use crate::{
    cli::{HomeArgs, InvokeArgs},
    codes::Told,
    elsewhere::Elsewhere,
    place::{cores, open_home},
};

/// Memory for the predictors of one question.
const MEMORY: u64 = 16 << 30;

pub fn invoke(home: &HomeArgs, args: &InvokeArgs) -> anyhow::Result<End> {
    let (rows, content_type) = rows(args)?;
    let answer = match (&args.url, Elsewhere::of(home)?) {
        (Some(url), _) => remote(url, args, rows, &content_type)?,
        (None, Some(elsewhere)) => lambda(&elsewhere, args, &rows, &content_type)?,
        (None, None) => local(home, args, rows, &content_type)?,
    };
    io::stdout().write_all(&answer)?;
    Ok(End::Done)
}

/// The rows and their media type.
fn rows(args: &InvokeArgs) -> anyhow::Result<(Vec<u8>, String)> {
    let Some(file) = &args.file else {
        let mut rows = Vec::new();
        io::stdin().read_to_end(&mut rows).context("cannot read standard input")?;
        return Ok((rows, args.content_type.clone().unwrap_or_else(|| "text/csv".to_owned())));
    };
    let rows = fs::read(file).map_err(|error| Usage(format!("cannot read {}: {error}", file.display())))?;
    let suffix = file.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    let by_name = match suffix.to_ascii_lowercase().as_str() {
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "arrow" | "arrows" => "application/vnd.apache.arrow.stream",
        _ => "text/csv",
    };
    Ok((rows, args.content_type.clone().unwrap_or_else(|| by_name.to_owned())))
}

/// Answers in this process: nothing has to be running.
fn local(home: &HomeArgs, args: &InvokeArgs, rows: Vec<u8>, content_type: &str) -> anyhow::Result<Vec<u8>> {
    let home = open_home(home)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores())
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let core = serving::open(&home, 1, MEMORY)?;
    core.read_routes()?;
    let answer = runtime.block_on(async {
        let headers = http::HeaderMap::new();
        core.invoke(Invocation {
            endpoint: &args.endpoint,
            alias: args.alias.as_deref(),
            target_variant: args.variant.as_deref(),
            target_model: args.target_model.as_deref(),
            headers: &headers,
            content_type,
            accept: args.accept.as_deref(),
            body: rows.into(),
            inference_id: None,
            time_limit: None,
        })
        .await
    });
    runtime.shutdown_background();
    match answer {
        Ok(answer) => Ok(answer.body.to_vec()),
        Err(
            error @ (InvokeError::NoSuchEndpoint(_)
            | InvokeError::NoSuchTarget(_)
            | InvokeError::UnsupportedMediaType(_)
            | InvokeError::NotAcceptable(_)
            | InvokeError::Invalid { .. }),
        ) => Err(Told { code: error.code(), message: error.to_string(), is_usage: true }.into()),
        Err(error) => Err(error.into()),
    }
}

/// Asks the endpoint's function.
#[cfg(feature = "aws")]
fn lambda(
    elsewhere: &Elsewhere,
    args: &InvokeArgs,
    rows: &[u8],
    content_type: &str,
) -> anyhow::Result<Vec<u8>> {
    use millstream_aws_stack::live::event;
    if args.variant.is_some() || args.target_model.is_some() {
        return Err(Usage(
            "Lambda draws the version that answers: --variant and --target-model are for servers".to_owned(),
        )
        .into());
    }
    let request = event::request(&args.endpoint, content_type, args.accept.as_deref(), rows)?;
    let alias = args.alias.as_deref().unwrap_or(millstream_deployment::LIVE);
    let answer = event::answer(&elsewhere.invoke(&args.endpoint, alias, &request)?)?;
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    let code = answer.code.and_then(|code| code.parse().ok());
    Err(refused(&answer.status.to_string(), code, &answer.body))
}

/// There is no function without AWS in this binary.
#[cfg(not(feature = "aws"))]
fn lambda(elsewhere: &Elsewhere, _: &InvokeArgs, _: &[u8], _: &str) -> anyhow::Result<Vec<u8>> {
    match *elsewhere {}
}

/// Asks a server.
fn remote(url: &str, args: &InvokeArgs, rows: Vec<u8>, content_type: &str) -> anyhow::Result<Vec<u8>> {
    let path = format!("{}/endpoints/{}/invocations", url.trim_end_matches('/'), args.endpoint);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(10)))
        .build()
        .new_agent();
    let mut request = agent.post(&path).header("content-type", content_type);
    let optional = [
        ("accept", &args.accept),
        ("x-millstream-alias", &args.alias),
        ("x-amzn-sagemaker-target-variant", &args.variant),
        ("x-amzn-sagemaker-target-model", &args.target_model),
        ("x-api-key", &args.api_key),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let mut answer = request
        .send(&rows)
        .with_context(|| format!("cannot ask {url}; is `millstream serve` running there?"))?;
    let body =
        answer.body_mut().with_config().limit(4 << 30).read_to_vec().context("the answer broke off")?;
    if answer.status().is_success() {
        return Ok(body);
    }
    let code = answer.headers().get("x-millstream-error").and_then(|code| code.to_str().ok()?.parse().ok());
    Err(refused(&answer.status().to_string(), code, &body))
}

/// What somebody who did not answer said instead.
fn refused(status: &str, code: Option<Code>, body: &[u8]) -> anyhow::Error {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let told =
        ["OriginalMessage", "Message", "message", "detail"].iter().find_map(|key| problem[*key].as_str());
    let text = told.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let message = format!("{status}: {text}");
    Told { code: code.unwrap_or(Code::CommandFailed), message, is_usage: false }.into()
}
