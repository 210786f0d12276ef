//! Rows of the kernel matrix, computed when they are asked for and kept while there is room.

use super::kernel::{Function, LANES, Tiles};
use super::smo::CHUNK;
use crate::Error;

/// The kernel matrix of a table with itself.
pub(super) struct KernelRows {
    function: Function,
    tiles: Tiles,
    /// Of each row with itself.
    pub diagonal: Vec<f64>,
    /// Rows that are held, in single precision as in LIBSVM.
    held: Vec<Vec<f32>>,
    /// Which row each holds, and when it was last asked for.
    owners: Vec<(usize, u64)>,
    /// Where each row is held.
    places: Vec<Option<u32>>,
    capacity: usize,
    clock: u64,
    scratch: Vec<f64>,
}

impl KernelRows {
    /// # Errors
    /// If kernel values are beyond single precision.
    pub fn new(function: Function, tiles: Tiles, width: usize, megabytes: f64) -> Result<Self, Error> {
        /// No value is larger than the largest of a row with itself.
        const LARGEST: f64 = 1e30;
        let rows = tiles.rows;
        let diagonal: Vec<f64> = tiles.squares.iter().map(|&square| function.own(square)).collect();
        if diagonal.iter().chain(&tiles.squares).any(|v| v.is_nan() || *v > LARGEST) {
            return Err(Error::data("the kernel's values are too large; scale the columns"));
        }
        let capacity = (megabytes * 1e6 / (rows.max(1) * size_of::<f32>()) as f64) as usize;
        Ok(Self {
            diagonal,
            function,
            held: Vec::new(),
            owners: Vec::new(),
            places: vec![None; rows],
            // Two rows are looked at together.
            capacity: capacity.clamp(2, rows.max(2)),
            clock: 0,
            scratch: vec![0.0; width],
            tiles,
        })
    }

    /// Row `i`.
    pub fn row(&mut self, i: usize) -> &[f32] {
        let place = self.place(i);
        &self.held[place]
    }

    /// Rows `i` and `j`.
    pub fn pair(&mut self, i: usize, j: usize) -> (&[f32], &[f32]) {
        let (a, b) = (self.place(i), self.place(j));
        (&self.held[a], &self.held[b])
    }

    fn place(&mut self, i: usize) -> usize {
        self.clock += 1;
        if let Some(place) = self.places[i] {
            self.owners[place as usize].1 = self.clock;
            return place as usize;
        }
        let place = match self.held.len() < self.capacity {
            true => {
                self.held.push(vec![0.0; self.tiles.rows.next_multiple_of(CHUNK)]);
                self.owners.push((i, self.clock));
                self.held.len() - 1
            }
            false => {
                let oldest =
                    (0..self.owners.len()).min_by_key(|&place| self.owners[place].1).unwrap_or_default();
                self.places[self.owners[oldest].0] = None;
                self.owners[oldest] = (i, self.clock);
                oldest
            }
        };
        self.places[i] = Some(place as u32);
        self.tiles.read_row(i, &mut self.scratch);
        let (out, square) = (&mut self.held[place], self.tiles.squares[i]);
        self.tiles.kernel_with(&self.function, &self.scratch, square, |start, values| {
            out[start..start + LANES].iter_mut().zip(values).for_each(|(out, v)| *out = *v as f32);
        });
        place
    }
}

/// The part of the matrix that is of some rows only, in whole chunks.
pub(super) struct ActiveRows<'a> {
    kernel: &'a mut KernelRows,
    active: &'a [u32],
    /// Of each row with itself.
    pub diagonal: Vec<f64>,
    /// What was asked for; none of them while all rows are active.
    gathered: Vec<Vec<f32>>,
}

impl<'a> ActiveRows<'a> {
    pub fn new(kernel: &'a mut KernelRows, active: &'a [u32]) -> Self {
        let mut diagonal: Vec<f64> = active.iter().map(|&row| kernel.diagonal[row as usize]).collect();
        diagonal.resize(active.len().next_multiple_of(CHUNK), 0.0);
        let gathered = match active.len() < kernel.diagonal.len() {
            true => vec![Vec::new(); diagonal.len()],
            false => Vec::new(),
        };
        Self { kernel, active, diagonal, gathered }
    }

    /// The active part of the active row in this place.
    pub fn row(&mut self, place: usize) -> &[f32] {
        if self.gathered.is_empty() {
            return self.kernel.row(place);
        }
        self.gather(place);
        &self.gathered[place]
    }

    /// The same of two.
    pub fn pair(&mut self, a: usize, b: usize) -> (&[f32], &[f32]) {
        if self.gathered.is_empty() {
            return self.kernel.pair(a, b);
        }
        self.gather(a);
        self.gather(b);
        (&self.gathered[a], &self.gathered[b])
    }

    fn gather(&mut self, place: usize) {
        if self.gathered[place].is_empty() {
            let row = self.kernel.row(self.active[place] as usize);
            let own = &mut self.gathered[place];
            own.extend(self.active.iter().map(|&other| row[other as usize]));
            own.resize(self.diagonal.len(), 0.0);
        }
    }
}
