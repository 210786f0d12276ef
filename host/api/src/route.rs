//! Which route a request is for. The routes are one table, [`table`].

mod define;
mod table;

use http::Method;
use millstream_control::Scope;

pub use self::table::{ROUTES, Route, dispatch};
use crate::{fault::Shape, openapi::Operation};

/// A row of the table: what is known of a route before any request.
#[derive(Debug)]
pub struct Row {
    /// Names it among the others.
    pub name: &'static str,
    /// Methods that it takes; they all do the same.
    pub verbs: &'static [Verb],
    /// Such as `/endpoints/{name}/invocations`.
    pub path: &'static str,
    /// The names in its path.
    pub names: &'static [&'static str],
    /// Who may ask.
    pub scope: Access,
    /// How errors look.
    pub errors: Shape,
    /// What it takes and gives.
    pub operation: &'static Operation,
}

/// Who may ask a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Who holds a key that opens this, where the server needs keys.
    Key(Scope),
}

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `GET`, and `HEAD` too.
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

impl Verb {
    const ALL: [Self; 3] = [Self::Get, Self::Post, Self::Put];

    fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::POST => Some(Self::Post),
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::PUT => Some(Self::Put),
            _ => None,
        }
    }

    /// As requests have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// The path is known, but not with this method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongMethod<'a> {
    /// The route that it would be.
    pub route: Route<'a>,
    /// What it takes, as the `Allow` header has it.
    pub allow: String,
}

/// The longest path has six segments, and one may be empty at its end.
const SEGMENTS: usize = 7;

impl<'a> Route<'a> {
    /// The route of a request.
    pub fn of(method: &Method, path: &'a str) -> Result<Self, WrongMethod<'a>> {
        let mut segments = [""; SEGMENTS];
        let mut count = 0;
        for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
            if count == SEGMENTS {
                return Ok(Self::Other);
            }
            segments[count] = segment;
            count += 1;
        }
        // A slash at the end changes nothing.
        if count > 1 && segments[count - 1].is_empty() {
            count -= 1;
        }
        let segments = &segments[..count];
        match Verb::of(method).map(|verb| Self::find(verb, segments)) {
            Some(Self::Other) | None => Self::with_other_methods(segments),
            Some(route) => Ok(route),
        }
    }

    fn with_other_methods(segments: &[&'a str]) -> Result<Self, WrongMethod<'a>> {
        let others = Verb::ALL.map(|verb| (verb, Self::find(verb, segments)));
        let taken = || others.iter().filter(|(_, route)| *route != Self::Other);
        let Some((_, route)) = taken().next() else { return Ok(Self::Other) };
        let allow: Vec<&str> = taken()
            .map(|(verb, _)| match verb {
                Verb::Get => "GET, HEAD",
                verb => verb.as_str(),
            })
            .collect();
        Err(WrongMethod { route: *route, allow: allow.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn post(path: &str) -> Route<'_> {
        Route::of(&Method::POST, path).unwrap()
    }

    fn get(path: &str) -> Route<'_> {
        Route::of(&Method::GET, path).unwrap()
    }

    #[test]
    fn every_row_is_found_by_its_path_and_by_no_other_method() {
        for row in ROUTES {
            let mut path = row.path.to_owned();
            for name in row.names {
                path = path.replace(&format!("{{{name}}}"), &format!("some-{name}"));
            }
            for verb in Verb::ALL {
                let method = Method::from_bytes(verb.as_str().as_bytes()).unwrap();
                let found = Route::of(&method, &path);
                let expected = format!("{} {{", row.name);
                match row.verbs.contains(&verb) {
                    true => {
                        let route = found.unwrap();
                        assert!(format!("{route:?} {{").starts_with(&expected), "{path}: {route:?}");
                        assert_eq!((route.scope(), route.shape()), (row.scope, row.errors), "{path}");
                        let named = row.names.contains(&"name").then_some("some-name");
                        assert_eq!(route.endpoint(), named, "{path}");
                    }
                    false => assert_ne!(found, Ok(Route::Other), "{path}"),
                }
            }
            let without = path.trim_end_matches('/');
            assert_eq!(Route::of(&Method::DELETE, without).unwrap_err().route.shape(), row.errors);
        }
        let names: BTreeSet<&str> = ROUTES.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROUTES.len());
    }

    #[test]
    fn names_in_paths_are_kept_as_they_came() {
        assert_eq!(post("/endpoints/ch%20urn/invocations"), Route::Invoke { name: "ch%20urn" });
        assert_eq!(post("/v2/models/m/versions/3/infer"), Route::InferVersion { name: "m", version: "3" });
        assert_eq!(get("/endpoints/e/async-invocations/i"), Route::Answer { name: "e", id: "i" });
        assert_eq!((get("/v2/"), get("/")), (Route::Protocol {}, Route::Index {}));
        for strange in [
            "/endpoints",
            "/v1/endpoints/e/drop",
            "/endpoints/e/async-invocations/i/request.json",
            "//ping",
            "/a/b/c/d/e/f/g/h",
            "/ping/x",
        ] {
            assert_eq!(get(strange), Route::Other, "{strange}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_apart_from_a_wrong_path() {
        let allow = |method: Method, path: &str| Route::of(&method, path).unwrap_err().allow;
        assert_eq!(allow(Method::GET, "/endpoints/churn/invocations"), "POST");
        assert_eq!(allow(Method::DELETE, "/ping"), "GET, HEAD");
        assert_eq!(allow(Method::GET, "/v1/endpoints/e/traffic"), "POST, PUT");
        assert_eq!(Route::of(&Method::DELETE, "/endpoints"), Ok(Route::Other));
    }

    #[test]
    fn only_health_descriptions_and_signed_requests_are_open_to_everybody() {
        let open: Vec<&str> =
            ROUTES.iter().filter(|row| row.scope == Access::Open).map(|row| row.path).collect();
        assert_eq!(
            open,
            [
                "/v2",
                "/v2/health/live",
                "/v2/health/ready",
                "/ping",
                "/openapi.json",
                "/workflows/{workflow}/runs"
            ]
        );
        for row in ROUTES {
            let changes = row.verbs.contains(&Verb::Put);
            assert_eq!(row.scope == Access::Key(Scope::Deploy), changes, "{}", row.path);
        }
        assert_eq!(get("/anything").scope(), Access::Key(Scope::Invoke));
    }
}
