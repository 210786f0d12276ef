//! The least squared error of a shape: Levenberg and Marquardt's way down within bounds, from several starts.
//!
//! D. W. Marquardt, An algorithm for least-squares estimation of nonlinear parameters, SIAM Journal 11 (1963). The
//! errors' derivatives come along with the errors, by the chain rule from step to step. What lies at a bound and would
//! leave it stays there for the step (D. P. Bertsekas, Projected Newton methods, SIAM Journal on Control 20 (1982)).

use super::shape::{Paces, Shape, State, power};
use crate::forecasting::{Seasonal, Trend};

/// What is searched at the most. First seasons beyond stay what they were at the start.
const MOST: usize = 64;

/// Steps from each start, and of the best ones after that.
const FIRST_STEPS: usize = 10;
const STEPS: usize = 80;

/// Ends that are followed further, and one of another `alpha`.
const BEST: usize = 2;
const APART: f64 = 0.1;

/// What another place may err at the most, as a share of what the likeliest one does.
const LESS: f64 = 0.95;

/// Paces, level, trend and seasons in a row.
pub(super) struct Search<'a> {
    shape: Shape,
    values: &'a [f64],
    start: State,
    /// Places of what there is beside `alpha`, which comes first.
    beta: Option<usize>,
    gamma: Option<usize>,
    phi: Option<usize>,
    level: usize,
    trend: Option<usize>,
    /// Of the first season that is searched.
    seasons: usize,
    /// Seasons that stay: the first one, where level and seasons tell the same twice. Growth by a factor beside seasons
    /// that are added is of the level alone, so that each counts there.
    held: usize,
    /// How many there are.
    width: usize,
}

/// A sum of squared errors, with the products of the errors' derivatives.
struct Slope {
    squares: f64,
    /// Of each pair, row by row.
    curvature: Vec<f64>,
    /// With the errors.
    gradient: Vec<f64>,
}

/// A place with its sum of squared errors, which is infinite where there is none.
#[derive(Clone)]
struct Place {
    x: Vec<f64>,
    squares: f64,
}

impl<'a> Search<'a> {
    pub(super) fn new(shape: Shape, values: &'a [f64], start: State) -> Self {
        let mut width = 1;
        let mut next = |present: bool| {
            let place = width;
            width += usize::from(present);
            present.then_some(place)
        };
        let (beta, gamma) = (next(shape.has_trend()), next(shape.has_season()));
        let (phi, level) = (next(shape.damped), next(true).unwrap_or(0));
        let (trend, seasons) = (next(shape.has_trend()), width);
        let held = usize::from(shape.trend != Trend::Multiplicative || shape.seasonal != Seasonal::Additive);
        let own = start.seasons.len().saturating_sub(held);
        let width = if seasons + own <= MOST { seasons + own } else { seasons };
        Self { shape, values, start, beta, gamma, phi, level, trend, seasons, held, width }
    }

    /// Paces and the first state of the least squared error that was found, of those that forecast as well over so many steps.
    ///
    /// Several places can be the best ones around. The likeliest of them errs least one step ahead. Where another one's forecasts
    /// of the series itself err clearly less over all the steps, that is taken: R's `ets` has the criterion as `amse`.
    pub(super) fn best(&self, steps: usize) -> (Paces, State) {
        let mut ends: Vec<Place> = self.starts().into_iter().map(|x| self.descend(x, FIRST_STEPS)).collect();
        ends.sort_by(|a, b| a.squares.total_cmp(&b.squares));
        let near = |end: &Place, other: &Place| (end.x[0] - other.x[0]).abs() <= APART;
        let other = ends.iter().find(|end| !ends.iter().take(BEST).any(|best| near(end, best))).cloned();
        ends.truncate(BEST);
        ends.extend(other.filter(|_| steps > 1));
        let mut ends: Vec<Place> = ends.into_iter().map(|end| self.descend(end, STEPS)).collect();
        ends.sort_by(|a, b| a.squares.total_cmp(&b.squares));
        let errs = |end: &Place| self.shape.ahead(self.values, self.paces(&end.x), self.state(&end.x), steps);
        let mut ends = ends.into_iter();
        // There is a start for each alpha.
        let likeliest = ends.next();
        let mut best =
            likeliest.unwrap_or_else(|| Place { x: self.x([0.5, 0.1, 0.1, 0.9]), squares: f64::INFINITY });
        if steps > 1 {
            let mut least = errs(&best) * LESS;
            for end in ends {
                let errors = errs(&end);
                if errors < least {
                    (least, best) = (errors, end);
                }
            }
        }
        (self.paces(&best.x), self.state(&best.x))
    }

