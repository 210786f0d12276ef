//! An ONNX file, read and checked.

use prost::Message as _;

use crate::fault::{Fault, ensure};
use crate::graph::{Graph, unknown_operators};
use crate::ops::ML;
use crate::proto;
use crate::tensor::{Tensor, Values, text};

/// A model of a file.
pub struct File {
    pub graph: Graph,
    /// The classes that the file names, if it does.
    pub classes: Option<Values>,
    /// Whether the first output comes from the least of several values: of distances, then.
    pub chooses_least: bool,
    /// Operators, for the summary.
    pub operators: usize,
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// No ONNX, damaged, or with operators that are not supported; these are all named.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let model = proto::Model::decode(bytes)
            .map_err(|error| Fault::new(format!("the file is no ONNX model, or it is damaged: {error}")))?;
        ensure!(
            model.graph.is_some() && !model.opset_import.is_empty(),
            "the file is no ONNX model: it has no graph"
        );
        if let Some(function) = model.functions.first() {
            return Err(Fault::new(format!(
                "the model brings a function of its own, `{}`, which is not supported: inline it (`onnx.inliner`) and \
                 import it again",
                function.name
            )));
        }
        let graph = model.graph.unwrap_or_default();
        let version = model.opset_import.iter().find(|set| set.domain.is_empty() || set.domain == "ai.onnx");
        let version = version.map_or(1, |set| set.version);
        let ready = Graph::read(&graph, version).map_err(|fault| {
            let unknown = unknown_operators(&graph, version);
            if unknown.is_empty() {
                return fault;
            }
            // All of them are named, not only the first.
            Fault::new(format!(
                "the model uses operators that are not supported: {}; export it without the step that needs them, or do \
                 that step in the workflow",
                unknown.join(", ")
            ))
        })?;
        Ok(Self {
            classes: classes(&graph)?,
            chooses_least: graph.output.first().is_some_and(|output| {
                producer(&graph, &output.name).is_some_and(|node| node.op_type == "ArgMin")
            }),
            operators: graph.node.len(),
            graph: ready,
        })
    }
}

/// The node that makes a value, seen through those that only change its shape or type.
fn producer<'a>(graph: &'a proto::Graph, name: &str) -> Option<&'a proto::Node> {
    let mut name = name;
    // A chain has no more links than there are nodes.
    for _ in 0..=graph.node.len() {
        let node = graph.node.iter().find(|node| node.output.iter().any(|output| output == name))?;
        match node.op_type.as_str() {
            "Cast" | "Reshape" | "Identity" | "Flatten" | "Squeeze" => name = node.input.first()?,
            _ => return Some(node),
        }
    }
    None
}

/// The classes that a file names: for a map of probabilities, at an operator that chooses one, or in the list that the
/// label is taken from.
fn classes(graph: &proto::Graph) -> Result<Option<Values>, Fault> {
    let of_node = |node: &proto::Node| -> Result<Option<Values>, Fault> {
        let find =
            |names: &[&str]| node.attribute.iter().find(|attribute| names.contains(&attribute.name.as_str()));
        if let Some(texts) = find(&["classlabels_strings"]).filter(|texts| !texts.strings.is_empty()) {
            return texts
                .strings
                .iter()
                .map(|bytes| text(bytes))
                .collect::<Result<_, _>>()
                .map(|v| Some(Values::Text(v)));
        }
        let ints = find(&["classlabels_int64s", "classlabels_ints"]).filter(|ints| !ints.ints.is_empty());
        Ok(ints.map(|ints| Values::Int(ints.ints.clone())))
    };
    for node in graph.node.iter().filter(|node| node.op_type == "ZipMap") {
        if let Some(classes) = of_node(node)? {
            return Ok(Some(classes));
        }
    }
    let Some(label) = graph.output.first().and_then(|output| producer(graph, &output.name)) else {
        return Ok(None);
    };
    if label.domain != ML {
        return Ok(None);
    }
    if label.op_type == "ArrayFeatureExtractor" {
        let list =
            label.input.first().and_then(|name| graph.initializer.iter().find(|list| list.name == *name));
        let list = list.map(Tensor::read).transpose()?.map(Tensor::into_values);
        return Ok(list.filter(|list| matches!(list, Values::Int(_) | Values::Text(_))));
    }
    of_node(label)
}
