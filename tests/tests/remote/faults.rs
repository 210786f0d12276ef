//! Runs over a network that is not to be relied upon.

use std::sync::atomic::{AtomicUsize, Ordering};

use millstream_emulators::proxy::{Act, Proxy};
use millstream_queue::Outgoing;

use crate::{Home, bucket, expected, unique};

/// Every seventh request meets something: throttling, a fault of the service, a lost request, a lost answer, a broken body, or it
/// takes effect twice.
#[test]
fn a_run_over_a_bad_network_comes_to_the_same() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let expected = expected();
    let nth = AtomicUsize::new(0);
    let proxy = Proxy::start(emulator.address(), move |request, _| {
        let nth = nth.fetch_add(1, Ordering::SeqCst);
        if nth % 7 != 6 {
            return Act::Pass;
        }
        let is_sqs = !request.operation().is_empty();
        match nth / 7 % 6 {
            0 if is_sqs => Act::sqs(400, "RequestThrottled", "slow"),
            0 => Act::s3(503, "SlowDown", "Please reduce your request rate."),
            1 if is_sqs => Act::sqs(500, "InternalError", "sorry"),
            1 => Act::s3(500, "InternalError", "We encountered an internal error."),
            2 => Act::Lose,
            3 => Act::LoseAnswer,
            4 => Act::Cut(10),
            // A message that was received twice would be with nobody for a minute.
            _ if request.operation() == "ReceiveMessage" => Act::Pass,
            _ => Act::Twice,
        }
    });
    let home = Home::at(
        &proxy.url(),
        format!("s3://{}/home", bucket(&emulator.url())),
        format!("sqs://{}", unique()),
    );
    // Twice and lost at once would be too much for what is started by hand.
    home.run(&["run", "w.yaml"]).expect(0);
    let run = &home.runs()[0];
    assert_eq!(home.results(run), expected);
    assert_eq!(home.records("models/remote/versions/").len(), 1, "registered once");
    assert!(proxy.seen().len() > 100, "{}", proxy.seen().len());
}

#[test]
fn a_message_that_is_not_ours_disturbs_nobody() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let home = Home::remote(emulator);
    let foreign = [
        "hello",
        "{}",
        "{\"Records\":[{\"eventSource\":\"aws:s3\"}]}",
        "{\"run\":\"nobody\",\"step\":\"x\",\"task\":0}",
    ];
    let messages: Vec<_> = foreign.iter().map(|body| Outgoing::new(*body)).collect();
    home.queue().send("tasks", &messages).unwrap();
    home.run(&["run", "w.yaml"]).expect(0);
    assert_eq!(home.results(&home.runs()[0]), expected());
}

#[test]
fn what_is_wrong_is_said_once_with_its_code_and_what_to_do() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let home = Home::remote(emulator);
    let said = |variables: &[(&str, &str)], removed: &[&str]| {
        let mut command = home.command(&["runs"]);
        command.envs(variables.iter().copied());
        for name in removed {
            command.env_remove(name);
        }
        let ran = millstream_tests::Ran::from(command.output().unwrap());
        assert_ne!(ran.code, Some(0));
        ran.stderr
    };
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let none = said(&[("AWS_PROFILE", "nightly")], &keys);
    for text in ["MS1001", "AWS_ACCESS_KEY_ID (not set)", "`nightly`", "/dev/null"] {
        assert!(none.contains(text), "{text}: {none}");
    }
    let region = said(&[], &["AWS_REGION", "AWS_DEFAULT_REGION"]);
    assert!(region.contains("MS1003") && region.contains("AWS_REGION"), "{region}");
    let bucket = said(&[("MILLSTREAM_STORE", "s3://there-is-none/x")], &[]);
    assert!(bucket.contains("MS1005"), "{bucket}");
    let nobody = format!("http://127.0.0.1:{}", millstream_emulators::free_port());
    let unreachable = said(&[("AWS_ENDPOINT_URL", &nobody)], &[]);
    assert!(unreachable.contains("MS1008"), "{unreachable}");
    let odd = said(&[("MILLSTREAM_STORE", "s3:x")], &[]);
    assert!(odd.contains("s3://BUCKET/PREFIX"), "{odd}");
}
