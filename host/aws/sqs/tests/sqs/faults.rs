//! What goes wrong between a queue and SQS, made to happen by a proxy before MiniStack.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use millstream_aws_sqs::SqsQueue;
use millstream_emulators::proxy::{Act, Proxy};
use millstream_errors::{Code, Coded as _};
use millstream_queue::{ErrorKind, Outgoing, Queue as _, dead_letter_queue};

use crate::{prefix, queue};

const Q: &str = "tasks";
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Queues behind a proxy, which gets the number of the request among those of `operation`, from 0.
fn behind(
    operation: &'static str,
    rule: impl Fn(usize) -> Act + Send + Sync + 'static,
) -> Option<(Proxy, SqsQueue)> {
    let emulator = millstream_emulators::ministack()?;
    let nth = AtomicUsize::new(0);
    let proxy = Proxy::start(emulator.address(), move |request, _| {
        if request.operation() == operation { rule(nth.fetch_add(1, Ordering::SeqCst)) } else { Act::Pass }
    });
    let queue = queue(&proxy.url(), prefix());
    Some((proxy, queue))
}

#[test]
fn throttling_and_faults_of_the_service_pass() {
    let bad = [
        Act::sqs(400, "RequestThrottled", "slow"),
        Act::sqs(503, "ServiceUnavailable", "soon"),
        Act::sqs(500, "InternalError", "sorry"),
        Act::Lose,
    ];
    for operation in ["SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "CreateQueue"] {
        let bad = bad.clone();
        let Some((proxy, queue)) = behind(operation, move |nth| bad.get(nth).cloned().unwrap_or(Act::Pass))
        else {
            return;
        };
        queue.send(Q, &[Outgoing::new("x")]).unwrap();
        let received = queue.receive(Q, 1, SECOND, MINUTE).unwrap();
        assert_eq!(received[0].body, "x");
        queue.delete(&received[0].receipt).unwrap();
        assert!(proxy.count(|request| request.operation() == operation) > 4, "{operation}");
    }
}

#[test]
fn a_lost_answer_to_a_send_sends_twice_and_loses_nothing() {
    let Some((_proxy, queue)) =
        behind("SendMessageBatch", |nth| if nth == 0 { Act::LoseAnswer } else { Act::Pass })
    else {
        return;
    };
    queue.send(Q, &[Outgoing::new("x")]).unwrap();
    let mut bodies = Vec::new();
    for _ in 0..2 {
        bodies.extend(queue.receive(Q, 10, SECOND, MINUTE).unwrap().into_iter().map(|one| one.body));
    }
    assert_eq!(bodies, ["x", "x"]);
}

/// The message was handed out to nobody: it comes again when its time has passed.
#[test]
fn a_lost_answer_to_a_receive_delays_its_message() {
    let Some((_proxy, queue)) =
        behind("ReceiveMessage", |nth| if nth == 0 { Act::LoseAnswer } else { Act::Pass })
    else {
        return;
    };
    queue.send(Q, &[Outgoing::new("x")]).unwrap();
    let start = Instant::now();
    let received = queue.receive(Q, 1, Duration::from_secs(10), 2 * SECOND).unwrap();
    assert_eq!((received[0].body.as_str(), received[0].receive_count), ("x", 2));
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
}

#[test]
fn a_batch_that_fails_in_part_says_which() {
    let answer = r#"{"Successful":[{"Id":"0","MessageId":"a","MD5OfMessageBody":"9dd4e461268c8034f5c8564e155c67a6"}],
        "Failed":[{"Id":"1","Code":"InternalError","Message":"sorry","SenderFault":false},
                  {"Id":"2","Code":"InvalidMessageContents","Message":"bad","SenderFault":true}]}"#;
    let act = move || Act::Answer {
        status: 200,
        headers: vec![("content-type", "application/x-amz-json-1.0".to_owned())],
        body: answer.to_owned(),
    };
    let Some((_proxy, queue)) = behind("SendMessageBatch", move |_| act()) else { return };
    let messages: Vec<_> = (0..4).map(|_| Outgoing::new("x")).collect();
    let sent = queue.send_batch(Q, &messages).unwrap();
    let kinds: Vec<_> =
        sent.iter().map(|one| one.as_ref().err().map(millstream_queue::Error::kind)).collect();
    let expected =
        [None, Some(ErrorKind::Unavailable), Some(ErrorKind::Invalid), Some(ErrorKind::Unavailable)];
    assert_eq!(kinds, expected, "nothing was said of the last one");
}

