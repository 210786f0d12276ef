//! The stack's SAM template: pieces of YAML (`template/`), put together by the settings.

use crate::settings::{PoolSettings, StackSettings};

/// What a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The bucket alone: the first step of the first deployment, so that there is a place for the package.
    Bucket,
    /// Everything.
    Whole,
}

/// Days that events are remembered, so that none starts a second run: longer than SQS keeps a message.
const EVENTS_LIFETIME: u32 = 15;

macro_rules! piece {
    ($name:literal) => {
        include_str!(concat!("template/", $name, ".yaml"))
    };
}

/// The template, as YAML.
pub fn template(settings: &StackSettings, extent: Extent) -> String {
    let mut text = piece!("head").to_owned() + piece!("bucket");
    let mut lifetimes = String::new();
    let lifetimes_of = [
        ("runs", settings.runs_lifetime),
        ("cache", settings.cache_lifetime),
        ("triggers/seen", EVENTS_LIFETIME),
    ];
    for (what, days) in lifetimes_of {
        if days > 0 {
            lifetimes += &fill(piece!("lifetime"), &[("what", what), ("days", &days.to_string())]);
        }
    }
    text = fill(&text, &[("lifetimes", &lifetimes)]);
    if extent == Extent::Whole {
        for pool in &settings.pools {
            text += &pool_pieces(settings, pool);
        }
        text += &functions(settings);
        text += &roles(settings);
        for (name, function) in [("undertaker", "Undertaker"), ("trigger", "Trigger")] {
            text += &fill(piece!("errors"), &[("function", name), ("Function", function)]);
        }
        text += &watching(settings);
        text += piece!("outputs");
        if settings.http {
            text += piece!("outputs-http");
        }
    } else {
        text = text.trim_end().to_owned() + "\n\nOutputs:\n  CodeKey: { Value: !Ref CodeKey }\n";
    }
    let machines = &settings.managed_instances;
    fill(
        &text,
        &[
            ("architecture", settings.architecture.name()),
            ("temporary-storage", &settings.temporary_storage.to_string()),
            ("old-versions-lifetime", &settings.old_versions_lifetime.to_string()),
            ("log-retention", &settings.log_retention.to_string()),
            ("alarms-email", &settings.alarms_email),
            ("subnets", &machines.subnets.join(", ")),
            ("security-groups", &machines.security_groups.join(", ")),
            ("max-vcpus", &machines.max_vcpus.to_string()),
        ],
    )
}

/// What a pool's resources are called in the template: `small` is `Small`, `big-memory` is `BigMemory`.
pub fn logical(pool: &str) -> String {
    pool.split('-')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect()
}

fn pool_pieces(settings: &StackSettings, pool: &PoolSettings) -> String {
    let timeout = settings.timeout_of(pool);
    let on_machines = settings.on_machines(pool);
    let mut text = String::new();
    let mut instances = String::new();
    if on_machines {
        text += piece!("instances");
        instances = piece!("on-instances").to_owned();
    }
    text += piece!("pool");
    let worker = fill(piece!("errors"), &[("Function", "<<Pool>>Worker"), ("function", "worker-<<pool>>")]);
    text += &worker;
    let name = logical(&pool.name);
    let text = fill(&text, &[("instances", &instances)]);
    fill(
        &text,
        &[
            ("pool", &pool.name),
            ("Pool", &name),
            ("memory", &pool.memory.to_string()),
            ("timeout", &timeout.to_string()),
            ("visibility", &(6 * timeout).to_string()),
            ("concurrency", &pool.concurrency.to_string()),
        ],
    )
}

fn functions(settings: &StackSettings) -> String {
    let mut dead = String::new();
    for pool in &settings.pools {
        let name = logical(&pool.name);
        dead += &fill(piece!("dead-event"), &[("Pool", &name)]);
    }
    let schedules = if settings.schedules { piece!("schedules") } else { "" };
    let http = if settings.http { piece!("http") } else { "" };
    fill(piece!("functions"), &[("dead-events", &dead), ("schedules", schedules), ("http", http)])
}

