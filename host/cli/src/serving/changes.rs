//! Changes of endpoints that are asked for over HTTP: the same operations as the command line's.

use millstream_api::{Action, Change, ChangeError, Changed, Deploy, Traffic};
use millstream_registry::{Author, Deployer, Endpoints, Error, ModelVersion, Request, Target, Updated};
use millstream_worker::{Home, trial::Trial};
use millstream_workflow::{
    endpoint::{Config, Endpoint, Settings, names::Reference, rollout::Plan},
    failure::Failure,
};
use serde_json::Value;

/// Makes a change. It waits; not to be called where others wait for the thread.
pub fn make(home: &Home, change: &Change) -> Result<Changed, ChangeError> {
    let fingerprint = change.fingerprint();
    let request = change.request.as_deref().map(|key| Request { key, fingerprint: Some(&fingerprint) });
    let author = Author { who: &change.who, at: home.now(), request };
    let before =
        Endpoints::new(home.store().as_ref()).repeated(&change.endpoint, &author).map_err(explain)?;
    if let Some(endpoint) = before {
        return Ok(Changed { endpoint, repeated: true });
    }
    let work =
        Work { home, endpoint: &change.endpoint, author, deployer: Deployer::new(home.store().as_ref()) };
    let Work { deployer, endpoint, author, .. } = &work;
    let updated = match &change.action {
        Action::Deploy(wish) => {
            let endpoint = work.deploy(wish, change.by_admin)?;
            return Ok(Changed { endpoint, repeated: false });
        }
        Action::Traffic(wish) => work.traffic(wish),
        Action::Rollback(wish) => {
            let why = wish.reason.as_deref().unwrap_or("asked for");
            deployer.roll_back(endpoint, &wish.alias, why, author)
        }
        Action::Promote(wish) => deployer.promote(endpoint, &wish.alias, author),
        Action::Abort(wish) => {
            let why = wish.reason.as_deref().unwrap_or("aborted");
            deployer.abort(endpoint, &wish.alias, why, author)
        }
    };
    let updated = updated.map_err(explain)?;
    Ok(Changed { repeated: updated.repeated.is_some(), endpoint: updated.endpoint })
}

/// A change under way.
struct Work<'a> {
    home: &'a Home,
    deployer: Deployer<'a>,
    endpoint: &'a str,
    author: Author<'a>,
}

impl Work<'_> {
    fn deploy(&self, wish: &Deploy, by_admin: bool) -> Result<Endpoint, ChangeError> {
        let invalid = |parameter: &str| {
            let parameter = parameter.to_owned();
            move |message: String| ChangeError::Invalid { parameter: Some(parameter), message }
        };
        let model = Reference::parse(&wish.model).map_err(invalid("model"))?;
        let plan = match &wish.rollout {
            Some(rollout) => Plan::parse(rollout).map_err(invalid("rollout"))?,
            None => Plan::default(),
        };
        let settings = match &wish.config {
            None => Settings::default(),
            Some(Value::Object(config)) => Settings::patch(config).map_err(invalid("config"))?,
            Some(_) => {
                let message = "`config` is an object of settings, such as {\"timeout\": \"5s\"}; what is not named stays, null resets";
                return Err(invalid("config")(message.to_owned()));
            }
        };
        let set = |config: &mut Config| settings.apply(config);
        // The version is tried under the memory that it will have.
        let there = Endpoints::new(self.home.store().as_ref()).find(self.endpoint).map_err(explain)?;
        let mut config = there.map(|endpoint| endpoint.config).unwrap_or_default();
        settings.apply(&mut config);
        let memory = config.memory;
        let deploy = millstream_registry::Deploy {
            endpoint: self.endpoint,
            alias: &wish.alias,
            model: &model,
            variant: wish.variant.as_deref(),
            plan: &plan,
            replace: false,
            configure: Some(&set),
            may_loosen: by_admin,
        };
        let deployed = self.deployer.deploy(&deploy, &self.author, &check(self.home, memory));
        deployed.map(|deployed| deployed.endpoint).map_err(explain)
    }

    fn traffic(&self, wish: &Traffic) -> Result<Updated, Error> {
        let target = |(name, weight): (&String, &f64)| Target { name: name.clone(), weight: Some(*weight) };
        let targets: Vec<Target> = wish.weights.iter().map(target).collect();
        // As large as predictors are now: a version that comes is tried under it, and nothing else rests on it.
        let memory = Endpoints::new(self.home.store().as_ref()).get(self.endpoint)?.config.memory;
        let check = check(self.home, memory);
        self.deployer.adjust_traffic(self.endpoint, &wish.alias, &targets, &self.author, &check)
    }
}

/// Loads a version before it gets requests.
fn check(home: &Home, memory: u64) -> impl Fn(&ModelVersion) -> Result<(), Failure> {
    move |version| Trial::new(home, memory)?.run(&version.name, &version.pipeline).map(drop)
}

fn explain(error: Error) -> ChangeError {
    match error {
        Error::NotFound(message) => ChangeError::NotFound(message),
        Error::Invalid(message) => ChangeError::Invalid { parameter: None, message },
        Error::Forbidden(message) => ChangeError::Forbidden(message),
        Error::Refused(message) | Error::Conflict(message) => ChangeError::Conflict(message),
        Error::Reused(message) => ChangeError::Reused(message),
        error @ Error::Check { .. } => ChangeError::Unfit(error.to_string()),
        Error::Store(error) => ChangeError::Unavailable(error.to_string()),
    }
}
