//! The routes within Lambda: an event comes instead of a connection, and who may ask has been decided before it came (by IAM, or by
//! an authorizer of API Gateway), unless keys are asked for.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{CONTENT_TYPE, HOST, ORIGIN},
    response::Parts,
};
use http_body_util::{BodyExt as _, Full};
use millstream_control::Scope;
use millstream_errors::Coded as _;
use serde_json::Value;

use super::event::{self, Event};
use crate::{
    app::App,
    backend::Backend,
    body::Source,
    config::Config,
    connections::Connection,
    fault::{Fault, Kind},
    metrics::Metrics,
    reply::Reply,
    route::{Access, Route},
    server::StartError,
};

/// The routes of an endpoint, or those that start runs, for events.
pub struct Gateway<B> {
    app: Arc<App<B>>,
    /// None: runs are started here.
    endpoint: Option<String>,
}

/// What becomes of an event.
#[derive(Debug)]
pub enum GatewayAnswer {
    /// JSON: what a model made of rows, or an answer in the form that the event's sender unpacks.
    Json(Bytes),
    /// An answer that is to be streamed.
    Stream(Box<Parts>, Bytes),
}

/// The function has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The kind of error.
    pub kind: String,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// Largest event and largest answer of a synchronous invocation, in bytes.
const MOST: usize = 6 << 20;

impl<B: Backend> Gateway<B> {
    /// For events of `endpoint`'s function. The address of `config` is nobody's.
    ///
    /// # Errors
    /// Keys are asked for, and there are none.
    pub fn new(config: &Config, backend: B, endpoint: &str) -> Result<Self, StartError> {
        Self::of(config, backend, Some(endpoint.to_owned()))
    }

    /// For requests that start runs of workflows, or ask how they stand.
    ///
    /// # Errors
    /// Keys are asked for, and there are none.
    pub fn for_runs(config: &Config, backend: B) -> Result<Self, StartError> {
        Self::of(config, backend, None)
    }

    fn of(config: &Config, backend: B, endpoint: Option<String>) -> Result<Self, StartError> {
        config.check(backend.has_keys()).map_err(StartError::new)?;
        let app = Arc::new(App::new(config, backend, None, Metrics::default()));
        Ok(Self { app, endpoint })
    }

    /// Answers an event. An answer to a request is streamed with `stream`.
    ///
    /// # Errors
    /// Rows could not be answered; a request in an event has an answer that says so.
    pub async fn answer(&self, event: Bytes, stream: bool) -> Result<GatewayAnswer, Failed> {
        let size = event.len();
        let request = match Event::read(event).map_err(failed)? {
            Event::Rows(rows) => return self.rows(rows, size).await,
            Event::Http(request) => request,
        };
        let reply = if size > MOST {
            self.refused(&request, too_large("request", size))
        } else {
            self.ask(&request).await
        };
        let (head, body) = whole(reply).await;
        if stream {
            return Ok(GatewayAnswer::Stream(Box::new(head), body));
        }
        let answer = request.reply(&head, &body);
        if answer.len() <= MOST {
            return Ok(GatewayAnswer::Json(answer));
        }
        let (head, body) = whole(self.refused(&request, too_large("answer", answer.len()))).await;
        Ok(GatewayAnswer::Json(request.reply(&head, &body)))
    }

    /// A request in an event, by its route.
    async fn ask(&self, request: &event::Request) -> Reply {
        let path = self.path(&request.path);
        if let Err(fault) = self.allowed(&request.method, &path) {
            return self.refused(request, fault);
        }
        // Routes that take no body do not look at it; the others say that there is none.
        let body = match &request.body {
            Ok(body) => body.clone(),
            Err(fault) if request.method == Method::POST => return self.refused(request, fault.clone()),
            Err(_) => Bytes::new(),
        };
        let mut asked = Request::new(Source::Whole(Full::new(body)));
        *asked.method_mut() = request.method.clone();
        let Ok(uri) = path.parse() else {
            let fault = Fault::new(Kind::BadRequest, format!("`{path}` is no path"));
            return self.refused(request, fault);
        };
        *asked.uri_mut() = uri;
        *asked.headers_mut() = self.headers(&request.headers);
        self.handle(asked).await
    }

