//! Prometheus metrics.
//!
//! What belongs to a variant is looked up in one place and kept: a request touches counters, not maps of labels.

mod gone;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::HeaderValue;
use millstream_endpoint::{Answer, Figures, NovelRows};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{fault::Kind, reply};
use gone::Gone;

/// From a tenth of a millisecond to ten seconds.
const BUCKETS: [f64; 16] =
    [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The content type of what [`Metrics::text`] gives.
pub const MEDIA_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EndpointLabels {
    endpoint: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VariantLabels {
    endpoint: String,
    variant: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ErrorLabels {
    endpoint: String,
    variant: String,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ShadowLabels {
    endpoint: String,
    variant: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct UnseenLabels {
    endpoint: String,
    variant: String,
    column: String,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    kind: &'static str,
}

/// All that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<VariantLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    duration: Family<VariantLabels, Histogram, fn() -> Histogram>,
    model: Family<VariantLabels, Histogram, fn() -> Histogram>,
    cold: Family<VariantLabels, Counter>,
    in_flight: Family<EndpointLabels, Gauge>,
    refused: Family<RefusalLabels, Counter>,
    connections: Gauge,
    let_go: Counter,
    turned_away: Counter,
    shadows: Family<ShadowLabels, Counter>,
    difference: Family<VariantLabels, Counter<f64, AtomicU64>>,
    unseen: Family<UnseenLabels, Counter>,
    memory: Gauge,
    capture_dropped: Counter,
    /// Lines that the access log had no room for.
    pub log_dropped: Counter,
    endpoints: RwLock<HashMap<String, Arc<EndpointMetrics>>>,
    /// What was found to have gone, and when. Held while metrics are shown.
    gone: Mutex<Gone>,
}

/// What is counted for an endpoint.
#[derive(Debug)]
pub struct EndpointMetrics {
    name: String,
    in_flight: Gauge,
    variants: RwLock<HashMap<String, Arc<VariantMetrics>>>,
    /// The labels of its errors: variant and kind.
    errors: Mutex<BTreeSet<(String, &'static str)>>,
}

/// What is counted for a variant, and what its answers say of it.
#[derive(Debug)]
pub struct VariantMetrics {
    model_name: String,
    model_version: u32,
    requests: Counter,
    duration: Histogram,
    model: Histogram,
    cold: Counter,
    /// Its name as a header.
    pub name: HeaderValue,
    /// `model@version` as a header.
    pub version: HeaderValue,
}

/// A request or connection that is under way; dropped when it is done with or its caller has gone.
#[derive(Debug)]
pub struct UnderWay(Gauge);

impl UnderWay {
    fn counted(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("millstream");
        let requests = Family::default();
        let errors = Family::default();
        let duration = Family::new_with_constructor(histogram as fn() -> Histogram);
        let model = Family::new_with_constructor(histogram as fn() -> Histogram);
        let cold = Family::default();
        let in_flight = Family::default();
        let refused = Family::default();
        let connections = Gauge::default();
        let let_go = Counter::default();
        let turned_away = Counter::default();
        let log_dropped = Counter::default();
        let shadows = Family::default();
        let difference = Family::default();
        let unseen = Family::default();
        let memory = Gauge::default();
        let capture_dropped = Counter::default();
        let seconds = || Unit::Seconds;
        registry.register("requests", "Requests that a variant answered", requests.clone());
        registry.register(
            "errors",
            "Requests that an endpoint could not answer, by what went wrong",
            errors.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time from the head of a request to its answer",
            seconds(),
            duration.clone(),
        );
        registry.register_with_unit(
            "model_duration",
            "Time in the model's functions",
            seconds(),
            model.clone(),
        );
        registry.register("cold_starts", "Requests for which a predictor was loaded", cold.clone());
        registry.register("in_flight", "Requests under way", in_flight.clone());
        registry.register("refused", "Requests that reached no endpoint, by why", refused.clone());
        registry.register("connections", "Connections that are open", connections.clone());
        registry.register(
            "connections_let_go",
            "Connections that were closed for others while they waited for their clients",
            let_go.clone(),
        );
        registry.register(
            "connections_turned_away",
            "Connections for which there was no place, as all were at work",
            turned_away.clone(),
        );
        registry.register(
            "shadow_predictions",
            "Predictions of shadow variants, by whether they were the caller's; `failed` counts copies",
            shadows.clone(),
        );
        registry.register(
            "shadow_difference",
            "Sum of the absolute differences between shadows' predictions and the callers', where they are numbers",
            difference.clone(),
        );
        registry.register(
            "unseen_rows",
            "Rows with a value unlike those that the model was trained on, by column and kind: an unknown category, a number \
             out of range, a value missing where none was",
            unseen.clone(),
        );
        registry.register_with_unit(
            "predictor_memory",
            "Memory of all predictors",
            Unit::Bytes,
            memory.clone(),
        );
        registry.register(
            "capture_dropped",
            "Exchanges that were to be captured and are lost",
            capture_dropped.clone(),
        );
        registry.register(
            "access_log_dropped",
            "Lines that the access log had no room for",
            log_dropped.clone(),
        );
        Self {
            registry,
            requests,
            errors,
            duration,
            model,
            cold,
            in_flight,
            refused,
            connections,
            let_go,
            turned_away,
            log_dropped,
            shadows,
            difference,
            unseen,
            memory,
            capture_dropped,
            endpoints: RwLock::default(),
            gone: Mutex::default(),
        }
    }
}

impl Metrics {
    /// As Prometheus reads them, with what the core shows of itself. What has gone there goes here too, after a while.
    pub fn text(&self, figures: &Figures, now: Instant) -> String {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget(&mut gone, figures, now);
        self.show(figures);
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// What is counted for an endpoint; none if there is no endpoint of this name.
    pub fn endpoint(&self, name: &str, serves: impl FnOnce(&str) -> bool) -> Option<Arc<EndpointMetrics>> {
        let known = self.endpoints.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.or_else(|| serves(name).then(|| self.make(name)))
    }

    /// What is counted for an endpoint that is there.
    pub fn make(&self, name: &str) -> Arc<EndpointMetrics> {
        let mut endpoints = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        let made = endpoints.entry(name.to_owned()).or_insert_with(|| {
            let labels = EndpointLabels { endpoint: name.to_owned() };
            let in_flight = self.in_flight.get_or_create_owned(&labels);
            let name = name.to_owned();
            Arc::new(EndpointMetrics {
                name,
                in_flight,
                variants: RwLock::default(),
                errors: Mutex::default(),
            })
        });
        made.clone()
    }

    /// Counts an answer, and gives what its headers say of the variant.
    pub fn answered(
        &self,
        endpoint: &EndpointMetrics,
        answer: &Answer,
        elapsed: Duration,
    ) -> Arc<VariantMetrics> {
        let variant = self.variant(endpoint, answer);
        variant.requests.inc();
        variant.duration.observe(elapsed.as_secs_f64());
        variant.model.observe(answer.model_time.as_secs_f64());
        if answer.cold {
            variant.cold.inc();
        }
        variant
    }

    fn variant(&self, endpoint: &EndpointMetrics, answer: &Answer) -> Arc<VariantMetrics> {
        let current = |variant: &&Arc<VariantMetrics>| {
            variant.model_version == answer.version && variant.model_name == answer.model
        };
        let known = endpoint.variants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(variant) = known.get(&answer.variant).filter(current) {
            return variant.clone();
        }
        drop(known);
        let labels = VariantLabels { endpoint: endpoint.name.clone(), variant: answer.variant.clone() };
        let made = Arc::new(VariantMetrics {
            model_name: answer.model.clone(),
            model_version: answer.version,
            requests: self.requests.get_or_create_owned(&labels),
            duration: self.duration.get_or_create_owned(&labels),
            model: self.model.get_or_create_owned(&labels),
            cold: self.cold.get_or_create_owned(&labels),
            name: reply::text(answer.variant.clone()),
            version: reply::text(format!("{}@{}", answer.model, answer.version)),
        });
        let mut variants = endpoint.variants.write().unwrap_or_else(PoisonError::into_inner);
        variants.insert(answer.variant.clone(), made.clone());
        made
    }

    /// Counts a request that an endpoint could not answer.
    pub fn failed(&self, endpoint: &EndpointMetrics, variant: Option<&str>, kind: Kind) {
        let labels = ErrorLabels {
            endpoint: endpoint.name.clone(),
            variant: variant.unwrap_or_default().to_owned(),
            kind: kind.as_str(),
        };
        endpoint.lock_errors().insert((labels.variant.clone(), labels.kind));
        self.errors.get_or_create_owned(&labels).inc();
    }

    /// Takes over what the core counts itself.
    fn show(&self, figures: &Figures) {
        self.shadows.clear();
        self.difference.clear();
        for ((endpoint, variant), agreed) in &figures.shadows {
            let (endpoint, variant) = (endpoint.clone(), variant.clone());
            for (outcome, count) in
                [("agreed", agreed.agreed), ("disagreed", agreed.disagreed), ("failed", agreed.failed)]
            {
                let labels = ShadowLabels { endpoint: endpoint.clone(), variant: variant.clone(), outcome };
                self.shadows.get_or_create_owned(&labels).inc_by(count);
            }
            let labels = VariantLabels { endpoint, variant };
            self.difference.get_or_create_owned(&labels).inc_by(agreed.difference);
        }
        self.unseen.clear();
        for ((endpoint, variant), found) in &figures.unseen {
            for NovelRows { column, kind, rows } in found {
                let (endpoint, variant, column) = (endpoint.clone(), variant.clone(), column.clone());
                let labels = UnseenLabels { endpoint, variant, column, kind };
                self.unseen.get_or_create_owned(&labels).inc_by(*rows);
            }
        }
        self.memory.set(i64::try_from(figures.memory).unwrap_or(i64::MAX));
        self.capture_dropped.inner().store(figures.capture_dropped, Ordering::Relaxed);
    }

    /// Counts a connection as open for as long as the guard lives.
    pub fn connected(&self) -> UnderWay {
        UnderWay::counted(&self.connections)
    }

    /// Counts a connection that was closed for another.
    pub fn let_go(&self) {
        self.let_go.inc();
    }

    /// Counts a connection for which there was no place.
    pub fn turned_away(&self) {
        self.turned_away.inc();
    }

    /// Counts a request that reached no endpoint.
    pub fn refused(&self, kind: Kind) {
        self.refused.get_or_create_owned(&RefusalLabels { kind: kind.as_str() }).inc();
    }
}

impl VariantMetrics {
    /// The model that it serves.
    pub fn model_name(&self) -> &str {
        &self.model_name
    }

    /// The model's version.
    pub fn model_version(&self) -> u32 {
        self.model_version
    }
}

impl EndpointMetrics {
    fn lock_errors(&self) -> MutexGuard<'_, BTreeSet<(String, &'static str)>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request as under way for as long as the guard lives.
    pub fn enter(&self) -> UnderWay {
        UnderWay::counted(&self.in_flight)
    }
}

#[cfg(test)]
mod tests;
