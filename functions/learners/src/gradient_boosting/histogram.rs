//! Sums of derivatives by bin.
//!
//! Both derivatives are whole numbers in one: the first in the upper half, the second, which is not negative, in the
//! lower. One addition sums up both, sums do not depend on their order, and a child taken off its parent leaves the
//! other child exactly.

use super::bins::{LANES, Tiles};
use super::objective::Gradient;

/// Sums of both derivatives, in quanta.
pub(super) type Packed = i64;

/// What a quantum is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quanta {
    pub gradient: f64,
    pub hessian: f64,
}

impl Quanta {
    /// The first and second derivative.
    #[inline(always)]
    pub fn unpack(self, packed: Packed) -> [f64; 2] {
        [f64::from((packed >> 32) as i32) * self.gradient, f64::from(packed as u32) * self.hessian]
    }

    /// Rounds the derivatives of all rows to quanta so small that no sum overflows its half. Roundings go up or down
    /// in proportion, so that sums do not drift; whole numbers stay. None where derivatives are too large.
    pub fn pack(gradients: &[Gradient], salt: u32, out: &mut Vec<Packed>) -> Option<Self> {
        let mut sums = [[0.0f64; 2]; 4];
        let chunks = gradients.chunks_exact(4);
        for gradient in chunks.remainder() {
            sums[0][0] += f64::from(gradient[0].abs());
            sums[0][1] += f64::from(gradient[1]);
        }
        for chunk in chunks {
            for (sum, gradient) in sums.iter_mut().zip(chunk) {
                sum[0] += f64::from(gradient[0].abs());
                sum[1] += f64::from(gradient[1]);
            }
        }
        let [g, h] = sums.iter().fold([0.0; 2], |[g, h], sum| [g + sum[0], h + sum[1]]);
        if !g.is_finite() || !h.is_finite() {
            return None;
        }
        let slack = gradients.len() as f64 + 1.0;
        let scales = [scale(f64::from(i32::MAX) - slack, g), scale(f64::from(u32::MAX) - slack, h)];
        out.clear();
        out.extend(gradients.iter().enumerate().map(|(i, gradient)| {
            // Rounding of row i: a fraction that wanders evenly over 0 to 1.
            let wander = (i as u32).wrapping_mul(0x9e37_79b9).wrapping_add(salt);
            let [up, other] = [wander >> 16, wander.wrapping_mul(0x85eb_ca6b) >> 16].map(fraction);
            let upper = integer(f64::from(gradient[0]) * scales[0] + up);
            let lower = integer(f64::from(gradient[1]) * scales[1] + other);
            (upper << 32).wrapping_add(lower & 0xffff_ffff) as Packed
        }));
        Some(Self { gradient: 1.0 / scales[0], hessian: 1.0 / scales[1] })
    }
}

/// -0.5 to 0.5, without the ends.
#[inline(always)]
fn fraction(of_65536: u32) -> f64 {
    (f64::from(of_65536 as i32) + 0.5) * (1.0 / 65536.0) - 0.5
}

/// The nearest whole number, in two's complement in the lower half.
#[inline(always)]
fn integer(value: f64) -> u64 {
    (value + 6_755_399_441_055_744.0).to_bits()
}

/// The largest power of two that takes `total` to `most` at the most.
fn scale(most: f64, total: f64) -> f64 {
    let power = |exponent: i32| 2f64.powi(exponent);
    let mut exponent = 1000;
    if total > 0.0 {
        exponent = libm::log2(most / total).floor().clamp(-1000.0, 1000.0) as i32;
        while exponent > -1000 && total * power(exponent) > most {
            exponent -= 1;
        }
    }
    power(exponent)
}

/// All features' sums of one node. The last bin of each is that of missing values.
#[derive(Debug, Clone)]
pub(super) struct Histogram(Vec<[Packed; 256]>);

/// Histograms are filled in groups of so many columns.
const GROUP: usize = 4;
/// Rows whose bins are copied at a time.
const BLOCK: usize = 128;

