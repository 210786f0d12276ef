//! What can be chosen about a stack: `infra/aws/settings.yaml`.

use std::{cell::RefCell, collections::BTreeSet};

use millstream_language::{
    diagnostic::{Diagnostic, Diagnostics},
    yaml,
};
use serde::{Deserialize, Serialize};

/// The settings that the binary carries.
pub const DEFAULT: &str = include_str!("../../../../infra/aws/settings.yaml");

/// All that can be chosen.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StackSettings {
    /// The pools, least memory first.
    pub pools: Vec<PoolSettings>,
    /// The processor of all functions.
    pub architecture: Architecture,
    /// Seconds that a task may take.
    pub timeout: u32,
    /// MB of `/tmp`.
    pub temporary_storage: u32,
    /// Whether the clock starts workflows.
    pub schedules: bool,
    /// Whether HTTP starts workflows.
    pub http: bool,
    /// Days.
    pub log_retention: u32,
    /// Days; 0: never.
    pub runs_lifetime: u32,
    /// Days; 0: never.
    pub cache_lifetime: u32,
    /// Days.
    pub old_versions_lifetime: u32,
    /// Empty: nobody is told.
    pub alarms_email: String,
    /// USD a month; 0: none.
    pub budget: u32,
    /// Machines for the largest pool.
    pub managed_instances: ManagedInstances,
}

/// A queue and the function that does its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PoolSettings {
    /// Lower-case letters, digits and hyphens.
    pub name: String,
    /// MB.
    pub memory: u32,
    /// Most tasks at once.
    pub concurrency: u32,
}

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Architecture {
    /// Cheaper.
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel or AMD.
    #[serde(rename = "x86_64")]
    X86,
}

impl Architecture {
    /// As Lambda calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

/// Lambda Managed Instances for the largest pool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManagedInstances {
    /// Off unless it is wanted: they cost while nothing happens.
    pub enabled: bool,
    /// Of the VPC that they stand in.
    pub subnets: Vec<String>,
    /// What they may reach.
    pub security_groups: Vec<String>,
    /// Most vCPUs of all machines.
    pub max_vcpus: u32,
}

/// The settings make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSettings(pub String);

/// The days for which CloudWatch keeps logs.
const RETENTIONS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// MB that a function of Lambda may have.
const MEMORY: std::ops::RangeInclusive<u32> = 128..=10_240;
/// MB that one on a managed instance may have.
const INSTANCE_MEMORY: std::ops::RangeInclusive<u32> = 2048..=32_768;
/// Seconds of an invocation on a managed instance.
const INSTANCE_TIMEOUT: u32 = 90 * 60;

impl StackSettings {
    /// Reads a file of settings.
    ///
    /// # Errors
    /// It is no YAML, has unknown or missing keys (with their places), or values that AWS does not allow.
    pub fn parse(file: &str, text: &str) -> Result<Self, InvalidSettings> {
        let wrong = |all: Vec<Diagnostic>| {
            let text = text.to_owned();
            InvalidSettings(Diagnostics { file: file.to_owned(), text, all }.to_string())
        };
        let node = yaml::load(text).map_err(wrong)?;
        let sink = RefCell::default();
        let settings: Option<Self> = yaml::from_node(&node, &sink);
        let met = sink.into_inner();
        match settings {
            Some(settings) if met.is_empty() => {
                settings.check().map_err(|why| InvalidSettings(format!("{file}: {why}")))?;
                Ok(settings)
            }
            _ => Err(wrong(met)),
        }
    }

