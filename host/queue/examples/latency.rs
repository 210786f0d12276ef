//! How long a message takes on this machine: `cargo run --release -p millstream-queue --example latency`.

use std::time::{Duration, Instant};

use millstream_queue::{Outgoing, Queue, QueueOptions, SqliteQueue};

const ROUNDS: usize = 2000;
const BATCHES: usize = 20;
const BATCH: usize = 1000;

fn main() -> millstream_queue::Result<()> {
    // Not the folder for temporary files, which may be in memory.
    let folder = tempfile::tempdir_in(".").map_err(|e| {
        millstream_queue::Error::new(
            millstream_queue::ErrorKind::Permission,
            format!("cannot create a folder here: {e}"),
        )
    })?;
    let queue = SqliteQueue::open(folder.path(), QueueOptions::default())?;
    let minute = Duration::from_secs(60);
    let body = r#"{"run":"01jc0000000000000000000000","step":"train","shard":0}"#;

    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        queue.send("q", &[Outgoing::new(body)])?;
        let sent = Instant::now();
        let deliveries = queue.receive("q", 1, Duration::ZERO, minute)?;
        let received = Instant::now();
        for delivery in &deliveries {
            queue.delete(&delivery.receipt)?;
        }
        let deleted = Instant::now();
        for (times, time) in
            times.iter_mut().zip([sent - start, received - sent, deleted - received, deleted - start])
        {
            times.push(time);
        }
    }
    for (name, times) in ["send (durable)", "receive", "delete", "all three"].iter().zip(&mut times) {
        report(name, times);
    }

    let (mut sends, mut receives) = (Vec::new(), Vec::new());
    let batch = vec![Outgoing::new(body); BATCH];
    for _ in 0..BATCHES {
        let start = Instant::now();
        queue.send("q", &batch)?;
        let sent = Instant::now();
        loop {
            let deliveries = queue.receive("q", 10, Duration::ZERO, minute)?;
            if deliveries.is_empty() {
                break;
            }
            let receipts: Vec<_> = deliveries.into_iter().map(|d| d.receipt).collect();
            queue.delete_batch(&receipts)?;
        }
        sends.push(sent - start);
        receives.push(sent.elapsed());
    }
    report("send 1,000 at once", &mut sends);
    report("receive and delete them by tens", &mut receives);
    Ok(())
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{name:32} median {:7.3} ms   p99 {:7.3} ms", at(0.5), at(0.99));
}
