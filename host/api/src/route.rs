//! Which route a request is for.

use http::Method;
use millstream_control::Scope;

use crate::fault::Shape;

/// A route with the names in its path, percent-encoded as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `POST /endpoints/{name}/invocations`, and the same under `/v1` with problem documents for errors.
    Invoke { endpoint: &'a str, shape: Shape },
    /// `POST /endpoints/{name}/invocations-response-stream`
    InvokeStream { endpoint: &'a str },
    /// `POST /endpoints/{name}/async-invocations`
    InvokeLater { endpoint: &'a str },
    /// `GET /endpoints/{name}/async-invocations/{id}`
    Answer { endpoint: &'a str, id: &'a str },
    /// `GET /millstream/async/{name}/{id}/output`, or `.../error.json`: the same, where S3 has it.
    Object { endpoint: &'a str, id: &'a str, failure: bool },
    /// `POST /2015-03-31/functions/{name}/invocations`
    Lambda { function: &'a str },
    /// `POST /v2/models/{name}[/versions/{version}]/infer`
    Infer { model: &'a str, version: Option<&'a str> },
    /// `GET /v2/models/{name}[/versions/{version}]`
    Model { model: &'a str, version: Option<&'a str> },
    /// `GET /v2/models/{name}[/versions/{version}]/ready`
    ModelReady { model: &'a str, version: Option<&'a str> },
    /// `GET /v2`
    Protocol,
    /// `GET /v2/health/live`
    Live,
    /// `GET /v2/health/ready`
    Ready,
    /// `GET /ping`
    Ping,
    /// `GET /metrics`
    Metrics,
    /// `GET /`
    Index,
    /// `GET /v1/endpoints`
    Endpoints,
    /// `GET /v1/endpoints/{name}`
    Endpoint { endpoint: &'a str },
    /// `PUT` or `POST /v1/endpoints/{name}/{verb}`
    Change { endpoint: &'a str, verb: Verb },
    /// None of these.
    Other,
}

/// The changes of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Deploy,
    Traffic,
    Rollback,
    Promote,
    Abort,
}

/// The path is known, but not with this method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongMethod<'a> {
    /// The route that it would be.
    pub route: Route<'a>,
    /// What it takes, as the `Allow` header has it.
    pub allow: &'static str,
}

/// The longest path has seven segments.
const SEGMENTS: usize = 7;

impl<'a> Route<'a> {
    /// The route of a request.
    pub fn of(method: &Method, path: &'a str) -> Result<Self, WrongMethod<'a>> {
        let route = Self::at(path);
        let allow = route.methods();
        let taken = match *method {
            Method::POST => allow.contains("POST"),
            Method::GET => allow.contains("GET"),
            Method::HEAD => allow.contains("HEAD"),
            Method::PUT => allow.contains("PUT"),
            _ => false,
        };
        if taken || route == Self::Other { Ok(route) } else { Err(WrongMethod { route, allow }) }
    }

    fn at(path: &'a str) -> Self {
        let mut segments = [""; SEGMENTS];
        let mut count = 0;
        for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
            if count == SEGMENTS {
                return Self::Other;
            }
            segments[count] = segment;
            count += 1;
        }
        // A slash at the end changes nothing.
        if count > 1 && segments[count - 1].is_empty() {
            count -= 1;
        }
        match &segments[..count] {
            ["endpoints", endpoint, "invocations"] => Self::Invoke { endpoint, shape: Shape::SageMaker },
            ["v1", "endpoints", endpoint, "invocations"] => Self::Invoke { endpoint, shape: Shape::Problem },
            ["2015-03-31", "functions", function, "invocations"] => Self::Lambda { function },
            ["v2", "models", model, "infer"] => Self::Infer { model, version: None },
            ["v2", "models", model, "versions", version, "infer"] => {
                Self::Infer { model, version: Some(version) }
            }
            ["endpoints", endpoint, "invocations-response-stream"] => Self::InvokeStream { endpoint },
            ["endpoints", endpoint, "async-invocations"] => Self::InvokeLater { endpoint },
            ["endpoints", endpoint, "async-invocations", id] => Self::Answer { endpoint, id },
            ["millstream", "async", endpoint, id, "output"] => Self::Object { endpoint, id, failure: false },
            ["millstream", "async", endpoint, id, "error.json"] => {
                Self::Object { endpoint, id, failure: true }
            }
            ["v2", "models", model] => Self::Model { model, version: None },
            ["v2", "models", model, "versions", version] => Self::Model { model, version: Some(version) },
            ["v2", "models", model, "ready"] => Self::ModelReady { model, version: None },
            ["v2", "models", model, "versions", version, "ready"] => {
                Self::ModelReady { model, version: Some(version) }
            }
            ["v2"] => Self::Protocol,
            ["v2", "health", "live"] => Self::Live,
            ["v2", "health", "ready"] => Self::Ready,
            ["ping"] => Self::Ping,
            ["metrics"] => Self::Metrics,
            [""] => Self::Index,
            ["v1", "endpoints"] => Self::Endpoints,
            ["v1", "endpoints", endpoint] => Self::Endpoint { endpoint },
            ["v1", "endpoints", endpoint, verb] => match Verb::named(verb) {
                Some(verb) => Self::Change { endpoint, verb },
                None => Self::Other,
            },
            _ => Self::Other,
        }
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Invoke { .. }
            | Self::InvokeStream { .. }
            | Self::InvokeLater { .. }
            | Self::Lambda { .. }
            | Self::Infer { .. } => "POST",
            Self::Change { .. } => "POST, PUT",
            _ => "GET, HEAD",
        }
    }

    /// How errors look on this route.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Invoke { shape, .. } => *shape,
            Self::InvokeStream { .. } | Self::InvokeLater { .. } | Self::Answer { .. } => Shape::SageMaker,
            Self::Object { .. } => Shape::S3,
            Self::Lambda { .. } => Shape::Lambda,
            _ => Shape::Problem,
        }
    }

    /// The path as it is documented, of routes by which endpoints are asked: the others leave no traces.
    pub fn template(&self) -> Option<&'static str> {
        Some(match self {
            Self::Invoke { shape: Shape::SageMaker, .. } => "/endpoints/{name}/invocations",
            Self::Invoke { .. } => "/v1/endpoints/{name}/invocations",
            Self::InvokeStream { .. } => "/endpoints/{name}/invocations-response-stream",
            Self::InvokeLater { .. } => "/endpoints/{name}/async-invocations",
            Self::Lambda { .. } => "/2015-03-31/functions/{name}/invocations",
            Self::Infer { version: None, .. } => "/v2/models/{name}/infer",
            Self::Infer { .. } => "/v2/models/{name}/versions/{version}/infer",
            _ => return None,
        })
    }

    /// What a key must open for this route; nothing for health.
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Self::Protocol | Self::Live | Self::Ready | Self::Ping => None,
            Self::Change { .. } | Self::Other => Some(Scope::Deploy),
            _ => Some(Scope::Invoke),
        }
    }

    /// The endpoint that it is about, percent-encoded as it came.
    pub fn endpoint(&self) -> Option<&'a str> {
        match *self {
            Self::Invoke { endpoint, .. }
            | Self::InvokeStream { endpoint }
            | Self::InvokeLater { endpoint }
            | Self::Answer { endpoint, .. }
            | Self::Object { endpoint, .. }
            | Self::Endpoint { endpoint }
            | Self::Change { endpoint, .. } => Some(endpoint),
            Self::Lambda { function } => Some(function),
            Self::Infer { model, .. } | Self::Model { model, .. } | Self::ModelReady { model, .. } => {
                Some(model)
            }
            _ => None,
        }
    }
}

