//! The least value of a function without its gradient.
//!
//! J. A. Nelder, R. Mead, A simplex method for function minimization, Computer Journal 7 (1965).

/// Searches from `start`, in steps of about `step`. Values that are not finite count as infinite.
pub(super) fn minimize(f: impl Fn(&[f64]) -> f64, start: &[f64], step: f64, most: usize) -> (Vec<f64>, f64) {
    let n = start.len();
    let value = |x: &[f64]| {
        let y = f(x);
        if y.is_finite() { y } else { f64::INFINITY }
    };
    let mut simplex: Vec<(Vec<f64>, f64)> = (0..=n)
        .map(|i| {
            let mut x = start.to_vec();
            if i > 0 {
                x[i - 1] += step;
            }
            let y = value(&x);
            (x, y)
        })
        .collect();
    if n == 0 {
        return simplex.remove(0);
    }
    for _ in 0..most {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, worst) = (simplex[0].1, simplex[n].1);
        let spread =
            simplex[1..].iter().flat_map(|(x, _)| x.iter().zip(&simplex[0].0).map(|(a, b)| (a - b).abs()));
        if (worst - best).abs() <= 1e-9 * best.abs() && spread.fold(0.0, f64::max) < 1e-4 {
            break;
        }
        let centre: Vec<f64> =
            (0..n).map(|j| simplex[..n].iter().map(|(x, _)| x[j]).sum::<f64>() / n as f64).collect();
        let along = |t: f64| -> (Vec<f64>, f64) {
            let x: Vec<f64> = centre.iter().zip(&simplex[n].0).map(|(c, w)| c + t * (w - c)).collect();
            let y = value(&x);
            (x, y)
        };
        let reflected = along(-1.0);
        let next = if reflected.1 < best {
            let expanded = along(-2.0);
            if expanded.1 < reflected.1 { expanded } else { reflected }
        } else if reflected.1 < simplex[n - 1].1 {
            reflected
        } else {
            along(if reflected.1 < worst { -0.5 } else { 0.5 })
        };
        if next.1 < worst {
            simplex[n] = next;
        } else {
            let first = simplex[0].0.clone();
            for (x, y) in &mut simplex[1..] {
                x.iter_mut().zip(&first).for_each(|(x, f)| *x = 0.5 * (*x + f));
                *y = value(x);
            }
        }
    }
    simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
    simplex.remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_valley() {
        let rosenbrock = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let (x, y) = minimize(rosenbrock, &[-1.2, 1.0], 0.5, 1000);
        assert!(y < 1e-8 && (x[0] - 1.0).abs() < 1e-3, "{x:?} {y}");
    }
}
