//! Where AWS is, and who asks.

use std::{path::PathBuf, sync::OnceLock, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::block_on;

/// What of the environment the SDK reads: a process that is to use AWS as this one does needs these.
pub const ENVIRONMENT: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HOME",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// Tries of one request. The waits between them double and are drawn at random.
const TRIES: u32 = 5;

/// The configuration that the environment, the profile and the machine give; read once.
pub fn from_environment() -> &'static SdkConfig {
    static CONFIG: OnceLock<SdkConfig> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http())
            .retry_config(retries())
            .timeout_config(timeouts());
        block_on(loader.load())
    })
}

/// What listens at `url`, asked with these keys, in this region; the environment is not looked at.
pub fn at_endpoint(url: &str, region: &str, key: &str, secret: &str) -> SdkConfig {
    let credentials = Credentials::new(key, secret, None, None, "given");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http())
        .retry_config(retries())
        .timeout_config(timeouts())
        .region(Region::new(region.to_owned()))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn http() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES)
}

/// What stands still in mid-body is ended by the SDK's protection against stalled streams, which is on.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build()
}

/// Whether `service` (`S3`, `SQS`) is looked for somewhere else than at AWS.
pub fn custom_endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let key = aws_types::service_config::ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = config.service_config().and_then(|settings| settings.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// The files that the SDK reads, whether they are there or not: profiles, tokens, certificates, and how names are resolved.
pub fn files() -> Vec<PathBuf> {
    let named = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    let more = ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "SSL_CERT_DIR", "SSL_CERT_FILE"];
    let mut files: Vec<PathBuf> =
        named.iter().chain(&more).filter_map(std::env::var_os).map(PathBuf::from).collect();
    files.extend(std::env::home_dir().map(|home| home.join(".aws")));
    let system = [
        "/etc/ssl",
        "/etc/pki",
        "/etc/ca-certificates",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/etc/resolv.conf",
        "/run/systemd/resolve",
        "/etc/hosts",
        "/etc/host.conf",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/services",
        // Where the C library keeps what resolves names.
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/etc/ld.so.cache",
    ];
    files.extend(system.map(PathBuf::from));
    files
}
