//! Endpoints on Lambda: a function for each, a published version for each version of a model, an alias for each alias.
//!
//! The endpoint's record in the store says who answers; a Lambda alias follows it. Functions and versions are made by calls of the
//! API, not by the stack: a rollout moves an alias many times, and a stack would put it back at its next change; published
//! versions belong to the registry's versions, not to the infrastructure. Role, bucket and package are the stack's.

mod api;
pub mod event;
mod figures;
mod sdk;

use millstream_control::answering::{Answering, AnsweringError, SeenElsewhere};
use millstream_deployment::{
    Alias, Deploy, Endpoint, Traffic, Variant,
    alarm::{Alarm, Metric},
    latency::Latencies,
    observations::Observations,
    rollout::Rollout,
};

use crate::{Error, names};

pub use api::{FunctionSpec, LambdaAlias, LambdaApi, Pointing, PublishedVersion, VersionFigures};
pub use sdk::LambdaEndpoints;

/// The stack that endpoints are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Its name.
    pub stack: String,
    /// The package that new versions are made of.
    pub code: String,
    /// The store's location.
    pub store: String,
    /// The queue's location.
    pub queue: String,
}

/// Answers the requests of endpoints by functions of Lambda.
pub struct OnLambda<'a> {
    api: &'a dyn LambdaApi,
    around: Surroundings,
}

/// Somebody else's changes are looked at anew so often before it is given up.
const RACES: u32 = 8;
/// What a function needs beside its predictor, in bytes.
const OVERHEAD: u64 = 256 << 20;
/// MB of one vCPU, and the most that there is.
const MEMORY: (u64, u64) = (1769, 10_240);
/// Milliseconds that an invocation has at most.
const LONGEST: u64 = 900_000;

impl<'a> OnLambda<'a> {
    /// Of the endpoints of a stack.
    pub fn new(api: &'a dyn LambdaApi, around: Surroundings) -> Self {
        Self { api, around }
    }

    /// Refuses a deployment that Lambda cannot serve, before anything is written.
    ///
    /// # Errors
    /// What cannot be, and what can.
    pub fn check_deploy(
        &self,
        name: &str,
        before: Option<&Endpoint>,
        wish: &Deploy,
        to: &Variant,
    ) -> Result<(), Error> {
        if let Some(alarm) = wish.rollout.alarms.iter().find(|alarm| alarm.metric == Metric::Drift) {
            return Err(cannot(
                name,
                &format!("`{alarm}`: drift is not measured on Lambda; `millstream serve` does"),
            ));
        }
        let mut planned =
            before.and_then(|before| before.aliases.get(&wish.alias)).cloned().unwrap_or_default();
        // What the record itself forbids, whoever writes it says better.
        let moved =
            planned.deploy(to.clone(), &wish.rollout, (String::new(), String::new()), wish.replace, 0);
        if moved.is_ok() { check_alias(name, &wish.alias, &planned) } else { Ok(()) }
    }

    /// Refuses traffic that Lambda cannot serve, before anything is written.
    ///
    /// # Errors
    /// What cannot be, and what can.
    pub fn check_traffic(&self, name: &str, wish: &Traffic) -> Result<(), Error> {
        if wish.targets.iter().any(|target| target.weight.is_none()) {
            return Err(cannot(name, "Lambda has no shadows"));
        }
        two(
            name,
            &wish.alias,
            wish.targets.iter().filter(|target| target.weight.is_some_and(|weight| weight > 0.0)).count(),
        )
    }

    /// Removes what answers for an endpoint.
    ///
    /// # Errors
    /// AWS says no, or nothing.
    pub fn remove(&self, endpoint: &str) -> Result<(), Error> {
        self.api.remove(&names::endpoint_function(&self.around.stack, endpoint))
    }

    fn check_endpoint(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let (name, config) = (&endpoint.name, &endpoint.config);
        if config.sticky.is_some() {
            return Err(cannot(
                name,
                "an alias of Lambda draws the version for each request: callers cannot be kept on one variant",
            ));
        }
        if config.multi_model.is_some() {
            return Err(cannot(
                name,
                "a version of Lambda is bound to one version of a model, so that it cannot serve many",
            ));
        }
        if config.timeout > LONGEST {
            return Err(cannot(name, "an invocation has 15 minutes at most; lower its `timeout`"));
        }
        let needs = config.memory + OVERHEAD;
        if needs > MEMORY.1 << 20 {
            return Err(cannot(
                name,
                &format!("its predictor and the rest take more than {} MB; lower its `memory`", MEMORY.1),
            ));
        }
        endpoint.aliases.iter().try_for_each(|(alias, of)| check_alias(name, alias, of))
    }

