//! Where requests to one endpoint go: its record, with the pools of its versions.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::HeaderMap;
use millstream_core::nearest;
use millstream_deployment::{
    Alias, Endpoint, LIVE, Sticky, Variant, alarm::Metric, observations::Observations, routing,
};

use crate::{Invocation, InvokeError, agreement::Agreement, pool::PredictorPool, seen::Seen};

/// An endpoint as this server serves it. A request keeps the route that it began with.
pub struct Route {
    /// The record that it was made from.
    pub endpoint: Endpoint,
    /// For each alias, its variants' targets in their order.
    targets: BTreeMap<String, Vec<Arc<Target>>>,
    load: Arc<Load>,
    copies: Arc<Load>,
}

/// A variant that answers here.
pub struct Target {
    /// The variant.
    pub variant: Variant,
    /// Its predictors, or why there can be none.
    pub pool: Result<Arc<PredictorPool>, String>,
    /// What was seen of it since `since`.
    pub seen: Arc<Seen>,
    /// How its answers compare with those that callers got, while it is a shadow.
    pub agreement: Arc<Agreement>,
    /// What [`Target::seen`] belongs to: the rollout and the beginning of its stage.
    since: Option<(String, u64)>,
}

impl Target {
    /// A variant that stands behind no alias.
    pub fn alone(variant: Variant, pool: Result<Arc<PredictorPool>, String>, seen: Arc<Seen>) -> Self {
        Self { variant, pool, seen, agreement: Arc::default(), since: None }
    }
}

/// Requests under way at one endpoint, whatever routes they began with.
#[derive(Default)]
pub struct Load(AtomicU32);

