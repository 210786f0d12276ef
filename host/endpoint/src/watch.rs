//! Keeps the routes true to the registry, and carries rollouts on.
//!
//! A change becomes a route only when the versions that get requests by it are loaded: nobody waits for them, and a version
//! that does not load never gets a request. What did not load, or could not be read, is tried again every few seconds. Any number of servers may do this for one registry: each step of a rollout is one
//! conditional write, and whoever comes second sees that it is done.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use millstream_deployment::{
    Endpoint,
    rollout::{Decision, Rollout, advance},
};
use millstream_registry::{Author, Deployer, Endpoints, Error, State};
use millstream_store::Version;
use tokio::runtime::Handle;

use crate::{
    ending::join_within,
    pool::PredictorPool,
    route::{Route, Routes},
    serving::Serving,
    workflow_metrics::WorkflowMetrics,
};

/// A thread that watches, until dropped.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How often the registry is looked at.
const INTERVAL: Duration = Duration::from_millis(200);
/// The same where each look costs.
const DEAR_INTERVAL: Duration = Duration::from_secs(5);
/// How long a look at the registry may take when the server ends.
const END: Duration = Duration::from_secs(5);
/// How long until a version that did not load is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a version may take to load before it gets requests.
const LOAD: Duration = Duration::from_secs(300);

impl Watch {
    /// Reads the routes, and watches from then on. Versions are loaded on `runtime`.
    pub fn start(serving: Serving, runtime: Handle) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = Watcher {
            serving,
            runtime,
            known: HashMap::new(),
            metrics: WorkflowMetrics::default(),
            met: Arc::default(),
        };
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new().name("registry".to_owned()).spawn(move || watcher.run(&stopping));
        Self { stop, thread: thread.ok() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if join_within([thread], END) > 0 {
                tracing::warn!("reading the registry takes too long; it is given up and tried again");
            }
        }
    }
}

struct Watcher {
    serving: Serving,
    runtime: Handle,
    known: HashMap<String, Known>,
    metrics: WorkflowMetrics,
    /// Endpoints to be looked at again, changed or not, and since when: something of them did not load or could not be read.
    met: Met,
}

type Met = Arc<Mutex<HashMap<String, Instant>>>;

fn try_again(met: &Met, name: &str) {
    met.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Instant::now());
}

struct Known {
    state: Version,
    /// The record went away.
    gone: bool,
}

impl Watcher {
    fn run(mut self, stop: &AtomicBool) {
        let metered = self.serving.0.place.store.looks().metered;
        let interval = if metered { DEAR_INTERVAL } else { INTERVAL };
        let mut first = true;
        while !stop.load(Ordering::SeqCst) {
            match self.look(first) {
                Ok(()) => {
                    self.serving.0.ready.store(true, Ordering::Release);
                    first = false;
                }
                Err(error) => tracing::warn!(%error, "the registry can't be read; routes stay as they are"),
            }
            self.carry_on();
            self.sweep();
            thread::park_timeout(interval);
        }
    }

