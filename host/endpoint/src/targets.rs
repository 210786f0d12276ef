//! Target models: an endpoint that serves many answers with the one that the request names.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use millstream_deployment::{Variant, names::Reference};
use millstream_registry::Models;

use crate::{
    InvokeError,
    route::{Route, Target},
    serving::Inner,
};

/// What was found in the registry: what each target model stood for when it was looked up.
#[derive(Default)]
pub struct TargetModels(Mutex<Found>);

type Found = HashMap<Key, (Instant, Arc<Target>)>;

/// Endpoint and target model.
type Key = (String, String);

/// How long a target model stands for the same version.
const AGE: Duration = Duration::from_secs(1);

impl TargetModels {
    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoints and variants that were asked for lately.
    pub fn known(&self) -> Vec<(String, String)> {
        let found = self.lock();
        found
            .iter()
            .map(|((endpoint, _), (_, target))| (endpoint.clone(), target.variant.name.clone()))
            .collect()
    }
}

impl Inner {
    /// The version that a target model stands for, at an endpoint that serves many.
    pub fn target_of(&self, route: &Route, target: &str) -> Result<Arc<Target>, InvokeError> {
        let endpoint = &route.endpoint.name;
        let Some(prefix) = &route.endpoint.config.multi_model else {
            return Err(InvokeError::NoSuchTarget(format!(
                "endpoint `{endpoint}` does not serve several models: leave the target model out, or deploy the endpoint with `--multi-model`"
            )));
        };
        if !target.starts_with(prefix.as_str()) {
            return Err(InvokeError::NoSuchTarget(format!(
                "endpoint `{endpoint}` serves models whose names begin with `{prefix}`, and `{target}` does not"
            )));
        }
        let key = (endpoint.clone(), target.to_owned());
        let known = |targets: &Found| {
            let (since, target) = targets.get(&key)?;
            (since.elapsed() < AGE).then(|| Arc::clone(target))
        };
        if let Some(known) = known(&self.targets.lock()) {
            return Ok(known);
        }
        let models = Models::new(self.place.store.as_ref());
        // Short reads of small records; what comes often is found above.
        let version = tokio::task::block_in_place(|| {
            let reference = Reference::parse(target)?;
            models
                .deployable(&reference, route.endpoint.config.approved_only)
                .map_err(|error| error.to_string())
        })
        .map_err(InvokeError::NoSuchTarget)?;
        let variant = Variant::of(&version.name, version.version);
        let pool = self.pool(&variant, route.endpoint.config.memory);
        let mut targets = self.targets.lock();
        let seen = targets
            .get(&key)
            .filter(|(_, old)| old.variant.is_same(&variant))
            .map(|(_, old)| old.seen.clone());
        let found = Arc::new(Target::alone(variant, pool, seen.unwrap_or_default()));
        targets.retain(|_, (since, target)| since.elapsed() < AGE * 600 || Arc::strong_count(target) > 1);
        targets.insert(key, (Instant::now(), Arc::clone(&found)));
        Ok(found)
    }
}
