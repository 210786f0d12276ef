//! The tables, their folds, and what models are given of them; `reference/quality/tables.py` does the same.

use flate2::read::GzDecoder;
use millstream_learners::Columns;
use std::io::Read;
use std::path::PathBuf;

const FOLDS: usize = 5;
/// A series is forecast a day ahead, seven times, from the ends of the days before its last week.
const ORIGINS: usize = 7;
pub const HORIZON: usize = 24;
/// One-hot columns of more categories than that cost more time than they tell.
const MOST_HOT: usize = 32;
/// Whole numbers below it can be categories to naive Bayes; it stands for a missing one.
pub const WHOLE: u32 = 32;

pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/quality").join(name)
}

/// A feature: values, NaN where one is missing, and how many categories they are codes of (0: they are numbers).
#[derive(Clone)]
struct Feature {
    values: Vec<f64>,
    categories: usize,
}

/// A table of real data and its target, the code of a class or a number.
#[derive(Clone)]
pub struct Table {
    features: Vec<Feature>,
    target: Vec<f64>,
    /// 0: the target is a number.
    classes: usize,
}

impl Table {
    pub fn read(name: &str) -> Self {
        let compressed = std::fs::read(file(&format!("tables/{name}.csv.gz"))).expect("the table is there");
        let mut text = String::new();
        GzDecoder::new(&compressed[..]).read_to_string(&mut text).expect("the table is compressed text");
        let mut lines = text.lines();
        let kinds: Vec<&str> =
            lines.next().unwrap().split(',').map(|name| name.split_once(':').unwrap().1).collect();
        let mut columns = vec![Vec::new(); kinds.len()];
        for line in lines {
            let values = line.split(',').map(|v| if v.is_empty() { f64::NAN } else { v.parse().unwrap() });
            columns.iter_mut().zip(values).for_each(|(column, v)| column.push(v));
        }
        let count = |values: &[f64]| values.iter().copied().fold(-1.0, f64::max) as usize + 1;
        let target = columns.pop().unwrap();
        let classes = if kinds.last() == Some(&"class") { count(&target) } else { 0 };
        let feature = |(values, kind): (Vec<f64>, &&str)| {
            let categories = if *kind == "category" { count(&values) } else { 0 };
            Feature { values, categories }
        };
        Self { features: columns.into_iter().zip(&kinds).map(feature).collect(), target, classes }
    }

    pub fn rows(&self) -> usize {
        self.target.len()
    }

    /// So many rows at the most, evenly from the whole table.
    pub fn thinned(self, most: usize) -> Self {
        let rows = self.rows();
        if rows <= most {
            return self;
        }
        let chosen: Vec<usize> = (0..most).map(|i| i * rows / most).collect();
        let features = self.features.iter().map(|feature| Feature {
            values: picked(&feature.values, &chosen),
            categories: feature.categories,
        });
        Self { features: features.collect(), target: picked(&self.target, &chosen), classes: self.classes }
    }

    /// Fold f leaves out the rows i with i % [`FOLDS`] = f. Of a series, which has no features, the rows to predict follow
    /// those to learn from.
    pub fn folds(&self) -> Vec<Fold<'_>> {
        if !self.features.is_empty() {
            return (0..FOLDS).map(|fold| self.split(|row| row % FOLDS == fold)).collect();
        }
        let origins = (1..=ORIGINS).rev().map(|back| self.rows() - back * HORIZON);
        origins.map(|end| self.fold((0..end).collect(), (end..end + HORIZON).collect())).collect()
    }

    pub fn split(&self, left_out: impl Fn(usize) -> bool) -> Fold<'_> {
        let (test, train) = (0..self.rows()).partition(|&row| left_out(row));
        self.fold(train, test)
    }

    fn fold(&self, train: Vec<usize>, test: Vec<usize>) -> Fold<'_> {
        let (y, truth) = (picked(&self.target, &train), picked(&self.target, &test));
        Fold { table: self, train, test, y, truth }
    }
}

fn picked(values: &[f64], rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|&row| values[row]).collect()
}

/// Rows to learn from and rows to predict.
pub struct Fold<'a> {
    table: &'a Table,
    train: Vec<usize>,
    test: Vec<usize>,
    /// The targets to learn from.
    pub y: Vec<f64>,
    /// The targets to predict.
    pub truth: Vec<f64>,
}

/// Features of both kinds of rows.
pub struct View {
    train: Vec<Vec<f64>>,
    test: Vec<Vec<f64>>,
}

impl View {
    pub fn train(&self) -> Columns<'_> {
        Columns::new(self.train.iter().map(Vec::as_slice).collect()).unwrap()
    }

    pub fn test(&self) -> Columns<'_> {
        Columns::new(self.test.iter().map(Vec::as_slice).collect()).unwrap()
    }
}

pub fn labels(target: &[f64]) -> Vec<u32> {
    target.iter().map(|&class| class as u32).collect()
}

impl Fold<'_> {
    pub fn classes(&self) -> usize {
        self.table.classes
    }

    /// The classes to learn from.
    pub fn labels(&self) -> Vec<u32> {
        labels(&self.y)
    }

    /// Places of features that are codes of categories.
    pub fn categorical(&self) -> Vec<u32> {
        let features = self.table.features.iter().enumerate();
        features.filter(|(_, feature)| feature.categories > 0).map(|(j, _)| j as u32).collect()
    }

    fn view(&self, columns: impl Iterator<Item = Vec<f64>>) -> View {
        let (train, test) =
            columns.map(|column| (picked(&column, &self.train), picked(&column, &self.test))).unzip();
        View { train, test }
    }

    /// The table as it is: codes of categories, NaN where a value is missing.
    pub fn codes(&self) -> View {
        self.view(self.table.features.iter().map(|feature| feature.values.clone()))
    }

    /// Numbers: the mean in place of missing ones, then mean 0 and variance 1, all by the rows to learn from. Categories:
    /// a column of 0 and 1 each; a missing one is 0 everywhere.
    pub fn wide(&self) -> View {
        let columns =
            self.table.features.iter().flat_map(|Feature { values, categories }| match categories {
                0 => vec![self.standardized(values)],
                1..=MOST_HOT => {
                    let hot = |code| values.iter().map(|&v| f64::from(u8::from(v == code as f64))).collect();
                    (0..*categories).map(hot).collect()
                }
                _ => Vec::new(),
            });
        self.view(columns)
    }

    fn standardized(&self, values: &[f64]) -> Vec<f64> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let mut known = picked(values, &self.train);
        known.retain(|v| !v.is_nan());
        let fill = mean(&known);
        let filled: Vec<f64> = values.iter().map(|&v| if v.is_nan() { fill } else { v }).collect();
        let train = picked(&filled, &self.train);
        let center = mean(&train);
        let squares: Vec<f64> = train.iter().map(|v| (v - center) * (v - center)).collect();
        let deviation = mean(&squares).sqrt();
        let scale = if deviation > 1e-12 { deviation } else { 1.0 };
        filled.iter().map(|v| (v - center) / scale).collect()
    }

    /// Columns that are whole numbers below [`WHOLE`] or missing throughout, with that for the missing ones.
    pub fn whole(&self) -> View {
        let whole = f64::from(WHOLE);
        let filled = self.table.features.iter().map(|feature| {
            feature.values.iter().map(|&v| if v.is_nan() { whole } else { v }).collect::<Vec<f64>>()
        });
        self.view(
            filled.filter(|values| values.iter().all(|v| (0.0..=whole).contains(v) && v.fract() == 0.0)),
        )
    }
}
