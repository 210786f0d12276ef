//! `millstream deploy`

use std::{fs, path::Path, thread, time::Duration};

use anyhow::Context as _;
use console::style;
use millstream_engine::Request;
use millstream_registry::{
    ApprovalStatus, Author, Deploy, Deployed, Deployer, Endpoints, ModelVersion, Updated,
};
use millstream_store::{ErrorKind, check_source};
use millstream_worker::{Home, trial::Trial};
use millstream_workflow::{
    endpoint::{Config, Endpoint, Moved, Settings, describe, names::Reference, rollout::Plan},
    failure::Failure,
    nearest,
};
use serde_json::json;

use super::{
    End, Usage,
    endpoints::{moving, user},
    print_json,
};
use crate::{
    cli::DeployArgs,
    display::{foreign, spinner},
    place::open_home,
};

/// A sample is a request's worth of rows.
const MAX_SAMPLE: u64 = 16 << 20;
/// How often a rollout that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long after its time limit a rollout is waited for: by then, a server would have ended it.
const GRACE: u64 = 60_000;

pub fn deploy(home: &Path, args: &DeployArgs) -> anyhow::Result<End> {
    let settings = Settings::parse(&args.settings.written()).map_err(Usage)?;
    let home = open_home(home)?;
    let who = user();
    let author = Author { who: &who, at: home.now(), request: None };
    let Some(model) = &args.model else { return configure(&home, args, &settings, &author) };
    let model = Reference::parse(model).map_err(Usage)?;
    let plan = Plan::parse_text(&args.rollout, &args.alarms).map_err(Usage)?;
    let sample = args.sample.as_deref().map(sample).transpose()?;
    let store = home.store().as_ref();
    let there = Endpoints::new(store).find(&args.endpoint)?;
    let mut config = there.map(|endpoint| endpoint.config).unwrap_or_default();
    settings.apply(&mut config);

    let check = |version: &ModelVersion| try_out(&home, version, config.memory, sample.clone());
    let wish = Deploy {
        endpoint: &args.endpoint,
        alias: &args.alias,
        model: &model,
        variant: args.variant.as_deref(),
        plan: &plan,
        replace: args.replace,
        configure: Some(&|config: &mut Config| settings.apply(config)),
        // Who may write into the home may do anything.
        may_loosen: true,
    };
    let deployed = Deployer::new(store).deploy(&wish, &author, &check)?;
    tell(&deployed, &args.alias, args.output.json, args.wait);
    let end = match args.wait {
        true => wait(&home, &deployed, &args.alias)?,
        false => End::Done,
    };
    if args.output.json {
        let endpoint = Endpoints::new(store).get(&args.endpoint)?;
        print_json(&json!({
            "endpoint": endpoint,
            "version": deployed.version,
            "created": deployed.created,
            "change": deployed.change,
        }))?;
    }
    Ok(end)
}

/// Settings alone.
fn configure(
    home: &Home,
    args: &DeployArgs,
    settings: &Settings,
    author: &Author<'_>,
) -> anyhow::Result<End> {
    let store = home.store().as_ref();
    let deployer = Deployer::new(store);
    let updated = match settings.multi_model() {
        Some(prefix) if Endpoints::new(store).find(&args.endpoint)?.is_none() => {
            deployer.create_multi_model(&args.endpoint, prefix, author, &|config| settings.apply(config))?
        }
        _ => deployer.configure(&args.endpoint, author, &|config| settings.apply(config))?,
    };
    report(&updated, &updated.endpoint, args.output.json)?;
    Ok(End::Done)
}

/// What a change did, for people or as JSON.
pub fn report(updated: &Updated, endpoint: &Endpoint, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return print_json(&json!({"endpoint": endpoint, "change": updated.change}));
    }
    let line = |text: &str| foreign::line(text).into_owned();
    match &updated.change {
        None => tell!("{}: nothing to do, it is so already", endpoint.name),
        Some(change) if change.to.is_empty() => tell!("{}: {}", endpoint.name, line(&change.why)),
        Some(change) => tell!("{}: {}; now {}", endpoint.name, line(&change.why), line(&change.to)),
    }
    Ok(())
}