    /// Reads the records that have changed.
    fn look(&mut self, first: bool) -> Result<(), Error> {
        let store = Arc::clone(&self.serving.0.place.store);
        let endpoints = Endpoints::new(store.as_ref());
        let states = endpoints.states()?;
        let again: Vec<String> = {
            let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            let due: Vec<String> = met
                .iter()
                .filter(|(_, since)| since.elapsed() >= AGAIN)
                .map(|(name, _)| name.clone())
                .collect();
            met.retain(|name, _| !due.contains(name));
            due
        };
        for (name, state) in &states {
            if let Some(known) = self.known.get_mut(name).filter(|known| known.state == *state)
                && !again.contains(name)
            {
                known.gone = false;
                continue;
            }
            self.known.insert(name.clone(), Known { state: state.clone(), gone: false });
            match endpoints.state(name) {
                Ok(State::There(endpoint)) if first => self.adopt_first(*endpoint),
                Ok(State::There(endpoint)) => self.adopt(*endpoint),
                Ok(State::Removed) => self.forget(name),
                // It went after it was listed.
                Ok(State::Gone) => {}
                Err(error) => {
                    // What was there goes on.
                    tracing::error!(endpoint = name, %error, "can't take over the change");
                    try_again(&self.met, name);
                }
            }
        }
        let gone = self
            .known
            .iter()
            .filter(|(name, known)| !known.gone && !states.iter().any(|(there, _)| there == *name));
        for name in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.go_on_without(&name);
        }
        Ok(())
    }

    /// Whoever removes an endpoint leaves its record. Without one, nobody has said that it shall not answer.
    fn go_on_without(&mut self, name: &str) {
        if let Some(known) = self.known.get_mut(name) {
            known.gone = true;
        }
        let Some(before) = self.serving.0.routes.load().get(name).cloned() else { return };
        tracing::error!(
            endpoint = name,
            "its record is gone or is no file any more, though nobody has removed the endpoint: it goes on as it was until this \
             server ends; put the record back, or deploy anew"
        );
        // Whatever record comes, it is the newer one, also if it counts from 1 again.
        let route = self.route(Endpoint { revision: 0, ..before.endpoint.clone() }, Some(&before));
        let route = Arc::new(route);
        self.serving.0.routes.rcu(|routes| {
            let mut routes = Routes::clone(routes);
            routes.insert(name.to_owned(), Arc::clone(&route));
            routes
        });
    }

    /// A server that starts answers at once, and loads what it is asked for first; the rest follows.
    fn adopt_first(&self, endpoint: Endpoint) {
        let endpoint = self.watch_anew(endpoint);
        let route = self.route(endpoint, None);
        let name = route.endpoint.name.clone();
        // A version that could not even be looked up; the route says why until it is made anew.
        let mut whole = true;
        for target in route.targets() {
            if let Err(why) = &target.pool {
                let version = target.variant.reference();
                tracing::error!(endpoint = name, version, why, "can't be loaded; it is tried again");
                whole = false;
            }
        }
        let pools: Vec<Arc<PredictorPool>> = needed(&route).collect();
        self.publish(route);
        let met = Arc::clone(&self.met);
        self.runtime.spawn(async move {
            for pool in pools {
                if let Err(error) = pool.warm(LOAD).await {
                    let version = pool.version();
                    tracing::error!(model = version.model, version = version.number, %error, "can't be loaded; it is tried again");
                    whole = false;
                }
            }
            if !whole {
                try_again(&met, &name);
            }
        });
    }

    /// What was seen before this server started is lost: the present share of a rollout is watched from its beginning.
    fn watch_anew(&self, endpoint: Endpoint) -> Endpoint {
        let inner = &self.serving.0;
        let author =
            Author { who: &inner.options.server, at: (inner.place.now)(), admin: false, request: None };
        match Deployer::new(inner.place.store.as_ref()).watch_anew(&endpoint.name, &author) {
            Ok(Some(updated)) => updated.endpoint,
            Ok(None) => endpoint,
            Err(error) => {
                tracing::warn!(endpoint = endpoint.name, %error, "cannot note when the rollout's share began; it is watched from now on");
                endpoint
            }
        }
    }

    /// Loads what the change needs, and routes by it then.
    fn adopt(&self, endpoint: Endpoint) {
        let before = self.serving.0.routes.load().get(&endpoint.name).cloned();
        if before.as_ref().is_some_and(|before| before.endpoint.revision > endpoint.revision) {
            return;
        }
        let route = self.route(endpoint, before.as_deref());
        let (serving, met) = (self.serving.clone(), Arc::clone(&self.met));
        self.runtime.spawn(async move {
            match load(&route).await {
                Ok(()) => publish(&serving, route),
                Err((version, why)) => {
                    let name = route.endpoint.name.clone();
                    tracing::error!(
                        endpoint = name,
                        version,
                        why,
                        "can't be loaded; requests go where they went before"
                    );
                    try_again(&met, &name);
                    let place = serving.0.place.clone();
                    let server = serving.0.options.server.clone();
                    // Store calls wait.
                    let give_up = tokio::task::spawn_blocking(move || {
                        roll_back(&place, &server, &route, &version, &why);
                        (serving, route)
                    });
                    // An endpoint without an earlier route says itself what is wrong.
                    if let Ok((serving, route)) = give_up.await
                        && !serving.serves(&route.endpoint.name)
                    {
                        publish(&serving, route);
                    }
                }
            }
        });
    }

    fn route(&self, endpoint: Endpoint, before: Option<&Route>) -> Route {
        route(&self.serving, endpoint, before)
    }

    fn publish(&self, route: Route) {
        publish(&self.serving, route);
    }

    fn forget(&self, name: &str) {
        self.serving.0.routes.rcu(|routes| {
            let mut routes = Routes::clone(routes);
            routes.remove(name);
            routes
        });
    }

    /// Does what comes next of each rollout.
    fn carry_on(&mut self) {
        let routes = self.serving.0.routes.load_full();
        for route in routes.values() {
            for (name, alias) in &route.endpoint.aliases {
                if let Some(rollout) = &alias.rollout {
                    self.advance(route, name, rollout);
                }
            }
        }
    }

    fn advance(&mut self, route: &Route, alias: &str, rollout: &Rollout) {
        let place = self.serving.0.place.clone();
        let now = (place.now)();
        let metrics = self.metrics.of(place.store.as_ref(), rollout);
        let Some(seen) = route.observe(alias, metrics) else { return };
        let decision = advance(rollout, now, &seen);
        if matches!(decision, Decision::Stay { .. }) {
            return;
        }
        let author = Author { who: &self.serving.0.options.server, at: now, admin: false, request: None };
        let deployer = Deployer::new(place.store.as_ref());
        let name = &route.endpoint.name;
        match deployer.advance(name, alias, (&rollout.id, rollout.share), &decision, &author) {
            Ok(Some(updated)) => {
                let why = updated.change.map(|change| change.why).unwrap_or_default();
                tracing::info!(endpoint = name, alias, "{why}");
            }
            // Another server was first.
            Ok(None) => {}
            Err(error) => tracing::warn!(endpoint = name, alias, %error, "cannot continue the rollout"),
        }
    }

    /// Lets go of predictors that nobody has asked for long.
    fn sweep(&self) {
        let routes = self.serving.0.routes.load_full();
        self.serving.0.pools.sweep(|pool| {
            let idle = routes.values().filter(|route| {
                route.targets().any(|target| target.pool.as_ref().is_ok_and(|own| Arc::ptr_eq(own, pool)))
            });
            let mut longest = Some(Duration::ZERO);
            let mut routed = false;
            for route in idle {
                routed = true;
                longest = match (longest, route.endpoint.config.idle) {
                    (Some(longest), Some(idle)) => Some(longest.max(Duration::from_millis(idle))),
                    _ => None,
                };
            }
            // Of an endpoint that serves many models: room decides.
            if routed { longest } else { Some(AGAIN * 120) }
        });
    }
}

