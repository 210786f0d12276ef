//! What the environment says.
//!
//! | variable | of | what |
//! |---|---|---|
//! | `MILLSTREAM_ROLE` | all | `worker`, `endpoint`, `trigger` or `undertaker` |
//! | `MILLSTREAM_STORE` | all | such as `s3://BUCKET/PREFIX` |
//! | `MILLSTREAM_QUEUE` | all | such as `sqs://PREFIX` |
//! | `MILLSTREAM_COMPONENTS` | all | folder of compiled functions; by default `components` beside the bootstrap |
//! | `MILLSTREAM_ENDPOINT` | endpoint | its name |
//! | `MILLSTREAM_MODEL_VERSION` | endpoint | the version that answers, such as `churn@4` |
//! | `MILLSTREAM_STREAM` | endpoint | `true`: answers are streamed, as its function URL says (`InvokeMode: RESPONSE_STREAM`) |
//! | `MILLSTREAM_REQUIRE_KEYS` | endpoint | `true`: each request needs an API key; else whoever reaches it may ask |

use std::{env, path::PathBuf};

use millstream_core::location::Location;
use millstream_queue::SQLITE;
use millstream_store::FILE;
use millstream_worker::home::HomeLocation;

use crate::BootstrapError;

/// What a function does with its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleName {
    /// Does tasks.
    Worker,
    /// Answers requests.
    Endpoint(BoundVersion),
    /// Starts runs.
    Trigger,
    /// Writes down that nobody could.
    Undertaker,
}

/// What an endpoint's function is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundVersion {
    pub endpoint: String,
    pub model: String,
    pub version: u32,
    /// Answers are streamed.
    pub stream: bool,
    pub require_keys: bool,
}

/// The environment, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSettings {
    pub role: RoleName,
    pub home: HomeLocation,
    /// Folder of compiled functions.
    pub components: PathBuf,
    /// What the function has, in MB.
    pub memory: u64,
    /// The environment is restored from a snapshot that was taken after the start.
    pub snapshot: bool,
}

const ROLE: &str = "MILLSTREAM_ROLE";
pub const STORE: &str = "MILLSTREAM_STORE";
pub const QUEUE: &str = "MILLSTREAM_QUEUE";
pub const COMPONENTS: &str = "MILLSTREAM_COMPONENTS";
const ENDPOINT: &str = "MILLSTREAM_ENDPOINT";
pub const MODEL_VERSION: &str = "MILLSTREAM_MODEL_VERSION";
const STREAM: &str = "MILLSTREAM_STREAM";
const REQUIRE_KEYS: &str = "MILLSTREAM_REQUIRE_KEYS";
/// Set by Lambda itself; lambda_runtime asks for them too, in a panic.
const MEMORY: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
const OTHERS: [&str; 3] =
    ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"];

/// MB for one vCPU.
const VCPU: u64 = 1769;
const MOST_VCPUS: u64 = 6;

/// Kept for the host itself, in MB.
const OWN: u64 = 128;

impl FunctionSettings {
    /// Reads the environment through `variable`.
    ///
    /// # Errors
    /// A variable is missing or makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BootstrapError> {
        let wanted = |name: &str, what: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| BootstrapError(format!("{name} is not set; {what}")))
        };
        let role =
            match wanted(ROLE, "it says what this function does: worker, endpoint, trigger or undertaker")?
                .as_str()
            {
                "worker" => RoleName::Worker,
                "endpoint" => RoleName::Endpoint(bound(&variable, &wanted)?),
                "trigger" => RoleName::Trigger,
                "undertaker" => RoleName::Undertaker,
                other => {
                    return Err(BootstrapError(format!(
                        "{ROLE} is {other:?}; it is one of worker, endpoint, trigger and undertaker"
                    )));
                }
            };
        let place = |name: &str, scheme: &str, such: &str| {
            let text = wanted(name, &format!("it names a location such as {such}"))?;
            Location::parse(&text, scheme).map_err(|why| BootstrapError(format!("{name} is {text:?}: {why}")))
        };
        let home = HomeLocation {
            store: place(STORE, FILE, "s3://BUCKET/PREFIX")?,
            queue: place(QUEUE, SQLITE, "sqs://PREFIX")?,
        };
        let lambda = "Lambda sets it: run this program there, or under an emulator of its Runtime API";
        for name in OTHERS {
            wanted(name, lambda)?;
        }
        let memory = wanted(MEMORY, lambda)?;
        let memory = memory
            .parse()
            .map_err(|_| BootstrapError(format!("{MEMORY} is {memory:?}; it is a number of MB")))?;
        let components = match variable(COMPONENTS).filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => {
                let here = env::current_exe().map_err(|error| {
                    BootstrapError(format!(
                        "{COMPONENTS} is not set, and where this program is cannot be told: {error}"
                    ))
                })?;
                here.with_file_name("components")
            }
        };
        let snapshot = variable("AWS_LAMBDA_INITIALIZATION_TYPE").as_deref() == Some("snap-start");
        Ok(Self { role, home, components, memory, snapshot })
    }

    /// Whole vCPUs that the function has, at least one.
    pub fn vcpus(&self) -> usize {
        (self.memory / VCPU).clamp(1, MOST_VCPUS) as usize
    }

    /// What a task may use, in bytes.
    pub fn task_memory(&self) -> u64 {
        self.memory.saturating_sub(OWN).max(OWN / 2) << 20
    }
}

