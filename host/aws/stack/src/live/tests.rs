use std::{collections::BTreeMap, sync::Mutex};

use millstream_control::answering::carry_on;
use millstream_deployment::{Config, LIVE, names::Reference, rollout::RolloutPlan};
use millstream_endpoint::WorkflowMetrics;
use millstream_registry::{Author, Deployer, Endpoints};
use millstream_store::MemoryStore;

use super::*;

const FUNCTION: &str = "s-endpoint-churn";

/// A recorded Lambda: it keeps what it is told, and writes down each change.
#[derive(Default)]
struct Recorded(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    functions: BTreeMap<String, Vec<PublishedVersion>>,
    aliases: BTreeMap<(String, String), (Pointing, u32)>,
    calls: Vec<String>,
    /// By version number.
    figures: BTreeMap<String, VersionFigures>,
    fired: Vec<String>,
    /// So many changes of aliases are lost to somebody else.
    races: u32,
}

impl Recorded {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.kept().calls)
    }

    fn pointing(&self) -> Pointing {
        self.kept().aliases[&(FUNCTION.to_owned(), LIVE.to_owned())].0.clone()
    }
}

impl LambdaApi for Recorded {
    fn ensure(&self, spec: &FunctionSpec) -> Result<(), Error> {
        let mut kept = self.kept();
        if !kept.functions.contains_key(&spec.name) {
            kept.functions.insert(spec.name.clone(), Vec::new());
            kept.calls.push(format!("create {} with {} MB for {} s", spec.name, spec.memory, spec.timeout));
        }
        Ok(())
    }

    fn versions(&self, function: &str) -> Result<Vec<PublishedVersion>, Error> {
        Ok(self.kept().functions.get(function).cloned().unwrap_or_default())
    }

    fn publish(&self, spec: &FunctionSpec, model: &str) -> Result<Option<String>, Error> {
        assert_eq!(spec.environment["MILLSTREAM_MODEL_VERSION"], model);
        let mut kept = self.kept();
        let versions = kept.functions.get_mut(&spec.name).expect("it was made");
        let number = (versions.len() + 1).to_string();
        versions.push(PublishedVersion {
            number: number.clone(),
            model: model.to_owned(),
            code: spec.code.clone(),
        });
        kept.calls.push(format!("publish {model} as {number}"));
        Ok(Some(number))
    }

    fn alias(&self, function: &str, alias: &str) -> Result<Option<LambdaAlias>, Error> {
        let kept = self.kept();
        let found = kept.aliases.get(&(function.to_owned(), alias.to_owned()));
        Ok(found.map(|(pointing, revision)| LambdaAlias {
            pointing: pointing.clone(),
            revision: revision.to_string(),
        }))
    }

    fn point(
        &self,
        function: &str,
        alias: &str,
        to: &Pointing,
        revision: Option<&str>,
    ) -> Result<bool, Error> {
        let mut kept = self.kept();
        let key = (function.to_owned(), alias.to_owned());
        let now = kept.aliases.get(&key).map(|(_, revision)| revision.to_string());
        if kept.races > 0 {
            kept.races -= 1;
            return Ok(false);
        }
        if now.as_deref() != revision {
            return Ok(false);
        }
        let next = now.map_or(1, |now| now.parse::<u32>().unwrap() + 1);
        let second = to
            .second
            .as_ref()
            .map(|(version, share)| format!(" and {version} for {share}"))
            .unwrap_or_default();
        kept.calls.push(format!("point {alias} at {}{second}", to.version));
        kept.aliases.insert(key, (to.clone(), next));
        Ok(true)
    }

    fn figures(
        &self,
        _: &str,
        of: (&str, &str),
        _: (u64, u64),
        limits: &[f64],
    ) -> Result<VersionFigures, Error> {
        let mut figures = self.kept().figures.get(of.1).cloned().unwrap_or_default();
        figures.within.resize(limits.len(), 1.0);
        Ok(figures)
    }

    fn fired(&self, _: &str) -> Result<Vec<String>, Error> {
        Ok(self.kept().fired.clone())
    }

    fn remove(&self, function: &str) -> Result<(), Error> {
        let mut kept = self.kept();
        kept.functions.remove(function);
        kept.aliases.retain(|(of, _), _| of != function);
        Ok(())
    }
}

fn around(code: &str) -> Surroundings {
    Surroundings {
        stack: "s".to_owned(),
        code: code.to_owned(),
        store: "s3://b/millstream/store".to_owned(),
        queue: "sqs://s".to_owned(),
    }
}

/// A registry with an endpoint, and a Lambda that follows it, on a clock that is moved by hand.
struct World {
    store: MemoryStore,
    lambda: Recorded,
    now: u64,
}

