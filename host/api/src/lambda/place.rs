//! Where a request in an event goes: its method, its path and its query, which each sender writes in its own way.

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::event::Members;

/// The members of an event that say so, beside those by which it is known.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Place {
    /// Of API Gateway's first version and of load balancers.
    path: Value,
    /// Of function URLs and API Gateway's second version: as it was sent.
    raw_query_string: Value,
    query_string_parameters: Value,
    multi_value_query_string_parameters: Value,
}

/// What a path as it was decoded cannot hold.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

impl Place {
    /// Method and path with its query.
    pub fn read(&self, members: &Members<'_>) -> (Method, String) {
        let http = &members.request_context["http"];
        let method = members.http_method.as_str().or(http["method"].as_str()).unwrap_or_default();
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
        let (path, encoded) = match (members.raw_path.as_str(), self.path.as_str()) {
            (Some(raw), _) => (self.without_stage(raw, &members.request_context), true),
            (None, Some(path)) => (path, false),
            (None, None) => ("/", true),
        };
        let mut whole = if encoded { path.to_owned() } else { utf8_percent_encode(path, PATH).to_string() };
        if !whole.starts_with('/') {
            whole.insert(0, '/');
        }
        // Load balancers pass the parameters on as they were sent; API Gateway decodes them.
        let as_sent = members.request_context.get("elb").is_some();
        let query = match self.raw_query_string.as_str() {
            Some(raw) => raw.to_owned(),
            None => self.pairs(as_sent).join("&"),
        };
        if !query.is_empty() {
            whole.push('?');
            whole.push_str(&query);
        }
        (method, whole)
    }

    /// A stage that has a name stands before the path.
    fn without_stage<'a>(&self, path: &'a str, context: &Value) -> &'a str {
        let stage = context["stage"].as_str().filter(|stage| *stage != "$default").unwrap_or_default();
        let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
        match rest {
            Some(rest) if !stage.is_empty() && (rest.is_empty() || rest.starts_with('/')) => rest,
            _ => path,
        }
    }

    fn pairs(&self, as_sent: bool) -> Vec<String> {
        let encoded = |text: &str| match as_sent {
            true => text.to_owned(),
            false => utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        };
        let pair =
            |name: &str, value: &Value| Some(format!("{}={}", encoded(name), encoded(value.as_str()?)));
        if let Some(lists) = self.multi_value_query_string_parameters.as_object() {
            let all = |(name, list): (&String, &Value)| {
                list.as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|value| pair(name, value))
                    .collect::<Vec<_>>()
            };
            return lists.iter().flat_map(all).collect();
        }
        let single = self.query_string_parameters.as_object();
        single.into_iter().flatten().filter_map(|(name, value)| pair(name, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::event::Event;

    fn place(event: &'static str) -> String {
        match Event::read(Bytes::from(event)).unwrap() {
            Event::Http(request) => format!("{} {}", request.method, request.path),
            Event::Rows(_) => panic!("taken for rows: {event}"),
        }
    }

    #[test]
    fn every_sender_is_understood() {
        for (event, expected) in [
            (
                r#"{"version":"2.0","rawPath":"/endpoints/a/invocations","rawQueryString":"x=1%202","requestContext":{"stage":"$default","http":{"method":"POST"}},"body":"1"}"#,
                "POST /endpoints/a/invocations?x=1%202",
            ),
            (
                r#"{"version":"2.0","rawPath":"/prod/ping","rawQueryString":"","requestContext":{"stage":"prod","http":{"method":"GET"}}}"#,
                "GET /ping",
            ),
            (
                r#"{"version":"2.0","rawPath":"/production","requestContext":{"stage":"prod","http":{"method":"GET"}}}"#,
                "GET /production",
            ),
            (
                r#"{"httpMethod":"POST","path":"/a b","queryStringParameters":{"q":"c&d"},"multiValueQueryStringParameters":{"q":["c&d","e"]},"requestContext":{},"body":"1"}"#,
                "POST /a%20b?q=c%26d&q=e",
            ),
            (
                r#"{"httpMethod":"POST","path":"/","queryStringParameters":{"q":"c%26d"},"requestContext":{"elb":{}},"body":"1"}"#,
                "POST /?q=c%26d",
            ),
            (r#"{"requestContext":{},"body":"1"}"#, "POST /"),
        ] {
            assert_eq!(place(event), expected, "{event}");
        }
    }
}
