use super::*;
use crate::metrics::binary;

fn scored<'a>(
    params: &'a Params,
    y: &'a [f64],
    margins: &'a [f64],
    weights: Option<&'a [f64]>,
) -> Scored<'a> {
    let slots = margins.len() / y.len();
    Scored { params, y, weights, groups: &[], constant: 0.0, margins, slots }
}

fn of(objective: Objective) -> Params {
    Params { objective, huber_slope: 1.5, ..Params::default() }
}

#[test]
fn each_objective_has_its_own() {
    assert_eq!(EvalMetric::for_objective(Objective::SquaredError), "rmse, rmsle, mae, mape, mphe");
    for objective in Objective::ALL {
        assert!(EvalMetric::default_of(objective).suits(objective));
        let json = format!("\"{}\"", objective.name());
        assert_eq!(serde_json::from_str::<Objective>(&json).unwrap(), objective);
    }
    assert!(EvalMetric::Mape.check(&[1.0, 0.0]).is_err() && EvalMetric::Rmsle.check(&[-1.0]).is_err());
    assert!(EvalMetric::Map.check(&[2.0]).is_err() && EvalMetric::Rmse.check(&[0.0]).is_ok());
}

/// What XGBoost computed at given margins, in single precision.
#[test]
fn metrics_are_those_of_xgboost() {
    #[derive(serde::Deserialize)]
    struct Case {
        objective: Objective,
        params: serde_json::Value,
        y: Vec<f64>,
        margins: Vec<f64>,
        weights: Option<Vec<f64>>,
        groups: Option<Vec<u32>>,
        metrics: std::collections::BTreeMap<String, f64>,
    }
    let text = include_str!("../../../tests/reference/boosting/metrics.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    for case in cases {
        let mut params: Params = serde_json::from_value(case.params).unwrap();
        params.objective = case.objective;
        let groups = case.groups.map_or(Vec::new(), |groups| ranking::rows_of_groups(&groups));
        let scored = Scored {
            constant: ln_factorials(case.objective, &case.y, case.weights.as_deref()),
            groups: &groups,
            ..scored(&params, &case.y, &case.margins, case.weights.as_deref())
        };
        for (name, theirs) in case.metrics {
            // There a group without a relevant row counts 1 whatever it weighs.
            if case.weights.is_some() && name.starts_with("ndcg") && !name.ends_with('-') {
                continue;
            }
            let metric: EvalMetric = name.parse().unwrap();
            assert!(metric.suits(case.objective), "{name} of {:?}", case.objective);
            let ours = metric.evaluate(scored).unwrap();
            let (objective, weighted) = (case.objective, scored.weights.is_some());
            assert!(
                (ours - theirs).abs() < 1e-5 * theirs.abs().max(1.0),
                "{name} of {objective:?}, weighted: {weighted}: {ours}, theirs {theirs}"
            );
        }
    }
}

#[test]
fn errors_are_weighted() {
    let params = of(Objective::BinaryLogistic);
    let two = scored(&params, &[1.0, 0.0], &[2.0, 2.0], Some(&[3.0, 1.0]));
    assert_eq!(EvalMetric::Error.evaluate(two).unwrap(), 0.25);
    assert_eq!(EvalMetric::ErrorAt(0.9).evaluate(two).unwrap(), 0.75);
    let params = of(Objective::MultiSoftprob);
    let of = scored(&params, &[1.0, 0.0], &[0.1, 0.9, 0.2, 0.8], None);
    assert_eq!(EvalMetric::MError.evaluate(of).unwrap(), 0.5);
    let loss = EvalMetric::MLogLoss.evaluate(of).unwrap();
    let by_hand = ((1.0 + (-0.8f64).exp()).ln() + (1.0 + 0.6f64.exp()).ln()) / 2.0;
    assert!((loss - by_hand).abs() < 1e-12, "{loss} {by_hand}");
}

#[test]
fn log_loss_is_that_of_the_probabilities() {
    let margins: Vec<f64> = (0..777).map(|i| f64::from(i % 61) * 0.3 - 9.0).collect();
    let y: Vec<f64> = (0..777).map(|i| f64::from(i % 3 % 2)).collect();
    let truth: Vec<bool> = y.iter().map(|&y| y == 1.0).collect();
    let proba: Vec<f64> = margins.iter().map(|&m| 1.0 / (1.0 + (-m).exp())).collect();
    let weights: Vec<f64> = (0..777).map(|i| f64::from(i % 5)).collect();
    let params = of(Objective::BinaryLogistic);
    for weights in [None, Some(weights.as_slice())] {
        let ours = EvalMetric::LogLoss.evaluate(scored(&params, &y, &margins, weights));
        let theirs = binary::log_loss(&truth, &proba, weights).unwrap();
        assert!((ours.unwrap() - theirs).abs() < 1e-11);
    }
}

/// As XGBoost defines them, by hand for a prediction of 2 and a target of 3.
#[test]
fn metrics_of_numbers() {
    let weights = Some(&[2.0][..]);
    let value = |metric: EvalMetric, objective: Objective, margin: f64| {
        let constant = ln_factorials(objective, &[3.0], weights);
        let margins = [margin];
        let params = of(objective);
        metric.evaluate(Scored { constant, ..scored(&params, &[3.0], &margins, weights) }).unwrap()
    };
    let log = 2f64.ln();
    for (metric, objective, margin, expected) in [
        (EvalMetric::PoissonNloglik, Objective::Poisson, log, 6f64.ln() + 2.0 - 3.0 * log),
        (EvalMetric::GammaNloglik, Objective::Gamma, log, 1.5 + log),
        (EvalMetric::GammaDeviance, Objective::Gamma, log, 2.0 * ((2.0f64 / 3.0).ln() + 0.5)),
        (EvalMetric::TweedieNloglik, Objective::Tweedie, log, 6.0 / 2f64.sqrt() + 2.0 * 2f64.sqrt()),
        (EvalMetric::Mphe, Objective::PseudoHuberError, 2.0, 2.25 * ((1.0 + 1.0 / 2.25f64).sqrt() - 1.0)),
        (EvalMetric::Quantile, Objective::QuantileError, 2.0, 0.5),
        (EvalMetric::Rmse, Objective::Gamma, log, 1.0),
        (EvalMetric::Mae, Objective::AbsoluteError, 2.0, 1.0),
    ] {
        let ours = value(metric, objective, margin);
        assert!((ours - expected).abs() < 1e-9, "{metric:?}: {ours} {expected}");
    }
}

#[test]
fn logarithms_of_factorials() {
    let mut factorial = 1.0f64;
    for n in 1..20 {
        factorial *= f64::from(n);
        assert!((ln_gamma(f64::from(n) + 1.0) - factorial.ln()).abs() < 1e-9);
    }
}