impl World {
    /// `churn@1` answers everything.
    fn new() -> Self {
        let world = Self { store: MemoryStore::new(), lambda: Recorded::default(), now: 1_000_000 };
        let live = Alias { variants: vec![Variant::of("churn", 1)], ..Alias::default() };
        world.endpoints().create("churn", live, Config::default(), &world.author(), "created").unwrap();
        world.apply();
        world
    }

    fn author(&self) -> Author<'_> {
        Author { who: "ann", at: self.now, admin: true, request: None }
    }

    fn endpoints(&self) -> Endpoints<'_> {
        Endpoints::new(&self.store)
    }

    fn record(&self) -> Endpoint {
        self.endpoints().get("churn").unwrap()
    }

    fn live(&self) -> OnLambda<'_> {
        OnLambda::new(&self.lambda, around("p1"))
    }

    fn apply(&self) {
        self.live().apply(&self.record()).unwrap();
    }

    /// The registry begins a rollout, as a deployment does.
    fn begin(&self, to: u32, plan: &str, alarms: &[&str]) {
        let alarms: Vec<String> = alarms.iter().map(|alarm| (*alarm).to_owned()).collect();
        let plan = RolloutPlan::parse_text(plan, &alarms).unwrap();
        let id = format!("r{to}");
        self.endpoints()
            .update("churn", &self.author(), None, |endpoint| {
                let alias = endpoint.aliases.get_mut(LIVE).unwrap();
                alias
                    .deploy(Variant::of("churn", to), &plan, (id.clone(), "ann".to_owned()), false, self.now)
                    .unwrap();
                Ok(Some(millstream_registry::Edit { alias: Some(LIVE.to_owned()), why: "began".to_owned() }))
            })
            .unwrap();
        self.apply();
    }

    /// Time passes; then whoever carries rollouts on comes by.
    fn after(&mut self, ms: u64) -> Vec<String> {
        self.now += ms;
        let mut metrics = WorkflowMetrics::default();
        let done = carry_on(&self.store, &self.live(), "churn", &mut metrics, &self.author()).unwrap();
        done.into_iter().filter_map(|updated| Some(updated.change?.why)).collect()
    }
}

#[test]
fn the_first_deployment_makes_function_version_and_alias() {
    let world = World::new();
    let made = ["create s-endpoint-churn with 2304 MB for 35 s", "publish churn@1 as 1", "point live at 1"];
    assert_eq!(world.lambda.calls(), made);
    world.apply();
    assert_eq!(world.lambda.calls(), [""; 0], "again changes nothing");
}

#[test]
fn a_canary_moves_the_weights_bakes_and_completes() {
    let mut world = World::new();
    world.begin(2, "canary=10%,interval=60s,bake=30s", &["error-rate > 1%"]);
    assert_eq!(world.lambda.calls()[3..], ["publish churn@2 as 2", "point live at 1 and 2 for 0.1"]);
    let good = VersionFigures { invocations: 1000, errors: 0, within: vec![] };
    world.lambda.kept().figures.insert("2".to_owned(), good);
    assert_eq!(world.after(59_000), [""; 0]);
    assert_eq!(world.after(1_000).len(), 1);
    assert_eq!(world.lambda.calls(), ["point live at 2"]);
    assert_eq!(world.after(29_000), [""; 0]);
    assert_eq!(world.after(1_000).len(), 1);
    assert!(world.record().aliases[LIVE].rollout.is_none());
    assert_eq!(world.lambda.calls(), [""; 0], "all traffic was there already");
    assert_eq!(world.record().changes.len(), 4, "the history has each step");
}

#[test]
fn a_linear_rollout_moves_in_steps() {
    let mut world = World::new();
    world.begin(2, "linear=25%,interval=60s", &[]);
    for _ in 0..3 {
        assert_eq!(world.after(60_000).len(), 1);
    }
    let shares = [
        "point live at 1 and 2 for 0.25",
        "point live at 1 and 2 for 0.5",
        "point live at 2 and 1 for 0.25",
        "point live at 2",
    ];
    assert_eq!(world.lambda.calls()[4..], shares);
}

#[test]
fn errors_of_the_new_version_roll_back() {
    let mut world = World::new();
    world.begin(2, "canary=10%,interval=60s", &["error-rate > 1%"]);
    world
        .lambda
        .kept()
        .figures
        .insert("2".to_owned(), VersionFigures { invocations: 100, errors: 5, within: vec![] });
    let done = world.after(1_000);
    assert!(done[0].contains("5 of 100 requests failed"), "{done:?}");
    assert_eq!(world.lambda.pointing(), Pointing { version: "1".to_owned(), second: None });
}

#[test]
fn slow_answers_roll_back() {
    let mut world = World::new();
    world.begin(2, "canary=10%,interval=60s", &["p99 > 50ms", "p50 > 10ms"]);
    let figures = |within: [f64; 2]| VersionFigures { invocations: 1000, errors: 0, within: within.to_vec() };
    // 99.5 % within 50 ms, 60 % within 10 ms.
    world.lambda.kept().figures.insert("2".to_owned(), figures([0.995, 0.6]));
    assert_eq!(world.after(1_000), [""; 0]);
    world.lambda.kept().figures.insert("2".to_owned(), figures([0.97, 0.6]));
    let done = world.after(1_000);
    assert!(done[0].contains("p99 > 50ms"), "{done:?}");
}

