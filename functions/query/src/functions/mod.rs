//! The functions there are. Operators are functions too, by their signs.

mod arithmetic;
mod compare;
mod formats;
mod math;
pub(crate) mod parts;
mod pattern;
pub(crate) mod spans;
mod strings;
mod times;
mod zones;

use arrow_array::ArrayRef;

use crate::{
    cast::cast_cost,
    column::Column,
    kind::Kind,
    problem::{At, Problem, Result, did_you_mean},
    value::Value,
};

pub(crate) use pattern::Memory;

/// Stands in a signature for any type, the same at all places.
pub(crate) const ANY: Kind = Kind::Null;

type Row = for<'a> fn(&[Value<'a>], &mut Memory) -> Result<Value<'a>, String>;
type Whole = fn(&[Column], usize) -> Result<ArrayRef, (usize, String)>;

/// How a function is computed.
pub(crate) enum Body {
    /// Row by row; a missing argument gives a missing value.
    Strict(Row),
    /// Row by row, missing arguments too.
    Row(Row),
    /// On whole columns.
    Whole(Whole),
}

/// A function for arguments of certain types.
pub(crate) struct Function {
    pub name: &'static str,
    pub args: &'static [Kind],
    /// The type of any number of further arguments.
    pub rest: Option<Kind>,
    pub result: Kind,
    pub body: Body,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn strict(name: &'static str, args: &'static [Kind], result: Kind, body: Row) -> Function {
    Function { name, args, rest: None, result, body: Body::Strict(body) }
}

const fn whole(name: &'static str, args: &'static [Kind], result: Kind, body: Whole) -> Function {
    Function { name, args, rest: None, result, body: Body::Whole(body) }
}

fn all() -> impl Iterator<Item = &'static Function> {
    let groups: [&'static [Function]; 10] = [
        arithmetic::FUNCTIONS,
        compare::FUNCTIONS,
        formats::FUNCTIONS,
        math::FUNCTIONS,
        parts::FUNCTIONS,
        pattern::FUNCTIONS,
        spans::FUNCTIONS,
        strings::FUNCTIONS,
        times::FUNCTIONS,
        zones::FUNCTIONS,
    ];
    groups.into_iter().flatten()
}

/// Whether there is a function of that name.
pub(crate) fn exists(name: &str) -> bool {
    all().any(|function| function.name == name)
}

/// Names of functions, each once, without operators.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> =
        all().map(|f| f.name).filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// An argument as far as the choice of a function needs it.
pub(crate) struct Argument {
    pub kind: Kind,
    /// Whether it is a text that stands in the query, which is taken for what is needed.
    pub literal: bool,
}

/// The function of a name that fits the arguments best, and the types that they are to have.
///
/// # Errors
/// If there is none of the name, or none fits.
pub(crate) fn resolve(
    name: &str,
    args: &[Argument],
    others: &[&'static str],
    at: At,
) -> Result<(&'static Function, Vec<Kind>, Kind)> {
    let mut best: Option<(u32, &'static Function, Vec<Kind>, Kind)> = None;
    for function in all().filter(|f| f.name == name) {
        if let Some((cost, kinds, result)) = fit(function, args)
            && best.as_ref().is_none_or(|(least, ..)| cost < *least)
        {
            best = Some((cost, function, kinds, result));
        }
    }
    if let Some((_, function, kinds, result)) = best {
        return Ok((function, kinds, result));
    }
    if !exists(name) {
        let names = names();
        let near = did_you_mean(name, names.iter().copied().chain(others.iter().copied()));
        return Err(Problem::at(at, format!("there is no function `{name}`{near}")));
    }
    let given = args.iter().map(|arg| arg.kind.to_string()).collect::<Vec<_>>().join(", ");
    let forms = all().filter(|f| f.name == name).map(form).collect::<Vec<_>>().join(", ");
    Err(Problem::at(at, format!("`{name}` does not take ({given}); there is {forms}. CAST changes a type")))
}

fn form(function: &Function) -> String {
    let any = |kind: &Kind| if *kind == ANY { "ANY".to_owned() } else { kind.to_string() };
    let mut args: Vec<_> = function.args.iter().map(any).collect();
    args.extend(function.rest.iter().map(|kind| format!("{} ...", any(kind))));
    format!("{}({})", function.name, args.join(", "))
}

fn fit(function: &'static Function, args: &[Argument]) -> Option<(u32, Vec<Kind>, Kind)> {
    let fixed = function.args.len();
    if args.len() < fixed || (function.rest.is_none() && args.len() > fixed) {
        return None;
    }
    let wanted = |i: usize| function.args.get(i).or(function.rest.as_ref()).expect("it is there");
    // What ANY stands for: the common type of all that stand at its places.
    let mut any = Kind::Null;
    for (i, arg) in args.iter().enumerate().filter(|(_, arg)| !arg.literal) {
        if *wanted(i) == ANY {
            any = any.union(&arg.kind)?;
        }
    }
    // What is not computed with can be missing, and that is all that is known of it.
    if matches!(any, Kind::Other(_)) && !matches!(function.name, "is null" | "is not null") {
        return None;
    }
    if any == Kind::Null && args.iter().enumerate().any(|(i, arg)| arg.literal && *wanted(i) == ANY) {
        any = Kind::Text;
    }
    let (mut cost, mut kinds) = (0, Vec::with_capacity(args.len()));
    for (i, arg) in args.iter().enumerate() {
        let want = if *wanted(i) == ANY { &any } else { wanted(i) };
        cost += cast_cost(&arg.kind, want, arg.literal)?;
        kinds.push(want.clone());
    }
    let result = if function.result == ANY { any } else { function.result.clone() };
    Some((cost, kinds, result))
}
