//! `millstream deploy`

use std::{fs, path::Path, thread};

use anyhow::Context as _;
use console::style;
use millstream_control::{Control, Deployed, Updated, trial::MAX_SAMPLE};
use millstream_core::nearest;
use millstream_deployment::{
    Deploy, Endpoint, Moved, Settings, describe, names::Reference, rollout::RolloutPlan,
};
use millstream_engine::Request;
use millstream_registry::{ApprovalStatus, Endpoints};
use millstream_store::{ErrorKind, check_source};
use millstream_worker::Home;
use serde_json::json;

use super::{End, Usage, author, endpoints::moving, print_json, user};
use crate::{
    cli::{DeployArgs, HomeArgs},
    display::{Spinner, foreign, spinner},
    elsewhere::Elsewhere,
    place::open_home,
};

/// How long after its time limit a rollout is waited for: by then, a server would have ended it.
const GRACE: u64 = 60_000;

pub fn deploy(home: &HomeArgs, args: &DeployArgs) -> anyhow::Result<End> {
    let config = Settings::parse(&args.settings.written()).map_err(Usage)?;
    let elsewhere = Elsewhere::of(home)?;
    let home = open_home(home)?;
    let control = Control::new(&home);
    let who = user();
    let author = author(&home, &who);
    let Some(model) = &args.model else {
        let updated = control.configure(&args.endpoint, &config, &author)?;
        follow(elsewhere.as_ref(), &updated.endpoint)?;
        report(&updated, args.output.json)?;
        return Ok(End::Done);
    };
    let wish = Deploy {
        alias: args.alias.clone(),
        variant: args.variant.clone(),
        rollout: RolloutPlan::parse_text(&args.rollout, &args.alarms).map_err(Usage)?,
        replace: args.replace,
        config,
        reason: args.reason.clone(),
        ..Deploy::of(Reference::parse(model).map_err(Usage)?)
    };
    if let Some(elsewhere) = &elsewhere {
        elsewhere.check_deploy(&home, &args.endpoint, &wish)?;
    }
    let sample = args.sample.as_deref().map(sample).transpose()?;
    let spinner = trying();
    let deployed = control.deploy(&args.endpoint, &wish, &author, sample.as_ref())?;
    follow(elsewhere.as_ref(), &deployed.endpoint)?;
    drop(spinner);
    // No server carries it on elsewhere: this command does.
    let waits = args.wait || elsewhere.is_some();
    tell(&deployed, &args.alias, args.output.json, waits);
    let end = match waits {
        true => wait(&home, &deployed.endpoint, &args.alias, elsewhere.as_ref())?,
        false => End::Done,
    };
    if args.output.json {
        let endpoint = Endpoints::new(home.store().as_ref()).get(&args.endpoint)?;
        print_json(&json!({
            "endpoint": endpoint,
            "version": deployed.version,
            "created": deployed.created,
            "change": deployed.change,
        }))?;
    }
    Ok(end)
}

/// Has whoever answers elsewhere do so as the record says.
pub fn follow(elsewhere: Option<&Elsewhere>, endpoint: &Endpoint) -> anyhow::Result<()> {
    elsewhere.map_or(Ok(()), |elsewhere| elsewhere.apply(endpoint)).with_context(|| {
        format!(
            "the record of endpoint `{}` is written, but Lambda does not answer so yet; repeat the command, or `millstream rollout {} \
             continue --on ...`",
            endpoint.name, endpoint.name
        )
    })
}

/// Shown while versions are tried.
pub fn trying() -> Spinner {
    spinner("Trying the version before it gets a request")
}

/// What a change did, for people or as JSON.
pub fn report(updated: &Updated, as_json: bool) -> anyhow::Result<()> {
    let endpoint = &updated.endpoint;
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
    let of =
        if alias == millstream_deployment::LIVE { name.clone() } else { format!("{name} (alias {alias})") };
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

/// Watches the rollout of an endpoint, until it has ended; carries it on where no server does.
pub fn wait(
    home: &Home,
    before: &Endpoint,
    alias: &str,
    elsewhere: Option<&Elsewhere>,
) -> anyhow::Result<End> {
    let rollout = before.aliases.get(alias).and_then(|alias| alias.rollout.clone());
    let Some(rollout) = rollout else { return Ok(End::Done) };
    let who = user();
    let mut seen = before.revision;
    let last = rollout.started + rollout.plan.time_limit + GRACE;
    let endpoints = Endpoints::new(home.store().as_ref());
    let mut pace = home.store().looks().pace();
    loop {
        if let Some(elsewhere) = elsewhere {
            elsewhere.carry_on(home.store().as_ref(), &before.name, &author(home, &who))?;
        }
        let endpoint = endpoints.get(&before.name)?;
        let changes = endpoint.changes.iter().filter(|change| change.revision > seen);
        for change in changes.filter(|change| change.alias.as_deref() == Some(alias)) {
            let (why, to) = (foreign::line(&change.why), foreign::line(&change.to));
            tell!("{}: {why}; now {to}", endpoint.name);
        }
        let news = seen != endpoint.revision;
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
                home.location(),
                endpoint.name
            );
        }
        thread::sleep(pace.after(news));
    }
}
