//! The type of an expression, known before anything runs.

use std::{collections::BTreeMap, fmt};

use millstream_core::{manifest::Kind, nearest};

mod call;

use super::{Expr, Keys, Node, Operator, Problem, Reference, Value};

/// What kind of value an expression comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    /// Not known before the run.
    Any,
    Null,
    Bool,
    Integer,
    Number,
    String,
    List(Box<Type>),
    Object,
    /// An object whose fields are known.
    Record(Box<Record>),
    /// Groups, each with a value of that type.
    Groups(Box<Type>),
    Channel(Kind),
}

/// The fields of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Their types, by name; any of them may be null.
    pub fields: BTreeMap<String, Type>,
    /// Whether it may have others.
    pub open: bool,
}

impl Type {
    /// A list of `item`.
    pub fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// The type of a JSON value.
    pub fn of(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(_) => Self::Bool,
            Json::Number(number) if number.is_f64() => Self::Number,
            Json::Number(_) => Self::Integer,
            Json::String(_) => Self::String,
            Json::Array(items) => Self::list(Self::common(items.iter().map(Self::of))),
            Json::Object(_) => Self::Object,
        }
    }

    /// The narrowest type that takes in all of `types`.
    pub fn common(types: impl IntoIterator<Item = Self>) -> Self {
        types
            .into_iter()
            .reduce(|a, b| match (a, b) {
                (a, b) if a == b => a,
                (a, b) if a.is_number() && b.is_number() => Self::Number,
                _ => Self::Any,
            })
            .unwrap_or(Self::Any)
    }

    /// Whether it is a number for certain.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }

    fn is_object(&self) -> bool {
        matches!(self, Self::Object | Self::Record(_))
    }

    fn may_be_number(&self) -> bool {
        self.is_number() || *self == Self::Any
    }

    fn may_be(&self, other: &Self) -> bool {
        self == other || *self == Self::Any
    }

    fn comparable(&self, other: &Self) -> bool {
        let loose = |t: &Self| matches!(t, Self::Any | Self::Null);
        loose(self)
            || loose(other)
            || self == other
            || (self.is_number() && other.is_number())
            || matches!((self, other), (Self::List(_), Self::List(_)))
            || (self.is_object() && other.is_object())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => write!(f, "any value"),
            Self::Null => write!(f, "null"),
            Self::Bool => write!(f, "a boolean"),
            Self::Integer => write!(f, "an integer"),
            Self::Number => write!(f, "a number"),
            Self::String => write!(f, "text"),
            Self::List(item) => match **item {
                Self::Any => write!(f, "a list"),
                Self::Bool => write!(f, "a list of booleans"),
                Self::Integer | Self::Number => write!(f, "a list of numbers"),
                Self::String => write!(f, "a list of texts"),
                _ => write!(f, "a list of other values"),
            },
            Self::Object | Self::Record(_) => write!(f, "an object"),
            Self::Groups(of) => match **of {
                Self::List(_) => write!(f, "groups of numbers"),
                _ => write!(f, "a number for each group"),
            },
            Self::Channel(kind) => write!(f, "a channel of kind {}", kind_name(*kind)),
        }
    }
}

/// As people write it.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Table => "table",
        Kind::Model => "model",
        Kind::Report => "report",
        Kind::File => "file",
    }
}

/// What an expression may refer to.
pub trait Scope {
    /// The type of a reference to the combinations that `keys` pick; `Err` with message and help if it is not known here.
    fn reference(&self, reference: &Reference, keys: &Keys) -> Result<Type, (String, Option<String>)>;

    /// Whether what `x` refers to may be picked by the place that `index` gives; `Err` with message and help if not.
    fn place(&self, _x: &Expr, _index: &Expr) -> Result<(), (String, Option<String>)> {
        Ok(())
    }

    /// Whether what `reference` lists can be grouped by `key` of a matrix; `Err` with message and help if not.
    fn groups(
        &self,
        reference: &Reference,
        _keys: &Keys,
        _key: &str,
    ) -> Result<(), (String, Option<String>)> {
        Err((format!("`{reference}` has no groups here"), None))
    }

    /// Whether `success()` and its like may be asked here.
    fn has_status(&self) -> bool;
}

/// The type of `expr`, or everything that is wrong with it.
pub fn check(expr: &Expr, scope: &dyn Scope) -> Result<Type, Vec<Problem>> {
    let mut checker = Checker { scope, problems: Vec::new() };
    let found = checker.expr(expr);
    if checker.problems.is_empty() { Ok(found) } else { Err(checker.problems) }
}

