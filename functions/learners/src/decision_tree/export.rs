//! Trees for people: as indented text, and as a graph for Graphviz, in the shape of scikit-learn's `export_text` and
//! `export_graphviz`.

use super::Criterion;
use crate::cart::{Grown, Twins};
use std::fmt::Write as _;

/// What a grown tree looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Export(Exported);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exported {
    pub grown: Grown<f64>,
    /// 0 for numbers.
    pub classes: usize,
    pub criterion: Criterion,
    pub features: usize,
    /// The features that are two columns to the tree.
    pub twins: Twins,
}

/// The side of a split to which rows without a value go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// There are none in this feature.
    Unknown,
    Left,
    Right,
}

impl Exported {
    /// The name of the feature that a split looks at, and where its missing values go.
    fn looked_at(&self, column: u16, names: &[String]) -> (String, Missing) {
        let column = usize::from(column);
        let feature = self.twins.feature(column, self.features);
        let missing = match self.twins.second(feature, self.features) {
            None => Missing::Unknown,
            Some(second) if second == column => Missing::Left,
            Some(_) => Missing::Right,
        };
        (name(names, feature), missing)
    }
}

/// What features and classes are called.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// One a column.
    pub features: &'a [String],
    /// One a class; empty for numbers.
    pub classes: &'a [String],
}

impl Export {
    pub(super) fn new(exported: Exported) -> Self {
        Self(exported)
    }

    /// Rules as indented text, thresholds with two digits. Branches farther than `max_depth` splits from the root are
    /// cut short.
    pub fn text(&self, names: Names, max_depth: usize) -> String {
        let tree = &self.0;
        let heights = self.heights();
        let mut text = String::new();
        // A node, its depth from 1 on, and the line that leads to it.
        let mut pending = vec![(0u32, 1usize, String::new())];
        while let Some((place, depth, line)) = pending.pop() {
            text.push_str(&line);
            let indent = format!("{}|---", "|   ".repeat(depth - 1));
            let node = tree.grown.nodes[place as usize];
            let height = heights[place as usize];
            if node.is_leaf(place) || (depth > max_depth + 1 && height == 0) {
                text.push_str(&indent);
                match self.class(place) {
                    Some(class) => writeln!(text, " class: {}", name(names.classes, class)),
                    None => writeln!(text, " value: [{:.2}]", tree.grown.values_of(place)[0]),
                }
                .expect("text grows");
            } else if depth > max_depth + 1 {
                writeln!(text, "{indent} truncated branch of depth {}", height + 1).expect("text grows");
            } else {
                let (feature, missing) = tree.looked_at(node.feature, names.features);
                let line = |sign: &str, with: bool| match (node.test.is_finite(), with) {
                    (true, true) => format!("{indent} {feature} {sign} {:.2} or missing\n", node.test),
                    (true, false) => format!("{indent} {feature} {sign} {:.2}\n", node.test),
                    (false, true) => format!("{indent} {feature} missing\n"),
                    (false, false) => format!("{indent} {feature} not missing\n"),
                };
                pending.push((node.child + 1, depth + 1, line("> ", missing == Missing::Right)));
                pending.push((node.child, depth + 1, line("<=", missing == Missing::Left)));
            }
        }
        text
    }

    /// A graph in Graphviz's language: for every node its split, impurity, rows, value and class. Nodes farther than
    /// `max_depth` splits from the root are left out.
    pub fn dot(&self, names: Names, max_depth: usize) -> String {
        let mut dot =
            "digraph Tree {\nnode [shape=box, fontname=\"helvetica\"] ;\nedge [fontname=\"helvetica\"] ;\n"
                .to_owned();
        let nodes = &self.0.grown.nodes;
        let mut number = 0;
        // A node, its depth, and its parent's number with the side it is on.
        let mut pending = vec![(0u32, 0, None)];
        while let Some((place, depth, parent)) = pending.pop() {
            let own = number;
            number += 1;
            if depth > max_depth {
                writeln!(dot, "{own} [label=\"(...)\"] ;").expect("text grows");
            } else {
                writeln!(dot, "{own} [label=\"{}\"] ;", self.label(place, names)).expect("text grows");
                let node = nodes[place as usize];
                if !node.is_leaf(place) {
                    pending.push((node.child + 1, depth + 1, Some((own, false))));
                    pending.push((node.child, depth + 1, Some((own, true))));
                }
            }
            let side = match parent {
                None => continue,
                Some((0, true)) => " [labeldistance=2.5, labelangle=45, headlabel=\"True\"]",
                Some((0, false)) => " [labeldistance=2.5, labelangle=-45, headlabel=\"False\"]",
                Some(_) => "",
            };
            let (parent, _) = parent.expect("it has one");
            writeln!(dot, "{parent} -> {own}{side} ;").expect("text grows");
        }
        dot.push_str("}\n");
        dot
    }

