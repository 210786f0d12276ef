//! Endpoints for people and the command line: what there is, and how it is changed.

use std::{
    collections::HashSet,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderName, HeaderValue, StatusCode, header::ACCEPT};
use millstream_control::ChangeRequest;
use millstream_core::nearest;
use millstream_deployment::{Action, Deploy, Endpoint, LIVE, Reason, Settings, Traffic};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use crate::{
    accept,
    backend::Backend,
    call::{Call, decoded},
    fault::{Fault, Kind},
    reply::{self, Reply, escaped},
    route::{ROUTES, Row, Verb},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST_KEY: usize = 255;
/// Says that the change had been made before, by the same request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The idempotency keys of changes that are under way.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<Mutex<HashSet<String>>>);

/// A key in use, until it is dropped.
struct InUse(Keys, String);

impl Keys {
    fn enter(&self, key: &str) -> Result<InUse, Fault> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.insert(key.to_owned()) {
            return Ok(InUse(self.clone(), key.to_owned()));
        }
        let message = format!(
            "a request with idempotency key `{key}` is under way; wait for its answer, or ask again later"
        );
        let fault = Fault::new(Kind::Conflict, message).parameter("Idempotency-Key");
        Err(fault.retry_after(Duration::from_secs(1)))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// `GET /v1/endpoints`
pub async fn endpoints<B: Backend>(call: Call<'_, B>) -> Reply {
    let endpoints = call.app.backend.endpoints().await;
    reply::json(StatusCode::OK, &json!({ "endpoints": endpoints }))
}

/// `GET /v1/endpoints/{name}`
pub async fn endpoint<B: Backend>(call: Call<'_, B>, name: &str) -> Result<Reply, Fault> {
    let endpoint = call.app.backend.endpoint(&decoded(name)?).await?;
    Ok(reply::json(StatusCode::OK, &endpoint))
}

/// Carries out the change that `read` finds in the body.
pub async fn change<B: Backend>(
    mut call: Call<'_, B>,
    name: &str,
    read: impl FnOnce(&[u8]) -> Result<Action, Fault>,
) -> Result<Reply, Fault> {
    let endpoint = decoded(name)?.into_owned();
    let key = call.header(&IDEMPOTENCY_KEY)?.map(checked).transpose()?;
    let body = call.body().await?;
    let action = read(&body)?;
    let (who, admin) = (call.caller.0.to_string(), call.is_by_admin());
    let in_use = key.as_deref().map(|key| call.app.keys.enter(key)).transpose()?;
    let (app, asked) = (call.app.clone(), ChangeRequest { endpoint, who, key, admin, action });
    // It is carried out to its end also if the caller hangs up, and its key is in use until then.
    let made = tokio::spawn(async move {
        let (_in_use, _until_done) = (in_use, app.background());
        app.backend.change(asked).await
    });
    let changed = made.await.map_err(|error| Fault::new(Kind::Unavailable, error.to_string()))??;
    let mut reply = reply::json(StatusCode::OK, &changed.endpoint);
    if changed.repeated {
        reply.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(reply)
}

/// A key as it came, or in quotes, as the draft of the standard has it: the same key.
fn checked(text: &str) -> Result<String, Fault> {
    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let fine = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',' | b';');
    if bare.is_empty() || bare.len() > LONGEST_KEY || !bare.bytes().all(fine) {
        let message = format!(
            "an idempotency key has 1 to {LONGEST_KEY} visible ASCII characters, without blanks, quotes, backslashes, commas and \
             semicolons, such as a UUID"
        );
        return Err(Fault::new(Kind::BadRequest, message).parameter("Idempotency-Key"));
    }
    Ok(bare.to_owned())
}

/// The body of `deploy`.
pub fn deploy(body: &[u8]) -> Result<Action, Fault> {
    Ok(Action::Deploy(Deploy::read(&document(body, Deploy::MEMBERS)?, Settings::patch)?))
}

/// The body of `traffic`.
pub fn traffic(body: &[u8]) -> Result<Action, Fault> {
    Ok(Action::Traffic(Traffic::read(&document(body, Traffic::MEMBERS)?)?))
}

/// The body of the others: nothing, or of which alias and why.
pub fn reason(body: &[u8]) -> Result<Reason, Fault> {
    let empty = body.iter().all(u8::is_ascii_whitespace);
    if empty { Ok(Reason::default()) } else { Ok(Reason::read(&document(body, Reason::MEMBERS)?)?) }
}

/// A body with these members and no others.
fn document(body: &[u8], members: &[&str]) -> Result<Map<String, Value>, Fault> {
    let wrong = |message: String| Fault::new(Kind::BadRequest, message);
    let Members(written) = serde_json::from_slice(body)
        .map_err(|error| wrong(format!("the body is not what this path takes: {error}")))?;
    match written.keys().find(|name| !members.contains(&name.as_str())) {
        Some(name) => {
            let help = nearest::or_all(name, members.iter().copied(), "members");
            Err(wrong(format!("the body has a member `{name}` that this path does not take; {help}")))
        }
        None => Ok(written),
    }
}

/// An object in which no member is there twice: nobody knows which of the two is meant.
struct Members(Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format!("`{name}` is there twice")));
                    }
                    members.insert(name, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

/// `GET /`: what there is, as JSON, or as a page for a browser.
pub async fn index<B: Backend>(call: Call<'_, B>) -> Reply {
    let endpoints = call.app.backend.endpoints().await;
    if accept::prefers(&call.parts.headers, &ACCEPT, "text/html", "application/json") {
        let media_type = HeaderValue::from_static("text/html; charset=utf-8");
        return reply::new(StatusCode::OK, media_type, page(&endpoints).into());
    }
    let list: Vec<Value> = endpoints
        .iter()
        .map(|endpoint| {
            json!({
                "name": endpoint.name,
                "invoke": format!("/endpoints/{}/invocations", endpoint.name),
                "infer": format!("/v2/models/{}/infer", endpoint.name),
                "live": live(endpoint),
            })
        })
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    let routes: Vec<Value> = ROUTES
        .iter()
        .map(|row| json!({ "methods": methods(row), "path": row.path, "summary": row.operation.summary }))
        .collect();
    reply::json(
        StatusCode::OK,
        &json!({ "name": "millstream", "version": version, "endpoints": list, "routes": routes }),
    )
}

fn methods(row: &Row) -> Vec<&'static str> {
    row.verbs.iter().map(|verb| verb.as_str()).collect()
}