struct Checker<'a> {
    scope: &'a dyn Scope,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn refuse(&mut self, expr: &Expr, message: String) {
        self.problems.push(Problem::new(message, expr.span.clone()));
    }

    fn expr(&mut self, expr: &Expr) -> Type {
        match &expr.node {
            Node::Literal(value) => match value {
                Value::Null => Type::Null,
                Value::Bool(_) => Type::Bool,
                Value::Integer(_) => Type::Integer,
                Value::Number(_) => Type::Number,
                Value::String(_) => Type::String,
                Value::List(_)
                | Value::Object(_)
                | Value::Groups(_)
                | Value::Channel(_)
                | Value::Gathered(_) => Type::Any,
            },
            Node::Reference(reference) => self.reference(expr, reference, &Keys::new()),
            Node::Select(reference, keys) => {
                for value in keys.iter().filter_map(|(_, value)| value.as_ref()) {
                    if matches!(self.expr(value), Type::Channel(_)) {
                        self.refuse(value, format!("`{value}` is a channel; a key of a matrix has a value"));
                    }
                }
                self.reference(expr, reference, keys)
            }
            Node::Index(x, index) => self.index(x, index),
            Node::Call(function, arguments) => self.call(expr, *function, arguments),
            Node::Not(x) => {
                self.boolean(x, "!");
                Type::Bool
            }
            Node::Negate(x) => self.number(x, "-"),
            Node::Binary(operator, x, y) => self.binary(expr, *operator, x, y),
        }
    }

    fn reference(&mut self, expr: &Expr, reference: &Reference, keys: &Keys) -> Type {
        self.scope.reference(reference, keys).unwrap_or_else(|(message, help)| {
            self.problems.push(Problem { message, help, span: expr.span.clone() });
            Type::Any
        })
    }

    fn index(&mut self, x: &Expr, index: &Expr) -> Type {
        let (of, by) = (self.expr(x), self.expr(index));
        if by.may_be_number()
            && of != Type::Any
            && let Err((message, help)) = self.scope.place(x, index)
        {
            self.problems.push(Problem { message, help, span: index.span.clone() });
            return Type::Any;
        }
        let (found, wanted) = match of {
            // By the value of the key, whatever that is.
            Type::Groups(value) => return *value,
            Type::List(item) => (*item, Type::Integer),
            Type::Channel(kind) => (Type::Channel(kind), Type::Integer),
            Type::Object => (Type::Any, Type::String),
            Type::Record(record) => (self.field(x, index, &record), Type::String),
            Type::Any => return Type::Any,
            _ => {
                self.refuse(
                    x,
                    format!("`{x}` is {of}; only lists, groups, channels and objects have members"),
                );
                return Type::Any;
            }
        };
        // Whether a number is whole is seen when it is known.
        let fits = by.may_be(&wanted) || wanted == Type::Integer && by.is_number();
        if !fits {
            self.refuse(index, format!("`{index}` is {by}, but {wanted} is wanted to pick from `{x}`"));
        }
        found
    }

    /// The field that `index` names; of any type, if that is known only when the run goes on.
    fn field(&mut self, x: &Expr, index: &Expr, record: &Record) -> Type {
        let Node::Literal(Value::String(name)) = &index.node else { return Type::Any };
        match record.fields.get(name) {
            Some(found) => found.clone(),
            None if record.open => Type::Any,
            None => {
                let help = nearest::or_all(name, record.fields.keys().map(String::as_str), "fields");
                let problem = Problem::new(format!("`{x}` has no field `{name}`"), index.span.clone());
                self.problems.push(problem.help(help));
                Type::Any
            }
        }
    }

    fn boolean(&mut self, x: &Expr, symbol: &str) {
        let found = self.expr(x);
        if !found.may_be(&Type::Bool) {
            self.refuse(x, format!("`{symbol}` takes booleans, but `{x}` is {found}"));
        }
    }

    fn number(&mut self, x: &Expr, symbol: &str) -> Type {
        let found = self.expr(x);
        if found.may_be_number() {
            return found;
        }
        let problem = Problem::new(format!("`{symbol}` takes numbers, but `{x}` is {found}"), x.span.clone());
        self.problems.push(match found {
            Type::String if symbol == "+" => problem.help("to join texts, use format('{0}{1}', a, b)"),
            Type::List(_) => problem.help("pick one with [i], or use min() or max()"),
            _ => problem,
        });
        Type::Number
    }

    fn binary(&mut self, expr: &Expr, operator: Operator, x: &Expr, y: &Expr) -> Type {
        let symbol = operator.symbol();
        match operator {
            Operator::Or | Operator::And => {
                self.boolean(x, symbol);
                self.boolean(y, symbol);
                Type::Bool
            }
            Operator::Equal | Operator::NotEqual => {
                let (a, b) = (self.expr(x), self.expr(y));
                if !a.comparable(&b) {
                    self.refuse(expr, format!("`{x}` is {a} and `{y}` is {b}: they are never equal"));
                }
                Type::Bool
            }
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                let texts = self.is_text(x) && self.is_text(y);
                if !texts {
                    self.number(x, symbol);
                    self.number(y, symbol);
                }
                Type::Bool
            }
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
                let (a, b) = (self.number(x, symbol), self.number(y, symbol));
                match (a, b) {
                    (Type::Integer, Type::Integer) if operator != Operator::Divide => Type::Integer,
                    _ => Type::Number,
                }
            }
        }
    }

    /// Whether it is text for certain; reports nothing.
    fn is_text(&self, x: &Expr) -> bool {
        check(x, self.scope) == Ok(Type::String)
    }
}
