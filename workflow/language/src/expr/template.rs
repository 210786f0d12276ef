//! Text with `${{ }}` in it.

use std::{fmt, ops::Range};

use serde_json::Value as Json;

use super::{EvalError, Expr, Problem, Value, Values, eval, parse};

/// A string of a workflow, split into plain text and expressions.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// In order; no two texts stand side by side.
    pub pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// An expression.
    Expr(Expr),
}

impl Template {
    /// Reads a string. Spans count from the start of the string.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find("${{") {
            let open = at + open;
            if open > at {
                pieces.push(Piece::Text(text[at..open].to_owned()));
            }
            let start = open + 3;
            let Some(end) = closing(&text[start..]).map(|end| start + end) else {
                return Err(Problem::new("`${{` has no closing `}}`", open..text.len()));
            };
            let expr = parse(&text[start..end])
                .map_err(|problem| Problem { span: shift(&problem.span, start), ..problem })?;
            pieces.push(Piece::Expr(shifted(expr, start)));
            at = end + 2;
        }
        if at < text.len() || pieces.is_empty() {
            pieces.push(Piece::Text(text[at..].to_owned()));
        }
        Ok(Self { pieces })
    }

    /// Reads `if:`, where `${{ }}` may be left out.
    pub fn condition(text: &str) -> Result<Expr, Problem> {
        if !text.contains("${{") {
            return parse(text);
        }
        let trimmed = Self::parse(text)?
            .pieces
            .into_iter()
            .filter(|piece| !matches!(piece, Piece::Text(text) if text.trim().is_empty()))
            .collect::<Vec<_>>();
        match <[Piece; 1]>::try_from(trimmed) {
            Ok([Piece::Expr(expr)]) => Ok(expr),
            _ => Err(Problem::new("a condition is one expression", 0..text.len())
                .help("put all of it between one `${{` and `}}`")),
        }
    }

    /// The expression, if the string is nothing else: then its value keeps its type.
    pub fn whole(&self) -> Option<&Expr> {
        match self.pieces.as_slice() {
            [Piece::Expr(expr)] => Some(expr),
            _ => None,
        }
    }

    /// All expressions in it.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expr(expr) => Some(expr),
            Piece::Text(_) => None,
        })
    }

    /// Its value: of any type for a whole expression, otherwise text.
    pub fn eval(&self, values: &dyn Values) -> Result<Value, EvalError> {
        if let Some(expr) = self.whole() {
            return eval(expr, values);
        }
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Expr(expr) => match eval(expr, values)? {
                    value @ (Value::Channel(_)
                    | Value::Gathered(_)
                    | Value::List(_)
                    | Value::Object(_)
                    | Value::Groups(_)) => {
                        return Err(EvalError::failed(format!(
                            "`{expr}` is {}, which can't stand within text",
                            value.kind()
                        )));
                    }
                    value => text.push_str(&value.to_string()),
                },
            }
        }
        Ok(Value::String(text))
    }
}

/// `json` with every expression in its strings evaluated.
///
/// # Errors
/// As [`eval`].
pub fn fill(json: &Json, values: &dyn Values) -> Result<Json, EvalError> {
    Ok(match json {
        Json::String(text) if text.contains("${{") => {
            let template = Template::parse(text).map_err(|problem| EvalError::failed(problem.message))?;
            template
                .eval(values)?
                .to_json()
                .map_err(|message| EvalError::failed(format!("`{text}`: {message}")))?
        }
        Json::Array(items) => items.iter().map(|item| fill(item, values)).collect::<Result<_, _>>()?,
        Json::Object(map) => Json::Object(
            map.iter()
                .map(|(name, item)| Ok((name.clone(), fill(item, values)?)))
                .collect::<Result<_, EvalError>>()?,
        ),
        other => other.clone(),
    })
}

/// Where `}}` closes the expression; braces in quotes do not.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    let bytes = text.as_bytes();
    bytes.iter().enumerate().find_map(|(i, byte)| {
        quoted ^= *byte == b'\'';
        (!quoted && *byte == b'}' && bytes.get(i + 1) == Some(&b'}')).then_some(i)
    })
}

fn shift(span: &Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}

fn shifted(mut expr: Expr, by: usize) -> Expr {
    use super::Node::{Binary, Call, Index, Literal, Negate, Not, Reference, Select};
    let boxed = |expr: Box<Expr>| Box::new(shifted(*expr, by));
    expr.span = shift(&expr.span, by);
    expr.node = match expr.node {
        node @ (Literal(_) | Reference(_)) => node,
        Select(reference, keys) => {
            let keys = keys.into_iter().map(|(name, x)| (name, x.map(|x| shifted(x, by))));
            Select(reference, keys.collect())
        }
        Not(x) => Not(boxed(x)),
        Negate(x) => Negate(boxed(x)),
        Index(x, i) => Index(boxed(x), boxed(i)),
        Binary(operator, x, y) => Binary(operator, boxed(x), boxed(y)),
        Call(function, xs) => Call(function, xs.into_iter().map(|x| shifted(x, by)).collect()),
    };
    expr
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => write!(f, "{text}"),
            Piece::Expr(expr) => write!(f, "${{{{ {expr} }}}}"),
        })
    }
}
