//! What stands in the text itself: numbers, texts, dates, intervals; and the names of types.

use sqlparser::ast::{self, Value as Token};

use super::{At, Binder, Names, Problem, Result, missing, place};
use crate::{
    cast::{can_cast, cast},
    eval::fold,
    expr::{CastTo, Expr},
    functions::spans,
    kind::Kind,
    value::Value,
};

fn literal(value: Value<'static>, kind: Kind, at: At) -> Expr {
    Expr::Literal { value, kind, at }
}

/// What a token says.
pub(super) fn token(token: &Token, negative: bool, at: At) -> Result<Expr> {
    Ok(match token {
        Token::Number(digits, _) => number(digits, negative, at)?,
        Token::Null => literal(Value::Null, Kind::Null, at),
        Token::Boolean(v) => literal(Value::Boolean(*v), Kind::Boolean, at),
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
            literal(Value::text(text.clone()), Kind::Text, at)
        }
        Token::DollarQuotedString(text) => literal(Value::text(text.value.clone()), Kind::Text, at),
        other => return Err(missing(at, format!("the literal {other}"))),
    })
}

fn number(digits: &str, negative: bool, at: At) -> Result<Expr> {
    let plain = digits.replace('_', "");
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let signed = if negative { format!("-{plain}") } else { plain };
        return match signed.parse() {
            Ok(v) => Ok(literal(Value::BigInt(v), Kind::BigInt, at)),
            Err(_) => {
                Err(Problem::at(at, format!("{signed} does not fit into a BIGINT; {signed}.0 is a DOUBLE")))
            }
        };
    }
    match plain.parse::<f64>() {
        Ok(v) => Ok(literal(Value::Double(if negative { -v } else { v }), Kind::Double, at)),
        Err(_) => Err(Problem::at(at, format!("`{digits}` is no number"))),
    }
}

/// The type of a name.
pub(super) fn type_named(data_type: &ast::DataType, trying: bool, at: At) -> Result<CastTo> {
    let text = data_type.to_string().to_uppercase();
    let base = text.split('(').next().unwrap_or_default().trim().to_owned();
    let rest = text.rsplit(')').next().unwrap_or_default();
    let name = if text.contains('(') { format!("{base}{rest}") } else { base };
    let to = |kind| Ok(CastTo { kind, range: None, trying });
    let bounded = |name, least, greatest| {
        Ok(CastTo { kind: Kind::BigInt, range: Some((name, least, greatest)), trying })
    };
    match name.as_str() {
        "BOOLEAN" | "BOOL" | "LOGICAL" => to(Kind::Boolean),
        "BIGINT" | "INT8" | "LONG" | "INT64" => to(Kind::BigInt),
        "INTEGER" | "INT" | "INT4" | "INT32" | "SIGNED" => {
            bounded("INTEGER", i32::MIN.into(), i32::MAX.into())
        }
        "SMALLINT" | "INT2" | "INT16" | "SHORT" => bounded("SMALLINT", i16::MIN.into(), i16::MAX.into()),
        "TINYINT" | "INT1" => bounded("TINYINT", i8::MIN.into(), i8::MAX.into()),
        "UINTEGER" | "UINT32" => bounded("UINTEGER", 0, u32::MAX.into()),
        "USMALLINT" | "UINT16" => bounded("USMALLINT", 0, u16::MAX.into()),
        "UTINYINT" | "UINT8" => bounded("UTINYINT", 0, u8::MAX.into()),
        "DOUBLE" | "DOUBLE PRECISION" | "FLOAT8" | "FLOAT64" => to(Kind::Double),
        "VARCHAR" | "TEXT" | "STRING" | "CHAR" | "CHARACTER" | "CHARACTER VARYING" | "BPCHAR" => {
            to(Kind::Text)
        }
        "DATE" => to(Kind::Date),
        "TIMESTAMP" | "DATETIME" | "TIMESTAMP WITHOUT TIME ZONE" => to(Kind::Timestamp),
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => to(Kind::TimestampTz),
        "INTERVAL" => to(Kind::Interval),
        _ => Err(Problem::at(
            at,
            format!(
                "there is no type `{text}`; there are BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, DOUBLE, VARCHAR, DATE, \
                 TIMESTAMP, TIMESTAMPTZ and INTERVAL"
            ),
        )),
    }
}