    fn label(&self, place: u32, names: Names) -> String {
        let Exported { grown, criterion, .. } = &self.0;
        let (node, stats) = (grown.nodes[place as usize], grown.stats[place as usize]);
        let mut label = String::new();
        if !node.is_leaf(place) {
            let (feature, missing) = self.0.looked_at(node.feature, names.features);
            let feature = escaped(&feature);
            label = match (node.test.is_finite(), missing == Missing::Left) {
                (true, true) => format!("{feature} <= {} or missing\\n", rounded(node.test)),
                (true, false) => format!("{feature} <= {}\\n", rounded(node.test)),
                (false, _) => format!("{feature} missing\\n"),
            };
        }
        let impurity = rounded(stats.impurity / stats.weight);
        label += &format!("{} = {impurity}\\nsamples = {}\\n", criterion.name(), stats.samples);
        match self.class(place) {
            None => label += &format!("value = {}", rounded(grown.values_of(place)[0])),
            Some(class) => {
                let weights: Vec<f64> = self.shares(place).iter().map(|p| p * stats.weight).collect();
                // Weights of whole rows are whole but for rounding.
                let whole = weights.iter().all(|w| (w - w.round()).abs() <= 1e-9 * stats.weight);
                let weight = |w: &f64| if whole { format!("{}", w.round()) } else { rounded(*w) };
                let weights: Vec<String> = weights.iter().map(weight).collect();
                let class = escaped(&name(names.classes, class));
                label += &format!("value = [{}]\\nclass = {class}", weights.join(", "));
            }
        }
        label
    }

    /// The shares of the classes in a node.
    fn shares(&self, place: u32) -> Vec<f64> {
        match (self.0.classes, self.0.grown.values_of(place)) {
            (2, values) => vec![1.0 - values[0], values[0]],
            (_, values) => values.to_vec(),
        }
    }

    /// The most frequent class of a node, the first of equal ones; none for numbers.
    fn class(&self, place: u32) -> Option<usize> {
        let shares = self.shares(place);
        let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self.0.classes == 0 { None } else { shares.iter().position(|share| *share == most) }
    }

    /// For each node how many splits there are to its farthest leaf.
    fn heights(&self) -> Vec<usize> {
        let nodes = &self.0.grown.nodes;
        let mut heights = vec![0; nodes.len()];
        for (place, node) in nodes.iter().enumerate().rev() {
            if !node.is_leaf(place as u32) {
                let child = node.child as usize;
                heights[place] = 1 + heights[child].max(heights[child + 1]);
            }
        }
        heights
    }
}

/// A name, or the number where there is none.
fn name(names: &[String], place: usize) -> String {
    names.get(place).cloned().unwrap_or_else(|| place.to_string())
}

fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Three digits behind the point at the most, one at the least.
fn rounded(value: f64) -> String {
    let rounded = (value * 1000.0).round_ties_even() / 1000.0;
    format!("{:?}", if rounded.is_finite() { rounded + 0.0 } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision_tree::Params;
    use crate::{Check, Matrix};

    #[test]
    fn shapes_are_scikit_learns() {
        let x = Matrix::from_rows(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 1).unwrap();
        let params = Params::default().check().unwrap();
        let features = ["size \"cm\"".to_owned()];
        let classes = ["no", "yes"].map(str::to_owned);
        let names = Names { features: &features, classes: &classes };
        let (_, export) = params.fit_classes(&x.columns(), &[0, 0, 1, 0, 0, 0], None).unwrap();
        let text = export.text(names, 10);
        let expected = "|--- size \"cm\" <= 3.50\n|   |--- size \"cm\" <= 2.50\n|   |   |--- class: no\n\
                        |   |--- size \"cm\" >  2.50\n|   |   |--- class: yes\n|--- size \"cm\" >  3.50\n|   |--- class: no\n";
        assert_eq!(text, expected);
        let short = export.text(names, 0);
        let expected = "|--- size \"cm\" <= 3.50\n|   |--- truncated branch of depth 2\n\
                        |--- size \"cm\" >  3.50\n|   |--- class: no\n";
        assert_eq!(short, expected);

        let dot = export.dot(names, 0);
        let expected = "digraph Tree {\nnode [shape=box, fontname=\"helvetica\"] ;\nedge [fontname=\"helvetica\"] ;\n\
             0 [label=\"size \\\"cm\\\" <= 3.5\\ngini = 0.278\\nsamples = 6\\nvalue = [5, 1]\\nclass = no\"] ;\n\
             1 [label=\"(...)\"] ;\n0 -> 1 [labeldistance=2.5, labelangle=45, headlabel=\"True\"] ;\n\
             2 [label=\"(...)\"] ;\n0 -> 2 [labeldistance=2.5, labelangle=-45, headlabel=\"False\"] ;\n}\n";
        assert_eq!(dot, expected);

        let (_, export) = params.fit_numbers(&x.columns(), &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], None).unwrap();
        let names = Names { features: &[], classes: &[] };
        assert_eq!(
            export.text(names, 10),
            "|--- 0 <= 3.50\n|   |--- value: [0.00]\n|--- 0 >  3.50\n|   |--- value: [1.00]\n"
        );
        assert!(
            export
                .dot(names, 10)
                .contains("0 [label=\"0 <= 3.5\\nsquared_error = 0.25\\nsamples = 6\\nvalue = 0.5\"]")
        );
    }
}
