//! Ensembles of trees of `ai.onnx.ml`.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::scores::{Labels, PostTransform, both, largest};
use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Kernel};
use crate::tensor::{Kind, Tensor, Values, count};

/// How a value is held against a node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    Other,
    /// Where in the list of leaf weights its own are: from `value` bits, `right` of them.
    Leaf,
}

/// A split, or a leaf.
#[derive(Clone, Copy, Debug)]
struct Node {
    value: f64,
    feature: u32,
    /// Where the value is as asked; for a leaf, its first weight.
    yes: u32,
    /// Where it is not; for a leaf, the end of its weights.
    no: u32,
    mode: Mode,
    missing_yes: bool,
}

/// How leaves' weights become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Mean,
    Least,
    Most,
}

struct Ensemble {
    nodes: Vec<Node>,
    roots: Vec<usize>,
    /// To which target a leaf adds how much.
    weights: Vec<(usize, f64)>,
    targets: usize,
    base: Vec<f64>,
    /// Columns that are looked at.
    features: usize,
    aggregate: Aggregate,
    /// Thresholds are of single precision: integers are rounded to it before they are held against them, as trees of
    /// scikit-learn and onnxruntime do. Numbers in double precision are not.
    single: bool,
}

impl Ensemble {
    /// Reads the attributes; `weighted` is `target` or `class`.
    fn new(attributes: &Attributes<'_>, weighted: &str, targets: usize) -> Result<Self, Fault> {
        let ints = |name: &str| attributes.ints(name);
        let (trees, ids) = (ints("nodes_treeids"), ints("nodes_nodeids"));
        let (features, yes, no) =
            (ints("nodes_featureids"), ints("nodes_truenodeids"), ints("nodes_falsenodeids"));
        let values = attributes.numbers("nodes_values")?;
        let modes = attributes.texts("nodes_modes")?;
        let missing = ints("nodes_missing_value_tracks_true");
        let size = ids.len();
        let lengths = [trees.len(), features.len(), yes.len(), no.len(), values.len(), modes.len()];
        ensure!(lengths.iter().all(|&length| length == size), "the lists of its nodes differ in length");
        ensure!(missing.is_empty() || missing.len() == size, "the lists of its nodes differ in length");
        ensure!(size > 0, "it has no trees");
        let places: HashMap<(i64, i64), usize> =
            trees.iter().copied().zip(ids.iter().copied()).zip(0..).collect();
        ensure!(places.len() == size, "two of its nodes have the same number");
        let leaves = Self::leaves(attributes, weighted, targets)?;
        let mut ensemble = Self {
            nodes: Vec::with_capacity(size),
            roots: Vec::new(),
            weights: Vec::new(),
            targets,
            base: attributes.numbers("base_values")?,
            features: 0,
            single: !attributes.has("nodes_values_as_tensor"),
            aggregate: match attributes.text("aggregate_function", "SUM")?.as_str() {
                "SUM" => Aggregate::Sum,
                "AVERAGE" => Aggregate::Mean,
                "MIN" => Aggregate::Least,
                "MAX" => Aggregate::Most,
                other => return Err(Fault::new(format!("the aggregate function `{other}` is not known"))),
            },
        };
        let mut has_parent = vec![false; size];
        for at in 0..size {
            let mode = match modes[at].as_str() {
                "BRANCH_LEQ" => Mode::AtMost,
                "BRANCH_LT" => Mode::Below,
                "BRANCH_GTE" => Mode::AtLeast,
                "BRANCH_GT" => Mode::Above,
                "BRANCH_EQ" => Mode::Equal,
                "BRANCH_NEQ" => Mode::Other,
                "LEAF" => Mode::Leaf,
                other => return Err(Fault::new(format!("a node's mode `{other}` is not known"))),
            };
            let (yes, no) = if mode == Mode::Leaf {
                let first = ensemble.weights.len();
                ensemble.weights.extend(leaves.get(&(trees[at], ids[at])).into_iter().flatten());
                (first, ensemble.weights.len())
            } else {
                let mut child = |id: i64| {
                    let place = places.get(&(trees[at], id)).copied();
                    let place = place.ok_or_else(|| Fault::new("a node's child is missing"))?;
                    ensure!(!has_parent[place], "two of its nodes have the same child");
                    has_parent[place] = true;
                    Ok(place)
                };
                let feature = usize::try_from(features[at]).ok().filter(|&feature| feature < 1 << 24);
                let feature = feature.ok_or_else(|| Fault::new("a node looks at no feature"))?;
                ensemble.features = ensemble.features.max(feature + 1);
                (child(yes[at])?, child(no[at])?)
            };
            ensemble.nodes.push(Node {
                value: values[at],
                feature: features[at].max(0) as u32,
                yes: yes as u32,
                no: no as u32,
                mode,
                missing_yes: missing.get(at).is_some_and(|&flag| flag != 0),
            });
        }
        // Every child has one parent: from a node without, no way goes in circles.
        let mut seen = HashSet::new();
        ensemble.roots = (0..size).filter(|&at| !has_parent[at]).collect();
        ensure!(ensemble.roots.iter().all(|&root| seen.insert(trees[root])), "a tree has two roots");
        ensure!(trees.iter().all(|tree| seen.contains(tree)), "a tree goes in circles");
        let base = ensemble.base.len();
        ensure!(base <= targets.max(1), "{base} base values do not go with {targets} targets");
        Ok(ensemble)
    }

