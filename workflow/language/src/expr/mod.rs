//! The language of `${{ }}`: small, typed, free of side effects, the same wherever it appears.
//!
//! ```text
//! literals     12  0.5  'text' ('' is one quote)  true  false  null
//! references   params.NAME   matrix.NAME   item   run.id   event
//!              steps.STEP.outputs.NAME   steps.STEP.metrics.NAME   (or ['NAME'])
//!              steps.STEP[KEY=value, KEY=*].outputs.NAME   of these combinations of a matrix
//! operators    !  -  *  /  +  <  <=  >  >=  ==  !=  &&  ||   and  x[index]
//! functions    see [`Function`]
//! ```
//!
//! Unlike in GitHub Actions, values are not coerced: `'1' == 1` is refused instead of being true, text is compared
//! with regard to case, and `&&` and `||` take and give booleans.

mod aggregate;
mod check;
mod eval;
mod functions;
mod lexer;
mod parser;
mod template;
mod value;

use std::{fmt, ops::Range};

pub use check::{Record, Scope, Type, check, kind_name};
pub use eval::{EvalError, KeyValues, Values, eval, key_values};
pub use functions::Function;
pub use parser::parse;
pub use template::{Piece, Template, fill};
pub use value::Value;

/// What is wrong with an expression, and where in its text (in bytes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where.
    pub span: Range<usize>,
}

impl Problem {
    /// A problem at `span`.
    pub fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), help: None, span }
    }

    /// The same with a hint.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// An expression and its place in the text. Two are equal if they mean the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub node: Node,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// One node of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A literal: null, boolean, number or text.
    Literal(Value),
    /// A name that the surroundings give a value.
    Reference(Reference),
    /// `steps.STEP[KEY=value].outputs.NAME`: the same of some combinations of the step's matrix alone.
    Select(Reference, Keys),
    /// `x[i]`, or `x.name` for `x['name']`.
    Index(Box<Expr>, Box<Expr>),
    /// `f(x, y)`.
    Call(Function, Vec<Expr>),
    /// `!x`.
    Not(Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// `x + y`.
    Binary(Operator, Box<Expr>, Box<Expr>),
}

/// What the keys of combinations must be, in the order in which they were written; no expression means `*`, any value.
pub type Keys = Vec<Key>;

/// A key and the value that chooses by it; none for `*`.
pub type Key = (String, Option<Expr>);

/// A name that the surroundings give a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `params.NAME`
    Param(String),
    /// `steps.STEP.outputs.NAME`
    Output(String, String),
    /// `steps.STEP.metrics.NAME`
    Metric(String, String),
    /// `matrix.NAME`
    Matrix(String),
    /// `item`: the value or part that a task of a `for-each` step is about.
    Item,
    /// `run.id`
    RunId,
    /// `event`: what started the run; null if a person did.
    Event,
}

impl Reference {
    /// The step it reads from.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Output(step, _) | Self::Metric(step, _) => Some(step),
            _ => None,
        }
    }
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Operator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }

    /// Higher binds tighter; 1 to 6.
    fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal | Self::NotEqual => 3,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => 4,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
        }
    }
}

const UNARY: u8 = 7;
const POSTFIX: u8 = 8;