    /// Those that the binary carries.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn carried() -> Self {
        Self::parse("infra/aws/settings.yaml", DEFAULT).expect("the settings of the binary are sound")
    }

    fn check(&self) -> Result<(), String> {
        let range = |what: &str, value: u32, range: std::ops::RangeInclusive<u32>| {
            if range.contains(&value) {
                return Ok(());
            }
            Err(format!("{what} is from {} to {}, not {value}", range.start(), range.end()))
        };
        let Some(largest) = self.pools.last() else {
            return Err("`pools` is empty: at least one pool is needed".to_owned());
        };
        let mut names = BTreeSet::new();
        let mut before = 0;
        for pool in &self.pools {
            let name = &pool.name;
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if !name.starts_with(|c: char| c.is_ascii_lowercase())
                || !name.chars().all(allowed)
                || name.len() > 20
            {
                return Err(format!(
                    "pool `{name}`: a name has lower-case letters, digits and hyphens, begins with a letter, and has at \
                     most 20 characters"
                ));
            }
            if name == "dead" || name.ends_with("-dead") {
                return Err(format!("pool `{name}`: names of dead-letter queues end in `-dead`"));
            }
            if !names.insert(name) {
                return Err(format!("two pools are called `{name}`"));
            }
            let on_machines = self.on_machines(pool);
            let allowed = if on_machines { INSTANCE_MEMORY } else { MEMORY };
            range(&format!("pool `{name}`: `memory` in MB"), pool.memory, allowed)?;
            range(&format!("pool `{name}`: `concurrency`"), pool.concurrency, 2..=1000)?;
            if pool.memory <= before {
                return Err(format!("pool `{name}`: pools are listed by memory, least first"));
            }
            before = pool.memory;
        }
        range("`timeout` in seconds", self.timeout, 60..=900)?;
        range("`temporary-storage` in MB", self.temporary_storage, 512..=10_240)?;
        range("`budget` in USD", self.budget, 0..=1_000_000)?;
        range("`old-versions-lifetime` in days", self.old_versions_lifetime, 1..=3650)?;
        range("`runs-lifetime` in days", self.runs_lifetime, 0..=3650)?;
        range("`cache-lifetime` in days", self.cache_lifetime, 0..=3650)?;
        if !RETENTIONS.contains(&self.log_retention) {
            let known = RETENTIONS.map(|days| days.to_string()).join(", ");
            return Err(format!("`log-retention` is one of {known} days, not {}", self.log_retention));
        }
        if !self.alarms_email.is_empty() && !self.alarms_email.contains('@') {
            return Err(format!("`alarms-email`: `{}` is no address", self.alarms_email));
        }
        let machines = &self.managed_instances;
        if machines.enabled && (machines.subnets.is_empty() || machines.security_groups.is_empty()) {
            return Err(format!(
                "`managed-instances` for pool `{}` needs `subnets` and `security-groups`",
                largest.name
            ));
        }
        Ok(())
    }

    /// Whether a pool's tasks are done on managed instances.
    pub fn on_machines(&self, pool: &PoolSettings) -> bool {
        self.managed_instances.enabled && self.pools.last() == Some(pool)
    }

    /// Seconds that a task of a pool may take.
    pub fn timeout_of(&self, pool: &PoolSettings) -> u32 {
        if self.on_machines(pool) { INSTANCE_TIMEOUT } else { self.timeout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(from: &str, to: &str) -> Result<StackSettings, String> {
        assert!(DEFAULT.contains(from), "{from}");
        StackSettings::parse("s.yaml", &DEFAULT.replacen(from, to, 1)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_carried_settings_have_three_pools() {
        let settings = StackSettings::carried();
        let pools: Vec<_> = settings.pools.iter().map(|pool| (pool.name.as_str(), pool.memory)).collect();
        assert_eq!(pools, [("small", 1769), ("standard", 5308), ("large", 10_240)]);
        assert!(!settings.managed_instances.enabled);
    }

    #[test]
    fn what_aws_does_not_allow_is_refused_with_what_it_does() {
        for (from, to, said) in [
            ("memory: 1769", "memory: 100", "from 128 to 10240, not 100"),
            ("memory: 5308", "memory: 1000", "least first"),
            ("memory: 10240", "memory: 20480", "from 128 to 10240"),
            ("concurrency: 100 ", "concurrency: 1 ", "from 2 to 1000"),
            ("log-retention: 30 ", "log-retention: 31 ", "one of 1, 3, 5"),
            ("timeout: 900 ", "timeout: 901 ", "from 60 to 900"),
            ("enabled: false", "enabled: true", "`subnets`"),
            ("name: large", "name: small", "two pools"),
            ("name: large", "name: Large", "lower-case"),
            ("name: large", "name: small-dead", "dead-letter"),
            ("architecture: arm64 ", "architecture: arm ", "s.yaml:17:"),
            ("budget: 20", "budgets: 20", "did you mean `budget`"),
        ] {
            let error = changed(from, to).unwrap_err();
            assert!(error.contains(said), "{to}: {error}");
        }
    }

    #[test]
    fn machines_hold_more_and_longer() {
        let on = DEFAULT
            .replace("enabled: false", "enabled: true")
            .replace("subnets: []", "subnets: [subnet-1]")
            .replace("security-groups: []", "security-groups: [sg-1]")
            .replace("memory: 10240", "memory: 32768");
        let settings = StackSettings::parse("s.yaml", &on).unwrap();
        let large = settings.pools.last().unwrap();
        assert_eq!(settings.timeout_of(large), 5400);
        assert_eq!(settings.timeout_of(&settings.pools[0]), 900);
    }
}
