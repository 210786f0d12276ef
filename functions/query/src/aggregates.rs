//! The aggregates there are.

use crate::kind::Kind;

/// An aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    CountRows,
    Count,
    Sum,
    Avg,
    Min,
    Max,
    Median,
    QuantileCont,
    QuantileDisc,
    Mode,
    StddevSamp,
    StddevPop,
    VarSamp,
    VarPop,
    First,
    Last,
    AnyValue,
    StringAgg,
    BoolAnd,
    BoolOr,
    ArgMin,
    ArgMax,
    Corr,
    CovarSamp,
    CovarPop,
    Product,
}

pub(crate) const NAMES: &[(&str, Aggregate)] = &[
    ("count", Aggregate::Count),
    ("sum", Aggregate::Sum),
    ("avg", Aggregate::Avg),
    ("mean", Aggregate::Avg),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("median", Aggregate::Median),
    ("quantile_cont", Aggregate::QuantileCont),
    ("quantile_disc", Aggregate::QuantileDisc),
    ("mode", Aggregate::Mode),
    ("stddev", Aggregate::StddevSamp),
    ("stddev_samp", Aggregate::StddevSamp),
    ("stddev_pop", Aggregate::StddevPop),
    ("variance", Aggregate::VarSamp),
    ("var_samp", Aggregate::VarSamp),
    ("var_pop", Aggregate::VarPop),
    ("first", Aggregate::First),
    ("last", Aggregate::Last),
    ("any_value", Aggregate::AnyValue),
    ("string_agg", Aggregate::StringAgg),
    ("bool_and", Aggregate::BoolAnd),
    ("bool_or", Aggregate::BoolOr),
    ("arg_min", Aggregate::ArgMin),
    ("min_by", Aggregate::ArgMin),
    ("arg_max", Aggregate::ArgMax),
    ("max_by", Aggregate::ArgMax),
    ("corr", Aggregate::Corr),
    ("covar_samp", Aggregate::CovarSamp),
    ("covar_pop", Aggregate::CovarPop),
    ("product", Aggregate::Product),
];

/// The aggregate of a name.
pub(crate) fn named(name: &str) -> Option<Aggregate> {
    NAMES.iter().find(|(other, _)| *other == name).map(|(_, aggregate)| *aggregate)
}

impl Aggregate {
    /// The types that the arguments are to have, and that of the result. None if it does not take these.
    pub fn types(self, args: &[Kind]) -> Option<(Vec<Kind>, Kind)> {
        use Kind::{BigInt, Boolean, Double, Null, Text};
        let number = |kind: &Kind| kind.is_number();
        Some(match (self, args) {
            (Self::CountRows, []) => (vec![], BigInt),
            (Self::Count, [_]) => (args.to_vec(), BigInt),
            (Self::Sum, [BigInt | Boolean | Null]) => (vec![BigInt], BigInt),
            (Self::Sum, [Double]) => (vec![Double], Double),
            (
                Self::Avg | Self::StddevSamp | Self::StddevPop | Self::VarSamp | Self::VarPop | Self::Product,
                [kind],
            ) if number(kind) => (vec![Double], Double),
            (Self::Min | Self::Max, [Kind::Other(_)]) => return None,
            (Self::Mode, [Kind::Other(_)]) => return None,
            (Self::Min | Self::Max | Self::Mode | Self::First | Self::Last | Self::AnyValue, [kind]) => {
                (vec![kind.clone()], kind.clone())
            }
            (Self::Median, [kind]) if number(kind) => (vec![Double], Double),
            (Self::QuantileCont, [kind, at]) if number(kind) && number(at) => (vec![Double, Double], Double),
            (Self::QuantileDisc, [Kind::Other(_), _]) => return None,
            (Self::QuantileDisc, [kind, at]) if number(at) => (vec![kind.clone(), Double], kind.clone()),
            (Self::StringAgg, [_, Text]) => (vec![Text, Text], Text),
            (Self::BoolAnd | Self::BoolOr, [Boolean | Null]) => (vec![Boolean], Boolean),
            (Self::ArgMin | Self::ArgMax, [_, Kind::Other(_)]) => return None,
            (Self::ArgMin | Self::ArgMax, [value, by]) => (vec![value.clone(), by.clone()], value.clone()),
            (Self::Corr | Self::CovarSamp | Self::CovarPop, [a, b]) if number(a) && number(b) => {
                (vec![Double, Double], Double)
            }
            _ => return None,
        })
    }
}
