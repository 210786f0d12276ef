//! YAML to a tree of nodes that know their places.

mod de;

use std::{collections::HashMap, ops::Range};

use millstream_errors::Code;
use saphyr::{Scalar, ScanError};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::Value;

pub use de::{Error, Sink, from_node};

use millstream_core::number;

use crate::diagnostic::Diagnostic;

/// Bytes in a file.
const LONGEST: usize = 1 << 20;
/// Collections within collections.
const DEEPEST: usize = 64;
/// Nodes in a file, those that aliases repeat included.
const MOST_NODES: usize = 100_000;

/// A value and its place in bytes.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it is.
    pub value: Tree,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Tree {
    /// Null, a boolean, a number or text.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// Keys with their places, in order.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Where it stands.
    pub span: Range<usize>,
}

impl Node {
    /// The entry of that key.
    pub fn get(&self, name: &str) -> Option<&(Key, Self)> {
        match &self.value {
            Tree::Map(entries) => entries.iter().find(|(key, _)| key.name == name),
            _ => None,
        }
    }

    /// The node at `path` (keys and places), or the last one on the way that exists; and its key, if it has one.
    pub fn at(&self, path: &[&str]) -> (Option<&Key>, &Self) {
        let mut found = (None, self);
        for segment in path {
            let next = match &found.1.value {
                Tree::List(items) => {
                    segment.parse().ok().and_then(|i: usize| items.get(i)).map(|node| (None, node))
                }
                _ => found.1.get(segment).map(|(key, node)| (Some(key), node)),
            };
            match next {
                Some(next) => found = next,
                None => break,
            }
        }
        found
    }

    /// The same as JSON, without places.
    pub fn to_json(&self) -> Value {
        match &self.value {
            Tree::Scalar(value) => value.clone(),
            Tree::List(items) => items.iter().map(Self::to_json).collect(),
            Tree::Map(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect()
            }
        }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Tree::Scalar(_) => 0,
            Tree::List(items) => items.iter().map(Self::size).sum(),
            Tree::Map(entries) => entries.iter().map(|(_, node)| node.size()).sum(),
        }
    }

    fn depth(&self) -> usize {
        1 + match &self.value {
            Tree::Scalar(_) => 0,
            Tree::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Tree::Map(entries) => entries.iter().map(|(_, node)| node.depth()).max().unwrap_or(0),
        }
    }
}

/// Reads the one document of a file.
pub fn load(text: &str) -> Result<Node, Vec<Diagnostic>> {
    if text.len() > LONGEST {
        let message = format!("the file has {} bytes; a workflow has {LONGEST} at most", text.len());
        return Err(vec![Diagnostic { code: Code::YamlTooLarge, span: 0..0, message, help: None }]);
    }
    let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    bytes.push(text.len());
    let mut loader = Loader {
        bytes,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
        duplicates: vec![],
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| vec![loader.syntax(&error)])?;
        loader.event(event, span).map_err(|diagnostic| vec![diagnostic])?;
    }
    if !loader.duplicates.is_empty() {
        return Err(loader.duplicates);
    }
    loader.root.ok_or_else(|| {
        vec![Diagnostic {
            code: Code::NotYaml,
            span: 0..0,
            message: "the file is empty".to_owned(),
            help: None,
        }]
    })
}

/// Whether a plain scalar is a number in decimal notation.
fn is_number(text: &str) -> bool {
    number::read(text).is_some()
}

struct Loader {
    /// From the place of a character to that of its first byte.
    bytes: Vec<usize>,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    duplicates: Vec<Diagnostic>,
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Key>,
}

impl Loader {
    fn byte(&self, character: usize) -> usize {
        self.bytes[character.min(self.bytes.len() - 1)]
    }

    fn span(&self, span: Span) -> Range<usize> {
        self.byte(span.start.index())..self.byte(span.end.index())
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let at = self.byte(error.marker().index());
        Diagnostic {
            code: Code::NotYaml,
            span: at..at,
            message: format!("this is not YAML: {}", error.info()),
            help: None,
        }
    }

