//! A node of a graph, and what its operator makes of what flows in.

use std::cell::RefCell;
use std::rc::Rc;

use crate::fault::{Fault, ensure};
use crate::proto;
use crate::tensor::{Tensor, text};

/// What flows into a node.
pub struct Inputs<'a> {
    pub tensors: Vec<Option<&'a Tensor>>,
    /// The values are made up, to see what comes out: categories that are not known are no fault.
    pub rehearsal: bool,
    /// Where operators of categories tell those that they do not know.
    pub unknown: &'a Unknown,
}

/// Categories that came up in a run and that an operator does not know.
#[derive(Default)]
pub struct Unknown(RefCell<Vec<UnknownValue>>);

/// One of them.
pub struct UnknownValue {
    /// Where it stands among the values that the operator takes, row after row, and how many they are.
    pub place: usize,
    pub places: usize,
    /// As text.
    pub value: String,
    /// The categories that the operator knows.
    pub known: Rc<[String]>,
}

/// Unknown categories of a run that are told at the most.
const MOST_UNKNOWN: usize = 1 << 20;

impl Unknown {
    pub fn add(&self, unknown: UnknownValue) {
        let mut all = self.0.borrow_mut();
        if all.len() < MOST_UNKNOWN {
            all.push(unknown);
        }
    }

    pub fn into_values(self) -> Vec<UnknownValue> {
        self.0.into_inner()
    }
}

impl<'a> Inputs<'a> {
    /// An input that must be there.
    pub fn get(&self, place: usize) -> Result<&'a Tensor, Fault> {
        self.optional(place).ok_or_else(|| Fault::new(format!("input {place} is missing")))
    }

    /// An input that may be left out.
    pub fn optional(&self, place: usize) -> Option<&'a Tensor> {
        self.tensors.get(place).copied().flatten()
    }

    pub fn len(&self) -> usize {
        self.tensors.len()
    }
}

/// An operator with its attributes.
pub type Kernel = Box<dyn Fn(&Inputs<'_>) -> Result<Vec<Tensor>, Fault>>;

/// A node's attributes.
pub struct Attributes<'a>(pub &'a proto::Node);

impl<'a> Attributes<'a> {
    fn find(&self, name: &str) -> Option<&'a proto::Attribute> {
        self.0.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.find(name).map_or(otherwise, |attribute| attribute.i)
    }

    pub fn flag(&self, name: &str, otherwise: bool) -> bool {
        self.int(name, otherwise.into()) != 0
    }

    pub fn float(&self, name: &str, otherwise: f32) -> f32 {
        self.find(name).map_or(otherwise, |attribute| attribute.f)
    }

    pub fn text(&self, name: &str, otherwise: &str) -> Result<String, Fault> {
        self.find(name).map_or(Ok(otherwise.to_owned()), |attribute| text(&attribute.s))
    }

    /// Integers; none if there is no such attribute.
    pub fn ints(&self, name: &str) -> &'a [i64] {
        self.find(name).map_or(&[], |attribute| &attribute.ints)
    }

    pub fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        let strings = self.find(name).map_or(&[] as &[_], |attribute| &attribute.strings);
        strings.iter().map(|bytes| text(bytes)).collect()
    }

    /// Numbers in single precision, or in double precision if there is a tensor `<name>_as_tensor`.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, Fault> {
        match self.tensor(&format!("{name}_as_tensor"))? {
            Some(tensor) => tensor.numbers(),
            None => {
                let floats = self.find(name).map_or(&[] as &[_], |attribute| &attribute.floats);
                Ok(floats.iter().map(|&float| f64::from(float)).collect())
            }
        }
    }

    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>, Fault> {
        self.find(name).and_then(|attribute| attribute.t.as_ref()).map(Tensor::read).transpose()
    }

    pub fn graph(&self, name: &str) -> Result<&'a proto::Graph, Fault> {
        let graph = self.find(name).and_then(|attribute| attribute.g.as_deref());
        graph.ok_or_else(|| Fault::new(format!("its graph `{name}` is missing")))
    }
}

/// A place counted from the end if it is negative.
pub fn axis(axis: i64, rank: usize) -> Result<usize, Fault> {
    let place = if axis < 0 { axis.checked_add(rank as i64).unwrap_or(-1) } else { axis };
    ensure!(place >= 0 && place < rank as i64, "there is no axis {axis} in an array of {rank}");
    Ok(place as usize)
}