/// Loads a version as a server does, and asks it.
pub fn try_out(
    home: &Home,
    version: &ModelVersion,
    memory: u64,
    sample: Option<Request>,
) -> Result<(), Failure> {
    let _spinner = spinner("Trying the version before it gets a request");
    let mut trial = Trial::new(home, memory)?;
    trial.sample = sample;
    trial.run(&version.name, &version.pipeline).map(drop)
}

fn sample(file: &Path) -> anyhow::Result<Request> {
    const ENDINGS: [(&str, &str); 6] = [
        ("csv", "text/csv"),
        ("json", "application/json"),
        ("jsonl", "application/x-ndjson"),
        ("ndjson", "application/x-ndjson"),
        ("arrow", "application/vnd.apache.arrow.stream"),
        ("arrows", "application/vnd.apache.arrow.stream"),
    ];
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let Some((_, media_type)) = ENDINGS.iter().find(|(known, _)| *known == ending) else {
        let known = ENDINGS.map(|(ending, _)| ending);
        let text = format!("{}: a sample's name ends in one of {}", file.display(), nearest::list(&known));
        return Err(Usage(text).into());
    };
    if let Err(error) = check_source(file)
        && error.kind() == ErrorKind::Unsupported
    {
        return Err(Usage(error.to_string()).into());
    }
    let size = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    if size > MAX_SAMPLE {
        let most = MAX_SAMPLE >> 20;
        return Err(Usage(format!(
            "{}: a sample has at most {most} MiB; a few rows are enough",
            file.display()
        ))
        .into());
    }
    let body = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Request { content_type: (*media_type).to_owned(), accept: None, body })
}

fn tell(deployed: &Deployed, alias: &str, as_json: bool, waits: bool) {
    if as_json {
        return;
    }
    let endpoint = &deployed.endpoint;
    let (name, version) = (&endpoint.name, deployed.version.reference());
    let now = endpoint.aliases.get(alias).map(|alias| describe(&alias.variants)).unwrap_or_default();
    let of = if alias == millstream_workflow::endpoint::LIVE {
        name.clone()
    } else {
        format!("{name} (alias {alias})")
    };
    match deployed.moved {
        Some(Moved::Already) => tell!("{of}: {version} has all traffic already"),
        Some(Moved::Begun) => {
            tell!("{of}: rollout of {version} began; now {now}");
            if !waits {
                tell!("`millstream serve` carries it on; `millstream rollout {name}` shows it");
            }
        }
        _ if deployed.created => tell!("{of}: made, with {now}"),
        _ => tell!("{of}: now {now}"),
    }
    if deployed.version.approval_status == ApprovalStatus::PendingManualApproval {
        tell!("{} {version} waits for approval", style("note:").for_stderr().yellow());
    }
    if deployed.created {
        tell!("Serve it with `millstream serve`, then `millstream invoke {name} ROWS.csv`");
    }
}

/// Watches the rollout that a deployment began, until it has ended.
fn wait(home: &Home, deployed: &Deployed, alias: &str) -> anyhow::Result<End> {
    let rollout = deployed.endpoint.aliases.get(alias).and_then(|alias| alias.rollout.clone());
    let Some(rollout) = rollout else { return Ok(End::Done) };
    let mut seen = deployed.endpoint.revision;
    let last = rollout.started + rollout.plan.time_limit + GRACE;
    let endpoints = Endpoints::new(home.store().as_ref());
    loop {
        let endpoint = endpoints.get(&deployed.endpoint.name)?;
        let news = endpoint.changes.iter().filter(|change| change.revision > seen);
        for change in news.filter(|change| change.alias.as_deref() == Some(alias)) {
            let (why, to) = (foreign::line(&change.why), foreign::line(&change.to));
            tell!("{}: {why}; now {to}", endpoint.name);
        }
        seen = endpoint.revision;
        if moving(&endpoint, alias).is_none_or(|now| now.id != rollout.id) {
            let there =
                endpoint.aliases.get(alias).map(|alias| alias.variants.as_slice()).unwrap_or_default();
            let won = there.iter().any(|variant| variant.is_same(&rollout.to) && variant.traffic() > 0.0);
            return Ok(if won { End::Done } else { End::Failed });
        }
        if home.now() > last {
            anyhow::bail!(
                "nobody carries the rollout on: is `millstream serve` running in {}? It is as it was; \
                 `millstream rollout {} abort` takes it back",
                home.folder().display(),
                endpoint.name
            );
        }
        thread::sleep(LOOK);
    }
}
