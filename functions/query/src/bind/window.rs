//! Window functions.

use sqlparser::ast;

use super::{
    At, Binder, Names, Problem, Result, aggregate::typed, literal::coerce, literal::unify, missing, place,
};
use crate::{
    aggregates,
    expr::{Expr, SortKey, WindowCall},
    kind::Kind,
    problem::did_you_mean,
    value::Value,
    windows::{self, Bound, FrameSpec, WindowFunction as Function},
};

impl Binder<'_> {
    pub(super) fn window(
        &mut self,
        name: &str,
        function: &ast::Function,
        list: Option<&ast::FunctionArgumentList>,
        over: &ast::WindowType,
        names: &Names<'_>,
        place: At,
    ) -> Result<Expr> {
        if let Some(where_) = names.no_windows {
            return Err(Problem::at(place, format!("the window function `{name}` cannot stand in {where_}")));
        }
        let inner = Names { no_windows: Some("a window function"), ..*names };
        let filter = function.filter.as_deref().map(|tree| self.condition(tree, &inner)).transpose()?;
        let (kind_of, args, kind) = if let Some(window) = windows::named(name) {
            if filter.is_some() {
                return Err(missing(place, format!("FILTER of `{name}`")));
            }
            let args = self.arguments(name, list, &inner, place)?;
            let (args, kind) = window_types(&window, name, args, place)?;
            if let Some(arg) = args.iter().find(|arg| matches!(arg.kind(), Kind::Other(_))) {
                return Err(Problem::at(arg.at(), format!("`{name}` does not take {}", arg.kind())));
            }
            (window, args, kind)
        } else if let Some(aggregate) = aggregates::named(name) {
            let (aggregate, args) = self.aggregate_arguments(aggregate, name, list, &inner, place)?;
            if list.is_some_and(|l| l.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct)) {
                return Err(missing(place, format!("`{name}(DISTINCT ...) OVER`")));
            }
            let (args, kind) = typed(aggregate, name, args, place)?;
            // DuckDB's first and last of a window are those of its frame.
            (Function::Aggregate(aggregate, filter), args, kind)
        } else {
            let all = windows::NAMES
                .iter()
                .map(|(name, _)| *name)
                .chain(aggregates::NAMES.iter().map(|(name, _)| *name));
            let near = did_you_mean(name, all);
            return Err(Problem::at(place, format!("there is no window function `{name}`{near}")));
        };
        let mut ignore_nulls = function.null_treatment == Some(ast::NullTreatment::IgnoreNulls);
        for clause in list.map_or(&[][..], |list| &list.clauses) {
            match clause {
                ast::FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => {
                    ignore_nulls = *treatment == ast::NullTreatment::IgnoreNulls;
                }
                other => return Err(missing(place, format!("`{other}` in the window function `{name}`"))),
            }
        }
        let takes = matches!(
            kind_of,
            Function::Lag | Function::Lead | Function::FirstValue | Function::LastValue | Function::NthValue
        );
        if ignore_nulls && !takes {
            return Err(missing(place, format!("IGNORE NULLS of `{name}`")));
        }
        let spec = match over {
            ast::WindowType::WindowSpec(spec) => spec.clone(),
            ast::WindowType::NamedWindow(ident) => self.named_window(ident)?,
        };
        let (partition, order, frame) = self.window_spec(&spec, &inner, place)?;
        let call =
            WindowCall { function: kind_of, args, partition, order, frame, ignore_nulls, kind, at: place };
        Ok(Expr::Window(Box::new(call)))
    }

    fn named_window(&self, ident: &ast::Ident) -> Result<ast::WindowSpec> {
        let name = super::folded(ident);
        match self.windows.iter().find(|(other, _)| *other == name) {
            Some((_, spec)) => Ok(spec.clone()),
            None => {
                let near = did_you_mean(&name, self.windows.iter().map(|(name, _)| name.as_str()));
                Err(Problem::at(
                    ident.span.start.into(),
                    format!("there is no window `{}`{near}", ident.value),
                ))
            }
        }
    }

    fn window_spec(
        &mut self,
        spec: &ast::WindowSpec,
        names: &Names<'_>,
        place: At,
    ) -> Result<(Vec<Expr>, Vec<SortKey>, FrameSpec)> {
        let mut spec = spec.clone();
        if let Some(ident) = &spec.window_name {
            let base = self.named_window(ident)?;
            if base.window_frame.is_some() || !spec.partition_by.is_empty() {
                return Err(Problem::at(
                    place,
                    format!("the window `{}` cannot be extended so", ident.value),
                ));
            }
            spec.partition_by = base.partition_by;
            if spec.order_by.is_empty() {
                spec.order_by = base.order_by;
            }
        }
        let partition =
            spec.partition_by.iter().map(|tree| self.expr(tree, names)).collect::<Result<Vec<_>>>()?;
        let order = spec.order_by.iter().map(|key| self.sort_key(key, names)).collect::<Result<Vec<_>>>()?;
        let frame = self.frame(spec.window_frame.as_ref(), &order, names, place)?;
        Ok((partition, order, frame))
    }

    fn frame(
        &mut self,
        frame: Option<&ast::WindowFrame>,
        order: &[SortKey],
        names: &Names<'_>,
        place: At,
    ) -> Result<FrameSpec> {
        let Some(frame) = frame else {
            let end = if order.is_empty() { Bound::UnboundedFollowing } else { Bound::CurrentRow };
            return Ok(FrameSpec { rows: false, start: Bound::UnboundedPreceding, end });
        };
        let rows = match frame.units {
            ast::WindowFrameUnits::Rows => true,
            ast::WindowFrameUnits::Range => false,
            ast::WindowFrameUnits::Groups => return Err(missing(place, "a frame of GROUPS")),
        };
        let mut bound = |bound: &ast::WindowFrameBound, start: bool| {
            Ok(match bound {
                ast::WindowFrameBound::CurrentRow => Bound::CurrentRow,
                ast::WindowFrameBound::Preceding(None) if start => Bound::UnboundedPreceding,
                ast::WindowFrameBound::Following(None) if !start => Bound::UnboundedFollowing,
                ast::WindowFrameBound::Preceding(Some(by)) => {
                    Bound::Preceding(self.offset(by, rows, order, names)?)
                }
                ast::WindowFrameBound::Following(Some(by)) => {
                    Bound::Following(self.offset(by, rows, order, names)?)
                }
                _ => {
                    return Err(Problem::at(
                        place,
                        "a frame cannot begin at the last row or end at the first one",
                    ));
                }
            })
        };
        let start = bound(&frame.start_bound, true)?;
        let end = frame.end_bound.as_ref().map_or(Ok(Bound::CurrentRow), |end| bound(end, false))?;
        Ok(FrameSpec { rows, start, end })
    }

    /// How far a frame goes: so many rows, or so much in the value by which rows are ordered.
    fn offset(&mut self, tree: &ast::Expr, rows: bool, order: &[SortKey], names: &Names<'_>) -> Result<Expr> {
        let place = place::of(tree);
        let expr = self.expr(tree, names)?;
        let wanted = match (rows, order) {
            (true, _) => Kind::BigInt,
            (false, [key]) => match key.expr.kind() {
                Kind::Date | Kind::Timestamp | Kind::TimestampTz => Kind::Interval,
                kind @ (Kind::BigInt | Kind::Double) => kind,
                kind => {
                    return Err(Problem::at(place, format!("a frame by RANGE has no distances in {kind}")));
                }
            },
            _ => {
                return Err(Problem::at(
                    place,
                    "a frame by RANGE with a distance has one ORDER BY expression",
                ));
            }
        };
        if !expr.columns().is_empty()
            || (expr.kind() != wanted && expr.kind().implicit_cost(&wanted).is_none())
        {
            return Err(Problem::at(place, format!("how far a frame goes is a constant {wanted} here")));
        }
        let expr = coerce(expr, &wanted)?;
        let value = crate::eval::fold(&expr, place)?;
        let valid = match &value {
            Value::BigInt(v) => *v >= 0,
            Value::Double(v) => *v >= 0.0,
            Value::Interval(v) => v.months >= 0 && v.days >= 0 && v.micros >= 0,
            _ => false,
        };
        if !valid {
            return Err(Problem::at(place, "how far a frame goes is not negative and not NULL"));
        }
        Ok(Expr::Literal { value, kind: wanted, at: place })
    }
}

