//! Where things begin in the text.

use sqlparser::ast::{Expr, ObjectName, Query, SetExpr, Spanned, TableFactor};

use crate::problem::At;

/// Where an expression begins. The parser's own answer would go through all of it, level by level.
pub(super) fn of(tree: &Expr) -> At {
    let mut tree = tree;
    loop {
        tree = match tree {
            Expr::BinaryOp { left, .. } => left,
            Expr::IsDistinctFrom(expr, _)
            | Expr::IsNotDistinctFrom(expr, _)
            | Expr::IsNull(expr)
            | Expr::IsNotNull(expr)
            | Expr::IsTrue(expr)
            | Expr::IsNotTrue(expr)
            | Expr::IsFalse(expr)
            | Expr::IsNotFalse(expr)
            | Expr::IsUnknown(expr)
            | Expr::IsNotUnknown(expr)
            | Expr::Nested(expr)
            | Expr::Between { expr, .. }
            | Expr::In { expr, .. }
            | Expr::Like { expr, .. }
            | Expr::ILike { expr, .. }
            | Expr::SimilarTo { expr, .. }
            | Expr::Cast { expr, .. }
            | Expr::UnaryOp { expr, .. }
            | Expr::AtTimeZone { timestamp: expr, .. }
            | Expr::Extract { expr, .. }
            | Expr::Ceil { expr, .. }
            | Expr::Floor { expr, .. }
            | Expr::Position { expr, .. }
            | Expr::Substring { expr, .. }
            | Expr::Trim { expr, .. }
            | Expr::Collate { expr, .. }
            | Expr::CompoundFieldAccess { root: expr, .. } => expr,
            Expr::Interval(interval) => &interval.value,
            Expr::Identifier(ident) => return ident.span.start.into(),
            Expr::CompoundIdentifier(parts) => {
                return parts.first().map_or(At(None), |part| part.span.start.into());
            }
            Expr::Value(value) => return value.span.start.into(),
            Expr::TypedString(text) => return text.value.span.start.into(),
            Expr::Function(function) => return of_name(&function.name),
            Expr::Case { case_token, .. } => return case_token.0.span.start.into(),
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => return of_query(query),
            Expr::Tuple(all) => match all.first() {
                Some(first) => first,
                None => return At(None),
            },
            _ => return At(None),
        }
    }
}

/// Where a name begins.
pub(super) fn of_name(name: &ObjectName) -> At {
    name.span().start.into()
}

/// Where a query begins.
pub(super) fn of_query(query: &Query) -> At {
    match &query.with {
        Some(with) => with.with_token.0.span.start.into(),
        None => of_body(&query.body),
    }
}

/// Where a part of a set operation begins.
pub(super) fn of_body(body: &SetExpr) -> At {
    let mut body = body;
    loop {
        body = match body {
            SetExpr::SetOperation { left, .. } => left,
            SetExpr::Query(query) => &query.body,
            SetExpr::Select(select) => return select.select_token.0.span.start.into(),
            SetExpr::Values(values) => {
                let first = values.rows.first();
                return first.map_or(At(None), |row| row.opening_token.0.span.start.into());
            }
            _ => return At(None),
        }
    }
}

/// Where a table in FROM begins.
pub(super) fn of_factor(factor: &TableFactor) -> At {
    match factor {
        TableFactor::Table { name, .. } => of_name(name),
        TableFactor::Derived { subquery, .. } => of_query(subquery),
        _ => At(None),
    }
}