    /// How many numbers the shape has: paces and first states.
    pub(super) fn count(&self) -> usize {
        self.seasons + self.start.seasons.len().saturating_sub(self.held)
    }

    /// The best of a grid of paces for each `alpha`, and for each `phi` where there is one.
    fn starts(&self) -> Vec<Place> {
        let some =
            |place: Option<usize>, values: &'static [f64]| if place.is_some() { values } else { &[0.0] };
        let mut starts = Vec::new();
        for alpha in [0.03, 0.15, 0.4, 0.8] {
            for &phi in some(self.phi, &[0.85, 0.97]) {
                let mut best: Option<Place> = None;
                for &beta in some(self.beta, &[0.02, 0.2, 0.7]) {
                    for &gamma in some(self.gamma, &[0.02, 0.2, 0.7]) {
                        let x = self.x([alpha, beta, gamma, phi]);
                        let squares = self.squares(&x);
                        if best.as_ref().is_none_or(|best| squares < best.squares) {
                            best = Some(Place { x, squares });
                        }
                    }
                }
                starts.extend(best);
            }
        }
        starts
    }

    /// Paces with the states of the start.
    fn x(&self, [alpha, beta, gamma, phi]: [f64; 4]) -> Vec<f64> {
        let mut x = vec![0.0; self.width];
        (x[0], x[self.level]) = (alpha, self.start.level);
        let trend = self.start.trend;
        for (place, value) in [(self.beta, beta), (self.gamma, gamma), (self.phi, phi), (self.trend, trend)] {
            place.iter().for_each(|&place| x[place] = value);
        }
        let seasons = self.start.seasons.iter().skip(self.held);
        x[self.seasons..].iter_mut().zip(seasons).for_each(|(x, s)| *x = *s);
        x
    }

    /// `beta` is kept as a share of `alpha`, and `gamma` as one of what `alpha` leaves.
    fn paces(&self, x: &[f64]) -> Paces {
        let at = |place: Option<usize>, other: f64| place.map_or(other, |place| x[place]);
        Paces {
            alpha: x[0],
            beta: x[0] * at(self.beta, 0.0),
            gamma: (1.0 - x[0]) * at(self.gamma, 0.0),
            phi: at(self.phi, 1.0),
        }
    }

    fn state(&self, x: &[f64]) -> State {
        let mut seasons = self.start.seasons.clone();
        seasons.iter_mut().skip(self.held).zip(&x[self.seasons..]).for_each(|(s, x)| *s = *x);
        State { level: x[self.level], trend: self.trend.map_or(0.0, |place| x[place]), seasons }
    }

    fn squares(&self, x: &[f64]) -> f64 {
        let squares = self.shape.follow(self.values, self.paces(x), &mut self.state(x));
        if squares.is_finite() { squares } else { f64::INFINITY }
    }