fn window_types(function: &Function, name: &str, args: Vec<Expr>, at: At) -> Result<(Vec<Expr>, Kind)> {
    let count = |least: usize, most: usize| {
        if (least..=most).contains(&args.len()) {
            return Ok(());
        }
        let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
        Err(Problem::at(at, format!("`{name}` takes {wanted} arguments, not {}", args.len())))
    };
    let integer = |expr: Expr| match expr.kind() {
        Kind::BigInt | Kind::Null => coerce(expr, &Kind::BigInt),
        kind => Err(Problem::at(expr.at(), format!("`{name}` takes a BIGINT here, not {kind}"))),
    };
    match function {
        Function::RowNumber | Function::Rank | Function::DenseRank => {
            count(0, 0).map(|()| (args, Kind::BigInt))
        }
        Function::PercentRank | Function::CumeDist => count(0, 0).map(|()| (args, Kind::Double)),
        Function::Ntile => {
            count(1, 1)?;
            Ok((args.into_iter().map(integer).collect::<Result<_>>()?, Kind::BigInt))
        }
        Function::Lag | Function::Lead => {
            count(1, 3)?;
            let mut args = args.into_iter();
            let value = args.next().expect("there is one");
            let by = args.next().unwrap_or(Expr::Literal { value: Value::BigInt(1), kind: Kind::BigInt, at });
            let by = integer(by)?;
            match args.next() {
                None => {
                    let kind = value.kind();
                    Ok((vec![value, by], kind))
                }
                Some(default) => {
                    let (mut both, kind) = unify(vec![value, default], "the value and the default")?;
                    let default = both.pop().expect("there are two");
                    Ok((vec![both.remove(0), by, default], kind))
                }
            }
        }
        Function::FirstValue | Function::LastValue => {
            count(1, 1)?;
            let kind = args[0].kind();
            Ok((args, kind))
        }
        Function::NthValue => {
            count(2, 2)?;
            let mut args = args.into_iter();
            let value = args.next().expect("there is one");
            let kind = value.kind();
            Ok((vec![value, integer(args.next().expect("there are two"))?], kind))
        }
        Function::Aggregate(..) => Ok((args, Kind::Null)),
    }
}