impl Verb {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "deploy" => Self::Deploy,
            "traffic" => Self::Traffic,
            "rollback" => Self::Rollback,
            "promote" => Self::Promote,
            "abort" => Self::Abort,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_path() {
        let post = |path| Route::of(&Method::POST, path).unwrap();
        let get = |path| Route::of(&Method::GET, path).unwrap();
        let shape = Shape::SageMaker;
        assert_eq!(post("/endpoints/churn/invocations"), Route::Invoke { endpoint: "churn", shape });
        assert_eq!(post("/v2/models/m/versions/3/infer"), Route::Infer { model: "m", version: Some("3") });
        assert_eq!(post("/2015-03-31/functions/f/invocations"), Route::Lambda { function: "f" });
        assert_eq!(get("/endpoints/e/async-invocations/i"), Route::Answer { endpoint: "e", id: "i" });
        let object = Route::Object { endpoint: "e", id: "i", failure: true };
        assert_eq!(get("/millstream/async/e/i/error.json"), object);
        assert_eq!(get("/v2/"), Route::Protocol);
        assert_eq!(get("/"), Route::Index);
        assert_eq!(post("/v1/endpoints/e/rollback"), Route::Change { endpoint: "e", verb: Verb::Rollback });
        for strange in [
            "/endpoints",
            "/v1/endpoints/e/drop",
            "/millstream/async/e/i/request.json",
            "//ping",
            "/a/b/c/d/e/f/g/h",
            "/ping/x",
        ] {
            assert_eq!(get(strange), Route::Other, "{strange}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_apart_from_a_wrong_path() {
        assert_eq!(Route::of(&Method::GET, "/endpoints/churn/invocations").unwrap_err().allow, "POST");
        assert_eq!(Route::of(&Method::DELETE, "/ping").unwrap_err().allow, "GET, HEAD");
        assert_eq!(Route::of(&Method::PUT, "/v1/endpoints/e/traffic").unwrap().shape(), Shape::Problem);
    }

    #[test]
    fn only_health_is_open_to_everybody() {
        let open = ["/ping", "/v2", "/v2/health/live", "/v2/health/ready"];
        for path in open {
            assert_eq!(Route::at(path).scope(), None, "{path}");
        }
        for path in [
            "/",
            "/metrics",
            "/v1/endpoints",
            "/v2/models/m",
            "/endpoints/e/invocations",
            "/endpoints/e/async-invocations/i",
            "/millstream/async/e/i/output",
        ] {
            assert_eq!(Route::at(path).scope(), Some(Scope::Invoke), "{path}");
        }
        assert_eq!(Route::at("/v1/endpoints/e/deploy").scope(), Some(Scope::Deploy));
        assert_eq!(Route::at("/anything").scope(), Some(Scope::Deploy));
    }
}
