//! What CloudWatch knows of a version behind an alias, and which alarms have fired.

use crate::{
    Error,
    error::Explained as _,
    live::{LambdaEndpoints, VersionFigures},
};
use aws_sdk_cloudwatch::{
    primitives::DateTime,
    types::{AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, StateValue},
};

/// The shortest time that figures are kept for.
const MINUTE: u64 = 60_000;

impl LambdaEndpoints {
    pub(super) async fn metrics(
        &self,
        function: &str,
        (alias, version): (&str, &str),
        (since, until): (u64, u64),
        limits: &[f64],
    ) -> Result<VersionFigures, Error> {
        let dimension = |name: &str, value: String| Dimension::builder().name(name).value(value).build();
        let metric = |name: &str| {
            Metric::builder()
                .namespace("AWS/Lambda")
                .metric_name(name)
                .dimensions(dimension("FunctionName", function.to_owned()))
                .dimensions(dimension("Resource", format!("{function}:{alias}")))
                .dimensions(dimension("ExecutedVersion", version.to_owned()))
                .build()
        };
        // One figure for the whole time: its length in minutes, rounded up.
        let minutes = until.saturating_sub(since).div_ceil(MINUTE).max(1);
        let period = i32::try_from(minutes * 60).unwrap_or(i32::MAX);
        let query = |id: String, name: &str, stat: String| {
            let stat = MetricStat::builder().metric(metric(name)).period(period).stat(stat).build();
            MetricDataQuery::builder().id(id).metric_stat(stat).build()
        };
        let mut queries = vec![
            query("invocations".to_owned(), "Invocations", "Sum".to_owned()),
            query("errors".to_owned(), "Errors", "Sum".to_owned()),
        ];
        let ranks = limits.iter().enumerate();
        queries
            .extend(ranks.map(|(i, limit)| query(format!("within{i}"), "Duration", format!("PR(:{limit})"))));
        let at = |ms: u64| DateTime::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        let asked = self.account.watch.get_metric_data().set_metric_data_queries(Some(queries));
        // Whole minutes, so that a period begins where the watching did.
        let asked = asked.start_time(at(since / MINUTE * MINUTE)).end_time(at(until + MINUTE));
        let found = asked.send().await;
        let found = found.explained(
            "read metrics of",
            &format!("function {function}"),
            "cloudwatch:GetMetricData",
        )?;
        let of = |id: &str| {
            let result = found.metric_data_results().iter().find(|result| result.id() == Some(id));
            result.map(|result| result.values()).unwrap_or_default()
        };
        let count = |id: &str| of(id).iter().sum::<f64>().round() as u64;
        // If the time falls into two periods, the worse one counts.
        let rank = |i: usize| of(&format!("within{i}")).iter().copied().fold(100.0, f64::min) / 100.0;
        Ok(VersionFigures {
            invocations: count("invocations"),
            errors: count("errors"),
            within: (0..limits.len()).map(rank).collect(),
        })
    }

    pub(super) async fn alarms(&self, function: &str) -> Result<Vec<String>, Error> {
        let asked = self
            .account
            .watch
            .describe_alarms()
            .alarm_name_prefix(format!("{function}/"))
            .state_value(StateValue::Alarm);
        let found =
            asked.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm).send().await;
        let found =
            found.explained("look at", &format!("alarms of {function}"), "cloudwatch:DescribeAlarms")?;
        let metric = found.metric_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_reason()));
        let composite =
            found.composite_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_reason()));
        let told = |(name, why): (Option<&str>, Option<&str>)| {
            format!(
                "alarm {} of CloudWatch has fired: {}",
                name.unwrap_or_default(),
                why.unwrap_or("it does not say why")
            )
        };
        Ok(metric.chain(composite).map(told).collect())
    }
}
