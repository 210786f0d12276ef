//! Columns that look at other rows, and rows that are left out.

use arrow_select::filter::filter_record_batch;
use millstream_query::Bound;
use millstream_sdk::{
    Context, Failure,
    arrow_array::{BooleanArray, RecordBatch, cast::AsArray, types::Int64Type},
    arrow_schema::{DataType, Schema},
    column, internal,
};

use crate::{
    columns::{ColumnStep, Counted, Tally, absent, shown},
    operation::{
        AnyAll, Deduplicate, DropMissing, DropOutliers, FillMissing, Filling, Keeping, Operation, Several,
        Spread, WindowColumns, Winsorize,
    },
    place::{Place, ident, idents, number},
    row_wise::Maker,
    whole::sort_keys,
};

/// The step over columns that an operation is which looks at other rows; `None` if it is none.
pub(crate) fn column_step(
    place: &Place,
    operation: &Operation,
    schema: &Schema,
) -> Result<Option<ColumnStep>, Failure> {
    let maker = Maker { place, schema };
    Ok(Some(match operation {
        Operation::Window(window) => windowed(&maker, window)?,
        Operation::Winsorize(winsorize) => winsorized(&maker, winsorize)?,
        Operation::FillMissing(fill) => filled(&maker, fill)?,
        _ => return Ok(None),
    }))
}

/// `PARTITION BY ... ORDER BY ...`.
fn over(
    place: &Place,
    schema: &Schema,
    partition: Option<&Several>,
    order: Option<&Several>,
) -> Result<String, Failure> {
    let mut text = String::new();
    if let Some(partition) = partition {
        let columns = place.at("partition-by").columns(schema, partition)?;
        text.push_str(&format!("PARTITION BY {} ", idents(&columns)));
    }
    if let Some(order) = order {
        text.push_str(&format!("ORDER BY {} ", sort_keys(&place.at("order-by"), schema, order)?.join(", ")));
    }
    Ok(text)
}

fn windowed(maker: &Maker<'_>, window: &WindowColumns) -> Result<ColumnStep, Failure> {
    let Maker { place, schema } = *maker;
    let WindowColumns { columns, partition_by, order_by, rows, range } = window;
    let mut over = over(place, schema, partition_by.as_ref(), order_by.as_ref())?;
    match (rows, range) {
        (Some(_), Some(_)) => return Err(place.wrong("`rows` and `range` exclude each other")),
        (Some(rows), None) => {
            over.push_str(&format!("ROWS BETWEEN {} PRECEDING AND CURRENT ROW", rows.saturating_sub(1)));
        }
        (None, Some(range)) => {
            let Some(Several::One(_)) = order_by else {
                return Err(place.at("range").wrong("needs one column of dates or times in `order-by`"));
            };
            let span = crate::place::text(range);
            over.push_str(&format!("RANGE BETWEEN INTERVAL {span} PRECEDING AND CURRENT ROW"));
        }
        (None, None) => {}
    }
    let mut all = Vec::with_capacity(columns.len());
    for (name, call) in columns {
        let own = place.at("columns").at(name);
        // A frame is for aggregates; `lag` and the like have none.
        let value = own.expression(schema, &format!("{call} OVER ({over})"))?;
        all.push(crate::columns::Assignment {
            name: name.clone(),
            value,
            origin: own.name().to_owned(),
            counted: Counted::Nothing,
        });
    }
    if all.is_empty() {
        return Err(place.at("columns").wrong("the map is empty"));
    }
    Ok(ColumnStep::Assign(all))
}

/// A column of numbers whose NaN is missing, as aggregates should see it.
fn counting(schema: &Schema, name: &str) -> String {
    let own = ident(name);
    match schema.field_with_name(name) {
        Ok(field) if *field.data_type() == DataType::Float64 => {
            format!("(CASE WHEN NOT isnan({own}) THEN {own} END)")
        }
        _ => own,
    }
}

