//! Trees as arrays of nodes whose children lie side by side, so that a step is a comparison and an addition.

/// What a node compares with: bins or values.
pub(crate) trait Test: Copy + PartialOrd {
    /// Nothing is above it: a row that meets it goes left.
    const TOP: Self;
}

impl Test for u8 {
    const TOP: Self = u8::MAX;
}

impl Test for f64 {
    const TOP: Self = f64::INFINITY;
}

/// A split, or a leaf: which is a node that leads to itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node<T> {
    /// Rows above go right.
    pub test: T,
    /// The place of the left child; the right one follows it.
    pub child: u32,
    /// The column looked at.
    pub feature: u16,
}

impl<T: Test> Node<T> {
    pub fn leaf(place: u32) -> Self {
        Self { test: T::TOP, child: place, feature: 0 }
    }

    pub fn is_leaf(&self, place: u32) -> bool {
        self.child == place
    }
}

/// Rows that walk side by side, so that one waits for memory while others step.
const LANES: usize = 8;

/// The places of the leaves that rows reach from a root.
pub(crate) fn leaves<T: Test, const N: usize>(nodes: &[Node<T>], root: u32, rows: [&[T]; N]) -> [u32; N] {
    let mut places = [root; N];
    loop {
        let mut moved = 0;
        for (place, row) in places.iter_mut().zip(&rows) {
            let node = &nodes[*place as usize];
            let next = node.child + u32::from(row[node.feature as usize] > node.test);
            moved |= next ^ *place;
            *place = next;
        }
        if moved == 0 {
            return places;
        }
    }
}

/// The place of the leaf that one row reaches.
pub(crate) fn one_leaf<T: Test>(nodes: &[Node<T>], root: u32, row: &[T]) -> u32 {
    leaves(nodes, root, [row])[0]
}

/// Calls `visit` with each row's number and the place of its leaf, in the order of the rows. `rows` lie one after
/// another, `width` wide.
pub(crate) fn places<T: Test>(
    nodes: &[Node<T>],
    root: u32,
    rows: &[T],
    width: usize,
    mut visit: impl FnMut(usize, u32),
) {
    let mut blocks = rows.chunks_exact(LANES * width);
    let mut first = 0;
    for block in blocks.by_ref() {
        let lanes: [&[T]; LANES] = std::array::from_fn(|lane| &block[lane * width..(lane + 1) * width]);
        for (lane, place) in leaves(nodes, root, lanes).into_iter().enumerate() {
            visit(first + lane, place);
        }
        first += LANES;
    }
    for (i, row) in blocks.remainder().chunks_exact(width).enumerate() {
        visit(first + i, one_leaf(nodes, root, row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_and_single_rows_reach_the_same_leaves() {
        // 1 | (3 | 4): by column 0 at 5, then by column 1 at 2.
        let split = |test, child, feature| Node { test, child, feature };
        let nodes = [split(5u8, 1, 0), Node::leaf(1), split(2, 3, 1), Node::leaf(3), Node::leaf(4)];
        let rows: Vec<u8> = (0..19u8).flat_map(|i| [i, i % 4]).collect();
        let mut reached = Vec::new();
        places(&nodes, 0, &rows, 2, |row, place| {
            assert_eq!(row, reached.len());
            reached.push(place);
        });
        let expected = (0..19).map(|i| {
            if i <= 5 {
                1
            } else if i % 4 <= 2 {
                3
            } else {
                4
            }
        });
        assert!(reached.into_iter().eq(expected));
        assert!(nodes[1].is_leaf(1) && !nodes[2].is_leaf(2));
    }
}
