//! A graph of operators, made ready to run.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Inputs, Kernel, Unknown};
use crate::ops;
use crate::proto;
use crate::tensor::{Kind, Tensor};

/// What flows into a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub name: String,
    pub kind: Kind,
    /// Integers of 32 bits.
    pub narrow: bool,
    /// None: any number.
    pub shape: Vec<Option<usize>>,
}

/// An operator, and which values go in and out.
struct Step {
    /// For messages.
    name: String,
    kernel: Kernel,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// Values that nobody needs afterwards.
    last_use: Vec<usize>,
}

/// Values are numbered: constants and inputs first.
pub struct Graph {
    inputs: Vec<Input>,
    outputs: Vec<(String, usize)>,
    constants: Vec<(usize, Rc<Tensor>)>,
    /// Each after those that it depends on.
    steps: Vec<Step>,
    values: usize,
}

fn input(info: &proto::ValueInfo) -> Result<Input, Fault> {
    let read = || {
        let tensor = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
        let tensor = tensor.ok_or_else(|| Fault::new("it is no array"))?;
        let dims = tensor.shape.as_ref().map_or(&[] as &[_], |shape| &shape.dim);
        let side = |dim: &proto::Dimension| {
            dim.dim_value.and_then(|side| usize::try_from(side).ok()).filter(|&s| s > 0)
        };
        Ok(Input {
            name: info.name.clone(),
            kind: Kind::of_element(tensor.elem_type)?,
            narrow: tensor.elem_type == proto::element::INT32,
            shape: dims.iter().map(side).collect(),
        })
    };
    read().map_err(|fault: Fault| fault.within(format!("input `{}`", info.name)))
}

/// Which operators a graph uses that are not here, each once.
pub fn unknown_operators(graph: &proto::Graph, version: i64) -> Vec<String> {
    let mut unknown = BTreeMap::new();
    for node in &graph.node {
        if ops::kernel(&Attributes(node), version).is_none() {
            let domain = if node.domain.is_empty() { "ai.onnx" } else { &node.domain };
            unknown.insert((node.op_type.clone(), domain.to_owned()), ());
        }
    }
    unknown.into_keys().map(|(operator, domain)| format!("{operator} ({domain})")).collect()
}

