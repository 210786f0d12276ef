//! A request to an endpoint's function, shaped as a function URL's, and the answer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use crate::Error;

/// The largest payload of a synchronous invocation, in bytes.
pub const LARGEST: usize = 6 << 20;

/// The event of a request for predictions.
///
/// # Errors
/// It is larger than an invocation may be; the text says what to do instead.
pub fn request(
    endpoint: &str,
    content_type: &str,
    accept: Option<&str>,
    rows: &[u8],
) -> Result<Vec<u8>, Error> {
    let path = format!("/endpoints/{endpoint}/invocations");
    let mut headers = json!({"content-type": content_type, "content-length": rows.len().to_string()});
    if let Some(accept) = accept {
        headers["accept"] = accept.into();
    }
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "millstream"}},
        "body": STANDARD.encode(rows),
        "isBase64Encoded": true,
    });
    let event = event.to_string().into_bytes();
    if event.len() <= LARGEST {
        return Ok(event);
    }
    Err(Error::Endpoint(format!(
        "the rows have {:.1} MB, and an invocation of Lambda takes 6 MB with its wrapping (4.5 MB of rows): put them into S3 and run \
         `batch-predict` on them, ask in parts, or have `millstream serve` answer",
        rows.len() as f64 / 1e6
    )))
}

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaAnswer {
    /// HTTP's status.
    pub status: u16,
    /// The error's code, if it has one (`x-millstream-error`).
    pub code: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wrapped {
    status_code: u16,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Reads the answer of a function.
///
/// # Errors
/// It is no answer of an endpoint.
pub fn answer(payload: &[u8]) -> Result<LambdaAnswer, Error> {
    let wrong = |why: String| {
        Error::Endpoint(format!("what the function answered is no answer of an endpoint: {why}"))
    };
    let wrapped: Wrapped = serde_json::from_slice(payload).map_err(|error| wrong(error.to_string()))?;
    let text = wrapped.body.unwrap_or_default();
    let body = match wrapped.is_base64_encoded {
        true => STANDARD.decode(text).map_err(|error| wrong(error.to_string()))?,
        false => text.into_bytes(),
    };
    let code = wrapped.headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("x-millstream-error"));
    Ok(LambdaAnswer { status: wrapped.status_code, code: code.map(|(_, code)| code), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_an_answer() {
        let event: serde_json::Value = serde_json::from_slice(
            &request("churn", "text/csv", Some("application/json"), b"1,2\n").unwrap(),
        )
        .unwrap();
        assert_eq!(event["rawPath"], "/endpoints/churn/invocations");
        assert_eq!(
            (&event["body"], &event["headers"]["accept"]),
            (&json!("MSwyCg=="), &json!("application/json"))
        );
        let read = answer(br#"{"statusCode": 200, "body": "MC41Cg==", "isBase64Encoded": true}"#).unwrap();
        assert_eq!(read, LambdaAnswer { status: 200, code: None, body: b"0.5\n".to_vec() });
        let read =
            answer(br#"{"statusCode": 400, "headers": {"X-Millstream-Error": "MS0710"}, "body": "no"}"#)
                .unwrap();
        assert_eq!((read.status, read.code.as_deref(), &read.body[..]), (400, Some("MS0710"), &b"no"[..]));
        assert!(answer(b"null").is_err());
    }

    #[test]
    fn what_is_too_large_says_what_to_do() {
        let error = request("churn", "text/csv", None, &vec![b'x'; 5 << 20]).unwrap_err().to_string();
        assert!(error.contains("5.2 MB") && error.contains("batch-predict"), "{error}");
        assert!(request("churn", "text/csv", None, &vec![b'x'; 4 << 20]).is_ok());
    }
}
