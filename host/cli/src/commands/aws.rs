//! `millstream aws`

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use console::style;
use millstream_aws_stack::{
    Account, Doing, DryRun, Extent, LogLine, StackEvent, StackSettings, StackStatus, Wish, names, prices,
};
use millstream_core::quantity::Duration;
use serde_json::json;

use super::{
    End, Usage, package, print, print_json,
    spent::{Spent, spent},
};
use crate::{
    cli::{AwsArgs, AwsDeployArgs, AwsDestroyArgs, AwsLogsArgs, AwsVerb, HomeArgs, SettingsFile, StackName},
    display::{foreign, text},
    place::open_home,
    profile::{self, HomeProfile},
};

pub fn aws(home: &HomeArgs, args: &AwsArgs) -> anyhow::Result<End> {
    match &args.verb {
        AwsVerb::Template { settings } => {
            print(&millstream_aws_stack::template(&read(settings)?, Extent::Whole))?;
            Ok(End::Done)
        }
        AwsVerb::Package(args) => package::package(home, args),
        AwsVerb::Deploy(args) => deploy(args),
        AwsVerb::Status { stack, settings, output } => status(home, stack, settings, output.json),
        AwsVerb::Logs(args) => logs(args),
        AwsVerb::Destroy(args) => destroy(args),
    }
}

fn account(stack: &StackName) -> anyhow::Result<Account> {
    names::check_stack(&stack.stack).map_err(Usage)?;
    Ok(Account::from_environment(stack.region.as_deref()))
}

/// The settings of a file, or those that this binary carries.
pub fn settings(file: Option<&Path>) -> anyhow::Result<StackSettings> {
    let Some(file) = file else { return Ok(StackSettings::carried()) };
    let text = fs::read_to_string(file)
        .map_err(|error| Usage(format!("cannot read the settings {}: {error}", file.display())))?;
    Ok(StackSettings::parse(&file.to_string_lossy(), &text).map_err(millstream_aws_stack::Error::from)?)
}

fn read(file: &SettingsFile) -> anyhow::Result<StackSettings> {
    settings(file.settings.as_deref())
}

fn show(plan: &DryRun, as_json: bool) -> anyhow::Result<End> {
    if as_json {
        print_json(plan)?
    } else {
        print(&plan.to_string())?
    }
    Ok(End::Done)
}

/// What CloudFormation does, on standard error.
fn tell(event: &StackEvent) {
    let StackEvent { resource, kind, status, reason } = event;
    let failed = status.ends_with("_FAILED");
    let status = if failed { style(status).red() } else { style(status).dim() };
    let reason = if failed { format!(": {reason}") } else { String::new() };
    tell!("{status} {} {}{}", foreign::line(resource), foreign::line(kind), foreign::line(&reason));
}

fn deploy(args: &AwsDeployArgs) -> anyhow::Result<End> {
    let account = account(&args.stack)?;
    let wish = Wish {
        stack: args.stack.stack.clone(),
        settings: read(&args.settings)?,
        package: args.package.clone(),
        wait: !args.no_wait,
    };
    // One that cannot be read, the stack's own deployment speaks of.
    if let Ok(zip) = fs::read(&wish.package) {
        let target = package::target(wish.settings.architecture.name())?;
        millstream_aws_package::check(&zip, target)
            .with_context(|| format!("cannot deploy {}", wish.package.display()))?;
    }
    let file = profile::own()?;
    if args.dry_run {
        let mut plan = millstream_aws_stack::plan_deployment(&account, &wish)?;
        if !args.no_profile {
            plan.add(Doing::Write, file.display().to_string(), "the profile `[on.aws]`");
        }
        return show(&plan, args.output.json);
    }
    let quiet = args.output.json;
    let deployed = millstream_aws_stack::deploy(&account, &wish, &|event| {
        if !quiet {
            tell(event);
        }
    })?;
    if !args.no_profile {
        let profile = HomeProfile {
            store: deployed.store.clone(),
            queue: deployed.queue.clone(),
            region: (!deployed.region.is_empty()).then(|| deployed.region.clone()),
            stack: Some(deployed.stack.clone()),
        };
        profile::write(&file, "aws", &profile)?;
    }
    if args.output.json {
        print_json(&deployed)?;
        return Ok(End::Done);
    }
    let how = if deployed.changed { "is as you want it" } else { "was so already" };
    tell!(
        "Stack `{}` in {} {how}: {} and {}",
        deployed.stack,
        deployed.region,
        deployed.store,
        deployed.queue
    );
    if let Some(url) = &deployed.workflows {
        tell!("HTTP starts workflows at {url}");
    }
    if !args.no_profile {
        tell!(
            "`--on aws` names it from now on ({}): `millstream run workflow.yaml --on aws`",
            file.display()
        );
    }
    Ok(End::Done)
}

/// The runs of so many milliseconds are added up.
const WEEK: u64 = 7 * 86_400_000;