impl Graph {
    /// Makes a graph ready to run; `version` is that of the standard operators.
    pub fn read(graph: &proto::Graph, version: i64) -> Result<Self, Fault> {
        ensure!(graph.sparse_initializer.is_empty(), "sparse constants are not supported");
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut constants = Vec::new();
        for tensor in &graph.initializer {
            let number = numbers.len();
            ensure!(numbers.insert(&tensor.name, number).is_none(), "`{}` is there twice", tensor.name);
            constants.push((number, Rc::new(Tensor::read(tensor)?)));
        }
        let mut inputs = Vec::new();
        // Older models list their constants among the inputs.
        for info in graph.input.iter().filter(|info| graph.initializer.iter().all(|t| t.name != info.name)) {
            let number = numbers.len();
            ensure!(numbers.insert(&info.name, number).is_none(), "`{}` is there twice", info.name);
            inputs.push(input(info)?);
        }
        let mut steps = Vec::with_capacity(graph.node.len());
        let mut waiting: Vec<&proto::Node> = graph.node.iter().collect();
        // Nodes come in order as a rule; those that do not are taken as soon as their inputs are there.
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut later = Vec::new();
            for node in waiting {
                let ready =
                    node.input.iter().all(|name| name.is_empty() || numbers.contains_key(name.as_str()));
                if !ready {
                    later.push(node);
                    continue;
                }
                let step = step(node, version, &mut numbers);
                steps.push(step.map_err(|fault| fault.within(title(node)))?);
            }
            if later.len() == before {
                let missing = later[0].input.iter().find(|name| !numbers.contains_key(name.as_str()));
                let missing = missing.map_or("?", String::as_str);
                return Err(
                    Fault::new(format!("nothing makes its input `{missing}`")).within(title(later[0]))
                );
            }
            waiting = later;
        }
        let outputs = graph.output.iter().map(|info| {
            let number = numbers.get(info.name.as_str()).copied();
            let number =
                number.ok_or_else(|| Fault::new(format!("nothing makes the output `{}`", info.name)))?;
            Ok((info.name.clone(), number))
        });
        let outputs = outputs.collect::<Result<Vec<_>, Fault>>()?;
        ensure!(!outputs.is_empty(), "the model has no output");
        let mut graph = Self { inputs, outputs, constants, steps, values: numbers.len() };
        graph.find_last_uses();
        Ok(graph)
    }

    /// Notes which values may be let go of after each step.
    fn find_last_uses(&mut self) {
        let mut kept = vec![false; self.values];
        self.outputs
            .iter()
            .map(|(_, number)| *number)
            .chain(self.constants.iter().map(|(number, _)| *number))
            .for_each(|number| kept[number] = true);
        for step in self.steps.iter_mut().rev() {
            for number in step.inputs.iter().chain(&step.outputs).copied().flatten() {
                if !std::mem::replace(&mut kept[number], true) {
                    step.last_use.push(number);
                }
            }
        }
    }

    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The names of the outputs.
    pub fn outputs(&self) -> Vec<&str> {
        self.outputs.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Runs it: as many inputs as it has, and its outputs, in the graph's order. In a rehearsal the values are made up.
    pub fn run(&self, given: Vec<Tensor>, rehearsal: bool) -> Result<Vec<Tensor>, Fault> {
        self.run_noting(given, rehearsal, &Unknown::default())
    }

    /// The same, with the categories that operators do not know.
    pub fn run_noting(
        &self,
        given: Vec<Tensor>,
        rehearsal: bool,
        unknown: &Unknown,
    ) -> Result<Vec<Tensor>, Fault> {
        let mut values: Vec<Option<Rc<Tensor>>> = vec![None; self.values];
        for (number, tensor) in &self.constants {
            values[*number] = Some(tensor.clone());
        }
        let first = self.constants.len();
        for (place, tensor) in given.into_iter().enumerate() {
            values[first + place] = Some(Rc::new(tensor));
        }
        for step in &self.steps {
            let inputs = step.inputs.iter().map(|number| number.and_then(|number| values[number].as_deref()));
            let inputs = Inputs { tensors: inputs.collect(), rehearsal, unknown };
            let results = (step.kernel)(&inputs).map_err(|fault| fault.within(&step.name))?;
            for (number, tensor) in step.outputs.iter().zip(results) {
                if let Some(number) = number {
                    values[*number] = Some(Rc::new(tensor));
                }
            }
            step.last_use.iter().for_each(|&number| values[number] = None);
        }
        let output = |(name, number): &(String, usize)| {
            let value = values[*number].clone();
            let value =
                value.ok_or_else(|| Fault::new(format!("nothing was made for the output `{name}`")))?;
            Ok(Rc::unwrap_or_clone(value))
        };
        self.outputs.iter().map(output).collect()
    }
}

/// A node in messages.
fn title(node: &proto::Node) -> String {
    match node.name.is_empty() {
        true => format!("operator {}", node.op_type),
        false => format!("operator {} (node `{}`)", node.op_type, node.name),
    }
}

fn step<'a>(
    node: &'a proto::Node,
    version: i64,
    numbers: &mut HashMap<&'a str, usize>,
) -> Result<Step, Fault> {
    let kernel = ops::kernel(&Attributes(node), version);
    let kernel = kernel.ok_or_else(|| Fault::new("it is not supported"))??;
    let inputs = node.input.iter().map(|name| numbers.get(name.as_str()).copied()).collect();
    let mut outputs = Vec::with_capacity(node.output.len());
    for name in &node.output {
        if name.is_empty() {
            outputs.push(None);
            continue;
        }
        let number = numbers.len();
        ensure!(numbers.insert(name, number).is_none(), "two nodes make `{name}`");
        outputs.push(Some(number));
    }
    Ok(Step { name: title(node), kernel, inputs, outputs, last_use: Vec::new() })
}
