//! Text to tokens.

use std::ops::Range;

use millstream_core::number as numbers;

use super::{Operator, Problem, Value};

/// What the parser sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Literal(Value),
    Name(String),
    Operator(Operator),
    Not,
    /// `=`, between a key and a value.
    Is,
    Dot,
    Comma,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
}

/// Splits `text` into tokens with their places in bytes.
pub fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Problem> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = match c {
            '\'' => string(rest, at)?,
            '0'..='9' => number(rest, at)?,
            'a'..='z' | 'A'..='Z' | '_' => name(rest),
            _ => symbol(rest, at)?,
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn symbol(rest: &str, at: usize) -> Result<(Token, usize), Problem> {
    use Operator::*;
    const TWO: [(&str, Operator); 6] =
        [("==", Equal), ("!=", NotEqual), ("<=", LessEqual), (">=", GreaterEqual), ("&&", And), ("||", Or)];
    if let Some((symbol, operator)) = TWO.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
        return Ok((Token::Operator(*operator), symbol.len()));
    }
    let c = rest.chars().next().unwrap_or_default();
    let token = match c {
        '<' => Token::Operator(Less),
        '>' => Token::Operator(Greater),
        '+' => Token::Operator(Add),
        '-' => Token::Operator(Subtract),
        '*' => Token::Operator(Multiply),
        '/' => Token::Operator(Divide),
        '!' => Token::Not,
        '=' => Token::Is,
        '.' => Token::Dot,
        ',' => Token::Comma,
        '(' => Token::OpenParenthesis,
        ')' => Token::CloseParenthesis,
        '[' => Token::OpenBracket,
        ']' => Token::CloseBracket,
        _ => {
            let problem =
                Problem::new(format!("`{c}` has no meaning in an expression"), at..at + c.len_utf8());
            return Err(match c {
                '"' => problem.help("write text in single quotes: 'text'"),
                '&' => problem.help("for a logical and, write &&"),
                '|' => problem.help("for a logical or, write ||"),
                _ => problem,
            });
        }
    };
    Ok((token, c.len_utf8()))
}

fn string(rest: &str, at: usize) -> Result<(Token, usize), Problem> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        if c != '\'' {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
            chars.next();
            text.push('\'');
        } else {
            return Ok((Token::Literal(Value::String(text)), i + 1));
        }
    }
    Err(Problem::new("this text has no closing quote", at..at + rest.len())
        .help("a quote within text is written twice: 'it''s'"))
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), Problem> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digits((end + 1 + sign).min(bytes.len())) > 0 {
            end += 1 + sign + digits(end + 1 + sign);
        }
    }
    let written = &rest[..end];
    match numbers::read(written) {
        Some(Ok(number)) => Ok((Token::Literal(serde_json::Value::Number(number).into()), end)),
        Some(Err(message)) => Err(Problem::new(message, at..at + end)),
        None => Err(Problem::new(format!("{written} is no number"), at..at + end)),
    }
}

fn name(rest: &str) -> (Token, usize) {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
    let token = match &rest[..end] {
        "true" => Token::Literal(Value::Bool(true)),
        "false" => Token::Literal(Value::Bool(false)),
        "null" => Token::Literal(Value::Null),
        name => Token::Name(name.to_owned()),
    };
    (token, end)
}