    /// The usual region of the paces (Hyndman's chapter 2.4), and what keeps factors above 0.
    fn bounds(&self, place: usize) -> (f64, f64) {
        let positive = self.shape.seasonal == Seasonal::Multiplicative;
        match place {
            0 => (1e-4, 0.9999),
            _ if Some(place) == self.phi => (0.8, 0.98),
            _ if Some(place) == self.beta || Some(place) == self.gamma => (0.0, 1.0),
            _ if Some(place) == self.trend && self.shape.trend == Trend::Multiplicative => (0.1, 10.0),
            _ if place >= self.seasons && positive => (1e-6, f64::INFINITY),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Down from a place, so many steps at the most.
    fn descend(&self, from: Place, steps: usize) -> Place {
        let mut here = from;
        let mut damping = 1e-3;
        // Errors that are nothing beside the values cannot be told from rounding.
        let size: f64 = self.values.iter().map(|v| v * v).sum();
        for _ in 0..steps {
            if here.squares <= 1e-24 * size || !here.squares.is_finite() {
                break;
            }
            let slope = self.slope(&here.x);
            if !slope.squares.is_finite() || slope.gradient.iter().any(|g| !g.is_finite()) {
                break;
            }
            let before = here.squares;
            let mut found = false;
            while damping < 1e12 {
                let next = self.step(&here, &slope, damping);
                if let Some(next) = next.filter(|next| next.squares < here.squares) {
                    here = next;
                    damping = (damping * 0.2).max(1e-12);
                    found = true;
                    break;
                }
                damping *= 5.0;
            }
            if !found || before - here.squares <= 1e-9 * before {
                break;
            }
        }
        here
    }

    /// The place that the derivatives point to.
    fn step(&self, here: &Place, slope: &Slope, damping: f64) -> Option<Place> {
        let n = self.width;
        let free: Vec<usize> = (0..n)
            .filter(|&i| {
                let (low, high) = self.bounds(i);
                let leaves = (here.x[i] <= low && slope.gradient[i] > 0.0)
                    || (here.x[i] >= high && slope.gradient[i] < 0.0);
                !leaves && slope.curvature[i * n + i] > 0.0
            })
            .collect();
        let m = free.len();
        let mut matrix = vec![0.0; m * m];
        for (a, &i) in free.iter().enumerate() {
            for (b, &j) in free[..=a].iter().enumerate() {
                matrix[a * m + b] = slope.curvature[i * n + j];
            }
            matrix[a * m + a] *= 1.0 + damping;
        }
        let mut moves: Vec<f64> = free.iter().map(|&i| -slope.gradient[i]).collect();
        if m == 0 || !solve(&mut matrix, &mut moves) {
            return None;
        }
        let mut x = here.x.clone();
        for (&i, by) in free.iter().zip(&moves) {
            let (low, high) = self.bounds(i);
            x[i] = (x[i] + by).clamp(low, high);
        }
        let squares = self.squares(&x);
        Some(Place { x, squares })
    }

    /// Goes along the values as [`Shape::follow`], with the derivatives of every state by everything that is searched.
    fn slope(&self, x: &[f64]) -> Slope {
        let (n, shape, paces) = (self.width, self.shape, self.paces(x));
        let State { mut level, mut trend, mut seasons } = self.state(x);
        let (mut d_level, mut d_trend, mut d_seasons) =
            (vec![0.0; n], vec![0.0; n], vec![0.0; n * seasons.len()]);
        d_level[self.level] = 1.0;
        self.trend.iter().for_each(|&place| d_trend[place] = 1.0);
        (self.seasons..n).for_each(|place| d_seasons[(place - self.seasons + self.held) * n + place] = 1.0);
        let (mut d_base, mut d_error, mut d_own) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let none = vec![0.0; n];
        let mut slope = Slope { squares: 0.0, curvature: vec![0.0; n * n], gradient: vec![0.0; n] };
        let multiplicative = shape.seasonal == Seasonal::Multiplicative;
        let mut at = 0;
        for y in self.values {
            let season = seasons.get(at).copied().unwrap_or(0.0);
            let d_season: &[f64] = if shape.has_season() { &d_seasons[at * n..(at + 1) * n] } else { &none };
            // The level and, in `by_*`, what it and the trend change in it.
            let (base, by_level, by_trend, by_phi) = match shape.trend {
                Trend::None | Trend::Auto => (level, 1.0, 0.0, 0.0),
                Trend::Additive => (level + paces.phi * trend, 1.0, paces.phi, trend),
                Trend::Multiplicative => {
                    let growth = power(trend, paces.phi);
                    let log = if self.phi.is_some() { libm::log(trend) } else { 0.0 };
                    (level * growth, growth, level * paces.phi * growth / trend, level * growth * log)
                }
            };
            for i in 0..n {
                d_base[i] = by_level * d_level[i] + by_trend * d_trend[i];
            }
            self.phi.iter().for_each(|&place| d_base[place] += by_phi);
            let error = y - shape.value(base, season);
            let (by_base, by_season) = if multiplicative { (season, base) } else { (1.0, 1.0) };
            for i in 0..n {
                d_error[i] = -by_base * d_base[i] - by_season * d_season[i];
            }
            slope.squares += error * error;
            for i in 0..n {
                let own = d_error[i];
                slope.gradient[i] += own * error;
                let row = &mut slope.curvature[i * n..i * n + i + 1];
                row.iter_mut().zip(&d_error).for_each(|(sum, other)| *sum += own * other);
            }
            // The error's share of the level, and of the season.
            let own = if multiplicative { error / season } else { error };
            let of_season = if multiplicative { error / base } else { error };
            for i in 0..n {
                d_own[i] =
                    if multiplicative { (d_error[i] - own * d_season[i]) / season } else { d_error[i] };
            }
            match shape.trend {
                Trend::None | Trend::Auto => {}
                Trend::Additive => {
                    for i in 0..n {
                        d_trend[i] = paces.phi * d_trend[i] + paces.beta * d_own[i];
                    }
                    self.phi.iter().for_each(|&place| d_trend[place] += trend);
                    trend = paces.phi * trend + paces.beta * own;
                }
                Trend::Multiplicative => {
                    let growth = power(trend, paces.phi);
                    let by_trend = paces.phi * growth / trend;
                    for i in 0..n {
                        let share = (d_own[i] - own / level * d_level[i]) / level;
                        d_trend[i] = by_trend * d_trend[i] + paces.beta * share;
                    }
                    self.phi.iter().for_each(|&place| d_trend[place] += growth * libm::log(trend));
                    trend = growth + paces.beta * own / level;
                }
            }
            // `beta` moves with its own number and with `alpha`'s, `gamma` against the latter.
            if let Some(place) = self.beta {
                let share = if shape.trend == Trend::Multiplicative { own / level } else { own };
                d_trend[place] += x[0] * share;
                d_trend[0] += x[place] * share;
            }
            if shape.has_season() {
                let d_season = &mut d_seasons[at * n..(at + 1) * n];
                for i in 0..n {
                    let d_of_season =
                        if multiplicative { (d_error[i] - of_season * d_base[i]) / base } else { d_error[i] };
                    d_season[i] += paces.gamma * d_of_season;
                }
                if let Some(place) = self.gamma {
                    d_season[place] += (1.0 - x[0]) * of_season;
                    d_season[0] -= x[place] * of_season;
                }
                seasons[at] = season + paces.gamma * of_season;
                at = if at + 1 == seasons.len() { 0 } else { at + 1 };
            }
            for i in 0..n {
                d_level[i] = d_base[i] + paces.alpha * d_own[i];
            }
            d_level[0] += own;
            level = base + paces.alpha * own;
        }
        slope
    }
}

/// Solves a symmetric positive system whose lower half is given, by Cholesky's way. False if it is not positive.
fn solve(matrix: &mut [f64], right: &mut [f64]) -> bool {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let rest = matrix[i * n + j] - sum;
            matrix[i * n + j] = match i == j {
                true if rest > 0.0 => rest.sqrt(),
                true => return false,
                false => rest / matrix[j * n + j],
            };
        }
        let sum: f64 = (0..i).map(|k| matrix[i * n + k] * right[k]).sum();
        right[i] = (right[i] - sum) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| matrix[k * n + i] * right[k]).sum();
        right[i] = (right[i] - sum) / matrix[i * n + i];
    }
    right.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Derivatives are those of differences, in every shape.
    #[test]
    fn derivatives_are_right() {
        let wave = |i: usize| (i as f64 * std::f64::consts::TAU / 4.0 + 0.3).sin();
        let values: Vec<f64> = (0..37)
            .map(|i| (30.0 + 0.4 * i as f64) * (1.0 + 0.2 * wave(i)) + (i * 7919 % 101) as f64 / 50.0)
            .collect();
        for trend in [Trend::None, Trend::Additive, Trend::Multiplicative] {
            for seasonal in [Seasonal::None, Seasonal::Additive, Seasonal::Multiplicative] {
                for damped in [false, true] {
                    let shape = Shape { trend, damped: damped && trend != Trend::None, seasonal };
                    let search = Search::new(shape, &values, shape.start(&values, 4));
                    for Place { x, squares } in search.starts() {
                        let slope = search.slope(&x);
                        assert!((slope.squares / squares - 1.0).abs() < 1e-12);
                        for i in 0..search.width {
                            let by = 1e-6 * (1.0 + x[i].abs());
                            let moved = |by: f64| {
                                let mut x = x.clone();
                                x[i] += by;
                                search.squares(&x)
                            };
                            let near = (moved(by) - moved(-by)) / (4.0 * by);
                            let exact = slope.gradient[i];
                            let scale = (squares * slope.curvature[i * search.width + i]).sqrt();
                            assert!((near - exact).abs() < 1e-5 * scale, "{shape:?} {i}: {near} {exact}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn systems_are_solved() {
        let mut matrix = [4.0, 0.0, 2.0, 3.0];
        let mut right = [8.0, 7.0];
        assert!(solve(&mut matrix, &mut right));
        assert!((right[0] - 1.25).abs() < 1e-12 && (right[1] - 1.5).abs() < 1e-12, "{right:?}");
        assert!(!solve(&mut [1.0, 0.0, 2.0, 1.0], &mut [1.0, 1.0]));
    }
}