impl Serving {
    /// Serves this endpoint as it is given, whatever the registry says: for a server that is bound to versions.
    pub fn bind(&self, endpoint: Endpoint) {
        publish(self, route(self, endpoint, None));
        self.0.ready.store(true, Ordering::Release);
    }

    /// Loads every version that gets requests at an endpoint.
    ///
    /// # Errors
    /// There is no such endpoint, or a version cannot be loaded.
    pub async fn warm(&self, endpoint: &str) -> Result<(), String> {
        let route = self.route(endpoint).map_err(|error| error.to_string())?;
        load(&route).await.map_err(|(version, why)| format!("{version} can't be loaded: {why}"))
    }

    /// Reads the routes once, for a process that asks and ends.
    ///
    /// # Errors
    /// What the store met. An endpoint whose record is damaged is left out.
    pub fn read_routes(&self) -> Result<(), Error> {
        let store = Arc::clone(&self.0.place.store);
        for (name, endpoint) in Endpoints::new(store.as_ref()).list()? {
            match endpoint {
                Ok(endpoint) => publish(self, route(self, endpoint, None)),
                Err(error) => tracing::error!(endpoint = name, %error, "left out"),
            }
        }
        self.0.ready.store(true, Ordering::Release);
        Ok(())
    }
}

fn route(serving: &Serving, endpoint: Endpoint, before: Option<&Route>) -> Route {
    let memory = endpoint.config.memory;
    Route::new(endpoint, before, |variant| serving.0.pool(variant, memory))
}

/// Routes by this from now on, unless something newer is there.
fn publish(serving: &Serving, route: Route) {
    let route = Arc::new(route);
    serving.0.routes.rcu(|routes| {
        let mut routes = Routes::clone(routes);
        let newer = routes
            .get(&route.endpoint.name)
            .is_some_and(|there| there.endpoint.revision > route.endpoint.revision);
        if !newer {
            routes.insert(route.endpoint.name.clone(), Arc::clone(&route));
        }
        routes
    });
}

/// The predictors that get requests by a route.
fn needed(route: &Route) -> impl Iterator<Item = Arc<PredictorPool>> {
    let used = route.targets().filter(|target| target.variant.shadow || target.variant.traffic() > 0.0);
    used.filter_map(|target| target.pool.as_ref().ok().cloned())
}

/// Loads every version that gets requests by a route; says which ones cannot be loaded, and why.
async fn load(route: &Route) -> Result<(), (String, String)> {
    for target in route.targets().filter(|target| target.variant.traffic() > 0.0) {
        let failed = |why: String| (target.variant.reference(), why);
        let pool = target.pool.as_ref().map_err(|why| failed(why.clone()))?;
        pool.warm(LOAD).await.map_err(|failure| failed(failure.to_string()))?;
    }
    for target in route.targets().filter(|target| target.variant.shadow) {
        // A shadow that does not load harms nobody.
        if let Ok(pool) = &target.pool
            && let Err(error) = pool.warm(LOAD).await
        {
            tracing::warn!(variant = target.variant.name, %error, "a shadow can't be loaded");
        }
    }
    Ok(())
}

/// Ends the rollouts to a version that does not load.
fn roll_back(place: &crate::Storage, server: &str, route: &Route, version: &str, why: &str) {
    let deployer = Deployer::new(place.store.as_ref());
    for (alias, moving) in &route.endpoint.aliases {
        let Some(rollout) = moving.rollout.as_ref().filter(|rollout| rollout.to.reference() == version)
        else {
            continue;
        };
        let author = Author { who: server, at: (place.now)(), admin: false, request: None };
        let decision = Decision::RollBack { why: format!("it can't be loaded: {why}") };
        let seen = (rollout.id.as_str(), rollout.share);
        if let Err(error) = deployer.advance(&route.endpoint.name, alias, seen, &decision, &author) {
            tracing::warn!(endpoint = route.endpoint.name, alias, %error, "the rollout can't be ended");
        }
    }
}