#[test]
fn visibility_that_runs_out_is_noticed_and_the_message_is_with_somebody_else() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let prefix = prefix();
    let (slow, quick) = (queue(&emulator.url(), prefix.clone()), queue(&emulator.url(), prefix));
    slow.send(Q, &[Outgoing::new("x")]).unwrap();
    let first = slow.receive(Q, 1, SECOND, 2 * SECOND).unwrap().remove(0);
    let second = quick.receive(Q, 1, Duration::from_secs(10), MINUTE).unwrap().remove(0);
    assert_eq!((second.id.clone(), second.receive_count), (first.id.clone(), 2));
    assert_eq!(slow.extend(&first.receipt, MINUTE).unwrap_err().kind(), ErrorKind::StaleReceipt);
    quick.extend(&second.receipt, MINUTE).unwrap();
    quick.delete(&second.receipt).unwrap();
}

#[test]
fn a_wait_ends_when_somebody_interrupts_it() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let queue = queue(&emulator.url(), prefix());
    queue.send(Q, &[Outgoing::new("x")]).unwrap();
    queue.receive(Q, 1, SECOND, MINUTE).unwrap();
    let start = Instant::now();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| queue.receive(Q, 1, Duration::from_secs(20), MINUTE).unwrap());
        thread::sleep(Duration::from_millis(300));
        queue.interrupt();
        assert_eq!(waiting.join().unwrap(), []);
    });
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // The next wait is a whole one.
    assert_eq!(queue.receive(Q, 1, SECOND, MINUTE).unwrap(), []);
}

#[test]
fn queues_are_made_once_and_with_the_rights_that_takes() {
    let Some((proxy, queue)) = behind("none", |_| Act::Pass) else { return };
    let messages: Vec<_> = (0..30).map(|i| Outgoing::new(i.to_string()).of("run-1")).collect();
    queue.send(Q, &messages).unwrap();
    let made = |name: &str| {
        proxy.count(|request| {
            request.operation() == "CreateQueue" && String::from_utf8_lossy(&request.body).contains(name)
        })
    };
    assert_eq!((made("-tasks-dead\""), made("-tasks\"")), (1, 1));
    let sent = proxy.count(|request| request.operation() == "SendMessageBatch");
    assert_eq!(sent, 3, "in tens");
    let groups = proxy
        .count(|request| String::from_utf8_lossy(&request.body).contains("\"MessageGroupId\":\"run-1\""));
    assert_eq!(groups, 3);
    let received: BTreeSet<String> =
        (0..3).flat_map(|_| queue.receive(Q, 10, SECOND, MINUTE).unwrap()).map(|one| one.body).collect();
    assert_eq!(received.len(), 30);

    let denied = |_| Act::sqs(403, "AccessDeniedException", "User is not authorized");
    let Some((_proxy, queue)) = behind("CreateQueue", denied) else { return };
    let error = queue.send(Q, &[Outgoing::new("x")]).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permission, Code::AwsDenied), "{error}");
    assert!(
        error.to_string().contains("-tasks-dead") && error.to_string().contains("sqs:CreateQueue"),
        "{error}"
    );
}

#[test]
fn credentials_that_have_expired_are_said() {
    let expired = |_| Act::sqs(403, "ExpiredToken", "The security token included in the request is expired");
    let Some((_proxy, queue)) = behind("GetQueueUrl", expired) else { return };
    let error = queue.receive(Q, 1, SECOND, MINUTE).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permission, Code::AwsRefused), "{error}");
    assert_eq!(queue.stats(&dead_letter_queue(Q)).unwrap_err().code(), Code::AwsRefused);
}

/// What a handle holds when it goes is visible at once.
#[test]
fn what_is_held_goes_back() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let prefix = prefix();
    let (first, second) = (queue(&emulator.url(), prefix.clone()), queue(&emulator.url(), prefix));
    first.send(Q, &[Outgoing::new("x"), Outgoing::new("y")]).unwrap();
    let held = first.receive(Q, 10, SECOND, MINUTE).unwrap();
    assert_eq!(held.len(), 2);
    first.delete(&held[0].receipt).unwrap();
    drop(first);
    let back = second.receive(Q, 10, Duration::from_secs(5), MINUTE).unwrap();
    assert_eq!(back.iter().map(|one| &one.id).collect::<Vec<_>>(), [&held[1].id]);
}
