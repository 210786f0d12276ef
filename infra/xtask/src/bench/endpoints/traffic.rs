//! A client that asks at a steady rate, whatever the server does.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::ask;

/// Beyond it a request has failed.
const LIMIT: Duration = Duration::from_secs(10);
const CLIENTS: usize = 16;

/// What came of all requests.
#[derive(Default)]
pub struct Answers {
    /// Milliseconds from when a request was due to its answer, of those with status 200. One that had to wait because the one
    /// before was slow counts as slow too.
    pub times: Vec<f64>,
    /// Those that failed: the variant that was named, and why.
    pub failed: Vec<(Option<String>, String)>,
}

impl Answers {
    /// Milliseconds that this share of the answers did not exceed.
    pub fn percentile(&mut self, share: f64) -> f64 {
        self.times.sort_by(f64::total_cmp);
        let last = self.times.len().saturating_sub(1);
        self.times.get((last as f64 * share) as usize).copied().unwrap_or(f64::NAN)
    }

    /// Requests that were made.
    pub fn made(&self) -> usize {
        self.times.len() + self.failed.len()
    }
}

/// Makes `rate` requests a second for `seconds`, of one row of CSV each.
pub fn drive(url: &str, body: &str, rate: u32, seconds: u64) -> Answers {
    let began = Instant::now() + Duration::from_millis(50);
    let total = rate * seconds as u32;
    let parts: Vec<Answers> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || drive_one(url, body, began, rate, client as u32..total)))
            .collect();
        clients.into_iter().map(|client| client.join().unwrap_or_default()).collect()
    });
    let mut all = Answers::default();
    for mut part in parts {
        all.times.append(&mut part.times);
        all.failed.append(&mut part.failed);
    }
    all
}

/// Every so-and-so-manieth request, over one connection.
fn drive_one(url: &str, body: &str, began: Instant, rate: u32, places: std::ops::Range<u32>) -> Answers {
    let agent = ask::agent(LIMIT);
    let mut answers = Answers::default();
    for place in places.step_by(CLIENTS) {
        let due = began + Duration::from_secs_f64(f64::from(place) / f64::from(rate));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        match ask::post(&agent, url, "text/csv", body.as_bytes()) {
            Ok(reply) if reply.status == 200 => answers.times.push(due.elapsed().as_secs_f64() * 1000.0),
            Ok(reply) => {
                let problem: Value = serde_json::from_str(&reply.body).unwrap_or_default();
                let variant = problem["variant"].as_str().map(str::to_owned);
                let why = problem["detail"].as_str().unwrap_or(&reply.body);
                answers.failed.push((variant, format!("{} {}", reply.status, why.trim())));
            }
            Err(error) => answers.failed.push((None, format!("{error:#}"))),
        }
    }
    answers
}
