//! What AWS charges: one table, with where it is published.
//!
//! Lambda's prices were read off its page; the others were written down from memory, and nobody has compared them yet.
//!
//! US East (N. Virginia), on demand, without the free tier and without taxes. Other regions differ by some tenths.

use serde::Serialize;

use crate::settings::Architecture;

/// A published price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Price {
    /// Of what.
    pub what: &'static str,
    /// USD for one.
    pub usd: f64,
    /// One what.
    pub unit: &'static str,
    /// Where it is published.
    pub source: &'static str,
}

/// The year whose price lists these are. They change seldom; look at the sources before you rely on them.
pub const AS_OF: &str = "2025 (only Lambda's were compared with its page)";

const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const SQS: &str = "https://aws.amazon.com/sqs/pricing/";
const S3: &str = "https://aws.amazon.com/s3/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const EVENTBRIDGE: &str = "https://aws.amazon.com/eventbridge/pricing/";
const SAGEMAKER: &str = "https://aws.amazon.com/sagemaker/pricing/";

macro_rules! prices {
    ($($name:ident = $what:literal, $usd:literal, $unit:literal, $source:ident;)+) => {
        $(#[doc = $what] pub const $name: Price = Price { what: $what, usd: $usd, unit: $unit, source: $source };)+
        /// All prices.
        pub const ALL: &[Price] = &[$($name),+];
    };
}

prices! {
    LAMBDA_ARM = "Lambda, Arm", 0.000_013_333_4, "GB second", LAMBDA;
    LAMBDA_X86 = "Lambda, x86", 0.000_016_666_7, "GB second", LAMBDA;
    LAMBDA_REQUEST = "Lambda, invocation", 0.000_000_2, "request", LAMBDA;
    LAMBDA_STORAGE = "Lambda, /tmp above 512 MB", 0.000_000_030_9, "GB second", LAMBDA;
    SQS_REQUEST = "SQS, standard queue", 0.000_000_4, "request", SQS;
    S3_STORAGE = "S3 Standard", 0.023, "GB month", S3;
    S3_WRITE = "S3, PUT and LIST", 0.000_005, "request", S3;
    S3_READ = "S3, GET", 0.000_000_4, "request", S3;
    ALARM = "CloudWatch, alarm", 0.10, "alarm month", CLOUDWATCH;
    SCHEDULE = "EventBridge Scheduler", 0.000_001, "invocation", EVENTBRIDGE;
    M5_LARGE = "SageMaker ml.m5.large", 0.115, "hour", SAGEMAKER;
    M5_XLARGE = "SageMaker ml.m5.xlarge", 0.23, "hour", SAGEMAKER;
    M5_2XLARGE = "SageMaker ml.m5.2xlarge", 0.461, "hour", SAGEMAKER;
}

/// Seconds in a month of 30 days.
const MONTH: f64 = 30.0 * 86_400.0;

/// Of one GB second on a processor.
pub fn gigabyte_second(architecture: Architecture) -> f64 {
    match architecture {
        Architecture::Arm64 => LAMBDA_ARM.usd,
        Architecture::X86 => LAMBDA_X86.usd,
    }
}

/// USD of `milliseconds` in a function with `memory` MB and `temporary` MB of `/tmp`, in one invocation.
pub fn invocation(architecture: Architecture, memory: u64, temporary: u64, milliseconds: f64) -> f64 {
    let seconds = milliseconds / 1e3;
    let compute = memory as f64 / 1024.0 * seconds * gigabyte_second(architecture);
    let storage = temporary.saturating_sub(512) as f64 / 1024.0 * seconds * LAMBDA_STORAGE.usd;
    compute + storage + LAMBDA_REQUEST.usd
}

/// Requests of a task at most (docs/costs.md).
pub const STORE_REQUESTS: f64 = 6.0;
/// Likewise.
pub const QUEUE_REQUESTS: f64 = 3.0;

/// USD of a task that takes `milliseconds`: its invocation and its requests, half of those to the store being writes.
pub fn task(architecture: Architecture, memory: u64, temporary: u64, milliseconds: f64) -> f64 {
    invocation(architecture, memory, temporary, milliseconds)
        + STORE_REQUESTS / 2.0 * (S3_READ.usd + S3_WRITE.usd)
        + QUEUE_REQUESTS * SQS_REQUEST.usd
}

/// A part of what a stack costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// Of what.
    pub what: String,
    /// USD a month.
    pub usd: f64,
}

/// A queue that Lambda polls while nothing happens: five long polls of 20 seconds at a time.
const POLLS: f64 = 5.0 * MONTH / 20.0;

/// What a stack costs a month while nothing happens, storage not counted.
pub fn idle(queues: usize, alarms: usize, ticks: bool) -> Vec<Item> {
    let item = |what: String, usd: f64| Item { what, usd };
    let mut items = vec![
        item(format!("polling of {queues} queues"), queues as f64 * POLLS * SQS_REQUEST.usd),
        item(format!("{alarms} alarms"), alarms as f64 * ALARM.usd),
    ];
    if ticks {
        // A tick takes some hundredths of a second in 512 MB, and reads a few objects.
        let one = invocation(Architecture::Arm64, 512, 512, 50.0) + SCHEDULE.usd + S3_WRITE.usd;
        items.push(item("the clock, once a minute".to_owned(), MONTH / 60.0 * one));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_queue_costs_a_quarter_of_a_dollar() {
        let items = idle(1, 0, false);
        assert!((0.25..0.27).contains(&items[0].usd), "{items:?}");
    }

    #[test]
    fn an_invocation_costs_memory_times_time() {
        // 1 GB for 1000 s.
        let usd = invocation(Architecture::Arm64, 1024, 512, 1e6);
        assert!((usd - 0.013_333_6).abs() < 1e-9, "{usd}");
        assert!(invocation(Architecture::X86, 1024, 512, 1e6) > usd);
        assert!(invocation(Architecture::Arm64, 1024, 2048, 1e6) > usd);
    }

    #[test]
    fn each_price_has_a_source() {
        for price in ALL {
            assert!(price.usd > 0.0 && price.source.starts_with("https://aws.amazon.com/"), "{price:?}");
        }
    }
}