    /// Rows as they are: what `aws lambda invoke` sends.
    async fn rows(&self, rows: Bytes, size: usize) -> Result<GatewayAnswer, Failed> {
        if size > MOST {
            return Err(failed(too_large("event", size)));
        }
        let Some(endpoint) = &self.endpoint else {
            return Err(failed(Fault::new(
                Kind::BadRequest,
                "this function starts runs and predicts nothing: send a request",
            )));
        };
        let path = format!("/2015-03-31/functions/{endpoint}/invocations");
        let mut asked = Request::new(Source::Whole(Full::new(rows)));
        *asked.method_mut() = Method::POST;
        *asked.uri_mut() =
            path.parse().map_err(|_| failed(Fault::new(Kind::BadRequest, "the endpoint has no name")))?;
        asked.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (head, body) = whole(self.handle(asked).await).await;
        if head.status != StatusCode::OK || head.headers.contains_key("x-amz-function-error") {
            let said: Value = serde_json::from_slice(&body).unwrap_or_default();
            let text = |names: [&str; 3]| {
                names.iter().find_map(|name| said[*name].as_str()).unwrap_or("the request failed").to_owned()
            };
            return Err(Failed {
                kind: text(["errorType", "Type", "code"]),
                message: text(["errorMessage", "Message", "message"]),
            });
        }
        if body.len() > MOST {
            return Err(failed(too_large("answer", body.len())));
        }
        Ok(GatewayAnswer::Json(body))
    }

    async fn handle(&self, asked: Request<Source>) -> Reply {
        let nobody: SocketAddr = ([127, 0, 0, 1], 0).into();
        let connection = Connection::alone(nobody.ip());
        Arc::clone(&self.app).handle(asked, nobody, &connection).await
    }

    /// The path of a route: a function's own address asks its endpoint.
    fn path(&self, path: &str) -> String {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let path = match (path.trim_end_matches('/'), &self.endpoint) {
            ("" | "/invocations", Some(endpoint)) => format!("/endpoints/{endpoint}/invocations"),
            _ => path.to_owned(),
        };
        query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"))
    }

    /// Requests of an endpoint, of runs where they are started, and health; nothing else that changes anything.
    fn allowed(&self, method: &Method, path: &str) -> Result<(), Fault> {
        let path = path.split('?').next().unwrap_or_default();
        // A wrong method is refused by its route.
        let Ok(route) = Route::of(method, path) else { return Ok(()) };
        if self.endpoint.is_none() && route.endpoint().is_some() {
            let message =
                "this function starts runs and has no endpoints; each endpoint has a function of its own";
            return Err(Fault::new(Kind::NoSuchEndpoint, message));
        }
        match route.scope() {
            Access::Open | Access::Key(Scope::Invoke) => Ok(()),
            Access::Key(scope) => Err(Fault::new(
                Kind::KeyForbidden,
                format!(
                    "a Lambda function answers requests and changes nothing; `{}` is done by `millstream` with the stack's store",
                    scope.as_str()
                ),
            )),
        }
    }

    /// Where no key is needed, somebody before us has looked who asks: under which name, and from which page, is theirs to judge.
    fn headers(&self, sent: &HeaderMap) -> HeaderMap {
        let mut headers = sent.clone();
        if !self.app.gate.needs_keys() {
            headers.remove(HOST);
            headers.remove(ORIGIN);
        }
        headers
    }

    fn refused(&self, request: &event::Request, fault: Fault) -> Reply {
        self.app.metrics.refused(fault.kind);
        let shape = match Route::of(&request.method, &self.path(&request.path)) {
            Ok(route) => route.shape(),
            Err(wrong) => wrong.route.shape(),
        };
        fault.reply(shape, &HeaderValue::from_static(""))
    }
}

async fn whole(reply: Reply) -> (Parts, Bytes) {
    let (head, body) = reply.into_parts();
    // It is in memory, and cannot fail.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    (head, body)
}

fn failed(fault: Fault) -> Failed {
    Failed { kind: fault.kind.code().as_str().to_owned(), message: fault.message }
}

fn too_large(what: &str, size: usize) -> Fault {
    Fault::new(
        Kind::BodyTooLarge,
        format!(
            "the {what} has {size} bytes, and Lambda takes {MOST} at most; send fewer rows at a time, or have them answered later \
             (asynchronous inference, which goes through S3), or by batch prediction"
        ),
    )
}