fn roles(settings: &StackSettings) -> String {
    let mut text = String::new();
    for (role, policy, own, writes) in [
        ("WorkerRole", "work", piece!("role-worker"), true),
        ("UndertakerRole", "bury", piece!("role-undertaker"), true),
        ("TriggerRole", "start", piece!("role-trigger"), true),
        ("EndpointRole", "answer", piece!("role-endpoint"), false),
    ] {
        if role == "EndpointRole" {
            text +=
                "  # Of the functions that `millstream deploy NAME --on aws` makes, one for each endpoint.\n";
        }
        text += &fill(piece!("role"), &[("Role", role), ("policy", policy)]);
        text += own;
        if writes {
            text += piece!("role-writes");
        }
        text += "\n";
    }
    let all = |suffix: &str| {
        let arn = |pool: &PoolSettings| format!("!GetAtt {}{suffix}.Arn", logical(&pool.name));
        settings.pools.iter().map(arn).collect::<Vec<_>>().join(", ")
    };
    let (queues, dead) = (all("Queue"), all("Dead"));
    let comment = "  # Each role may do what its functions do, and no more. Functions in WebAssembly have no rights at all.\n";
    comment.to_owned() + &fill(&text, &[("queues", &queues), ("dead", &dead)])
}

fn watching(settings: &StackSettings) -> String {
    let email = if settings.alarms_email.is_empty() { "" } else { piece!("email") };
    let usd = settings.budget.to_string();
    let budget = if settings.budget == 0 { String::new() } else { fill(piece!("budget"), &[("usd", &usd)]) };
    fill(piece!("watching"), &[("email", email), ("budget", &budget), ("dashboard", &dashboard(settings))])
}

/// Four charts: tasks in hand, tasks waiting, dead letters, errors.
fn dashboard(settings: &StackSettings) -> String {
    let functions: Vec<String> = settings.pools.iter().map(|pool| format!("worker-{}", pool.name)).collect();
    let others = ["trigger".to_owned(), "undertaker".to_owned()];
    let of = |namespace: &str, metric: &str, dimension: &str, names: Vec<String>| -> Vec<serde_json::Value> {
        let one =
            |name| serde_json::json!([namespace, metric, dimension, format!("${{AWS::StackName}}-{name}")]);
        names.into_iter().map(one).collect()
    };
    let pools = |suffix: &str| -> Vec<String> {
        settings.pools.iter().map(|pool| format!("tasks-{}{suffix}", pool.name)).collect()
    };
    let visible = "ApproximateNumberOfMessagesVisible";
    let every = functions.iter().chain(&others).cloned().collect();
    let charts = [
        ("Tasks in hand", "Maximum", of("AWS/Lambda", "ConcurrentExecutions", "FunctionName", functions)),
        ("Tasks waiting", "Maximum", of("AWS/SQS", visible, "QueueName", pools(""))),
        ("Dead letters", "Maximum", of("AWS/SQS", visible, "QueueName", pools("-dead"))),
        ("Errors", "Sum", of("AWS/Lambda", "Errors", "FunctionName", every)),
    ];
    let mut lines = Vec::new();
    for (i, (title, stat, metrics)) in charts.into_iter().enumerate() {
        let metrics: Vec<String> = metrics.iter().map(|metric| format!("            {metric}")).collect();
        let (x, y) = (12 * (i % 2), 6 * (i / 2));
        lines.push(format!(
            "          {{\"type\": \"metric\", \"x\": {x}, \"y\": {y}, \"width\": 12, \"height\": 6, \"properties\": {{\
             \"title\": \"{title}\", \"stat\": \"{stat}\", \"period\": 300, \"region\": \"${{AWS::Region}}\", \"metrics\": [\n{}]}}}}",
            metrics.join(",\n")
        ));
    }
    format!("        {{\"widgets\": [\n{}]}}", lines.join(",\n"))
}

