//! The features as bytes, twice: column after column to part rows by, and row after row to sum up by.

use crate::tree::binning::{Search, push_column, sample};
use crate::tree::{Binned, MISSING};
use crate::{Columns, Error, shown};

/// Bytes of a row that lie together.
pub(super) const LANES: usize = 16;
/// Categories of a feature that have a bin of their own at the most.
const MOST_CATEGORIES: usize = 254;
/// Codes of categories are below: XGBoost's number, up to which single precision counts.
pub(super) const MOST_CODES: f64 = 16_777_216.0;

/// How a feature's values become bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Feature {
    /// Ascending cuts: a value is in bin `b` if `b` cuts are not above it.
    Numbers(Vec<f64>),
    /// The category of each bin, ascending. The bin behind the last holds all others, which no split picks out.
    Categories(Vec<u32>),
}

impl Feature {
    /// Learns bins from a column: cuts, or its most frequent categories.
    fn fit(
        column: &[f64],
        weights: Option<&[f64]>,
        categorical: bool,
        drawn: Option<&[u32]>,
        max_bins: usize,
    ) -> Self {
        if !categorical {
            let mut cuts = Vec::new();
            push_column(column, weights, drawn, max_bins, &mut cuts);
            return Self::Numbers(cuts);
        }
        let mut codes: Vec<u32> = column.iter().filter(|v| !v.is_nan()).map(|&v| v as u32).collect();
        codes.sort_unstable();
        let mut counted: Vec<(usize, u32)> =
            codes.chunk_by(|a, b| a == b).map(|equal| (equal.len(), equal[0])).collect();
        if counted.len() > MOST_CATEGORIES {
            counted.sort_by_key(|&(count, code)| (std::cmp::Reverse(count), code));
            counted.truncate(MOST_CATEGORIES);
        }
        let mut codes: Vec<u32> = counted.into_iter().map(|(_, code)| code).collect();
        codes.sort_unstable();
        Self::Categories(codes)
    }

    fn write_bins(&self, column: &[f64], out: &mut [u8]) {
        match self {
            Self::Numbers(cuts) => Search::new(cuts).bins(column, out),
            Self::Categories(codes) => {
                for (out, value) in out.iter_mut().zip(column) {
                    *out = match codes.binary_search(&(*value as u32)) {
                        _ if value.is_nan() => MISSING,
                        Ok(bin) => bin as u8,
                        Err(_) => codes.len() as u8,
                    };
                }
            }
        }
    }
}

/// Learns the bins of all features. Rows count by their weights, which are above 0, as in XGBoost's sketch.
pub(super) fn fit(
    x: &Columns,
    weights: Option<&[f64]>,
    categorical: &[u32],
    max_bins: usize,
) -> Vec<Feature> {
    let drawn = sample(x.rows());
    let fit = |(j, column): (usize, &[f64])| {
        Feature::fit(column, weights, categorical.contains(&(j as u32)), drawn.as_deref(), max_bins)
    };
    x.iter().enumerate().map(fit).collect()
}

/// Bins of all features, column after column.
pub(super) fn bin(x: &Columns, features: &[Feature]) -> Binned {
    let mut bins = vec![0; x.rows() * x.width()];
    for ((feature, column), out) in features.iter().zip(x.iter()).zip(bins.chunks_exact_mut(x.rows())) {
        feature.write_bins(column, out);
    }
    Binned { bins, rows: x.rows(), width: x.width() }
}

/// Checks columns that hold categories: codes 0, 1, 2, ... or missing.
pub(super) fn check_categories(x: &Columns, categorical: &[u32]) -> Result<(), Error> {
    for &j in categorical {
        let fine = |v: &f64| v.is_nan() || v.fract() == 0.0 && (0.0..MOST_CODES).contains(v);
        let column = x.column(j as usize);
        if let Some(i) = column.iter().position(|v| !fine(v)) {
            let message = format!(
                "the category is {}; categories are whole numbers from 0 to {}",
                shown(column[i]),
                MOST_CODES - 1.0
            );
            return Err(Error::cell(i, j as usize, message));
        }
    }
    Ok(())
}

/// Bins row after row, each row filled up to whole tiles: a tile's histograms fit the fastest cache.
pub(super) struct Tiles {
    cells: Vec<[u8; LANES]>,
    per_row: usize,
    /// Columns that are not filling.
    pub width: usize,
}

impl Tiles {
    /// Takes columns of a matrix that lies column after column.
    pub fn new(binned: &Binned, columns: &[u32]) -> Self {
        // So many rows at a time that their cache lines stay until all columns passed by.
        const BLOCK: usize = 256;
        let per_row = columns.len().div_ceil(LANES);
        let mut cells = vec![[0; LANES]; binned.rows * per_row];
        for (block, rows) in cells.chunks_mut(BLOCK * per_row).enumerate() {
            let first = block * BLOCK;
            for (place, &column) in columns.iter().enumerate() {
                let column = &binned.bins[column as usize * binned.rows..][..binned.rows][first..];
                let (tile, lane) = (place / LANES, place % LANES);
                for (row, bin) in rows.chunks_exact_mut(per_row).zip(column) {
                    row[tile][lane] = *bin;
                }
            }
        }
        Self { cells, per_row, width: columns.len() }
    }

    pub fn per_row(&self) -> usize {
        self.per_row
    }

    /// Copies a tile of each row.
    #[inline]
    pub fn gather(&self, tile: usize, rows: &[u32], out: &mut [[u8; LANES]]) {
        for (out, &row) in out.iter_mut().zip(rows) {
            *out = self.cells[row as usize * self.per_row + tile];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_categories_share_a_bin() {
        let mut column: Vec<f64> = (0..600).map(|i| f64::from(i % 300)).collect();
        column.extend([299.0, 299.0, f64::NAN]);
        let x = Columns::new(vec![&column]).unwrap();
        let features = fit(&x, None, &[0], 255);
        let Feature::Categories(codes) = &features[0] else { panic!("{features:?}") };
        assert_eq!((codes.len(), codes[252], codes[253]), (254, 252, 299));
        let bins = bin(&x, &features).bins;
        assert_eq!((bins[0], bins[299], bins[298], bins[602]), (0, 253, 254, MISSING));
        assert!(check_categories(&x, &[0]).is_ok());
        for bad in [-1.0, 0.5, 2e7] {
            let column = [1.0, bad];
            let x = Columns::new(vec![&column]).unwrap();
            assert!(matches!(check_categories(&x, &[0]), Err(Error::Data { row: Some(1), .. })));
        }
    }

    #[test]
    fn tiles_hold_the_chosen_columns() {
        let columns: Vec<Vec<f64>> =
            (0..20).map(|j| (0..300).map(|i| f64::from((i * 7 + j) % 11)).collect()).collect();
        let x = Columns::new(columns.iter().map(Vec::as_slice).collect()).unwrap();
        let binned = bin(&x, &fit(&x, None, &[], 255));
        let chosen: Vec<u32> = (1..20).collect();
        let tiles = Tiles::new(&binned, &chosen);
        let mut out = [[0; LANES]; 2];
        tiles.gather(1, &[299, 5], &mut out);
        assert_eq!(out[0][2], binned.bins[19 * 300 + 299]);
        assert_eq!(out[1][0], binned.bins[17 * 300 + 5]);
        assert_eq!(out[1][3], 0);
    }
}