    /// Whether the next scalar is a key of a map.
    fn is_key(&self) -> bool {
        self.stack.last().is_some_and(|open| open.key.is_none() && matches!(open.node.value, Tree::Map(_)))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let span = self.span(span);
        let refuse_as =
            |code: Code, message: String| Err(Diagnostic { code, span: span.clone(), message, help: None });
        let refuse = |message: String| refuse_as(Code::NotYaml, message);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                refuse("a file holds one workflow; this is a second document".to_owned())
            }
            // A key is the text that was written.
            Event::Scalar(text, style, anchor, tag) if self.is_key() => {
                let Some(scalar) = Scalar::parse_from_cow_and_metadata(text.clone(), style, tag.as_ref())
                else {
                    return refuse("the value does not fit its tag".to_owned());
                };
                let value =
                    if matches!(scalar, Scalar::Null) { "null".into() } else { text.into_owned().into() };
                self.add(Node { span, value: Tree::Scalar(value) }, anchor)
            }
            Event::Scalar(text, ScalarStyle::Plain, anchor, None) if is_number(&text) => {
                match number::read(&text) {
                    Some(Ok(number)) => self.add(Node { span, value: Tree::Scalar(number.into()) }, anchor),
                    Some(Err(message)) => refuse(message),
                    None => refuse(format!("{text} is no number")),
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let Some(scalar) = Scalar::parse_from_cow_and_metadata(text, style, tag.as_ref()) else {
                    return refuse("the value does not fit its tag".to_owned());
                };
                let value = match scalar {
                    Scalar::Null => Value::Null,
                    Scalar::Boolean(value) => value.into(),
                    Scalar::Integer(value) => value.into(),
                    Scalar::FloatingPoint(value) => match serde_json::Number::from_f64(*value) {
                        Some(number) => Value::Number(number),
                        None => return refuse("infinities and NaN have no place in a workflow".to_owned()),
                    },
                    Scalar::String(text) => text.into_owned().into(),
                };
                self.add(Node { span, value: Tree::Scalar(value) }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.open(Node { span, value: Tree::List(Vec::new()) }, anchor)
            }
            Event::MappingStart(anchor, _) => self.open(Node { span, value: Tree::Map(Vec::new()) }, anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(mut open) => {
                    open.node.span.end = span.end.max(open.node.span.end);
                    // Counted when it was opened.
                    self.nodes -= 1;
                    self.add(open.node, open.anchor)
                }
                None => refuse("this closes nothing".to_owned()),
            },
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return refuse("this alias stands within what it names".to_owned());
                };
                self.nodes += node.size() - 1;
                if self.stack.len() + node.depth() > DEEPEST {
                    return refuse_as(Code::YamlTooLarge, format!("more than {DEEPEST} levels"));
                }
                self.add(Node { span, ..node }, 0)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.count(&node)?;
        if self.stack.len() >= DEEPEST {
            let message = format!("more than {DEEPEST} levels of lists and maps");
            return Err(Diagnostic { code: Code::YamlTooLarge, span: node.span, message, help: None });
        }
        self.stack.push(Open { node, anchor, key: None });
        Ok(())
    }

    fn count(&mut self, node: &Node) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let message = format!("more than {MOST_NODES} values, repeated ones included");
        Err(Diagnostic { code: Code::YamlTooLarge, span: node.span.clone(), message, help: None })
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.count(&node)?;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Tree::List(items) => items.push(node),
            Tree::Map(entries) => match open.key.take() {
                Some(key) => {
                    if entries.iter().any(|(other, _)| other.name == key.name) {
                        let message = format!("`{}` is given twice", key.name);
                        self.duplicates.push(Diagnostic {
                            code: Code::DuplicateKey,
                            span: key.span,
                            message,
                            help: None,
                        });
                    } else {
                        entries.push((key, node));
                    }
                }
                None => {
                    let name = match &node.value {
                        Tree::Scalar(Value::String(text)) => text.clone(),
                        Tree::Scalar(value) => value.to_string(),
                        _ => {
                            let message = "a key is text, not a list or a map".to_owned();
                            return Err(Diagnostic {
                                code: Code::NotYaml,
                                span: node.span,
                                message,
                                help: None,
                            });
                        }
                    };
                    open.key = Some(Key { name, span: node.span });
                }
            },
            Tree::Scalar(_) => {}
        }
        Ok(())
    }
}
