//! The parser's DuckDB dialect, with what the parser does not know of DuckDB.

use std::any::TypeId;

use sqlparser::dialect::{Dialect, DuckDbDialect};

/// As DuckDB's, and `lag(x IGNORE NULLS)`.
#[derive(Debug)]
pub(crate) struct Duck;

macro_rules! yes {
    ($($name:ident)*) => {
        $(fn $name(&self) -> bool { true })*
    };
}

impl Dialect for Duck {
    fn dialect(&self) -> TypeId {
        TypeId::of::<DuckDbDialect>()
    }

    fn is_identifier_start(&self, c: char) -> bool {
        DuckDbDialect {}.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        DuckDbDialect {}.is_identifier_part(c)
    }

    fn identifier_quote_style(&self, _: &str) -> Option<char> {
        Some('"')
    }

    fn supports_string_literal_column_alias(&self, explicit: bool) -> bool {
        explicit
    }

    yes! {
        allow_extract_single_quotes
        supports_aggregate_order_by_with_empty_args
        supports_bitwise_shift_operators
        supports_comma_separated_trim
        supports_comparison_in_between_low_bound
        supports_cte_materialization
        supports_filter_during_aggregation
        supports_from_first_select
        supports_group_by_expr
        supports_nested_comments
        supports_notnull_operator
        supports_numeric_literal_underscores
        supports_order_by_all
        supports_select_wildcard_exclude
        supports_select_wildcard_replace
        supports_tilde_like_match_operator
        supports_trailing_commas
        supports_window_function_null_treatment_arg
    }
}
