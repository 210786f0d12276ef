//! Calls of functions.

use sqlparser::ast;

use super::{
    At, Binder, Names, Problem, Result,
    expression::boolean,
    literal::{coerce, unify},
    missing,
};
use crate::{
    aggregates,
    cast::can_cast,
    expr::Expr,
    functions::{self, Argument, parts::Part},
    kind::Kind,
    value::Value,
    windows,
};

/// Functions that do not give the same whenever they are called, and what to do instead.
const UNSTEADY: &[&str] = &[
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "get_current_timestamp",
    "today",
    "random",
    "uuid",
    "gen_random_uuid",
    "nextval",
    "localtime",
    "localtimestamp",
    "transaction_timestamp",
    "setseed",
];

/// What is made by the binder, for messages.
const SPECIAL: &[&str] = &["coalesce", "ifnull", "if", "try", "typeof"];

impl Binder<'_> {
    /// A call as it is written.
    pub(super) fn function(
        &mut self,
        function: &ast::Function,
        names: &Names<'_>,
        place: At,
    ) -> Result<Expr> {
        let name = match function.name.0.as_slice() {
            [part] => part.as_ident().map(super::folded),
            _ => None,
        };
        let Some(name) = name else {
            return Err(missing(place, format!("the function `{}`", function.name)));
        };
        let list = match &function.args {
            ast::FunctionArguments::None => None,
            ast::FunctionArguments::List(list) => Some(list),
            ast::FunctionArguments::Subquery(_) => return Err(missing(place, "a query as argument")),
        };
        if UNSTEADY.contains(&name.as_str()) {
            return Err(Problem::at(
                place,
                format!("`{name}` does not give the same each time; give its value as a parameter instead"),
            ));
        }
        if let Some(over) = &function.over {
            return self.window(&name, function, list, over, names, place);
        }
        if let Some(aggregate) = aggregates::named(&name) {
            return self.aggregate(aggregate, &name, function, list, names, place);
        }
        if windows::named(&name).is_some() {
            return Err(Problem::at(
                place,
                format!("`{name}` is a window function: OVER (...) has to follow"),
            ));
        }
        if function.filter.is_some() || !function.within_group.is_empty() {
            return Err(Problem::at(
                place,
                format!("`{name}` is no aggregate; FILTER and WITHIN GROUP belong to one"),
            ));
        }
        let args = self.arguments(&name, list, names, place)?;
        self.call(&name, args, place)
    }

    /// Arguments of a plain call.
    pub(super) fn arguments(
        &mut self,
        name: &str,
        list: Option<&ast::FunctionArgumentList>,
        names: &Names<'_>,
        place: At,
    ) -> Result<Vec<Expr>> {
        let Some(list) = list else { return Ok(Vec::new()) };
        if list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct)
            && aggregates::named(name).is_none()
        {
            return Err(Problem::at(place, format!("`{name}` is no aggregate; DISTINCT belongs to one")));
        }
        let args = list.args.iter().map(|arg| match arg {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(tree)) => self.expr(tree, names),
            ast::FunctionArg::Unnamed(_) => Err(missing(place, format!("`*` in `{name}`"))),
            _ => Err(missing(place, format!("an argument of `{name}` by name"))),
        });
        args.collect()
    }

    /// A call of a function or operator with bound arguments.
    pub(super) fn call(&mut self, name: &str, mut args: Vec<Expr>, at: At) -> Result<Expr> {
        match (name, args.len()) {
            ("coalesce" | "ifnull", 1..) => {
                let (args, kind) = unify(args, "the arguments of COALESCE")?;
                return Ok(Expr::Coalesce { args, kind });
            }
            ("if" | "iff", 3) => {
                let otherwise = args.pop().expect("there are three");
                let then = args.pop().expect("there are three");
                let when = boolean(args.pop().expect("there are three"))?;
                let (mut values, kind) = unify(vec![then, otherwise], "the results of IF")?;
                let otherwise = Box::new(values.pop().expect("there are two"));
                return Ok(Expr::Case { branches: vec![(when, values.remove(0))], otherwise, kind });
            }
            ("try", 1) => return Ok(Expr::Try(Box::new(args.remove(0)))),
            ("typeof", 1) => {
                let name = Value::text(args[0].kind().to_string());
                return Ok(Expr::Literal { value: name, kind: Kind::Text, at });
            }
            ("||" | "concat" | "concat_ws", _) => {
                args = args.into_iter().map(|arg| as_text(arg, name)).collect::<Result<_>>()?;
            }
            ("not", 1) => args = vec![boolean(args.remove(0))?],
            _ => {}
        }
        let mut name = name;
        if let (
            "date_part" | "datepart" | "date_trunc" | "datetrunc" | "date_diff" | "datediff" | "date_sub"
            | "datesub",
            Some(Expr::Literal { value: Value::Text(part), at, .. }),
        ) = (name, args.first())
        {
            let part = Part::named(part).map_err(|message| Problem::at(*at, message))?;
            // The epoch has a fraction, so that it is a function of its own.
            if part == Part::Epoch && name.ends_with("part") && args.len() == 2 {
                name = "epoch";
                args.remove(0);
            }
        }
        let given: Vec<_> =
            args.iter().map(|arg| Argument { kind: arg.kind(), literal: arg.is_text_literal() }).collect();
        let others: Vec<_> = SPECIAL
            .iter()
            .copied()
            .chain(aggregates::NAMES.iter().map(|(name, _)| *name))
            .chain(windows::NAMES.iter().map(|(name, _)| *name))
            .collect();
        let (function, kinds, kind) = functions::resolve(name, &given, &others, at)?;
        let args =
            args.into_iter().zip(&kinds).map(|(arg, kind)| coerce(arg, kind)).collect::<Result<_>>()?;
        Ok(Expr::Call { function, args, kind, at })
    }
}

/// What is put together with texts is a text.
fn as_text(expr: Expr, name: &str) -> Result<Expr> {
    let kind = expr.kind();
    if !can_cast(&kind, &Kind::Text) {
        return Err(Problem::at(expr.at(), format!("`{name}` does not take {kind}")));
    }
    coerce(expr, &Kind::Text)
}
