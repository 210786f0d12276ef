use millstream_endpoint::Agreed;

use super::*;

fn answer(variant: &str, version: u32) -> Answer {
    Answer {
        content_type: "text/csv".into(),
        body: "1\n".into(),
        variant: variant.into(),
        model: "churn".into(),
        version,
        cold: version == 2,
        model_time: Duration::from_millis(1),
    }
}

fn shown(metrics: &Metrics) -> String {
    metrics.text(&Figures::default(), Instant::now())
}

#[test]
fn counts_are_kept_by_endpoint_and_variant() {
    let metrics = Metrics::default();
    let endpoint = metrics.endpoint("churn", |_| true).unwrap();
    metrics.answered(&endpoint, &answer("a", 1), Duration::from_millis(2));
    let again = metrics.answered(&endpoint, &answer("a", 2), Duration::from_millis(2));
    assert_eq!(again.version, "churn@2");
    metrics.failed(&endpoint, Some("a"), Kind::Model);
    let guard = endpoint.enter();
    let text = shown(&metrics);
    assert!(text.contains(r#"millstream_requests_total{endpoint="churn",variant="a"} 2"#), "{text}");
    assert!(text.contains(r#"millstream_cold_starts_total{endpoint="churn",variant="a"} 1"#), "{text}");
    assert!(text.contains(r#"kind="model"} 1"#), "{text}");
    assert!(text.contains(r#"millstream_in_flight{endpoint="churn"} 1"#), "{text}");
    drop(guard);
    assert!(shown(&metrics).contains(r#"millstream_in_flight{endpoint="churn"} 0"#));
}

#[test]
fn invented_names_leave_no_trace() {
    let metrics = Metrics::default();
    assert!(metrics.endpoint("x", |_| false).is_none());
    assert!(!shown(&metrics).contains("endpoint=\"x\""));
}

#[test]
fn what_has_gone_is_forgotten_after_a_while() {
    let metrics = Metrics::default();
    let endpoint = metrics.endpoint("churn", |_| true).unwrap();
    for variant in ["a", "b"] {
        metrics.answered(&endpoint, &answer(variant, 1), Duration::from_millis(2));
        metrics.failed(&endpoint, Some(variant), Kind::Model);
    }
    metrics.failed(&endpoint, None, Kind::Busy);
    let began = Instant::now();
    let shown = |variants: &[&str], seconds: u64| {
        let mut figures = Figures::default();
        if !variants.is_empty() {
            let names = variants.iter().map(|&name| name.to_owned()).collect();
            figures.variants.insert("churn".to_owned(), names);
        }
        metrics.text(&figures, began + Duration::from_secs(seconds))
    };
    let of = |text: &str, variant: &str| text.contains(&format!("variant=\"{variant}\""));
    assert!(of(&shown(&["a", "b"], 0), "a"));
    assert!(of(&shown(&["b"], 10), "a"), "its last figures can still be gathered");
    assert!(of(&shown(&["a", "b"], 200), "a") && of(&shown(&["b"], 400), "a"), "it came back meanwhile");
    let text = shown(&["b"], 701);
    assert!(!of(&text, "a") && of(&text, "b") && text.contains("kind=\"busy\""), "{text}");
    // It answers again: a new beginning.
    metrics.answered(&endpoint, &answer("a", 1), Duration::from_millis(2));
    let text = shown(&["a", "b"], 800);
    assert!(text.contains(r#"millstream_requests_total{endpoint="churn",variant="a"} 1"#), "{text}");
    shown(&[], 900);
    assert!(!shown(&[], 1201).contains("churn"), "the endpoint has gone");
}

#[test]
fn rows_unlike_training_are_shown_by_column_and_kind() {
    let metrics = Metrics::default();
    let mut figures = Figures::default();
    let rows = |column: &str, kind, rows| NovelRows { column: column.to_owned(), kind, rows };
    let found = vec![rows("job", "category", 7), rows("a\"b\n", "out-of-range", 2)];
    figures.unseen.insert(("e".to_owned(), "v".to_owned()), found);
    for _ in 0..2 {
        let text = metrics.text(&figures, Instant::now());
        for line in [
            r#"millstream_unseen_rows_total{endpoint="e",variant="v",column="job",kind="category"} 7"#,
            r#"millstream_unseen_rows_total{endpoint="e",variant="v",column="a\"b\n",kind="out-of-range"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}

#[test]
fn shadows_are_shown_by_what_came_of_their_copies() {
    let metrics = Metrics::default();
    let mut figures = Figures { memory: 5, capture_dropped: 3, ..Figures::default() };
    let agreed = Agreed { agreed: 7, disagreed: 2, failed: 1, difference: 0.5 };
    figures.shadows.insert(("e".to_owned(), "s".to_owned()), agreed);
    for _ in 0..2 {
        let text = metrics.text(&figures, Instant::now());
        for line in [
            r#"millstream_shadow_predictions_total{endpoint="e",variant="s",outcome="agreed"} 7"#,
            r#"millstream_shadow_predictions_total{endpoint="e",variant="s",outcome="disagreed"} 2"#,
            r#"millstream_shadow_predictions_total{endpoint="e",variant="s",outcome="failed"} 1"#,
            r#"millstream_shadow_difference_total{endpoint="e",variant="s"} 0.5"#,
            "millstream_predictor_memory_bytes 5",
            "millstream_capture_dropped_total 3",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
