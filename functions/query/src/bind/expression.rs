//! Expressions.

use sqlparser::ast::{self, BinaryOperator as Op, Expr as Tree, UnaryOperator};

use super::{
    At, Binder, Columns, Names, Problem, Result,
    literal::{coerce, explicit_cast, token, type_named, unify},
    missing, place,
};
use crate::{expr::Expr, kind::Kind, value::Value};

/// Levels of an expression.
const MAX_DEPTH: usize = 40;
/// Operators in a row.
const MAX_CHAIN: usize = 100;

impl Binder<'_> {
    /// An expression with names and types.
    ///
    /// # Errors
    /// If a name or a type is wrong, or something is not supported.
    pub fn expr(&mut self, tree: &Tree, names: &Names<'_>) -> Result<Expr> {
        if self.depth > MAX_DEPTH {
            return Err(Problem::at(
                place::of(tree),
                format!("an expression is more than {MAX_DEPTH} levels deep"),
            ));
        }
        self.depth += 1;
        let expr = self.expr_inner(tree, names);
        self.depth -= 1;
        expr
    }

    /// A condition.
    pub fn condition(&mut self, tree: &Tree, names: &Names<'_>) -> Result<Expr> {
        let expr = self.expr(tree, names)?;
        boolean(expr)
    }

    fn all<'t>(&mut self, trees: impl IntoIterator<Item = &'t Tree>, names: &Names<'_>) -> Result<Vec<Expr>> {
        trees.into_iter().map(|tree| self.expr(tree, names)).collect()
    }

    fn expr_inner(&mut self, tree: &Tree, names: &Names<'_>) -> Result<Expr> {
        let place = place::of(tree);
        match tree {
            Tree::Identifier(ident) => self.column(names, None, ident),
            Tree::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, column] => self.column(names, Some(table), column),
                _ => Err(missing(place, format!("the name `{tree}` of more than two parts"))),
            },
            Tree::Value(value) => token(&value.value, false, value.span.start.into()),
            Tree::Nested(inner) => self.expr(inner, names),
            Tree::BinaryOp { left, op, right } => self.binary(left, op, right, names),
            Tree::UnaryOp { op, expr } => self.unary(*op, expr, names, place),
            Tree::IsNull(expr) => self.operator("is null", &[expr], names, place),
            Tree::IsNotNull(expr) => self.operator("is not null", &[expr], names, place),
            Tree::IsTrue(expr) => self.is_truth(expr, true, false, names, place),
            Tree::IsNotTrue(expr) => self.is_truth(expr, true, true, names, place),
            Tree::IsFalse(expr) => self.is_truth(expr, false, false, names, place),
            Tree::IsNotFalse(expr) => self.is_truth(expr, false, true, names, place),
            Tree::IsUnknown(expr) => self.operator("is null", &[expr], names, place),
            Tree::IsNotUnknown(expr) => self.operator("is not null", &[expr], names, place),
            Tree::IsDistinctFrom(a, b) => self.operator("is distinct from", &[a, b], names, place),
            Tree::IsNotDistinctFrom(a, b) => self.operator("is not distinct from", &[a, b], names, place),
            Tree::Between { expr, negated, low, high } => {
                let low = self.operator(">=", &[expr, low], names, place)?;
                let high = self.operator("<=", &[expr, high], names, place)?;
                self.negate(Expr::And(vec![low, high]), *negated, place)
            }
            Tree::In { expr, target, negated, .. } => self.is_in(expr, target, *negated, names, place),
            Tree::Like { negated, any: false, expr, pattern, escape_char } => {
                self.pattern("like", expr, pattern, escape_char.as_deref(), *negated, names, place)
            }
            Tree::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.pattern("ilike", expr, pattern, escape_char.as_deref(), *negated, names, place)
            }
            Tree::SimilarTo { negated, expr, pattern, escape_char: None } => {
                self.pattern("similar to", expr, pattern, None, *negated, names, place)
            }
            Tree::Cast { kind, expr, data_type, format: None } => {
                let trying = matches!(kind, ast::CastKind::TryCast | ast::CastKind::SafeCast);
                let expr = self.expr(expr, names)?;
                let to = type_named(data_type, trying, place)?;
                explicit_cast(expr, to, place)
            }
            Tree::TypedString(ast::TypedString { data_type, value, .. }) => {
                let to = type_named(data_type, false, place)?;
                coerce(token(&value.value, false, value.span.start.into())?, &to.kind)
            }
            Tree::Interval(interval) => self.interval(interval, names),
            Tree::AtTimeZone { timestamp, time_zone } => {
                let args = self.all([&**time_zone, &**timestamp], names)?;
                self.call("timezone", args, place)
            }
            Tree::Extract { field, expr, .. } => {
                let field = field.to_string().trim_matches('\'').to_lowercase();
                let part = Expr::Literal { value: Value::text(field), kind: Kind::Text, at: place };
                let expr = self.expr(expr, names)?;
                self.call("date_part", vec![part, expr], place)
            }
            Tree::Ceil { expr, field } | Tree::Floor { expr, field } => {
                let plain =
                    matches!(field, ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime));
                if !plain {
                    return Err(missing(place, "rounding up or down to a field or scale"));
                }
                let name = if matches!(tree, Tree::Ceil { .. }) { "ceil" } else { "floor" };
                self.operator(name, &[expr], names, place)
            }
            Tree::Position { expr, r#in } => self.operator("position", &[r#in, expr], names, place),
            Tree::Substring { expr, substring_from, substring_for, .. } => {
                let mut args = vec![self.expr(expr, names)?];
                match substring_from {
                    Some(from) => args.push(self.expr(from, names)?),
                    None => {
                        args.push(Expr::Literal { value: Value::BigInt(1), kind: Kind::BigInt, at: place })
                    }
                }
                if let Some(length) = substring_for {
                    args.push(self.expr(length, names)?);
                }
                self.call("substring", args, place)
            }
            Tree::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    _ => "trim",
                };
                let mut args = vec![self.expr(expr, names)?];
                args.extend(self.all(trim_what.as_deref(), names)?);
                args.extend(self.all(trim_characters.iter().flatten(), names)?);
                self.call(name, args, place)
            }
            Tree::Function(function) => self.function(function, names, place),
            Tree::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), names)
            }
            Tree::Exists { subquery, negated } => {
                let (slot, _) = self.subquery(subquery, names, place)?;
                self.negate(Expr::Exists { slot }, *negated, place)
            }
            Tree::Subquery(query) => {
                let (slot, columns) = self.subquery(query, names, place)?;
                match columns.as_slice() {
                    [(_, kind)] => Ok(Expr::Scalar { slot, kind: kind.clone(), at: place }),
                    _ => Err(Problem::at(
                        place,
                        format!("a subquery that stands for a value has one column, not {}", columns.len()),
                    )),
                }
            }
            Tree::Tuple(_) => Err(missing(place, "a row of values; compare its values one by one")),
            Tree::Array(_) | Tree::Struct { .. } | Tree::Dictionary(_) | Tree::Map(_) => {
                Err(missing(place, format!("the nested value {tree}")))
            }
            Tree::CompoundFieldAccess { .. } => {
                Err(missing(place, "access by [ ] or to a field; SUBSTRING takes a part of a text"))
            }
            other => Err(missing(place, format!("`{other}`"))),
        }
    }

    /// Calls a function or operator with trees for arguments.
    fn operator(&mut self, name: &str, args: &[&Tree], names: &Names<'_>, place: At) -> Result<Expr> {
        let args = self.all(args.iter().copied(), names)?;
        self.call(name, args, place)
    }

    fn binary(&mut self, left: &Tree, op: &Op, right: &Tree, names: &Names<'_>) -> Result<Expr> {
        if matches!(op, Op::And | Op::Or) {
            // A chain of the same operator is one node, however long it is.
            let (mut chain, mut first) = (vec![right], left);
            while let Tree::BinaryOp { left, op: other, right } = first
                && other == op
            {
                chain.push(right);
                first = left;
            }
            chain.push(first);
            let all =
                chain.into_iter().rev().map(|tree| self.condition(tree, names)).collect::<Result<_>>()?;
            return Ok(if *op == Op::And { Expr::And(all) } else { Expr::Or(all) });
        }
        // A chain from the left is bound from its beginning, so that its length is no depth.
        let (mut chain, mut first) = (vec![(op, right)], left);
        while let Tree::BinaryOp { left, op, right } = first
            && !matches!(op, Op::And | Op::Or)
        {
            chain.push((op, right));
            first = left;
        }
        let place = place::of(first);
        if chain.len() > MAX_CHAIN {
            return Err(Problem::at(
                place,
                format!("more than {MAX_CHAIN} operators in a row; brackets or WITH split them"),
            ));
        }
        let mut expr = self.expr(first, names)?;
        for (op, right) in chain.into_iter().rev() {
            let (name, negated) =
                operator_name(op).ok_or_else(|| missing(place, format!("the operator {op}")))?;
            let right = self.expr(right, names)?;
            expr = self.call(name, vec![expr, right], place)?;
            expr = self.negate(expr, negated, place)?;
        }
        Ok(expr)
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Tree, names: &Names<'_>, place: At) -> Result<Expr> {
        match (op, expr) {
            (UnaryOperator::Minus, Tree::Value(value)) if matches!(value.value, ast::Value::Number(..)) => {
                token(&value.value, true, place)
            }
            (UnaryOperator::Minus, _) => self.operator("-", &[expr], names, place),
            (UnaryOperator::Plus, _) => self.expr(expr, names),
            (UnaryOperator::Not, _) => {
                let expr = self.condition(expr, names)?;
                self.negate(expr, true, place)
            }
            (UnaryOperator::BitwiseNot, _) => self.operator("~", &[expr], names, place),
            (other, _) => Err(missing(place, format!("the operator {other}"))),
        }
    }

    pub(super) fn negate(&mut self, expr: Expr, negated: bool, place: At) -> Result<Expr> {
        if negated { self.call("not", vec![expr], place) } else { Ok(expr) }
    }

    fn is_truth(
        &mut self,
        expr: &Tree,
        wanted: bool,
        negated: bool,
        names: &Names<'_>,
        place: At,
    ) -> Result<Expr> {
        let expr = self.condition(expr, names)?;
        let literal = Expr::Literal { value: Value::Boolean(wanted), kind: Kind::Boolean, at: place };
        let name = if negated { "is distinct from" } else { "is not distinct from" };
        self.call(name, vec![expr, literal], place)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one clause")]
    fn pattern(
        &mut self,
        name: &str,
        expr: &Tree,
        pattern: &Tree,
        escape: Option<&Tree>,
        negated: bool,
        names: &Names<'_>,
        place: At,
    ) -> Result<Expr> {
        let args = self.all([expr, pattern].into_iter().chain(escape), names)?;
        let expr = self.call(name, args, place)?;
        self.negate(expr, negated, place)
    }

    fn is_in(
        &mut self,
        expr: &Tree,
        target: &ast::InTarget,
        negated: bool,
        names: &Names<'_>,
        place: At,
    ) -> Result<Expr> {
        let value = self.expr(expr, names)?;
        if let Kind::Other(data_type) = value.kind() {
            return Err(Problem::at(place, format!("values of type {data_type} cannot be compared")));
        }
        let found = match target {
            ast::InTarget::List(list) => {
                let mut all = vec![value];
                all.extend(self.all(list, names)?);
                let (mut all, _) = unify(all, "the values of IN")?;
                let list = all.split_off(1);
                Expr::In { expr: Box::new(all.swap_remove(0)), list }
            }
            ast::InTarget::Subquery(query) => {
                let (slot, columns) = self.subquery(query, names, place)?;
                let [(name, kind)] = columns.as_slice() else {
                    return Err(Problem::at(
                        place,
                        format!("IN takes a query of one column, not {}", columns.len()),
                    ));
                };
                let common = value.kind().union(kind).or(value.is_text_literal().then(|| kind.clone()));
                let common = common.ok_or_else(|| {
                    Problem::at(
                        place,
                        format!("IN compares {} with {kind}; CAST makes them one type", value.kind()),
                    )
                })?;
                if common != *kind {
                    let column = Expr::Column { index: 0, kind: kind.clone(), name: name.clone(), at: place };
                    self.project_shared(slot, coerce(column, &common)?);
                }
                Expr::InQuery { expr: Box::new(coerce(value, &common)?), slot }
            }
            _ => return Err(missing(place, "IN with what is neither a list nor a query")),
        };
        self.negate(found, negated, place)
    }

    fn case(
        &mut self,
        operand: Option<&Tree>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Tree>,
        names: &Names<'_>,
    ) -> Result<Expr> {
        let mut whens = Vec::with_capacity(conditions.len());
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for branch in conditions {
            whens.push(match operand {
                Some(operand) => {
                    self.operator("=", &[operand, &branch.condition], names, place::of(&branch.condition))?
                }
                None => self.condition(&branch.condition, names)?,
            });
            values.push(self.expr(&branch.result, names)?);
        }
        values.push(match otherwise {
            Some(tree) => self.expr(tree, names)?,
            None => Expr::Literal { value: Value::Null, kind: Kind::Null, at: At(None) },
        });
        let (mut values, kind) = unify(values, "the results of CASE")?;
        let otherwise = Box::new(values.pop().expect("one was pushed"));
        Ok(Expr::Case { branches: whens.into_iter().zip(values).collect(), otherwise, kind })
    }

    /// A subquery's plan, and its columns.
    fn subquery(&mut self, query: &ast::Query, names: &Names<'_>, place: At) -> Result<(usize, Columns)> {
        if !self.subqueries {
            return Err(Problem::at(
                place,
                "a subquery cannot stand in an expression of its own; `sql` takes a query",
            ));
        }
        self.outer.push(names.scope.clone());
        let bound = self.query(query);
        self.outer.pop();
        let (plan, columns) = bound?;
        self.shared.push(plan);
        Ok((self.shared.len() - 1, columns))
    }
}

