//! Alarms: what an endpoint's history says of rollouts that were ended.

use millstream_deployment::{Alias, Config, LIVE, Variant};
use millstream_registry::{Author, Edit, Endpoints};

use crate::support::World;

#[test]
fn an_alarm_starts_retraining_once_and_nothing_else_does() {
    let world = World::new();
    let endpoints = Endpoints::new(world.store.as_ref());
    let author = Author { who: "server", at: world.now(), admin: true, request: None };
    let live = Alias { variants: vec![Variant::of("churn", 1)], ..Alias::default() };
    endpoints.create("churn", live, Config::default(), &author, "deployed").unwrap();
    let change = |why: &str| {
        let edit = || Edit { alias: Some(LIVE.to_owned()), why: why.to_owned() };
        endpoints
            .update("churn", &author, None, |endpoint| {
                endpoint.config.timeout += 1;
                Ok(Some(edit()))
            })
            .unwrap();
    };
    change("rolled back from churn@4: drift > 0.2: it is 0.500 over 900 predictions");
    world.push("retrain", "on: { alarm: { endpoint: churn, metric: drift } }");
    world.push("tell", "on: { alarm: { endpoint: churn, if: \"event.data.metric == 'error-rate'\" } }");
    let triggers = [world.process(), world.process()];
    let look = || triggers.iter().for_each(|process| drop(process.look_for_alarms().unwrap()));
    look();
    assert_eq!(world.runs(), [] as [String; 0], "what was before anybody waited is over");
    for why in [
        "canary 10%",
        "rolled back from churn@4: took longer than its time limit of 1h",
        "rolled back from churn@4: drift > 0.2: it is 0.310 over 900 predictions",
        "rolled back from churn@4: error-rate > 1%: 5 of 100 requests failed (5%)",
    ] {
        change(why);
    }
    look();
    look();
    let mut started: Vec<(String, String)> = world
        .runs()
        .iter()
        .map(|run| {
            let plan = world.plan(run);
            let event = plan.trigger.as_ref().unwrap().event.clone();
            (plan.workflow.clone(), event.data["message"].as_str().unwrap().to_owned())
        })
        .collect();
    started.sort();
    let expected = [
        ("retrain", "drift > 0.2: it is 0.310 over 900 predictions"),
        ("tell", "error-rate > 1%: 5 of 100 requests failed (5%)"),
    ];
    assert_eq!(started, expected.map(|(name, message)| (name.to_owned(), message.to_owned())));
}