/// A cast as it was asked for.
pub(super) fn explicit_cast(expr: Expr, to: CastTo, at: At) -> Result<Expr> {
    let from = expr.kind();
    if !can_cast(&from, &to.kind) {
        return Err(Problem::at(at, format!("{from} cannot be cast to {}", to.kind)));
    }
    if from == to.kind && to.range.is_none() {
        return Ok(expr);
    }
    Ok(Expr::Cast { expr: Box::new(expr), cast: to, at })
}

/// An expression of a type that it may be taken for unasked.
pub(super) fn coerce(expr: Expr, to: &Kind) -> Result<Expr> {
    let from = expr.kind();
    if from == *to {
        return Ok(expr);
    }
    if let Expr::Literal { value, at, .. } = &expr {
        let value = cast(value.clone(), &from, to).map_err(|message| Problem::at(*at, message))?;
        return Ok(literal(value, to.clone(), *at));
    }
    let at = expr.at();
    Ok(Expr::Cast { expr: Box::new(expr), cast: CastTo { kind: to.clone(), range: None, trying: false }, at })
}

/// Expressions of one type. `what` says of what they are parts.
pub(super) fn unify(exprs: Vec<Expr>, what: &str) -> Result<(Vec<Expr>, Kind)> {
    let mut kind = Kind::Null;
    for expr in exprs.iter().filter(|expr| !expr.is_text_literal()) {
        let own = expr.kind();
        kind = kind.union(&own).ok_or_else(|| {
            Problem::at(
                expr.at(),
                format!("{what} are of different types, {kind} and {own}; CAST makes them one"),
            )
        })?;
    }
    if kind == Kind::Null && exprs.iter().any(Expr::is_text_literal) {
        kind = Kind::Text;
    }
    let exprs = exprs.into_iter().map(|expr| coerce(expr, &kind)).collect::<Result<_>>()?;
    Ok((exprs, kind))
}

impl Binder<'_> {
    /// `INTERVAL 3 DAY`, `INTERVAL '1 month 2 days'`, `INTERVAL (n) HOURS`.
    pub(super) fn interval(&mut self, interval: &ast::Interval, names: &Names<'_>) -> Result<Expr> {
        let place = place::of(&interval.value);
        if interval.last_field.is_some() {
            return Err(missing(place, "an INTERVAL from one field TO another"));
        }
        let value = self.expr(&interval.value, names)?;
        let Some(unit) = &interval.leading_field else {
            let text = match &value {
                Expr::Literal { value: Value::Text(text), .. } => text.to_string(),
                _ => {
                    return Err(Problem::at(
                        place,
                        "an INTERVAL is a text such as '1 day', or a number and a unit",
                    ));
                }
            };
            let span = spans::parse(&text).ok_or_else(|| {
                Problem::at(place, format!("`{text}` is no INTERVAL, such as '1 month 2 days' or '03:00:00'"))
            })?;
            return Ok(literal(Value::Interval(span), Kind::Interval, place));
        };
        let unit = unit.to_string().to_lowercase();
        if value.columns().is_empty() && !value.has(|e| matches!(e, Expr::Scalar { .. })) {
            let number = coerce(value, &Kind::Double)?;
            let Value::Double(number) = fold(&number, place)? else {
                return Err(Problem::at(place, "an INTERVAL has a number"));
            };
            let span = spans::of_units(number, &unit).map_err(|message| Problem::at(place, message))?;
            return Ok(literal(Value::Interval(span), Kind::Interval, place));
        }
        let unit = unit.trim_end_matches('s');
        self.call(&format!("to_{unit}s"), vec![value], place)
    }
}