/// Puts values in the place of `<<name>>`.
fn fill(piece: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(piece.to_owned(), |text, (name, value)| text.replace(&format!("<<{name}>>"), value))
}

#[cfg(test)]
mod tests {
    use millstream_language::yaml;

    use super::*;
    use crate::settings::DEFAULT;

    fn all() -> Vec<StackSettings> {
        let machines = DEFAULT
            .replace("enabled: false", "enabled: true")
            .replace("subnets: []", "subnets: [subnet-1]")
            .replace("security-groups: []", "security-groups: [sg-1]");
        let bare = DEFAULT
            .replace("schedules: true", "schedules: false")
            .replace("http: true", "http: false")
            .replace("runs-lifetime: 90", "runs-lifetime: 0")
            .replace("alarms-email: \"\"", "alarms-email: ann@example.com");
        [DEFAULT, &machines, &bare].map(|text| StackSettings::parse("s.yaml", text).unwrap()).to_vec()
    }

    /// The committed template is what the binary makes of the committed settings: `cargo xtask docs` writes it.
    #[test]
    fn the_committed_template_is_up_to_date() {
        let committed = include_str!("../../../../infra/aws/template.yaml");
        assert_eq!(template(&StackSettings::carried(), Extent::Whole), committed, "run `cargo xtask docs`");
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        for settings in all() {
            for extent in [Extent::Bucket, Extent::Whole] {
                let text = template(&settings, extent);
                assert!(!text.contains("<<"), "{text}");
                // CloudFormation has no anchors.
                assert!(
                    !text.lines().any(|line| line.contains(": &") || line.trim_start().starts_with("- *"))
                );
            }
        }
    }

    #[test]
    fn every_pool_has_a_queue_dead_letters_a_function_and_alarms() {
        for settings in all() {
            let text = template(&settings, Extent::Whole);
            let document = yaml::load(&text).unwrap().to_json();
            let resources = document["Resources"].as_object().unwrap();
            for pool in &settings.pools {
                let name = logical(&pool.name);
                let queue = &resources[&format!("{name}Queue")]["Properties"];
                let timeout = settings.timeout_of(pool);
                assert_eq!(queue["VisibilityTimeout"], 6 * timeout);
                assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap() >= 5);
                let worker = &resources[&format!("{name}Worker")]["Properties"];
                assert_eq!(worker["MemorySize"], pool.memory);
                let tasks = &worker["Events"]["Tasks"]["Properties"];
                assert_eq!(tasks["FunctionResponseTypes"][0], "ReportBatchItemFailures");
                assert_eq!(tasks["ScalingConfig"]["MaximumConcurrency"], pool.concurrency);
                for alarm in ["DeadAlarm", "WorkerErrors"] {
                    assert!(resources.contains_key(&format!("{name}{alarm}")), "{name}{alarm}");
                }
                let machines = resources.contains_key(&format!("{name}Machines"));
                assert_eq!(machines, settings.on_machines(pool));
            }
        }
    }

    #[test]
    fn what_is_switched_off_is_not_there() {
        let [whole, _, bare] = &all()[..] else { panic!() };
        let (whole, bare) = (template(whole, Extent::Whole), template(bare, Extent::Whole));
        for (text, only_whole) in [("ScheduleV2", true), ("FunctionUrlConfig", true), ("AlarmsEmail", false)]
        {
            assert_eq!((whole.contains(text), bare.contains(text)), (only_whole, !only_whole), "{text}");
        }
        assert!(!bare.contains("store/runs/") && bare.contains("store/cache/"));
    }

    #[test]
    fn names() {
        assert_eq!((logical("small"), logical("big-memory")), ("Small".to_owned(), "BigMemory".to_owned()));
    }
}