/// A condition is a truth value; numbers are true where they are not zero.
pub(super) fn boolean(expr: Expr) -> Result<Expr> {
    match expr.kind() {
        Kind::Boolean => Ok(expr),
        Kind::Null => coerce(expr, &Kind::Boolean),
        kind if kind.is_number() || expr.is_text_literal() => coerce(expr, &Kind::Boolean),
        kind => Err(Problem::at(expr.at(), format!("a condition is a BOOLEAN, not {kind}"))),
    }
}

/// The function of an operator, and whether its negation is meant.
fn operator_name(op: &Op) -> Option<(&'static str, bool)> {
    let name = match op {
        Op::Plus => "+",
        Op::Minus => "-",
        Op::Multiply => "*",
        Op::Divide => "/",
        Op::DuckIntegerDivide | Op::MyIntegerDivide => "//",
        Op::Modulo => "%",
        Op::StringConcat => "||",
        Op::Eq | Op::Spaceship => "=",
        Op::NotEq => "<>",
        Op::Lt => "<",
        Op::LtEq => "<=",
        Op::Gt => ">",
        Op::GtEq => ">=",
        Op::BitwiseXor | Op::PGExp => "^",
        Op::BitwiseAnd => "&",
        Op::BitwiseOr => "|",
        Op::PGBitwiseShiftLeft => "<<",
        Op::PGBitwiseShiftRight => ">>",
        Op::PGRegexMatch => "regexp_matches",
        Op::PGLikeMatch => "like",
        Op::PGILikeMatch => "ilike",
        Op::PGStartsWith => "starts_with",
        Op::PGRegexNotMatch => return Some(("regexp_matches", true)),
        Op::PGNotLikeMatch => return Some(("like", true)),
        Op::PGNotILikeMatch => return Some(("ilike", true)),
        _ => return None,
    };
    Some((name, false))
}