    /// What each leaf adds to which target.
    #[allow(clippy::type_complexity)]
    fn leaves(
        attributes: &Attributes<'_>,
        weighted: &str,
        targets: usize,
    ) -> Result<HashMap<(i64, i64), Vec<(usize, f64)>>, Fault> {
        let list = |name: &str| attributes.ints(&format!("{weighted}_{name}"));
        let (trees, nodes, ids) = (list("treeids"), list("nodeids"), list("ids"));
        let weights = attributes.numbers(&format!("{weighted}_weights"))?;
        let lengths = [trees.len(), nodes.len(), ids.len()];
        ensure!(
            lengths.iter().all(|&length| length == weights.len()),
            "the lists of its leaves differ in length"
        );
        let mut leaves: HashMap<_, Vec<(usize, f64)>> = HashMap::new();
        for (at, weight) in weights.into_iter().enumerate() {
            let target = usize::try_from(ids[at]).ok().filter(|&target| target < targets);
            let target = target.ok_or_else(|| Fault::new("a leaf belongs to no target"))?;
            leaves.entry((trees[at], nodes[at])).or_default().push((target, weight));
        }
        Ok(leaves)
    }

    fn leaf(&self, root: usize, row: &[f64]) -> &[(usize, f64)] {
        let mut node = &self.nodes[root];
        loop {
            let value = row.get(node.feature as usize).copied().unwrap_or(f64::NAN);
            let yes = match node.mode {
                Mode::AtMost => value <= node.value,
                Mode::Below => value < node.value,
                Mode::AtLeast => value >= node.value,
                Mode::Above => value > node.value,
                Mode::Equal => value == node.value,
                Mode::Other => value != node.value,
                Mode::Leaf => return &self.weights[node.yes as usize..node.no as usize],
            };
            let yes = yes || (node.missing_yes && value.is_nan());
            node = &self.nodes[if yes { node.yes } else { node.no } as usize];
        }
    }