    /// What the function of an endpoint has when it is bound to a version of a model.
    fn spec(&self, endpoint: &Endpoint, model: &str) -> FunctionSpec {
        let memory = (endpoint.config.memory + OVERHEAD).div_ceil(1 << 20).clamp(MEMORY.0, MEMORY.1);
        // The bootstrap ends a request by itself before Lambda ends the function.
        let timeout = (endpoint.config.timeout + 5_000).min(LONGEST).div_ceil(1000);
        let environment = [
            ("MILLSTREAM_ROLE", "endpoint"),
            ("MILLSTREAM_STORE", &self.around.store),
            ("MILLSTREAM_QUEUE", &self.around.queue),
            ("MILLSTREAM_ENDPOINT", &endpoint.name),
            ("MILLSTREAM_MODEL_VERSION", model),
        ];
        FunctionSpec {
            name: names::endpoint_function(&self.around.stack, &endpoint.name),
            code: self.around.code.clone(),
            memory: u32::try_from(memory).expect("it is at most 10240"),
            timeout: u32::try_from(timeout).expect("it is at most 900"),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    /// The published version that answers for a version of a model: one that the alias points at already, whatever its package;
    /// else one of today's package; else a new one.
    fn published(
        &self,
        endpoint: &Endpoint,
        model: &str,
        now: Option<&LambdaAlias>,
    ) -> Result<String, Error> {
        let spec = self.spec(endpoint, model);
        for _ in 0..RACES {
            let all = self.api.versions(&spec.name)?;
            let bound = || all.iter().rev().filter(|version| version.model == model);
            let pointed = |version: &&PublishedVersion| {
                now.is_some_and(|now| {
                    let second = now.pointing.second.as_ref().map(|(second, _)| second);
                    now.pointing.version == version.number || second == Some(&version.number)
                })
            };
            let there =
                bound().find(pointed).or_else(|| bound().find(|version| version.code == self.around.code));
            if let Some(there) = there {
                return Ok(there.number.clone());
            }
            if let Some(number) = self.api.publish(&spec, model)? {
                return Ok(number);
            }
        }
        Err(crowded(&endpoint.name))
    }

    fn apply_alias(&self, endpoint: &Endpoint, name: &str, alias: &Alias) -> Result<(), Error> {
        let function = names::endpoint_function(&self.around.stack, &endpoint.name);
        for _ in 0..RACES {
            let now = self.api.alias(&function, name)?;
            let mut parts = Vec::new();
            for (variant, share) in answering(alias) {
                parts.push((self.published(endpoint, &variant.reference(), now.as_ref())?, share));
            }
            let Some(pointing) = pointing(parts) else { return Ok(()) };
            if now.as_ref().is_some_and(|now| now.pointing == pointing) {
                return Ok(());
            }
            let revision = now.as_ref().map(|now| now.revision.as_str());
            if self.api.point(&function, name, &pointing, revision)? {
                return Ok(());
            }
        }
        Err(crowded(&endpoint.name))
    }

    fn look(&self, endpoint: &str, alias: &str, rollout: &Rollout, now: u64) -> Result<SeenElsewhere, Error> {
        let function = names::endpoint_function(&self.around.stack, endpoint);
        let alarms = self.api.fired(&function)?;
        let model = rollout.to.reference();
        let pointed = self.api.alias(&function, alias)?;
        let versions = self.api.versions(&function)?;
        let is_pointed = |number: &String| {
            pointed.as_ref().is_some_and(|now| {
                now.pointing.version == *number
                    || now.pointing.second.as_ref().is_some_and(|(second, _)| second == number)
            })
        };
        let version =
            versions.iter().rev().find(|version| version.model == model && is_pointed(&version.number));
        let Some(version) = version else {
            return Ok(SeenElsewhere { alarms, ..SeenElsewhere::default() });
        };
        let limits: Vec<f64> = rollout.plan.alarms.iter().filter_map(latency_limit).collect();
        let figures = self.api.figures(&function, (alias, &version.number), (rollout.since, now), &limits)?;
        Ok(SeenElsewhere { observations: observations(&figures, &limits), alarms })
    }
}

impl Answering for OnLambda<'_> {
    fn check(&self, endpoint: &Endpoint) -> Result<(), AnsweringError> {
        Ok(self.check_endpoint(endpoint)?)
    }

    fn apply(&self, endpoint: &Endpoint) -> Result<(), AnsweringError> {
        self.check_endpoint(endpoint)?;
        let first = endpoint.aliases.values().find_map(|alias| Some(answering(alias).first()?.0.reference()));
        let Some(first) = first else { return Ok(()) };
        self.api.ensure(&self.spec(endpoint, &first))?;
        for (name, alias) in &endpoint.aliases {
            self.apply_alias(endpoint, name, alias)?;
        }
        Ok(())
    }

    fn observe(
        &self,
        endpoint: &str,
        alias: &str,
        rollout: &Rollout,
        now: u64,
    ) -> Result<SeenElsewhere, AnsweringError> {
        Ok(self.look(endpoint, alias, rollout, now)?)
    }
}

/// Those that answer, each with its share from 0 to 1.
fn answering(alias: &Alias) -> Vec<(&Variant, f64)> {
    let shares = millstream_deployment::shares(&alias.variants);
    alias
        .variants
        .iter()
        .zip(shares)
        .filter(|(_, share)| *share > 0.0)
        .map(|(variant, share)| (variant, share / 100.0))
        .collect()
}

/// The one with the larger share is what the alias points at, the other one is beside it.
fn pointing(mut parts: Vec<(String, f64)>) -> Option<Pointing> {
    parts.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut parts = parts.into_iter();
    let (version, _) = parts.next()?;
    let second = parts.next().filter(|(second, _)| *second != version);
    // Lambda keeps weights with so many digits.
    let second = second.map(|(second, share)| (second, (share * 1e4).round() / 1e4));
    Some(Pointing { version, second })
}

fn latency_limit(alarm: &Alarm) -> Option<f64> {
    matches!(alarm.metric, Metric::Latency(_)).then_some(alarm.limit)
}

/// CloudWatch knows shares within limits, not each time: a histogram that has the same shares.
fn observations(figures: &VersionFigures, limits: &[f64]) -> Observations {
    let mut bounds: Vec<(f64, f64)> = limits.iter().copied().zip(figures.within.iter().copied()).collect();
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut latency = Latencies::default();
    let all = figures.invocations;
    let mut counted = 0;
    let mut below = 0.0;
    for (limit, within) in bounds {
        let up_to = ((all as f64 * within).round() as u64).clamp(counted, all);
        // Between the limit before and this one.
        let micros = ((below + limit) / 2.0 * 1e3) as u64;
        (counted..up_to).for_each(|_| latency.add(micros));
        (counted, below) = (up_to, limit);
    }
    if !limits.is_empty() {
        (counted..all).for_each(|_| latency.add((below * 2.0 * 1e3) as u64 + 1));
    }
    Observations { requests: all, errors: figures.errors, latency, ..Observations::default() }
}

fn check_alias(endpoint: &str, name: &str, alias: &Alias) -> Result<(), Error> {
    if alias.variants.iter().any(|variant| variant.shadow) {
        return Err(cannot(endpoint, "Lambda has no shadows"));
    }
    two(endpoint, name, answering(alias).len())
}

fn two(endpoint: &str, alias: &str, answering: usize) -> Result<(), Error> {
    if answering <= 2 {
        return Ok(());
    }
    Err(cannot(
        endpoint,
        &format!(
            "{answering} versions would answer behind `{alias}`, and an alias of Lambda points at two at most"
        ),
    ))
}

fn cannot(endpoint: &str, why: &str) -> Error {
    Error::Endpoint(format!("endpoint `{endpoint}` cannot be served so on Lambda: {why}"))
}

fn crowded(endpoint: &str) -> Error {
    Error::Endpoint(format!(
        "others change the function of endpoint `{endpoint}` again and again; try again later"
    ))
}

#[cfg(test)]
mod tests;