/// A request under way, until dropped.
pub struct UnderWay(Arc<Load>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When a caller who was one too many may come back.
const RETRY: Duration = Duration::from_secs(1);

impl Route {
    /// The route of a record. `pool` finds the predictors of a variant; what was seen goes on from `before`.
    pub fn new(
        endpoint: Endpoint,
        before: Option<&Self>,
        pool: impl Fn(&Variant) -> Result<Arc<PredictorPool>, String>,
    ) -> Self {
        let mut targets = BTreeMap::new();
        for (name, alias) in &endpoint.aliases {
            let since = alias.rollout.as_ref().map(|rollout| (rollout.id.clone(), rollout.since));
            let earlier = before.and_then(|before| before.targets.get(name));
            let target = |variant: &Variant| {
                let known = earlier.into_iter().flatten().find(|known| known.variant.is_same(variant));
                let seen = known.filter(|known| known.since == since).map(|known| Arc::clone(&known.seen));
                let agreement = known.map(|known| Arc::clone(&known.agreement));
                Arc::new(Target {
                    variant: variant.clone(),
                    pool: pool(variant),
                    seen: seen.unwrap_or_default(),
                    agreement: agreement.unwrap_or_default(),
                    since: since.clone(),
                })
            };
            targets.insert(name.clone(), alias.variants.iter().map(target).collect());
        }
        let load = before.map(|before| Arc::clone(&before.load)).unwrap_or_default();
        let copies = before.map(|before| Arc::clone(&before.copies)).unwrap_or_default();
        Self { endpoint, targets, load, copies }
    }

    /// Counts a request in.
    ///
    /// # Errors
    /// [`InvokeError::Busy`] if there are as many as the endpoint takes at once.
    pub fn enter(&self) -> Result<UnderWay, InvokeError> {
        self.count(&self.load)
    }

    /// Counts a shadow's copy in; copies don't take the place of requests.
    ///
    /// # Errors
    /// [`InvokeError::Busy`] if there are as many as the endpoint takes at once.
    pub fn enter_shadow(&self) -> Result<UnderWay, InvokeError> {
        self.count(&self.copies)
    }

    fn count(&self, load: &Arc<Load>) -> Result<UnderWay, InvokeError> {
        let limit = self.endpoint.config.concurrency;
        let under_way = UnderWay(Arc::clone(load));
        if load.0.fetch_add(1, Ordering::Relaxed) >= limit {
            let endpoint = self.endpoint.name.clone();
            return Err(InvokeError::Busy { endpoint, limit, retry_after: RETRY });
        }
        Ok(under_way)
    }

    /// All targets.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.targets.values().flatten()
    }

    /// The target that answers a request, and those that get a copy of it.
    ///
    /// # Errors
    /// [`InvokeError::NoSuchTarget`] for an alias or variant that there is not; [`InvokeError::Unavailable`] if nobody answers.
    pub fn choose(&self, asked: &Invocation<'_>) -> Result<(Arc<Target>, Vec<Arc<Target>>), InvokeError> {
        let name = asked.alias.unwrap_or(LIVE);
        let (alias, targets) = self.alias(name)?;
        let chosen = match asked.target_variant {
            Some(variant) => Some(routing::by_name(&alias.variants, variant).ok_or_else(|| {
                let names = alias.variants.iter().map(|variant| variant.name.as_str());
                let help = nearest::or_all(variant, names, "variants");
                let endpoint = &self.endpoint.name;
                InvokeError::NoSuchTarget(format!("endpoint `{endpoint}` has no variant `{variant}`; {help}"))
            })?),
            None => match self.key(asked.headers) {
                Some(key) => routing::by_key(&alias.variants, key.as_bytes()),
                None => routing::by_weight(&alias.variants, fastrand::f64()),
            },
        };
        let chosen = chosen.ok_or_else(|| InvokeError::Unavailable {
            message: format!(
                "no variant of alias `{name}` of endpoint `{}` has weight; give one some with `millstream traffic`",
                self.endpoint.name
            ),
            retry_after: RETRY,
        })?;
        let shadows =
            targets.iter().filter(|target| target.variant.shadow && target.variant.name != chosen.name);
        let shadows = shadows.cloned().collect();
        let target = targets.iter().find(|target| target.variant.name == chosen.name);
        let target = target.expect("there is a target for each variant");
        Ok((Arc::clone(target), shadows))
    }

    fn alias(&self, name: &str) -> Result<(&Alias, &[Arc<Target>]), InvokeError> {
        match (self.endpoint.aliases.get(name), self.targets.get(name)) {
            (Some(alias), Some(targets)) => Ok((alias, targets)),
            _ => {
                let help = nearest::or_all(name, self.endpoint.aliases.keys().map(String::as_str), "aliases");
                let endpoint = &self.endpoint.name;
                Err(InvokeError::NoSuchTarget(format!("endpoint `{endpoint}` has no alias `{name}`; {help}")))
            }
        }
    }

    /// What the caller is recognised by, if callers keep their variant here.
    fn key(&self, headers: &HeaderMap) -> Option<String> {
        match self.endpoint.config.sticky.as_ref()? {
            Sticky::Header(name) => Some(headers.get(name.as_str())?.to_str().ok()?.to_owned()),
            Sticky::Cookie(name) => headers
                .get_all(http::header::COOKIE)
                .iter()
                .filter_map(|header| header.to_str().ok())
                .flat_map(|header| header.split(';'))
                .filter_map(|pair| pair.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then(|| value.to_owned())),
        }
    }

    /// What was seen of the new version of an alias's rollout since its present stage began. `metrics` are those of workflows.
    pub fn observe(&self, alias: &str, metrics: BTreeMap<String, f64>) -> Option<Observations> {
        let rollout = self.endpoint.aliases.get(alias)?.rollout.as_ref()?;
        let targets = self.targets.get(alias)?;
        let new = targets.iter().find(|target| target.variant.is_same(&rollout.to))?;
        let old = targets.iter().filter(|target| !target.variant.is_same(&rollout.to));
        let (requests, errors) = new.seen.counts();
        Some(Observations {
            requests,
            errors,
            latency: new.seen.latencies(),
            drift: new.seen.drift_from(old.map(|target| &*target.seen)),
            metrics,
        })
    }

    /// Whether predictions have to be kept for comparison.
    pub fn compares(&self) -> bool {
        let mut rollouts = self.endpoint.aliases.values().filter_map(|alias| alias.rollout.as_ref());
        rollouts.any(|rollout| rollout.plan.alarms.iter().any(|alarm| alarm.metric == Metric::Drift))
    }
}

/// All endpoints of this server, by name.
pub type Routes = HashMap<String, Arc<Route>>;
