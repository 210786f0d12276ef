//! Changes of endpoints that are asked for over HTTP: the same operations as the command line's.

use millstream_api::{Action, Change, ChangeError, Deploy, Traffic};
use millstream_registry::{Author, Deployer, Endpoints, Error, ModelVersion, Target};
use millstream_worker::{Home, trial::Trial};
use millstream_workflow::{
    endpoint::{Config, Endpoint, names::Reference, rollout::Plan},
    failure::Failure,
};

/// Makes a change. It waits; not to be called where others wait for the thread.
pub fn make(home: &Home, change: &Change) -> Result<Endpoint, ChangeError> {
    let author = Author { who: &change.who, at: home.now(), request: change.request.as_deref() };
    let deployer = Deployer::new(home.store().as_ref());
    let name = &change.endpoint;
    let endpoint = match &change.action {
        Action::Deploy(wish) => deploy(home, &deployer, name, wish, &author)?,
        Action::Traffic(wish) => traffic(home, &deployer, name, wish, &author)?,
        Action::Rollback(wish) => {
            let why = wish.reason.as_deref().unwrap_or("asked for");
            deployer.roll_back(name, &wish.alias, why, &author).map_err(explain)?.endpoint
        }
        Action::Promote(wish) => deployer.promote(name, &wish.alias, &author).map_err(explain)?.endpoint,
        Action::Abort(wish) => {
            let why = wish.reason.as_deref().unwrap_or("aborted");
            deployer.abort(name, &wish.alias, why, &author).map_err(explain)?.endpoint
        }
    };
    Ok(endpoint)
}

fn deploy(
    home: &Home,
    deployer: &Deployer<'_>,
    endpoint: &str,
    wish: &Deploy,
    author: &Author<'_>,
) -> Result<Endpoint, ChangeError> {
    let invalid = |parameter: &str| {
        let parameter = parameter.to_owned();
        move |message: String| ChangeError::Invalid { parameter: Some(parameter), message }
    };
    let model = Reference::parse(&wish.model).map_err(invalid("model"))?;
    let plan = match &wish.rollout {
        Some(rollout) => Plan::parse(rollout).map_err(invalid("rollout"))?,
        None => Plan::default(),
    };
    let set = |config: &mut Config| {
        if let Some(wished) = &wish.config {
            config.clone_from(wished);
        }
    };
    let memory = wish.config.clone().unwrap_or_default().memory;
    let deploy = millstream_registry::Deploy {
        endpoint,
        alias: &wish.alias,
        model: &model,
        variant: wish.variant.as_deref(),
        plan: &plan,
        replace: false,
        configure: Some(&set),
    };
    deployer.deploy(&deploy, author, &check(home, memory)).map(|deployed| deployed.endpoint).map_err(explain)
}

fn traffic(
    home: &Home,
    deployer: &Deployer<'_>,
    endpoint: &str,
    wish: &Traffic,
    author: &Author<'_>,
) -> Result<Endpoint, ChangeError> {
    let targets: Vec<Target> = wish
        .weights
        .iter()
        .map(|(name, weight)| Target { name: name.clone(), weight: Some(*weight) })
        .collect();
    // As large as predictors are now: a version that comes is tried under it, and nothing else rests on it.
    let memory = Endpoints::new(home.store().as_ref()).get(endpoint).map_err(explain)?.config.memory;
    let updated = deployer.adjust_traffic(endpoint, &wish.alias, &targets, author, &check(home, memory));
    updated.map(|updated| updated.endpoint).map_err(explain)
}

/// Loads a version before it gets requests.
fn check(home: &Home, memory: u64) -> impl Fn(&ModelVersion) -> Result<(), Failure> {
    move |version| Trial::new(home, memory)?.run(&version.name, &version.pipeline).map(drop)
}

fn explain(error: Error) -> ChangeError {
    match error {
        Error::NotFound(message) => ChangeError::NotFound(message),
        Error::Invalid(message) => ChangeError::Invalid { parameter: None, message },
        Error::Refused(message) | Error::Conflict(message) => ChangeError::Conflict(message),
        error @ Error::Check { .. } => ChangeError::Unfit(error.to_string()),
        Error::Store(error) => ChangeError::Unavailable(error.to_string()),
    }
}