impl Expr {
    /// Calls `visit` on this expression and everything in it.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match &self.node {
            Node::Literal(_) | Node::Reference(_) => {}
            Node::Select(_, keys) => keys.iter().filter_map(|(_, x)| x.as_ref()).for_each(|x| x.walk(visit)),
            Node::Not(x) | Node::Negate(x) => x.walk(visit),
            Node::Index(x, y) | Node::Binary(_, x, y) => {
                x.walk(visit);
                y.walk(visit);
            }
            Node::Call(_, arguments) => arguments.iter().for_each(|x| x.walk(visit)),
        }
    }

    /// All references in it, in order.
    pub fn references(&self) -> Vec<(&Reference, &Range<usize>)> {
        let mut all = Vec::new();
        self.walk(&mut |expr| {
            if let Node::Reference(reference) | Node::Select(reference, _) = &expr.node {
                all.push((reference, &expr.span));
            }
        });
        all
    }

    /// Whether it calls `success()`, `failure()` or `always()`.
    pub fn asks_for_status(&self) -> bool {
        let mut asks = false;
        self.walk(&mut |expr| asks |= matches!(&expr.node, Node::Call(function, _) if function.is_status()));
        asks
    }

    /// The step whose metrics it finds the best of, if this is `argmin(...)` or `argmax(...)` of a metric; and the keys that
    /// choose among them.
    pub fn best_of(&self) -> Option<(&str, &[Key])> {
        let Node::Call(Function::Argmin | Function::Argmax, arguments) = &self.node else { return None };
        match arguments.as_slice() {
            [Self { node: Node::Reference(Reference::Metric(step, _)), .. }] => Some((step, &[])),
            [Self { node: Node::Select(Reference::Metric(step, _), keys), .. }] => Some((step, keys)),
            _ => None,
        }
    }

    fn precedence(&self) -> u8 {
        match &self.node {
            Node::Binary(operator, ..) => operator.precedence(),
            Node::Not(_) | Node::Negate(_) => UNARY,
            _ => POSTFIX,
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, at_least: u8) -> fmt::Result {
        if self.precedence() < at_least { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

/// Whether `name` may follow a dot.
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn member(name: &str) -> String {
    if is_identifier(name) { format!(".{name}") } else { format!("[{}]", quoted(name)) }
}

impl Reference {
    fn print(&self, f: &mut fmt::Formatter<'_>, keys: &Keys) -> fmt::Result {
        let selection = |f: &mut fmt::Formatter<'_>| -> fmt::Result {
            for (i, (name, value)) in keys.iter().enumerate() {
                let is_word = is_identifier(name) && !matches!(name.as_str(), "true" | "false" | "null");
                let name = if is_word { name.clone() } else { quoted(name) };
                write!(f, "{}{name}=", if i > 0 { ", " } else { "[" })?;
                match value {
                    Some(value) => write!(f, "{value}")?,
                    None => write!(f, "*")?,
                }
            }
            write!(f, "{}", if keys.is_empty() { "" } else { "]" })
        };
        match self {
            Self::Param(name) => write!(f, "params{}", member(name)),
            Self::Output(step, name) => {
                write!(f, "steps{}", member(step))?;
                selection(f)?;
                write!(f, ".outputs{}", member(name))
            }
            Self::Metric(step, name) => {
                write!(f, "steps{}", member(step))?;
                selection(f)?;
                write!(f, ".metrics{}", member(name))
            }
            Self::Matrix(name) => write!(f, "matrix{}", member(name)),
            Self::Item => write!(f, "item"),
            Self::RunId => write!(f, "run.id"),
            Self::Event => write!(f, "event"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, &Vec::new())
    }
}

/// Writes it so that reading it again gives an equal expression.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Literal(Value::String(text)) => write!(f, "{}", quoted(text)),
            // With its point, so that it stays a float.
            Node::Literal(Value::Number(value)) => match serde_json::Number::from_f64(*value) {
                Some(number) => write!(f, "{number}"),
                None => write!(f, "{value}"),
            },
            Node::Literal(value) => write!(f, "{value}"),
            Node::Reference(reference) => write!(f, "{reference}"),
            Node::Select(reference, keys) => reference.print(f, keys),
            Node::Index(x, index) => {
                x.print(f, POSTFIX)?;
                match &index.node {
                    Node::Literal(Value::String(name)) => write!(f, "{}", member(name)),
                    _ => write!(f, "[{index}]"),
                }
            }
            Node::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                for (i, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if i > 0 { ", " } else { "" })?;
                }
                write!(f, ")")
            }
            Node::Not(x) => {
                write!(f, "!")?;
                x.print(f, UNARY)
            }
            Node::Negate(x) => {
                write!(f, "-")?;
                x.print(f, UNARY)
            }
            Node::Binary(operator, x, y) => {
                x.print(f, operator.precedence())?;
                write!(f, " {} ", operator.symbol())?;
                y.print(f, operator.precedence() + 1)
            }
        }
    }
}
