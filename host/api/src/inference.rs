//! The Open Inference Protocol, version 2, over REST: an endpoint is a model, a version behind it is a version.

mod answer;
mod request;

use http::{HeaderName, StatusCode, header::CONTENT_TYPE};
use millstream_endpoint::{Invocation, python};
use serde_json::{Value, json};

use crate::{
    backend::{Backend, Column, Signature},
    call::{Call, decoded},
    fault::{Fault, Kind},
    reply::{self, Reply},
    target,
};

/// With it comes the binary extension.
const BINARY_HEADER: HeaderName = HeaderName::from_static("inference-header-content-length");

/// `GET /v2`
pub fn server() -> Reply {
    let version = env!("CARGO_PKG_VERSION");
    reply::json(StatusCode::OK, &json!({ "name": "millstream", "version": version, "extensions": [] }))
}

/// `GET /v2/models/{name}[/versions/{version}]`
pub async fn metadata<B: Backend>(
    call: Call<'_, B>,
    model: &str,
    version: Option<&str>,
) -> Result<Reply, Fault> {
    let model = decoded(model)?;
    let version = version.map(decoded).transpose()?;
    let backend = &call.app.backend;
    let target = target::find(backend, &model, version.as_deref()).await?;
    let signature = backend.signature(&model, target.variant.as_deref()).await?;
    let tensors = |columns: &[Column]| -> Vec<Value> {
        columns
            .iter()
            .map(|column| json!({ "name": column.name, "datatype": column.datatype, "shape": [-1] }))
            .collect()
    };
    let versions: Vec<String> = signature.versions.iter().map(u32::to_string).collect();
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "name": model,
            "versions": versions,
            "platform": "millstream",
            "inputs": tensors(&signature.inputs),
            "outputs": tensors(&signature.outputs),
            "parameters": { "model": signature.model, "version": signature.version },
        }),
    ))
}

/// `GET /v2/models/{name}[/versions/{version}]/ready`
pub async fn ready<B: Backend>(
    call: Call<'_, B>,
    model: &str,
    version: Option<&str>,
) -> Result<Reply, Fault> {
    let model = decoded(model)?;
    let version = version.map(decoded).transpose()?;
    let app = call.app;
    match version.as_deref() {
        Some(version) => drop(target::find(&app.backend, &model, Some(version)).await?),
        None => drop(app.backend.endpoint(&model).await?),
    }
    let ready = app.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(reply::json(status, &json!({ "name": model, "ready": ready })))
}

/// `POST /v2/models/{name}[/versions/{version}]/infer`
pub async fn infer<B: Backend>(
    mut call: Call<'_, B>,
    model: &str,
    version: Option<&str>,
) -> Result<Reply, Fault> {
    let parts = call.parts;
    let model = decoded(model)?;
    let version = version.map(decoded).transpose()?;
    check_headers(&call)?;
    let body = call.body().await?;
    let mended: Vec<u8>;
    let request = match request::parse(&body) {
        Ok(request) => request,
        // As on the other routes: Python's NaN is a missing value, its infinities are numbers.
        Err(fault) => {
            mended = python::mended(&body, "null", "1e999", "-1e999").ok_or(fault)?;
            request::parse(&mended)?
        }
    };
    let rows = request.rows()?;
    let target = match version.as_deref() {
        Some(version) => Box::pin(target::find(&call.app.backend, &model, Some(version))).await?,
        None => target::Target::default(),
    };
    let signature = match rows.count {
        0 => Some(call.app.backend.signature(&model, target.variant.as_deref()).await?),
        _ => None,
    };
    if let Some(signature) = &signature {
        check_columns(signature, rows.columns)?;
    }
    let (answer, _) = call
        .ask(Invocation {
            endpoint: &model,
            alias: target.alias.as_deref(),
            target_variant: target.variant.as_deref(),
            target_model: None,
            headers: &parts.headers,
            content_type: rows.content_type,
            accept: Some("application/json"),
            body: rows.body,
            inference_id: request.id.as_deref(),
            time_limit: None,
        })
        .await?;
    let body = answer::write(&model, &request, &answer, signature.as_ref())?;
    Ok(reply::new(StatusCode::OK, reply::JSON, body))
}

/// A model that sees no row does not see how many values it lacks.
fn check_columns(signature: &Signature, columns: Option<usize>) -> Result<(), Fault> {
    let inputs = &signature.inputs;
    let Some(columns) = columns.filter(|columns| !inputs.is_empty() && *columns != inputs.len()) else {
        return Ok(());
    };
    let names: Vec<&str> = inputs.iter().map(|column| column.name.as_str()).collect();
    let message =
        format!("there are {columns} columns, but the model takes {}: {}", inputs.len(), names.join(", "));
    Err(Fault::new(Kind::BadRequest, message).parameter("shape"))
}

fn check_headers<B: Backend>(call: &Call<'_, B>) -> Result<(), Fault> {
    if call.parts.headers.contains_key(BINARY_HEADER) {
        return Err(Fault::new(
            Kind::UnsupportedMediaType,
            "tensors must be JSON: the binary extension is not supported (tritonclient: binary_data=False)",
        )
        .parameter("Inference-Header-Content-Length"));
    }
    let content_type = call.header(&CONTENT_TYPE)?.unwrap_or("application/json");
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Fault::new(
            Kind::UnsupportedMediaType,
            format!(
                "this route takes application/json, not `{content_type}`; POST /endpoints/NAME/invocations takes CSV, JSON, JSON \
                 Lines and Arrow"
            ),
        ));
    }
    Ok(())
}