fn winsorized(maker: &Maker<'_>, winsorize: &Winsorize) -> Result<ColumnStep, Failure> {
    let Winsorize { columns, lower, upper } = winsorize;
    if lower > upper {
        return Err(maker.place.at("lower").wrong(format!("{lower} is more than `upper`, {upper}")));
    }
    let columns = maker.numbers(columns)?;
    maker.each(columns, &Counted::Clipped, |name| {
        let own = counting(maker.schema, name);
        let bound = |share: f64| format!("quantile_cont({own}, {}) OVER ()", number(share));
        let (low, high) = (bound(*lower), bound(*upper));
        format!("CASE WHEN {own} < {low} THEN {low} WHEN {own} > {high} THEN {high} ELSE {} END", ident(name))
    })
}

fn filled(maker: &Maker<'_>, fill: &FillMissing) -> Result<ColumnStep, Failure> {
    let Maker { place, schema } = *maker;
    let Some(method) = fill.method else { return Err(place.wrong("neither `value` nor `method` is given")) };
    if fill.value.is_some() {
        return Err(place.wrong("`value` and `method` exclude each other"));
    }
    let along = matches!(method, Filling::Forward | Filling::Backward);
    if !along && (fill.partition_by.is_some() || fill.order_by.is_some()) {
        return Err(place.wrong("`partition-by` and `order-by` are for `method: forward` and `backward`"));
    }
    let averaged = matches!(method, Filling::Mean | Filling::Median);
    let columns = match &fill.columns {
        Some(names) if averaged => maker.numbers(names)?,
        names => {
            let suits = if averaged { crate::place::is_number } else { |kind: &DataType| !kind.is_nested() };
            place.columns_or(schema, names.as_ref(), suits)?
        }
    };
    let over = over(place, schema, fill.partition_by.as_ref(), fill.order_by.as_ref())?;
    maker.each(columns, &Counted::Filled, |name| {
        let own = counting(schema, name);
        let found = match method {
            Filling::Mean => format!("avg({own}) OVER ()"),
            Filling::Median => format!("median({own}) OVER ()"),
            Filling::Mode => format!("mode({own}) OVER ()"),
            Filling::Forward => format!(
                "last_value({own} IGNORE NULLS) OVER ({over}ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
            ),
            Filling::Backward => format!(
                "first_value({own} IGNORE NULLS) OVER ({over}ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
            ),
        };
        format!("coalesce({own}, {found})")
    })
}

/// The rows that an operation leaves, in their order, with what is said of those that it drops; `None` if it is no such one.
pub(crate) fn kept(
    place: &Place,
    operation: &Operation,
    rows: &RecordBatch,
    tally: &mut Tally,
    context: &Context,
) -> Result<Option<RecordBatch>, Failure> {
    let (holds, why) = match operation {
        Operation::Filter(condition) => {
            let bound = place.expression(&rows.schema(), condition)?;
            if bound.data_type != DataType::Boolean {
                let kind = column::type_name(&bound.data_type);
                return Err(
                    place.wrong(format!("`{condition}` is no condition: it gives {kind}, not true or false"))
                );
            }
            (bound.holds(rows).map_err(|problem| place.failed(problem))?, String::new())
        }
        Operation::DropMissing(drop) => with_values(place, drop, rows)?,
        Operation::Deduplicate(deduplicate) => (distinct(place, deduplicate, rows)?, String::new()),
        Operation::DropOutliers(drop) => near(place, drop, rows)?,
        _ => return Ok(None),
    };
    let left = holds.iter().filter(|holds| **holds).count();
    let dropped = rows.num_rows() - left;
    if dropped == 0 {
        return Ok(Some(rows.clone()));
    }
    tally.dropped += dropped as u64;
    let name = place.name();
    let message = format!("`{name}`: {dropped} of {} rows were dropped{why}", rows.num_rows());
    if left == 0 {
        context.warn(format!("{message}: none is left"))
    } else {
        context.info(message)
    }
    let kept = filter_record_batch(rows, &BooleanArray::from(holds));
    kept.map(Some).map_err(|error| internal(error.to_string()))
}

