//! Text into the parser's trees, within limits.

use sqlparser::{
    ast::{Expr, Query, SetExpr, Statement},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError},
};

use crate::{
    dialect::Duck,
    problem::{At, Position, Problem, Result},
};

/// A text may have as many bytes.
const MAX_BYTES: usize = 1 << 16;
/// It may have as many operators: each may make the tree a level deeper, and trees are gone through level by level.
const MAX_OPERATORS: usize = 400;
/// It may have as many joins and set operations: each is a step that waits for another.
const MAX_STEPS: usize = 40;
/// Levels of brackets and subqueries.
const MAX_DEPTH: usize = 20;

fn tokens(text: &str) -> Result<Vec<TokenWithSpan>> {
    if text.len() > MAX_BYTES {
        return Err(Problem::new(format!("the text has {} bytes; {MAX_BYTES} are the most", text.len())));
    }
    let tokens = Tokenizer::new(&Duck, text).tokenize_with_location();
    let tokens =
        tokens.map_err(|TokenizerError { message, location }| Problem::at(location.into(), message))?;
    let (mut operators, mut depth, mut after_interval) = (0, 0_usize, false);
    let mut steps = 0;
    for token in &tokens {
        let at = At::from(token.span.start);
        let interval = matches!(&token.token, Token::Word(word) if word.keyword == Keyword::INTERVAL);
        if interval && after_interval {
            // The parser would go a level deeper with each.
            return Err(Problem::at(at, "INTERVAL stands once before its value"));
        }
        after_interval = interval || (after_interval && matches!(token.token, Token::Whitespace(_)));
        match &token.token {
            Token::LParen | Token::LBrace => depth += 1,
            // Also a level of an array's type.
            Token::LBracket => {
                depth += 1;
                operators += 1;
            }
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Comma
            | Token::Period
            | Token::Whitespace(_)
            | Token::EOF => {}
            Token::Word(word) => {
                let sign = matches!(
                    word.keyword,
                    Keyword::AND
                        | Keyword::OR
                        | Keyword::NOT
                        | Keyword::IS
                        | Keyword::LIKE
                        | Keyword::ILIKE
                        | Keyword::BETWEEN
                        | Keyword::IN
                        | Keyword::JOIN
                        | Keyword::UNION
                        | Keyword::EXCEPT
                        | Keyword::INTERSECT
                        | Keyword::CASE
                );
                operators += usize::from(sign);
            }
            _ => operators += 1,
        }
        if matches!(&token.token, Token::Word(word) if matches!(word.keyword, Keyword::JOIN | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT))
        {
            steps += 1;
        }
        if steps > MAX_STEPS {
            return Err(Problem::at(
                at,
                format!("more than {MAX_STEPS} joins and set operations; split the query"),
            ));
        }
        if depth > MAX_DEPTH {
            return Err(Problem::at(at, format!("brackets are nested more than {MAX_DEPTH} levels deep")));
        }
        if operators > MAX_OPERATORS {
            return Err(Problem::at(
                at,
                format!("more than {MAX_OPERATORS} operators; IN takes a list, and WITH splits a query"),
            ));
        }
    }
    Ok(tokens)
}

fn parser(text: &str) -> Result<Parser<'static>> {
    Ok(Parser::new(&Duck).with_recursion_limit(25).with_tokens_with_locations(tokens(text)?))
}

fn problem(error: ParserError, text: &str) -> Problem {
    let whole = text;
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => return Problem::new("the text is nested too deeply"),
    };
    // The parser writes the place behind its message.
    let place = text.rfind(" at Line: ").and_then(|start| {
        let (line, column) = text[start + 10..].split_once(", Column: ")?;
        Some((start, Position { line: line.parse().ok()?, column: column.trim().parse().ok()? }))
    });
    match place {
        Some((start, position)) => Problem { position: Some(position), ..Problem::new(&text[..start]) },
        // What ends too early is wrong at its end.
        None if text.contains("found: EOF") => {
            let last = whole.lines().last().unwrap_or_default();
            let end = Position {
                line: whole.lines().count().max(1) as u64,
                column: last.chars().count() as u64 + 1,
            };
            Problem { position: Some(end), ..Problem::new(text) }
        }
        None => Problem::new(text),
    }
}

/// A single expression.
pub(crate) fn expression(text: &str) -> Result<Expr> {
    let mut parser = parser(text)?;
    let expr = parser.parse_expr().map_err(|error| problem(error, text))?;
    end(&parser)?;
    Ok(expr)
}

/// A query.
pub(crate) fn query(text: &str) -> Result<Query> {
    let mut parser = parser(text)?;
    let statement = parser.parse_statement().map_err(|error| problem(error, text))?;
    while parser.consume_token(&Token::SemiColon) {}
    end(&parser)?;
    match statement {
        Statement::Query(query) if !matches!(*query.body, SetExpr::Insert(_) | SetExpr::Update(_)) => {
            Ok(*query)
        }
        _ => Err(Problem {
            position: Some(Position { line: 1, column: 1 }),
            ..Problem::new("this is no query; it begins with SELECT, WITH, FROM or VALUES")
        }),
    }
}

fn end(parser: &Parser<'_>) -> Result<()> {
    let next = parser.peek_token_ref();
    match next.token {
        Token::EOF => Ok(()),
        _ => Err(Problem::at(next.span.start.into(), format!("`{}` was not expected here", next.token))),
    }
}
