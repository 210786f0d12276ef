//! Single requests.

use std::time::Duration;

use anyhow::{Context as _, ensure};

/// What a server is asked.
#[derive(Clone)]
pub struct Ask {
    pub path: &'static str,
    pub content_type: &'static str,
    pub body: String,
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub body: String,
}

/// Keeps connections open. An answer of any status is one.
pub fn agent(limit: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(limit)).build().new_agent()
}

/// POST. An error means that no whole answer came.
pub fn post(agent: &ureq::Agent, url: &str, content_type: &str, body: &[u8]) -> anyhow::Result<Reply> {
    let answer = agent.post(url).header("content-type", content_type).send(body)?;
    read(answer)
}

pub fn get(agent: &ureq::Agent, url: &str) -> anyhow::Result<Reply> {
    read(agent.get(url).call()?)
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> anyhow::Result<Reply> {
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
    Ok(Reply { status, body })
}

impl Reply {
    /// The body, if all went well.
    pub fn ok(self, who: &str) -> anyhow::Result<String> {
        ensure!(self.status == 200, "{who} answered {}: {}", self.status, self.body.trim());
        Ok(self.body)
    }
}

/// All numbers in an answer of any format.
pub fn numbers(answer: &str) -> Vec<f64> {
    let words = answer.split(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
    words.filter_map(|word| word.parse().ok()).filter(|number: &f64| number.is_finite()).collect()
}

/// A counter's sum over the series that have these labels.
pub fn counter(agent: &ureq::Agent, url: &str, name: &str, label: &str) -> anyhow::Result<f64> {
    let text = get(agent, &format!("{url}/metrics"))?.ok("/metrics")?;
    let series = text.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    let values = series.map(|line| {
        let value = line.rsplit_once("} ").and_then(|(_, value)| value.split(' ').next());
        value.and_then(|value| value.parse::<f64>().ok()).with_context(|| format!("no number in `{line}`"))
    });
    values.sum()
}
