use super::*;

/// The derivatives against differences of the loss.
#[test]
fn gradients_are_those_of_the_log_loss() {
    let params = Params::default();
    let loss = |margins: &[f64], class: usize| {
        let mut p = margins.to_vec();
        softmax(&mut p);
        -p[class].ln()
    };
    let margins = [0.3, -0.7, 1.1];
    let mut out = [[0.0; 2]; 3];
    Objective::MultiSoftprob.gradients(&params, &[2.0], None, &margins, &mut out);
    for k in 0..3 {
        let at = |d: f64| {
            let mut m = margins;
            m[k] += d;
            loss(&m, 2)
        };
        assert!((f64::from(out[k][0]) - (at(1e-5) - at(-1e-5)) / 2e-5).abs() < 1e-6);
    }
    let mut out = [[0.0; 2]];
    let params = Params { scale_pos_weight: 3.0, ..params };
    Objective::BinaryLogistic.gradients(&params, &[1.0], Some(&[2.0]), &[0.0], &mut out);
    assert_eq!(out, [[-3.0, 1.5]]);
}

#[test]
fn gradients_are_those_of_their_losses() {
    type Loss = fn(f64, f64) -> f64;
    let losses: [(Objective, Loss, bool); 7] = [
        (Objective::SquaredLogError, |y, m| (m.ln_1p() - y.ln_1p()).powi(2) / 2.0, true),
        (Objective::RegLogistic, |y, m| (1.0 + m.exp()).ln() - y * m, true),
        (Objective::PseudoHuberError, |y, m| 4.0 * ((1.0 + ((m - y) / 2.0).powi(2)).sqrt() - 1.0), true),
        (Objective::Poisson, |y, m| m.exp() - y * m, false),
        (Objective::Gamma, |y, m| y * (-m).exp() + m, true),
        (Objective::Tweedie, |y, m| -y * (-0.3 * m).exp() / -0.3 + (0.7 * m).exp() / 0.7, true),
        (Objective::QuantileError, |y, m| (y - m) * if m > y { 0.2 - 1.0 } else { 0.2 }, false),
    ];
    for (objective, loss, second) in losses {
        let params = Params {
            objective,
            huber_slope: 2.0,
            quantile_alpha: 0.2,
            tweedie_variance_power: 1.3,
            ..Params::default()
        };
        for (y, m) in [(1.5, 0.3), (0.2, -0.6), (3.0, 2.0)] {
            let mut out = [[0.0; 2]];
            objective.gradients(&params, &[y], None, &[m], &mut out);
            let d = 1e-4;
            let first = (loss(y, m + d) - loss(y, m - d)) / (2.0 * d);
            assert!((f64::from(out[0][0]) - first).abs() < 1e-5, "{objective:?} {out:?} {first}");
            let curve = (loss(y, m + d) - 2.0 * loss(y, m) + loss(y, m - d)) / (d * d);
            assert!(!second || (f64::from(out[0][1]) - curve).abs() < 1e-4, "{objective:?} {out:?} {curve}");
        }
    }
}

#[test]
fn labels_are_checked() {
    let check = |objective: Objective, y: &[f64]| objective.check(y, y.len(), None);
    assert_eq!(check(Objective::MultiSoftprob, &[0.0, 1.0, 2.0]).unwrap(), 3);
    assert!(check(Objective::MultiSoftprob, &[0.0, 2.0]).is_err());
    assert!(check(Objective::BinaryLogistic, &[1.0, 1.0]).is_err());
    assert!(matches!(
        check(Objective::BinaryLogistic, &[0.0, 1.0, 2.0]),
        Err(Error::Data { row: Some(2), .. })
    ));
    assert!(check(Objective::BinaryLogistic, &[0.0, 0.5]).is_err());
    assert!(Objective::MultiSoftprob.check(&[3.0], 1, Some(3)).is_err());
    for (objective, bad) in [
        (Objective::Gamma, 0.0),
        (Objective::Poisson, -1.0),
        (Objective::RankNdcg, 0.5),
        (Objective::RankPairwise, -1.0),
        (Objective::RegLogistic, 1.5),
        (Objective::BinaryLogitraw, 0.5),
        (Objective::SquaredLogError, -1.0),
    ] {
        assert!(matches!(check(objective, &[1.0, bad]), Err(Error::Data { row: Some(1), .. })));
    }
    assert!(Objective::RankNdcg.check_groups(None, 1).is_err());
    assert!(Objective::RankPairwise.check_groups(None, 1).unwrap_err().to_string().contains("pairwise"));
}