fn with_values(
    place: &Place,
    drop: &DropMissing,
    rows: &RecordBatch,
) -> Result<(Vec<bool>, String), Failure> {
    let schema = rows.schema();
    let columns = place.columns_or(&schema, drop.columns.as_ref(), |_| true)?;
    let mut missing = vec![0usize; rows.num_rows()];
    let mut most: Option<(usize, &str)> = None;
    for name in &columns {
        let array = column::get(rows, name)?;
        let mut here = 0;
        for (row, missing) in missing.iter_mut().enumerate() {
            let absent = absent(array, row);
            *missing += usize::from(absent);
            here += usize::from(absent);
        }
        if here > most.map_or(0, |(most, _)| most) {
            most = Some((here, name));
        }
    }
    let limit = if drop.how == AnyAll::Any { 1 } else { columns.len() };
    let why =
        most.map_or(String::new(), |(count, name)| format!("; `{name}` is missing most often, in {count}"));
    Ok((missing.into_iter().map(|missing| missing < limit).collect(), why))
}

fn integers(place: &Place, rows: &RecordBatch, text: &str) -> Result<Vec<i64>, Failure> {
    let bound = place.made(&rows.schema(), text)?;
    let array = bound.eval(rows).map_err(|problem| place.failed(problem))?;
    Ok(array.as_primitive::<Int64Type>().values().to_vec())
}

fn distinct(place: &Place, deduplicate: &Deduplicate, rows: &RecordBatch) -> Result<Vec<bool>, Failure> {
    let columns = place.columns_or(&rows.schema(), deduplicate.columns.as_ref(), |_| true)?;
    let of = |function: &str| {
        integers(place, rows, &format!("{function} OVER (PARTITION BY {})", idents(&columns)))
    };
    let number = of("row_number()")?;
    Ok(match deduplicate.keep {
        Keeping::First => number.into_iter().map(|number| number == 1).collect(),
        Keeping::Last => {
            number.into_iter().zip(of("count(*)")?).map(|(number, count)| number == count).collect()
        }
        Keeping::None => of("count(*)")?.into_iter().map(|count| count == 1).collect(),
    })
}

fn near(place: &Place, drop: &DropOutliers, rows: &RecordBatch) -> Result<(Vec<bool>, String), Failure> {
    let schema = rows.schema();
    let columns = Maker { place, schema: &schema }.numbers(&drop.columns)?;
    let mut holds = vec![true; rows.num_rows()];
    let mut why = Vec::new();
    for name in &columns {
        let own = counting(&schema, name);
        let condition = match drop.method {
            Spread::Iqr => {
                let quartile = |share: &str| format!("quantile_cont({own}, {share}) OVER ()");
                let (first, third) = (quartile("0.25"), quartile("0.75"));
                let reach = format!("{} * ({third} - {first})", number(drop.threshold.unwrap_or(1.5)));
                format!("{own} < {first} - {reach} OR {own} > {third} + {reach}")
            }
            Spread::ZScore => {
                let reach = number(drop.threshold.unwrap_or(3.0));
                format!("abs({own} - avg({own}) OVER ()) > {reach} * stddev_pop({own}) OVER ()")
            }
        };
        let far = place.made(&schema, &condition)?;
        let far = Bound::holds(&far, rows).map_err(|problem| place.failed(problem))?;
        let count = far.iter().filter(|far| **far).count();
        if let Some(row) = far.iter().position(|far| *far) {
            why.push(format!("{count} by `{name}`, such as {}", shown(column::get(rows, name)?, row)?));
        }
        holds.iter_mut().zip(far).for_each(|(holds, far)| *holds &= !far);
    }
    Ok((holds, if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) }))
}
