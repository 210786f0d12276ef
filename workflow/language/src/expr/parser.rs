//! Tokens to an expression: recursive descent, with precedence climbing for binary operators.

use std::ops::Range;

use millstream_core::nearest;

use super::{
    Expr, Function, Keys, Node, Operator, Problem, Reference, UNARY, Value,
    lexer::{Token, tokens},
};

/// More than anybody writes by hand, and little enough that no recursion over an expression can exhaust the stack.
const MOST_TOKENS: usize = 512;
/// Likewise, for brackets within brackets.
const DEEPEST: usize = 64;

/// What a reference may start with.
const ROOTS: [&str; 6] = ["params", "steps", "matrix", "item", "run", "event"];

/// Reads an expression: the text between `${{` and `}}`.
pub fn parse(text: &str) -> Result<Expr, Problem> {
    let tokens = tokens(text)?;
    if tokens.len() > MOST_TOKENS {
        return Err(Problem::new("the expression is too long", 0..text.len())
            .help(format!("{MOST_TOKENS} words and symbols are allowed; this one has {}", tokens.len())));
    }
    let mut parser = Parser { tokens, next: 0, end: text.len(), depth: 0 };
    let expr = parser.binary(1)?;
    match parser.peek() {
        None => Ok(expr),
        Some(Token::Is) => {
            Err(Problem::new("`=` has no meaning here", parser.here()).help("to compare, write =="))
        }
        Some(_) => Err(Problem::new("an operator is missing here", parser.here())),
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn here(&self) -> Range<usize> {
        self.tokens.get(self.next).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token, written: &str) -> Result<usize, Problem> {
        let here = self.here();
        if self.take(token) {
            Ok(here.end)
        } else {
            Err(Problem::new(format!("`{written}` is missing here"), here))
        }
    }

    fn binary(&mut self, least: u8) -> Result<Expr, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Problem::new("the expression is nested too deeply", self.here()));
        }
        let mut left = self.unary()?;
        while let Some(&Token::Operator(operator)) = self.peek()
            && operator.precedence() >= least
        {
            self.next += 1;
            let right = self.binary(operator.precedence() + 1)?;
            let span = left.span.start..right.span.end;
            left = Expr { node: Node::Binary(operator, Box::new(left), Box::new(right)), span };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Problem> {
        let start = self.here().start;
        let make: fn(Box<Expr>) -> Node = match self.peek() {
            Some(Token::Not) => Node::Not,
            Some(Token::Operator(Operator::Subtract)) => Node::Negate,
            _ => return self.postfix(),
        };
        self.next += 1;
        let operand = self.binary(UNARY)?;
        let span = start..operand.span.end;
        Ok(Expr { node: make(Box::new(operand)), span })
    }

    fn postfix(&mut self) -> Result<Expr, Problem> {
        let mut expr = self.primary()?;
        loop {
            let index = if self.take(&Token::Dot) {
                let (name, span) = self.name()?;
                Expr { node: Node::Literal(Value::String(name)), span }
            } else if self.take(&Token::OpenBracket) {
                let index = self.binary(1)?;
                let end = self.expect(&Token::CloseBracket, "]")?;
                Expr { span: index.span.start..end, ..index }
            } else {
                return Ok(expr);
            };
            let span = expr.span.start..index.span.end;
            expr = Expr { node: Node::Index(Box::new(expr), Box::new(index)), span };
        }
    }

    fn primary(&mut self) -> Result<Expr, Problem> {
        let span = self.here();
        match self.peek().cloned() {
            Some(Token::Literal(value)) => {
                self.next += 1;
                Ok(Expr { node: Node::Literal(value), span })
            }
            Some(Token::Name(name)) => {
                self.next += 1;
                if self.take(&Token::OpenParenthesis) {
                    self.call(&name, span)
                } else {
                    self.reference(&name, span)
                }
            }
            Some(Token::OpenParenthesis) => {
                self.next += 1;
                let inner = self.binary(1)?;
                let end = self.expect(&Token::CloseParenthesis, ")")?;
                Ok(Expr { span: span.start..end, ..inner })
            }
            _ => Err(Problem::new("a value is missing here", span)),
        }
    }

    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Expr, Problem> {
        let Some(function) = Function::named(name) else {
            let names = Function::ALL.map(Function::name);
            return Err(Problem::new(format!("there is no function `{name}`"), span).help(nearest::or_all(
                name,
                names,
                "functions",
            )));
        };
        let mut arguments = Vec::new();
        let end = loop {
            let here = self.here();
            if arguments.is_empty() && self.take(&Token::CloseParenthesis) {
                break here.end;
            }
            arguments.push(self.binary(1)?);
            if !self.take(&Token::Comma) {
                break self.expect(&Token::CloseParenthesis, ")")?;
            }
        };
        Ok(Expr { node: Node::Call(function, arguments), span: span.start..end })
    }

    fn reference(&mut self, root: &str, span: Range<usize>) -> Result<Expr, Problem> {
        let start = span.start;
        let mut selected = Keys::new();
        let reference = match root {
            "params" => Reference::Param(self.member("params.NAME")?.0),
            "matrix" => Reference::Matrix(self.member("matrix.NAME")?.0),
            "item" => Reference::Item,
            "event" => Reference::Event,
            "run" => match self.member("run.id")? {
                (name, _) if name == "id" => Reference::RunId,
                (name, span) => {
                    return Err(Problem::new(format!("a run has no `{name}`"), span).help("write run.id"));
                }
            },
            "steps" => {
                let form = "steps.STEP.outputs.NAME or steps.STEP.metrics.NAME";
                let (step, _) = self.member(form)?;
                selected = self.selection()?;
                let (what, span) = self.member(form)?;
                match what.as_str() {
                    "outputs" => Reference::Output(step, self.member(form)?.0),
                    "metrics" => Reference::Metric(step, self.member(form)?.0),
                    _ => {
                        return Err(Problem::new(format!("a step has no `{what}`"), span)
                            .help(nearest::or_all(&what, ["outputs", "metrics"], "parts of a step")));
                    }
                }
            }
            _ => {
                return Err(Problem::new(format!("`{root}` means nothing here"), span).help(format!(
                    "{}; text is written in single quotes",
                    nearest::or_all(root, ROOTS, "names")
                )));
            }
        };
        let end = self.tokens.get(self.next.wrapping_sub(1)).map_or(span.end, |(_, span)| span.end);
        let node = match selected.is_empty() {
            true => Node::Reference(reference),
            false => Node::Select(reference, selected),
        };
        Ok(Expr { node, span: start..end })
    }

    /// `[KEY=value, KEY=*]` after the name of a step; nothing if it does not follow.
    fn selection(&mut self) -> Result<Keys, Problem> {
        let mut keys = Keys::new();
        let after =
            |parser: &Self, n: usize| parser.tokens.get(parser.next + n).map(|(token, _)| token.clone());
        // `['outputs']` is a member; anything else in brackets is meant as a selection.
        let is_member = matches!(after(self, 1), Some(Token::Literal(Value::String(_))))
            && after(self, 2) == Some(Token::CloseBracket);
        if self.peek() != Some(&Token::OpenBracket) || is_member {
            return Ok(keys);
        }
        self.next += 1;
        let form =
            "write steps.STEP[KEY=value, KEY=*].outputs.NAME, the keys being those of the step's matrix";
        loop {
            let here = self.here();
            let name = match self.peek().cloned() {
                Some(Token::Name(name) | Token::Literal(Value::String(name)))
                    if self.tokens.get(self.next + 1).is_some_and(|(token, _)| *token == Token::Is) =>
                {
                    name
                }
                _ => {
                    return Err(
                        Problem::new("a step is followed by its combination, key by key", here).help(form)
                    );
                }
            };
            if keys.iter().any(|(other, _)| *other == name) {
                return Err(Problem::new(format!("key `{name}` is given twice"), here));
            }
            self.next += 2;
            let value =
                if self.take(&Token::Operator(Operator::Multiply)) { None } else { Some(self.binary(1)?) };
            keys.push((name, value));
            if !self.take(&Token::Comma) {
                self.expect(&Token::CloseBracket, "]")?;
                return Ok(keys);
            }
        }
    }

    /// `.name` or `['name']`.
    fn member(&mut self, form: &str) -> Result<(String, Range<usize>), Problem> {
        let here = self.here();
        if self.take(&Token::Dot) {
            return self.name();
        }
        if self.take(&Token::OpenBracket)
            && let Some(Token::Literal(Value::String(name))) = self.peek().cloned()
        {
            self.next += 1;
            let end = self.expect(&Token::CloseBracket, "]")?;
            return Ok((name, here.start..end));
        }
        Err(Problem::new("the reference is not complete", here).help(format!("write {form}")))
    }

    fn name(&mut self) -> Result<(String, Range<usize>), Problem> {
        let here = self.here();
        let name = match self.peek() {
            Some(Token::Name(name)) => name.clone(),
            // Words that are literals elsewhere are plain names after a dot.
            Some(Token::Literal(value @ (Value::Bool(_) | Value::Null))) => value.to_string(),
            _ => {
                return Err(Problem::new("a name is missing here", here).help(
                    "a name with other characters than letters, digits, _ and - goes in brackets: ['a:b']",
                ));
            }
        };
        self.next += 1;
        Ok((name, here))
    }
}
