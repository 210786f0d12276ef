//! The language of `${{ }}`: small, typed, free of side effects, the same wherever it appears.
//!
//! ```text
//! literals     12  0.5  'text' ('' is one quote)  true  false  null
//! references   params.NAME   matrix.NAME   item   run.id
//!              steps.STEP.outputs.NAME   steps.STEP.metrics.NAME   (or ['NAME'])
//! operators    !  -  *  /  +  <  <=  >  >=  ==  !=  &&  ||   and  x[index]
//! functions    see [`Function`]
//! ```
//!
//! Unlike in GitHub Actions, values are not coerced: `'1' == 1` is refused instead of being true, text is compared
//! with regard to case, and `&&` and `||` take and give booleans.

mod check;
mod eval;
mod functions;
mod lexer;
mod parser;
mod template;
mod value;

use std::{fmt, ops::Range};

pub use check::{Scope, Type, check, kind_name};
pub use eval::{EvalError, Values, eval};
pub use functions::Function;
pub use parser::parse;
pub use template::{Piece, Template};
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
            if let Node::Reference(reference) = &expr.node {
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

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Param(name) => write!(f, "params{}", member(name)),
            Self::Output(step, name) => write!(f, "steps{}.outputs{}", member(step), member(name)),
            Self::Metric(step, name) => write!(f, "steps{}.metrics{}", member(step), member(name)),
            Self::Matrix(name) => write!(f, "matrix{}", member(name)),
            Self::Item => write!(f, "item"),
            Self::RunId => write!(f, "run.id"),
        }
    }
}

/// Writes it so that reading it again gives an equal expression.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Literal(Value::String(text)) => write!(f, "{}", quoted(text)),
            Node::Literal(value) => write!(f, "{value}"),
            Node::Reference(reference) => write!(f, "{reference}"),
            Node::Index(x, index) => {
                x.print(f, POSTFIX)?;
                write!(f, "[{index}]")
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
