//! The services of an account in a region.

use std::time::Duration;

use millstream_aws::{SdkConfig, custom_endpoint};

/// The services that a stack is made of.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) formation: aws_sdk_cloudformation::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) watch: aws_sdk_cloudwatch::Client,
    region: String,
    /// Between two looks at something that takes a while.
    pub(crate) patience: Duration,
}

impl Account {
    /// That of the configuration.
    pub fn new(config: &SdkConfig) -> Self {
        let emulated = custom_endpoint(config, "S3").is_some();
        // Names of buckets are no host names at an emulator.
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(emulated).build();
        Self {
            formation: aws_sdk_cloudformation::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            watch: aws_sdk_cloudwatch::Client::new(config),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            patience: if emulated { Duration::from_millis(100) } else { Duration::from_secs(2) },
        }
    }

    /// Of the environment, in `region` if one is given.
    pub fn from_environment(region: Option<&str>) -> Self {
        let config = millstream_aws::from_environment();
        match region {
            None => Self::new(config),
            Some(region) => {
                let region = aws_sdk_s3::config::Region::new(region.to_owned());
                Self::new(&config.clone().into_builder().region(region).build())
            }
        }
    }

    /// The region; empty if none is set.
    pub fn region(&self) -> &str {
        &self.region
    }
}
