//! Whatever a table holds, it is profiled: no panic, no figure that JSON or the page cannot show.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use fn_analyze::{Params, profile, render};
use proptest::{collection::vec, option, prelude::*};

const ROWS: std::ops::Range<usize> = 1..60;

fn column(rows: usize) -> impl Strategy<Value = ArrayRef> {
    let integers = prop_oneof![any::<i64>(), 0..3i64, Just(i64::MAX), Just(i64::MIN)];
    let floats = prop_oneof![
        any::<f64>(),
        -1.0..1.0f64,
        (0..4u8).prop_map(f64::from),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::NAN),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE)
    ];
    let texts =
        prop_oneof![".{0,12}", "[ab]", "20[0-2][0-9]-0[1-9]-1[0-9]", "[0-9]{1,3}(\\.5)?", " ", "`<&\"'"];
    prop_oneof![
        vec(option::weighted(0.8, integers), rows)
            .prop_map(|cells| Arc::new(Int64Array::from(cells)) as ArrayRef),
        vec(option::weighted(0.8, floats), rows)
            .prop_map(|cells| Arc::new(Float64Array::from(cells)) as ArrayRef),
        vec(option::weighted(0.8, any::<bool>()), rows)
            .prop_map(|cells| Arc::new(BooleanArray::from(cells)) as ArrayRef),
        vec(option::weighted(0.8, texts), rows)
            .prop_map(|cells| Arc::new(StringArray::from(cells)) as ArrayRef),
        vec(option::weighted(0.8, any::<i32>()), rows)
            .prop_map(|cells| Arc::new(Date32Array::from(cells)) as ArrayRef),
        vec(option::weighted(0.8, any::<i64>()), rows)
            .prop_map(|cells| Arc::new(TimestampMicrosecondArray::from(cells)) as ArrayRef),
        Just(Arc::new(Float64Array::from(vec![None; rows])) as ArrayRef),
        Just(Arc::new(Int64Array::from(vec![7; rows])) as ArrayRef),
    ]
}

fn table() -> impl Strategy<Value = RecordBatch> {
    ROWS.prop_flat_map(|rows| vec(column(rows), 1..6)).prop_map(|columns| {
        let named = columns.into_iter().enumerate().map(|(i, column)| (format!("c{i}"), column, true));
        RecordBatch::try_from_iter_with_nullable(named).unwrap()
    })
}

proptest! {
    #[test]
    fn any_table_is_profiled(table in table(), target in option::of(0..5usize), bins in 2..30usize) {
        let target = target.filter(|at| *at < table.num_columns()).map(|at| format!("c{at}"));
        let params = Params { target, bins, ..Params::default() };
        let profile = profile(&table, &params, |_, _| ()).unwrap();
        for column in &profile.columns {
            prop_assert_eq!(column.count + column.missing, table.num_rows() as u64);
            prop_assert!(column.distinct <= column.count);
            if let Some(numbers) = &column.numbers {
                prop_assert_eq!(numbers.histogram.counts.iter().sum::<u64>() + numbers.infinite, column.count);
            }
        }
        for r in profile.correlations.pearson.iter().chain(&profile.correlations.spearman).flatten() {
            prop_assert!(r.is_nan() || (-1.0..=1.0).contains(r));
        }
        if let Some(target) = &profile.target {
            for association in &target.associations {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&association.strength), "{association:?}");
            }
        }
        serde_json::to_string(&profile).unwrap();
        let page = render(&profile);
        prop_assert!(!page.contains("NaN") && !page.contains("`<&"), "unescaped");
    }
}
