//! What real workers ask of S3 and SQS, counted on the way: `docs/costs.md` is true of them, too.

use std::time::Duration;

use millstream_emulators::proxy::{Act, Proxy, Request};
use millstream_tests::wait_until;

use crate::{Home, bucket, unique};

/// Requests to S3 and to SQS of one worker that does a chain of so many steps. What it asks before its first task is the same for any.
fn chain(steps: usize) -> Option<(usize, usize)> {
    let emulator = millstream_emulators::ministack()?;
    let proxy = Proxy::start(emulator.address(), |_, _| Act::Pass);
    let home = Home::at(
        &emulator.url(),
        format!("s3://{}/home", bucket(&emulator.url())),
        format!("sqs://{}", unique()),
    );
    let mut workflow = "name: chain\nsteps:\n".to_owned();
    for nth in 0..steps {
        let input = match nth {
            0 => "./input.txt".to_owned(),
            _ => format!("\"${{{{ steps.s{}.outputs.echo }}}}\"", nth - 1),
        };
        // Each with a key of its own: what was made before would be taken from the cache.
        workflow.push_str(&format!(
            "  s{nth}: {{ uses: faulty, inputs: {{ table: {input} }}, with: {{ mode: fit, state: s{nth} }} }}\n"
        ));
    }
    home.place.write("chain.yaml", workflow);
    home.run(&["run", "--detach", "chain.yaml"]).expect(0);
    let worker = Home { url: proxy.url(), ..home.elsewhere() };
    let mut process = worker.spawn(&["worker", "--workers", "1"], &[]);
    wait_until("the run ends", Duration::from_secs(120), || {
        home.runs().first().is_some_and(|run| home.results(run).len() == steps)
    });
    // The last message is deleted, and the next wait begun.
    wait_until("its message is deleted", Duration::from_secs(30), || {
        let stats = home.queue().stats("tasks").unwrap();
        stats.visible + stats.in_flight == 0
    });
    process.kill().unwrap();
    process.wait().unwrap();
    let is_sqs = |request: &Request| !request.operation().is_empty();
    Some((proxy.count(|request| !is_sqs(request)), proxy.count(is_sqs)))
}

#[test]
fn a_step_costs_what_the_page_says() {
    let (Some(short), Some(long)) = (chain(3), chain(13)) else { return };
    let a_step = |short: usize, long: usize| (long - short) as f64 / 10.0;
    let (store, queue) = (a_step(short.0, long.0), a_step(short.1, long.1));
    println!("a step of a chain: {store} requests to S3, {queue} to SQS");
    // Eight of the host, and three of the function: its input and its two outputs. Some more where a wait was just over.
    assert!((8.0..=13.0).contains(&store), "{store}");
    assert!((2.9..=3.5).contains(&queue), "{queue}");
}