/// What runs cost in the last 7 days.
fn last_week(home: &HomeArgs, status: &StackStatus, settings: &StackSettings) -> anyhow::Result<Spent> {
    let (store, queue) = (Some(status.store.clone()), Some(status.queue.clone()));
    let home = open_home(&HomeArgs { on: None, store, queue, ..home.clone() })?;
    spent(&home, home.now().saturating_sub(WEEK), settings, &millstream_aws_stack::pools(settings))
}

fn status(home: &HomeArgs, stack: &StackName, settings: &SettingsFile, as_json: bool) -> anyhow::Result<End> {
    let settings = read(settings)?;
    let status = millstream_aws_stack::status(&account(stack)?, &stack.stack, &settings)?;
    let week = last_week(home, &status, &settings);
    if let Err(error) = &week {
        let (note, why) = (style("note:").for_stderr().yellow(), format!("{error:#}"));
        tell!("{note} what runs cost cannot be read: {}", foreign::line(&why));
    }
    if as_json {
        print_json(&json!({"stack": status, "last-7-days": week.ok()}))?;
        return Ok(End::Done);
    }
    let mut text = format!(
        "{} in {}: {}\n{} and {}\n\n",
        status.stack, status.region, status.status, status.store, status.queue
    );
    let mut rows =
        vec![["pool", "memory", "waiting", "in hand", "dead", "function"].map(str::to_owned).to_vec()];
    for pool in &status.pools {
        rows.push(vec![
            pool.name.clone(),
            format!("{} MB", pool.memory),
            pool.waiting.to_string(),
            pool.in_hand.to_string(),
            pool.dead.to_string(),
            foreign::line(&pool.function).into_owned(),
        ]);
    }
    text += &text::table(&rows);
    for endpoint in &status.endpoints {
        text += &format!("endpoint {endpoint}\n");
    }
    text += "\nWhile nothing happens, storage not counted:\n";
    let mut rows: Vec<Vec<String>> = status
        .idle
        .iter()
        .map(|item| vec![item.what.clone(), format!("{:.2} USD a month", item.usd)])
        .collect();
    let all: f64 = status.idle.iter().map(|item| item.usd).sum();
    rows.push(vec!["together".to_owned(), format!("{all:.2} USD a month")]);
    text += &text::table(&rows);
    if let Ok(week) = week {
        text += &format!(
            "\nRuns of the last 7 days, by their records: {}, {}, {:.4} USD\n",
            text::count(week.tasks as u64, "task"),
            text::duration((week.seconds * 1e3) as u64),
            week.usd
        );
    }
    text +=
        &format!("Prices of {}, US East, without free tier: {}\n", prices::AS_OF, prices::LAMBDA_ARM.source);
    print(&text)?;
    Ok(End::Done)
}

fn logs(args: &AwsLogsArgs) -> anyhow::Result<End> {
    let account = account(&args.stack)?;
    let wrong = || Usage(format!("--since: `{}` is not a time such as 10m or 2h", args.since));
    let back = Duration::parse(&args.since).ok_or_else(wrong)?.0;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let stack = &args.stack.stack;
    if args.dry_run {
        let mut plan = DryRun::new("logs", stack, account.region());
        let group = names::log_group(&format!("{stack}-{}", args.function));
        plan.add(Doing::Read, group, format!("the last {}", args.since));
        return show(&plan, args.output.json);
    }
    let mut met = Ok(());
    let json = args.output.json;
    let mut show = |line: LogLine| {
        let printed = if json {
            serde_json::to_string(&line).map_err(anyhow::Error::from).and_then(|line| print(&(line + "\n")))
        } else {
            print(&format!("{} {}\n", text::moment(line.at), foreign::line(&line.text)))
        };
        if met.is_ok() {
            met = printed;
        }
    };
    millstream_aws_stack::logs(
        &account,
        stack,
        &args.function,
        now.saturating_sub(back),
        &mut show,
        &|| args.follow,
    )?;
    met.map(|()| End::Done)
}

fn destroy(args: &AwsDestroyArgs) -> anyhow::Result<End> {
    let account = account(&args.stack)?;
    let removal = millstream_aws_stack::removal(&account, &args.stack.stack)?;
    if args.dry_run {
        return show(&removal.plan, args.output.json);
    }
    if !args.yes && !agreed(&removal.plan)? {
        tell!("Nothing was removed");
        return Ok(End::Failed);
    }
    let quiet = args.output.json;
    millstream_aws_stack::destroy(&account, &removal, args.all_objects, &|event| {
        if !quiet {
            tell(event);
        }
    })?;
    if args.output.json {
        print_json(&json!({"destroyed": args.stack.stack, "stays": removal.plan.stays}))?;
        return Ok(End::Done);
    }
    tell!("Stack `{}` is gone. What stays: {}", args.stack.stack, removal.plan.stays.join("; "));
    Ok(End::Done)
}

/// Shows what would go, and has the stack's name typed.
fn agreed(plan: &DryRun) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(Usage(
            "nobody can be asked here; --yes removes without asking, --dry-run shows what".to_owned(),
        )
        .into());
    }
    tell!("{plan}Type the stack's name to remove all this:");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
    Ok(line.trim() == plan.stack)
}