impl Histogram {
    pub fn new(width: usize) -> Self {
        Self(vec![[0; 256]; width.next_multiple_of(GROUP)])
    }

    pub fn of(&self, place: usize) -> &[Packed; 256] {
        &self.0[place]
    }

    pub fn bytes(&self) -> usize {
        self.0.len() * 256 * size_of::<Packed>()
    }

    /// Sums over the rows.
    pub fn fill(&mut self, tiles: &Tiles, rows: &[u32], gradients: &[Packed]) {
        self.0.iter_mut().for_each(|cells| cells.fill(0));
        // Copying a block first lets the processor wait for many rows at once.
        let mut own = [0; BLOCK];
        let mut bins = [[0; LANES]; BLOCK];
        for rows in rows.chunks(BLOCK) {
            let own = &mut own[..rows.len()];
            own.iter_mut().zip(rows).for_each(|(own, &row)| *own = gradients[row as usize]);
            let bins = &mut bins[..rows.len()];
            for (tile, cells) in self.0.chunks_mut(LANES).enumerate() {
                tiles.gather(tile, rows, bins);
                match cells.len() {
                    4 => add::<4>(cells, bins, own),
                    8 => add::<8>(cells, bins, own),
                    12 => add::<12>(cells, bins, own),
                    _ => add::<LANES>(cells, bins, own),
                }
            }
        }
        debug_assert_eq!(self.0.len().div_ceil(LANES), tiles.per_row());
    }

    /// What is left when a child is taken off its parent: the other child.
    pub fn subtract(&mut self, child: &Self) {
        for (own, theirs) in self.0.iter_mut().zip(&child.0) {
            own.iter_mut().zip(theirs).for_each(|(own, theirs)| *own = own.wrapping_sub(*theirs));
        }
    }
}

#[inline(never)]
fn add<const N: usize>(cells: &mut [[Packed; 256]], bins: &[[u8; LANES]], gradients: &[Packed]) {
    let Ok(cells) = <&mut [[Packed; 256]; N]>::try_from(cells) else { return };
    for (bins, gradient) in bins.iter().zip(gradients) {
        for lane in 0..N {
            let cell = &mut cells[lane][bins[lane] as usize];
            *cell = cell.wrapping_add(*gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_and_sums_come_back() {
        let gradients: Vec<Gradient> = (0..1000).map(|i| [(i % 7 - 3) as f32, 1.0]).collect();
        let mut packed = Vec::new();
        let quanta = Quanta::pack(&gradients, 12345, &mut packed).unwrap();
        for (packed, gradient) in packed.iter().zip(&gradients) {
            assert_eq!(quanta.unpack(*packed), gradient.map(f64::from));
        }
        let [g, h] = quanta.unpack(packed.iter().sum());
        assert_eq!((g, h), (gradients.iter().map(|g| f64::from(g[0])).sum(), 1000.0));
    }

    #[test]
    fn roundings_do_not_drift() {
        let gradients: Vec<Gradient> = vec![[-0.1234567, 0.0371]; 500_000];
        let mut packed = Vec::new();
        let quanta = Quanta::pack(&gradients, 0, &mut packed).unwrap();
        let [g, h] = quanta.unpack(packed.iter().sum());
        let n = gradients.len() as f64;
        assert!((g / n + 0.123_456_7).abs() < 1e-8, "{}", g / n);
        assert!((h / n - 0.0371).abs() < 1e-8, "{}", h / n);
        assert!(Quanta::pack(&[[f32::INFINITY, 1.0]], 0, &mut packed).is_none());
        let quanta = Quanta::pack(&[[0.0, 0.0], [3e38, 3e38]], 7, &mut packed).unwrap();
        assert_eq!(quanta.unpack(packed[0]), [0.0, 0.0]);
        assert!((quanta.unpack(packed[1])[0] / 3e38 - 1.0).abs() < 1e-6);
    }
}