fn bound(
    variable: &impl Fn(&str) -> Option<String>,
    wanted: &impl Fn(&str, &str) -> Result<String, BootstrapError>,
) -> Result<BoundVersion, BootstrapError> {
    let endpoint = wanted(ENDPOINT, "it names the endpoint that this function answers for")?;
    let reference = wanted(MODEL_VERSION, "it names the version that answers, such as churn@4")?;
    let read = || {
        let (model, version) = reference.split_once('@')?;
        Some((model.to_owned(), version.parse().ok().filter(|number| *number > 0)?))
    };
    let (model, version) = read().ok_or_else(|| {
        BootstrapError(format!(
            "{MODEL_VERSION} is {reference:?}; it is a model with a version, such as churn@4"
        ))
    })?;
    let flag = |name: &str| match variable(name).as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(BootstrapError(format!("{name} is {other:?}; it is true or false"))),
    };
    Ok(BoundVersion { endpoint, model, version, stream: flag(STREAM)?, require_keys: flag(REQUIRE_KEYS)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl Fn(&str) -> Option<&'static str>) -> Result<FunctionSettings, String> {
        let usual = |name: &str| match name {
            ROLE => "worker",
            STORE => "s3://bucket/churn",
            QUEUE => "sqs://churn",
            COMPONENTS | STREAM | REQUIRE_KEYS => "",
            MODEL_VERSION => "churn@4",
            MEMORY => "1769",
            _ => "x",
        };
        let variable = |name: &str| Some(change(name).unwrap_or_else(|| usual(name)).to_owned());
        FunctionSettings::read(variable).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_says_what_it_is() {
        let settings = read(|_| None).unwrap();
        assert_eq!(settings.role, RoleName::Worker);
        assert_eq!(settings.home.to_string(), "s3://bucket/churn with sqs://churn");
        assert_eq!((settings.vcpus(), settings.task_memory()), (1, 1641 << 20));
        assert!(settings.components.ends_with("components"), "{settings:?}");
        let endpoint = read(|name| (name == ROLE).then_some("endpoint")).unwrap();
        let bound = BoundVersion {
            endpoint: "x".to_owned(),
            model: "churn".to_owned(),
            version: 4,
            stream: false,
            require_keys: false,
        };
        assert_eq!(endpoint.role, RoleName::Endpoint(bound));
        let large = read(|name| (name == MEMORY).then_some("10240")).unwrap();
        assert_eq!(large.vcpus(), 5);
    }

    #[test]
    fn an_endpoint_is_bound_to_a_version() {
        for (name, value, says) in [
            (ENDPOINT, "", "MILLSTREAM_ENDPOINT is not set"),
            (MODEL_VERSION, "churn", "MILLSTREAM_MODEL_VERSION is \"churn\""),
            (MODEL_VERSION, "churn@0", "such as churn@4"),
            (STREAM, "yes", "MILLSTREAM_STREAM is \"yes\"; it is true or false"),
        ] {
            let of = |asked: &str| match asked {
                ROLE => Some("endpoint"),
                asked => (asked == name).then_some(value),
            };
            let error = read(of).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn an_error_names_its_variable() {
        for (name, value, says) in [
            (ROLE, "", "MILLSTREAM_ROLE is not set"),
            (ROLE, "Worker", "MILLSTREAM_ROLE is \"Worker\""),
            (STORE, "", "s3://BUCKET/PREFIX"),
            (QUEUE, "sqs:", "MILLSTREAM_QUEUE is \"sqs:\""),
            (MEMORY, "much", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE is \"much\""),
            ("AWS_LAMBDA_RUNTIME_API", "", "AWS_LAMBDA_RUNTIME_API is not set"),
        ] {
            let error = read(|asked| (asked == name).then_some(value)).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