    /// The scores of each row, and which targets any leaf has spoken for. `finish` gets both.
    fn scores(&self, x: &Tensor, mut finish: impl FnMut(&mut [f64], &[bool])) -> Result<usize, Fault> {
        let (rows, columns) = x.rows_and_columns()?;
        ensure!(
            columns >= self.features,
            "{columns} columns came in, but its trees look at {}",
            self.features
        );
        count(&[rows, self.targets])?;
        let (mut sums, mut spoken) = (vec![0.0; self.targets], vec![false; self.targets]);
        let values = match x.values() {
            Values::Int(values) if self.single => {
                values.iter().map(|&value| f64::from(value as f32)).collect()
            }
            _ => x.numbers()?,
        };
        for row in values.chunks_exact(columns.max(1)) {
            sums.fill(0.0);
            spoken.fill(false);
            for &root in &self.roots {
                for &(target, weight) in self.leaf(root, row) {
                    let sum: &mut f64 = &mut sums[target];
                    *sum = match self.aggregate {
                        Aggregate::Least if spoken[target] => sum.min(weight),
                        Aggregate::Most if spoken[target] => sum.max(weight),
                        Aggregate::Least | Aggregate::Most => weight,
                        Aggregate::Sum | Aggregate::Mean => *sum + weight,
                    };
                    spoken[target] = true;
                }
            }
            if self.aggregate == Aggregate::Mean {
                sums.iter_mut().for_each(|sum| *sum /= self.roots.len() as f64);
            }
            finish(&mut sums, &spoken);
        }
        Ok(rows)
    }
}

fn regressor(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let targets = usize::try_from(attributes.int("n_targets", 1)).unwrap_or(0);
    ensure!(targets > 0 && targets < 1 << 16, "it has {targets} targets");
    let transform = PostTransform::of(attributes)?;
    let ensemble = Ensemble::new(attributes, "target", targets)?;
    let base = ensemble.base.len();
    ensure!(base == 0 || base == targets, "{base} base values do not go with {targets} targets");
    Ok(Box::new(move |inputs| {
        let mut out = Vec::new();
        let rows = ensemble.scores(inputs.get(0)?, |sums, _| {
            sums.iter_mut().zip(&ensemble.base).for_each(|(sum, base)| *sum += base);
            transform.apply(sums);
            out.extend_from_slice(sums);
        })?;
        Ok(vec![Tensor::of_numbers(vec![rows, targets], out, Kind::Single)?])
    }))
}

fn classifier(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let labels = Labels::of(attributes)?;
    let transform = PostTransform::of(attributes)?;
    let classes = labels.len();
    let ensemble = Ensemble::new(attributes, "class", classes)?;
    // Two classes of which the leaves name one: they give the second one's share, or its margin if any is negative. If the first
    // one's number stands on them, its own score is what is left; if the second one's, it has none, as onnxruntime has it.
    let named: BTreeSet<usize> = ensemble.weights.iter().map(|(class, _)| *class).collect();
    let single = classes == 2 && named.len() == 1;
    let second = named.contains(&1);
    let share = ensemble.weights.iter().all(|(_, weight)| *weight >= 0.0);
    ensure!(
        classes == 2 || ensemble.base.is_empty() || ensemble.base.len() == classes,
        "its base values are too few"
    );
    Ok(Box::new(move |inputs| {
        let (mut chosen, mut out) = (Vec::new(), Vec::new());
        ensemble.scores(inputs.get(0)?, |sums, spoken| {
            let base = ensemble.base.as_slice();
            if single {
                let own = sums[0] + sums[1] + base.last().copied().unwrap_or(0.0);
                chosen.push(usize::from(own > if share { 0.5 } else { 0.0 }));
                if second {
                    let mut scores = [0.0, own];
                    transform.apply(&mut scores);
                    out.extend(scores);
                } else {
                    out.extend(both(own, transform, share));
                }
                return;
            }
            sums.iter_mut().zip(base).for_each(|(sum, base)| *sum += base);
            // In two classes the second one is chosen only if a leaf speaks for it.
            chosen.push(match classes {
                2 if !spoken[1] => 0,
                _ => largest(sums),
            });
            transform.apply(sums);
            out.extend_from_slice(sums);
        })?;
        labels.answer(chosen, out, classes)
    }))
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Result<Kernel, Fault>> {
    Some(match operator {
        "TreeEnsembleRegressor" => regressor(attributes),
        "TreeEnsembleClassifier" => classifier(attributes),
        _ => return None,
    })
}