#[test]
fn an_alarm_of_cloudwatch_rolls_back() {
    let mut world = World::new();
    world.begin(2, "canary=10%,interval=60s", &[]);
    world
        .lambda
        .kept()
        .fired
        .push("alarm s-endpoint-churn-mine of CloudWatch has fired: too warm".to_owned());
    let done = world.after(1);
    assert!(done[0].contains("too warm"), "{done:?}");
    assert_eq!(world.lambda.pointing().version, "1");
    let last = world.record().changes.last().unwrap().clone();
    assert!(last.why.contains("rolled back from churn@2"), "{last:?}");
}

#[test]
fn a_rollout_that_nobody_carried_on_ends_as_it_was() {
    let mut world = World::new();
    world.begin(2, "canary=10%,interval=60s,time-limit=10m", &[]);
    let done = world.after(3_600_000);
    assert!(done[0].contains("time limit"), "{done:?}");
    assert_eq!(world.lambda.pointing().version, "1");
}

#[test]
fn somebody_else_who_changes_the_alias_is_not_overwritten() {
    let world = World::new();
    world.lambda.kept().races = 3;
    world.begin(2, "all-at-once", &[]);
    assert_eq!(world.lambda.pointing().version, "2");
    world.lambda.kept().races = 100;
    let record = world.record();
    let other = Endpoint {
        aliases: [(LIVE.to_owned(), Alias { variants: vec![Variant::of("churn", 3)], ..Alias::default() })]
            .into(),
        ..record
    };
    let error = world.live().apply(&other).unwrap_err().to_string();
    assert!(error.contains("again and again"), "{error}");
}

#[test]
fn a_version_that_answers_keeps_its_package() {
    let world = World::new();
    let newer = OnLambda::new(&world.lambda, around("p2"));
    newer.apply(&world.record()).unwrap();
    assert_eq!(world.lambda.calls()[3..], [""; 0]);
    // What comes new is made of the new package, also where the old one had the version.
    Deployer::new(&world.store);
    let back = Endpoint {
        aliases: [(LIVE.to_owned(), Alias { variants: vec![Variant::of("churn", 2)], ..Alias::default() })]
            .into(),
        ..world.record()
    };
    newer.apply(&back).unwrap();
    newer.apply(&world.record()).unwrap();
    assert_eq!(
        world.lambda.calls(),
        ["publish churn@2 as 2", "point live at 2", "publish churn@1 as 3", "point live at 3"]
    );
}

#[test]
fn what_lambda_cannot_do_is_said_before_anything_is_written() {
    let world = World::new();
    let (live, record) = (world.live(), world.record());
    let deploy = |text: &str, alarms: &[&str]| {
        let alarms: Vec<String> = alarms.iter().map(|alarm| (*alarm).to_owned()).collect();
        Deploy {
            rollout: RolloutPlan::parse_text(text, &alarms).unwrap(),
            ..Deploy::of(Reference::parse("churn@3").unwrap())
        }
    };
    let to = Variant::of("churn", 3);
    live.check_deploy("churn", Some(&record), &deploy("canary", &[]), &to).unwrap();
    let error = live
        .check_deploy("churn", Some(&record), &deploy("canary", &["drift > 0.2"]), &to)
        .unwrap_err()
        .to_string();
    assert!(error.contains("drift is not measured"), "{error}");
    let mut two = record.clone();
    two.aliases.get_mut(LIVE).unwrap().variants.push(Variant::of("churn", 2));
    live.check_deploy("churn", Some(&two), &deploy("all-at-once", &[]), &to).unwrap();
    let error = live.check_deploy("churn", Some(&two), &deploy("canary", &[]), &to).unwrap_err().to_string();
    assert!(error.contains("points at two at most"), "{error}");
    let target = |weight| millstream_deployment::Target { name: "churn@2".to_owned(), weight };
    let traffic = |weights: &[Option<f64>]| Traffic {
        targets: weights.iter().map(|weight| target(*weight)).collect(),
        keep_others: false,
        alias: LIVE.to_owned(),
        reason: None,
    };
    live.check_traffic("churn", &traffic(&[Some(1.0), Some(2.0), Some(0.0)])).unwrap();
    for (weights, said) in [(&[Some(1.0), None][..], "shadows"), (&[Some(1.0); 3][..], "two at most")] {
        let error = live.check_traffic("churn", &traffic(weights)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let huge = Endpoint { config: Config { memory: 20 << 30, ..Config::default() }, ..record };
    assert!(live.check(&huge).unwrap_err().to_string().contains("10240 MB"));
}
