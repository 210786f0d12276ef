//! Who may come in: API keys, and, where none are needed, only programs of this machine and no web page.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, Uri,
    header::{AUTHORIZATION, HOST, ORIGIN},
};

use crate::{
    backend::{Backend, Caller, Refused},
    call::once,
    config::Config,
    fault::{Fault, Kind},
    route::Access,
};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The rules, made once.
#[derive(Debug)]
pub struct Gate {
    needs_keys: bool,
    allowed_hosts: Vec<String>,
    local: Caller,
}

impl Gate {
    pub fn new(config: &Config) -> Self {
        Self {
            needs_keys: config.needs_keys(),
            allowed_hosts: config.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            local: Caller(Arc::from("local")),
        }
    }

    /// Whether everybody needs a key.
    pub fn needs_keys(&self) -> bool {
        self.needs_keys
    }

    /// Who asks, if they may.
    pub fn admit<B: Backend>(
        &self,
        backend: &B,
        access: Access,
        endpoint: Option<&str>,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Result<Caller, Fault> {
        if !self.needs_keys {
            self.check_site(headers, uri)?;
            return Ok(self.local.clone());
        }
        let Access::Key(scope) = access else { return Ok(self.local.clone()) };
        for name in [&API_KEY, &AUTHORIZATION] {
            // Which of them would count is nobody's to guess.
            once(headers, name)?;
        }
        let Some(secret) = secret(headers) else {
            return Err(Fault::new(
                Kind::KeyMissing,
                "this server needs an API key: send `Authorization: Bearer KEY` or `x-api-key: KEY`, or, from an AWS client, the \
                 key as the access key id",
            ));
        };
        backend.authorize(&secret, scope, endpoint).map_err(|refused| match refused {
            Refused::Unavailable => Fault::new(
                Kind::Unavailable,
                "the API key can't be checked now, as the store can't be read; try again later",
            )
            .retry_after(Duration::from_secs(1)),
            Refused::Unknown => {
                Fault::new(Kind::KeyUnknown, "the API key is not known here, or was revoked or has expired")
            }
            Refused::Forbidden => {
                let scope = scope.as_str();
                let place = endpoint.map(|name| format!(" for endpoint `{name}`")).unwrap_or_default();
                Fault::new(
                    Kind::KeyForbidden,
                    format!("the API key does not open `{scope}`{place}; use one that does"),
                )
            }
        })
    }

    /// A page in somebody's browser can send requests to a loopback address. It can't hide where it comes from (`Origin`),
    /// or, if its own name was made to point here, under which name it came (`Host`).
    pub fn check_site(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Fault> {
        if headers.get_all(HOST).iter().nth(1).is_some() {
            return Err(Fault::new(Kind::BadRequest, "there is more than one `Host`").parameter("Host"));
        }
        let named = headers.get(HOST).map(|host| host.to_str().unwrap_or("?"));
        // HTTP/1.0 clients may name no host; browsers always do.
        let Some(host) = named.or(uri.authority().map(|authority| authority.as_str())) else { return Ok(()) };
        let name = without_port(host);
        if !is_loopback(name) && !self.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
        {
            return Err(Fault::new(
                Kind::Misdirected,
                format!(
                    "the request is for host `{name}`, but this server takes requests without a key for 127.0.0.1, ::1 and \
                     localhost only; start it with --allowed-host {name} if that is its name"
                ),
            ));
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("?");
        let same = origin.split_once("://").is_some_and(|(_, site)| site.eq_ignore_ascii_case(host));
        if same {
            return Ok(());
        }
        Err(Fault::new(
            Kind::CrossSite,
            format!("a page of `{origin}` sent this; pages of other sites need a server with API keys"),
        ))
    }
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

fn is_loopback(name: &str) -> bool {
    // Nobody else can have a name below it.
    let below = name.len().checked_sub(".localhost".len()).and_then(|at| name.get(at..));
    if name.eq_ignore_ascii_case("localhost")
        || below.is_some_and(|end| end.eq_ignore_ascii_case(".localhost"))
    {
        return true;
    }
    // Spelled out as an address: `127.evil.example` is a name.
    name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The key, wherever the client can put one. Of an AWS signature only the access key id is read: the key is the secret, and
/// the signature, made with whatever the client has as its secret access key, is not verified.
fn secret(headers: &HeaderMap) -> Option<String> {
    if let Some(key) = headers.get(API_KEY) {
        return key.to_str().ok().map(|key| key.trim().to_owned());
    }
    let given = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = given.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        // The key as the password, under any user name: what `curl -u` and Prometheus send.
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
        return pair.split_once(':').map(|(_, password)| password.to_owned());
    }
    if scheme == "AWS4-HMAC-SHA256" {
        let credential = rest.split(',').find_map(|part| part.trim().strip_prefix("Credential="))?;
        return credential.split('/').next().map(str::to_owned);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_key_is_read_from_wherever_clients_put_it() {
        let signature = "AWS4-HMAC-SHA256 Credential=msk_1/20260101/us-east-1/sagemaker/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=00";
        for given in [
            headers(&[("authorization", "Bearer msk_1")]),
            headers(&[("x-api-key", "msk_1")]),
            headers(&[("authorization", signature)]),
            headers(&[("authorization", "Basic dXNlcjptc2tfMQ==")]),
        ] {
            assert_eq!(secret(&given).as_deref(), Some("msk_1"), "{given:?}");
        }
        for given in
            [headers(&[]), headers(&[("authorization", "Digest x")]), headers(&[("authorization", "Bearer")])]
        {
            assert_eq!(secret(&given), None, "{given:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_and_rebound_names_are_kept_out() {
        let config = Config {
            allowed_hosts: vec!["Models.Example".into()],
            ..Config::new(([127, 0, 0, 1], 0).into())
        };
        let gate = Gate::new(&config);
        let kind = |pairs: &[(&'static str, &str)]| {
            gate.check_site(&headers(pairs), &Uri::from_static("/ping")).map_err(|fault| fault.kind)
        };
        for host in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LOCALHOST",
            "s3.localhost:80",
            "b.S3.LocalHost",
            "[::1]:8080",
            "127.1.2.3",
            "models.example:80",
        ] {
            assert_eq!(kind(&[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8080",
            "evillocalhost",
            "10.0.0.1",
            "",
        ] {
            assert_eq!(kind(&[("host", host)]), Err(Kind::Misdirected), "{host}");
        }
        let here = "localhost:8080";
        assert_eq!(kind(&[("host", here), ("origin", "http://localhost:8080")]), Ok(()));
        for origin in
            ["http://evil.example", "null", "http://localhost:9999", "http://localhost:8080.evil.example"]
        {
            assert_eq!(kind(&[("host", here), ("origin", origin)]), Err(Kind::CrossSite), "{origin}");
        }
    }
}
