use super::inverted::{Inverted, Lists};
use super::{Algorithm, Params};
use crate::neighbours::{Brute, KdTree, Metric, Nearest, Rows};
use crate::{Columns, Error};

/// With more columns a tree looks at most rows anyhow.
const WIDEST_TREE: usize = 12;

/// What is searched. It is made anew of the rows when a model is loaded.
#[derive(Debug, Clone)]
pub(super) enum Index {
    Tree(Box<KdTree>),
    Brute(Box<Brute>),
    Inverted(Box<Inverted>),
}

impl Index {
    pub fn new(algorithm: Algorithm, metric: Metric, rows: &Rows, lists: Option<&Lists>) -> Self {
        let brute = match algorithm {
            Algorithm::KdTree => false,
            Algorithm::Brute => true,
            Algorithm::Auto | Algorithm::Ivf => rows.width > WIDEST_TREE,
        };
        match lists {
            Some(lists) => Self::Inverted(Box::new(Inverted::new(lists, rows))),
            None if brute && metric == Metric::Euclidean => Self::Brute(Box::new(Brute::new(rows))),
            None => Self::Tree(Box::new(KdTree::new(rows, metric))),
        }
    }

    /// Calls `found` with the number, reduced distances and rows of each query.
    pub fn nearest(
        &self,
        rows: &Rows,
        metric: Metric,
        queries: &Rows,
        k: usize,
        mut found: impl FnMut(usize, &[(f64, u32)]),
    ) {
        if let Self::Brute(brute) = self {
            return brute.nearest(rows, queries, k, found);
        }
        let mut nearest = Nearest::new(k);
        for (number, query) in queries.iter().enumerate() {
            nearest.clear();
            match self {
                Self::Tree(tree) => tree.nearest(query, &mut nearest),
                Self::Inverted(file) => file.nearest(query, metric, k, &mut nearest),
                Self::Brute(_) => {}
            }
            found(number, nearest.found());
        }
    }
}

/// The lists of an inverted file, if one is asked for.
pub(super) fn lists(params: &Params, x: &Columns) -> Result<Option<Lists>, Error> {
    match params.algorithm {
        Algorithm::Ivf => Lists::fit(x, params.n_lists, params.n_probe, params.seed).map(Some),
        _ => Ok(None),
    }
}
