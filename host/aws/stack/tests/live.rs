//! Endpoints on an emulated Lambda: functions, published versions, aliases under their revision. MiniStack keeps the weights of an
//! alias and does not use them; it does not answer CloudWatch's client, so that figures and alarms are those of the recorded API
//! (`src/live/tests.rs`).

use millstream_aws_stack::{
    Account, DEFAULT, LambdaEndpoints, OnLambda, StackSettings, Wish, deploy, destroy,
    live::{LambdaApi as _, Pointing},
    removal, status,
};
use millstream_control::answering::Answering as _;
use millstream_deployment::{Alias, Config, Endpoint, LIVE, Variant};
use millstream_emulators::ministack;

/// A zip with nothing in it.
const EMPTY_ZIP: [u8; 22] = [b'P', b'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn endpoint(variants: &[(u32, f64)]) -> Endpoint {
    let variant =
        |(version, weight): &(u32, f64)| Variant { weight: *weight, ..Variant::of("churn", *version) };
    let live = Alias { variants: variants.iter().map(variant).collect(), ..Alias::default() };
    Endpoint {
        name: "churn".to_owned(),
        revision: 1,
        created: 0,
        aliases: [(LIVE.to_owned(), live)].into(),
        config: Config::default(),
        changes: Vec::new(),
        removed: false,
    }
}

#[test]
fn an_alias_follows_the_record() {
    let Some(emulator) = ministack() else { return };
    let account = Account::new(&millstream_aws::at_endpoint(&emulator.url(), "us-east-1", "test", "test"));
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("package.zip");
    std::fs::write(&package, EMPTY_ZIP).unwrap();
    let settings = StackSettings::parse("s.yaml", &DEFAULT.replace("budget: 20", "budget: 0")).unwrap();
    let wish = Wish { stack: "live".to_owned(), settings: settings.clone(), package, wait: true };
    deploy(&account, &wish, &|_| ()).unwrap();

    let lambda = LambdaEndpoints::of(account.clone(), "live").unwrap();
    let live = OnLambda::new(&lambda, lambda.surroundings());
    let function = "live-endpoint-churn";
    let pointing = || lambda.alias(function, LIVE).unwrap().unwrap().pointing;
    let first = Pointing { version: "1".to_owned(), second: None };

    live.apply(&endpoint(&[(1, 100.0)])).unwrap();
    assert_eq!(pointing(), first);
    live.apply(&endpoint(&[(1, 90.0), (2, 10.0)])).unwrap();
    assert_eq!(pointing(), Pointing { second: Some(("2".to_owned(), 0.1)), ..first.clone() });
    live.apply(&endpoint(&[(2, 100.0)])).unwrap();
    assert_eq!(pointing(), Pointing { version: "2".to_owned(), second: None });
    live.apply(&endpoint(&[(1, 100.0)])).unwrap();
    assert_eq!(pointing(), first, "the version that was published before");
    let models: Vec<String> = lambda.versions(function).unwrap().into_iter().map(|one| one.model).collect();
    assert_eq!(models, ["churn@1", "churn@2"]);

    // Whoever has seen an older state of the alias changes nothing.
    let old = lambda.alias(function, LIVE).unwrap().unwrap();
    live.apply(&endpoint(&[(2, 100.0)])).unwrap();
    assert!(!lambda.point(function, LIVE, &first, Some(&old.revision)).unwrap());
    assert_eq!(pointing().version, "2");
    assert!(!lambda.point(function, LIVE, &first, None).unwrap(), "it is there already");

    assert_eq!(status(&account, "live", &settings).unwrap().endpoints, [function]);
    let gone = removal(&account, "live").unwrap();
    assert!(gone.plan.to_string().contains(function), "{}", gone.plan);
    destroy(&account, &gone, false, &|_| ()).unwrap();
    assert_eq!(lambda.versions(function).map(|all| all.len()).unwrap_or(0), 0);
}
