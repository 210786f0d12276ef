use proptest::prelude::*;

use super::*;
use crate::drift::Drift;

fn alarm(text: &str) -> Alarm {
    Alarm::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn failing(requests: u64, errors: u64) -> Observations {
    Observations { requests, errors, ..Observations::default() }
}

#[test]
fn alarms_read_back_as_they_are_shown() {
    for text in [
        "error-rate > 1%",
        "error-rate >= 0.5%",
        "error-rate > 0%",
        "error-rate > 33.3%",
        "p50 > 0.8ms",
        "p999 > 1500ms",
        "drift > 0.2",
        "workflows.churn-nightly.steps.evaluate.metrics.validation:auc < 0.8",
        "workflows.a.steps.b.metrics.loss.2 >= -1.5",
    ] {
        assert_eq!(alarm(text).to_string(), text);
        let json = serde_json::to_string(&alarm(text)).unwrap();
        assert_eq!(serde_json::from_str::<Alarm>(&json).unwrap(), alarm(text));
    }
    assert_eq!(alarm("p99>1.5s"), alarm(" p99  > 1500 ms"));
    assert_eq!(alarm("p99 > 800us").limit, 0.8);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, said) in [
        ("error-rat > 1%", "did you mean `error-rate`?"),
        ("latency > 1ms", "allowed: `error-rate > 1%`"),
        ("p98 > 1ms", "did you mean `p9"),
        ("error-rate", "write METRIC OP VALUE"),
        ("error-rate > 1", "`1` is not a share below 100%"),
        ("error-rate > 100%", "below 100%"),
        ("error-rate > -1%", "not a share"),
        ("error-rate < 1%", "use `>`"),
        ("error-rate >= 0%", "always true"),
        ("p99 > 50", "is not a time"),
        ("p99 > 0ms", "is not a time"),
        ("p99 == 5ms", "METRIC OP VALUE"),
        ("drift > lots", "is not a number above 0"),
        ("drift > NaN", "is not a number above 0"),
        ("workflows.a.steps.b < 1", "workflows.NAME.steps.STEP.metrics.METRIC"),
        ("workflows.a.steps.b.metrics. < 1", "workflows.NAME"),
        ("", "write METRIC OP VALUE"),
    ] {
        let error = Alarm::parse(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn one_of_one_is_no_proof() {
    let one = alarm("error-rate > 1%");
    assert_eq!(one.fired(&failing(1, 1)), None);
    assert_eq!(one.fired(&failing(100, 1)), None);
    assert_eq!(
        one.fired(&failing(3, 2)).as_deref(),
        Some("error-rate > 1%: 2 of 3 requests failed (66.667%)")
    );
    assert_eq!(one.fired(&failing(1000, 10)), None);
    assert!(one.fired(&failing(1000, 11)).is_some());
    assert!(alarm("error-rate >= 1%").fired(&failing(1000, 10)).is_some());
    assert!(alarm("error-rate > 20%").fired(&failing(4, 4)).is_none());
    assert!(alarm("error-rate > 20%").fired(&failing(5, 5)).is_some());
    assert!(alarm("error-rate > 0%").fired(&failing(1, 1)).is_some());
    assert!(alarm("error-rate > 0%").fired(&failing(1000, 0)).is_none());
}

#[test]
fn a_percentile_takes_more_than_ten_slow_answers() {
    let slow = |slow: u64, fast: u64| {
        let mut seen = Observations::default();
        (0..slow).for_each(|_| seen.latency.add(80_000));
        (0..fast).for_each(|_| seen.latency.add(2_000));
        seen
    };
    let p99 = alarm("p99 > 50ms");
    assert_eq!(p99.fired(&slow(10, 0)), None);
    assert!(p99.fired(&slow(11, 0)).unwrap().contains("p99 is 8"));
    assert_eq!(p99.fired(&slow(11, 1200)), None);
    assert!(p99.fired(&slow(20, 1500)).is_some());
    assert_eq!(alarm("p50 > 50ms").fired(&slow(400, 500)), None);
    assert_eq!(alarm("p99 > 100ms").fired(&slow(100, 0)), None);
}

#[test]
fn drift_and_workflows_need_data() {
    let drift = |index, predictions| Observations {
        drift: Some(Drift { index, predictions }),
        ..Observations::default()
    };
    let alarm_drift = alarm("drift > 0.2");
    assert_eq!(alarm_drift.fired(&drift(0.5, 100)), None);
    assert_eq!(alarm_drift.fired(&drift(0.1, 5000)), None);
    assert!(alarm_drift.fired(&drift(0.5, 5000)).is_some());
    let metric = alarm("workflows.w.steps.s.metrics.auc < 0.8");
    let mut seen = Observations::default();
    assert_eq!(metric.fired(&seen), None);
    seen.metrics.insert("workflows.w.steps.s.metrics.auc".to_owned(), 0.7);
    assert!(metric.fired(&seen).unwrap().ends_with("it is 0.7"));
    seen.metrics.insert("workflows.w.steps.s.metrics.auc".to_owned(), f64::NAN);
    assert_eq!(metric.fired(&seen), None);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(error-rate|p99|drift|workflows\\.a\\.steps\\.b\\.metrics\\.c|.{0,9}) ?(>|<|>=|<=|=)? ?[0-9.eE%µmsu+-]{0,8}") {
        if let Ok(alarm) = Alarm::parse(&text) {
            prop_assert_eq!(Alarm::parse(&alarm.to_string()), Ok(alarm));
        }
    }

    #[test]
    fn more_errors_never_silence_an_alarm(
        requests in 0_u64..5000, errors in 0_u64..5000, percent in 0_u32..100,
    ) {
        let errors = errors.min(requests);
        let alarm = alarm(&format!("error-rate > {percent}%"));
        if alarm.fired(&failing(requests, errors)).is_some() {
            prop_assert!(errors as f64 > f64::from(percent) / 100.0 * requests as f64);
            prop_assert!(alarm.fired(&failing(requests + 1, errors + 1)).is_some());
        }
    }
}
