//! Tries a version before it gets a request: loads it as a server does, and asks it.

use std::time::{Duration, Instant};

use millstream_core::{artifact::Pipeline, failure::Failure};
use millstream_deployment::Config;
use millstream_engine::{Engine, Request, Response, Served};
use millstream_worker::Home;

/// How a version is tried.
pub struct Trial {
    engine: Engine,
    /// Memory of the predictor, in bytes.
    memory: u64,
    /// Longest time for loading it.
    loading: Duration,
    /// Longest time for the answer.
    answering: Duration,
    /// What it is asked; none: it is loaded and no more.
    pub sample: Option<Request>,
}

/// How a version did.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What it says of itself, as JSON.
    pub description: String,
    /// What it answered to the sample.
    pub answer: Option<Response>,
    /// How long it took to load it.
    pub loading: Duration,
}

/// Loading may mean compiling a component; a Python interpreter takes half a minute.
const LOADING: Duration = Duration::from_secs(120);

/// A sample is a request's worth of rows: at most so many bytes.
pub const MAX_SAMPLE: u64 = 16 << 20;

impl Trial {
    /// With the memory and the time for an answer that an endpoint of this configuration gives, and nothing to ask. Components are
    /// compiled as servers need them, so that the first request after a deployment finds them compiled.
    ///
    /// # Errors
    /// This machine can't run predictors, or the cache of compiled components can't be used.
    pub fn new(home: &Home, config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            engine: home.predictors()?,
            memory: config.memory,
            loading: LOADING,
            answering: Duration::from_millis(config.timeout),
            sample: None,
        })
    }

    /// Loads the pipeline and asks it.
    ///
    /// # Errors
    /// It does not load, or does not answer the sample.
    pub fn run(&self, name: &str, pipeline: &Pipeline) -> Result<Tried, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Host { message: format!("can't start a runtime: {error}") })?;
        runtime.block_on(async {
            let began = Instant::now();
            let mut served = Served::load(&self.engine, name, pipeline, self.memory, self.loading).await?;
            let loading = began.elapsed();
            let description = served.describe().to_owned();
            let answer = match &self.sample {
                Some(sample) => Some(served.predict(sample.clone(), self.answering).await?),
                None => None,
            };
            Ok(Tried { description, answer, loading })
        })
    }
}

/// For describing alone.
const DESCRIBING: Duration = Duration::from_secs(30);

/// What a pipeline says of itself, as JSON: in an executor, which has compiled its functions for jobs already.
///
/// # Errors
/// It does not load, or not within half a minute.
pub fn describe(home: &Home, name: &str, pipeline: &Pipeline) -> Result<String, Failure> {
    let config = Config::default();
    match home.executors() {
        Some(executors) => executors.describe_model(name, pipeline, config.memory),
        None => {
            let trial = Trial { loading: DESCRIBING, ..Trial::new(home, &config)? };
            Ok(trial.run(name, pipeline)?.description)
        }
    }
}