/// Who answers, such as `churn@3 90, churn@4 10`.
fn live(endpoint: &Endpoint) -> String {
    let variants = endpoint.aliases.get(LIVE).map(|alias| alias.variants.as_slice()).unwrap_or_default();
    let texts: Vec<String> = variants
        .iter()
        .map(|one| {
            let share = if one.shadow { "shadow".to_owned() } else { one.weight.to_string() };
            format!("{}@{} {share}", one.model, one.version)
        })
        .collect();
    texts.join(", ")
}

fn page(endpoints: &[Endpoint]) -> String {
    let mut rows = String::new();
    for endpoint in endpoints {
        let (name, live) = (escaped(&endpoint.name), escaped(&live(endpoint)));
        // Writing to a string can't fail.
        let _ = write!(
            rows,
            "<tr><td><a href=\"/v1/endpoints/{name}\">{name}</a><td>{live}<td><code>POST /endpoints/{name}/invocations</code>"
        );
    }
    if endpoints.is_empty() {
        rows.push_str("<tr><td colspan=3>No endpoint yet: <code>millstream deploy ENDPOINT --model NAME</code> makes one.");
    }
    let mut routes = String::new();
    for row in ROUTES {
        let (methods, path) = (methods(row).join(" "), row.path);
        let path = match row.names.is_empty() && row.verbs == [Verb::Get] {
            true => format!("<a href=\"{path}\">{path}</a>"),
            false => path.to_owned(),
        };
        let _ = write!(routes, "<tr><td>{methods}<td><code>{path}</code><td>{}", row.operation.summary);
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Millstream</title>\
         <style>body{{font:16px system-ui;margin:2rem auto;max-width:60rem}}td,th{{text-align:left;padding:.3rem 1rem .3rem 0}}</style>\
         <h1>Millstream</h1><table><tr><th>Endpoint<th>Answered by<th>Ask it{rows}</table>\
         <h2>Routes</h2><table><tr><th>Method<th>Path<th>For{routes}</table></html>"
    )
}
