//! Forgets what has gone: variants that were let go, endpoints that were removed.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::PoisonError,
    time::{Duration, Instant},
};

use millstream_endpoint::Figures;

use super::{EndpointLabels, EndpointMetrics, ErrorLabels, Metrics, VariantLabels};

/// What is counted for a variant that has gone is shown this long after it, so that whoever gathers it sees the end; then it
/// is forgotten. As long as Prometheus looks back.
const KEPT: Duration = Duration::from_secs(300);

/// What was found to have gone, and when.
#[derive(Debug, Default)]
pub struct Gone(HashMap<Which, Instant>);

/// An endpoint, or a variant of one.
type Which = (String, Option<String>);

impl Metrics {
    /// Forgets what has gone long enough ago.
    pub(super) fn forget(&self, gone: &mut Gone, figures: &Figures, now: Instant) {
        let mut endpoints = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        let mut absent: HashSet<Which> = HashSet::new();
        for (name, endpoint) in endpoints.iter() {
            match figures.variants.get(name) {
                None => drop(absent.insert((name.clone(), None))),
                Some(there) => {
                    let known = endpoint.known().into_iter().filter(|variant| !there.contains(variant));
                    absent.extend(known.map(|variant| (name.clone(), Some(variant))));
                }
            }
        }
        // Whoever came back is not gone.
        gone.0.retain(|which, _| absent.contains(which));
        for which in absent {
            let since = *gone.0.entry(which.clone()).or_insert(now);
            if now.saturating_duration_since(since) < KEPT {
                continue;
            }
            gone.0.remove(&which);
            match which {
                (name, Some(variant)) => {
                    if let Some(endpoint) = endpoints.get(&name) {
                        self.forget_variant(endpoint, &variant);
                    }
                }
                (name, None) => {
                    if let Some(endpoint) = endpoints.remove(&name) {
                        for variant in endpoint.known() {
                            self.forget_variant(&endpoint, &variant);
                        }
                        self.forget_variant(&endpoint, "");
                        self.in_flight.remove(&EndpointLabels { endpoint: name });
                    }
                }
            }
        }
    }

    fn forget_variant(&self, endpoint: &EndpointMetrics, variant: &str) {
        endpoint.variants.write().unwrap_or_else(PoisonError::into_inner).remove(variant);
        let labels = VariantLabels { endpoint: endpoint.name.clone(), variant: variant.to_owned() };
        self.requests.remove(&labels);
        self.duration.remove(&labels);
        self.model.remove(&labels);
        self.cold.remove(&labels);
        endpoint.lock_errors().retain(|(of, kind)| {
            let VariantLabels { endpoint, variant } = labels.clone();
            of != variant.as_str() || {
                self.errors.remove(&ErrorLabels { endpoint, variant, kind });
                false
            }
        });
    }
}

impl EndpointMetrics {
    /// The variants that anything is counted for.
    fn known(&self) -> BTreeSet<String> {
        let variants = self.variants.read().unwrap_or_else(PoisonError::into_inner);
        let failed = self.lock_errors();
        let failed = failed.iter().map(|(variant, _)| variant).filter(|variant| !variant.is_empty());
        variants.keys().chain(failed).cloned().collect()
    }
}
