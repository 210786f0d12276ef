//! Joins.

use millstream_sdk::{
    Context, Failure,
    arrow_array::{Array, RecordBatch, cast::AsArray, types::Float64Type},
    column, invalid_input,
};

use super::{ask, common};
use crate::{
    columns::shown,
    operation::{JoinHow, JoinKeys, JoinTable, Relation},
    place::{Place, ident},
};

/// The rows of both tables whose keys are equal.
pub(super) fn join(
    place: &Place,
    join: &JoinTable,
    left: &RecordBatch,
    right: &RecordBatch,
    context: &Context,
) -> Result<RecordBatch, Failure> {
    let (here, there) = (left.schema(), right.schema());
    let on = place.at("on");
    let pairs: Vec<(String, String)> = match &join.on {
        JoinKeys::Same(names) => names.all().iter().map(|name| (name.clone(), name.clone())).collect(),
        JoinKeys::Paired(pairs) => pairs.iter().map(|(a, b)| (a.clone(), b.clone())).collect(),
    };
    if pairs.is_empty() {
        return Err(on.wrong("no column is named; every row would meet every other one"));
    }
    for (a, b) in &pairs {
        let (one, other) = (
            on.column(&here, a)?.data_type(),
            on.column(&there, b)
                .map_err(|failure| match failure {
                    Failure::InvalidParameter(mut wrong) => {
                        wrong.message = format!("in `{}`: {}", join.with, wrong.message);
                        Failure::InvalidParameter(wrong)
                    }
                    other => other,
                })?
                .data_type(),
        );
        if common(one, other).is_none() {
            let (one, other) = (column::type_name(one), column::type_name(other));
            return Err(on.wrong(format!(
                "`{a}` holds {one}, but `{b}` of `{}` holds {other}; `cast` one of them",
                join.with
            )));
        }
    }
    let tables = [("l", left), ("r", right)];
    check(place, join, &pairs, &tables)?;
    let matching: Vec<String> =
        pairs.iter().map(|(a, b)| format!("l.{} = r.{}", ident(a), ident(b))).collect();
    let matching = matching.join(" AND ");
    if join.how == JoinHow::Left {
        lonely(place, join, &pairs, &tables, &matching, context)?;
    }
    let mut outputs = Vec::new();
    for field in here.fields() {
        let name = field.name();
        let own = format!("l.{}", ident(name));
        // Rows of the other table alone have their key from there.
        let key = pairs.iter().find(|(a, _)| a == name);
        outputs.push(match key {
            Some((_, b)) if matches!(join.how, JoinHow::Right | JoinHow::Full) => {
                format!("coalesce({own}, r.{}) AS {}", ident(b), ident(name))
            }
            _ => format!("{own} AS {}", ident(name)),
        });
    }
    if !matches!(join.how, JoinHow::Semi | JoinHow::Anti) {
        for field in there.fields() {
            let name = field.name();
            if pairs.iter().any(|(_, b)| b == name) {
                continue;
            }
            let mut new = name.clone();
            if here.column_with_name(name).is_some() {
                new.push_str(&join.suffix);
                if here.column_with_name(&new).is_some() || there.column_with_name(&new).is_some() {
                    return Err(place.at("suffix").wrong(format!("two columns would be called `{new}`")));
                }
            }
            outputs.push(format!("r.{} AS {}", ident(name), ident(&new)));
        }
    }
    let how = match join.how {
        JoinHow::Inner => "JOIN",
        JoinHow::Left => "LEFT JOIN",
        JoinHow::Right => "RIGHT JOIN",
        JoinHow::Full => "FULL JOIN",
        JoinHow::Semi => "SEMI JOIN",
        JoinHow::Anti => "ANTI JOIN",
    };
    ask(place, &format!("SELECT {} FROM l {how} r ON {matching}", outputs.join(", ")), &tables)
}

/// Refuses keys that are there too often, and results that are too large, before they are made.
fn check(
    place: &Place,
    join: &JoinTable,
    pairs: &[(String, String)],
    tables: &[(&str, &RecordBatch)],
) -> Result<(), Failure> {
    let named = |side: fn(&(String, String)) -> &String| -> Vec<String> {
        pairs.iter().enumerate().map(|(i, pair)| format!("{} AS k{i}", ident(side(pair)))).collect()
    };
    let keys: Vec<String> = (0..pairs.len()).map(|i| format!("k{i}")).collect();
    let counts = |table: &str, side| {
        let all = keys.join(", ");
        format!(
            "SELECT {all}, count(*) AS n FROM (SELECT {} FROM {table}) AS s GROUP BY {all}",
            named(side).join(", ")
        )
    };
    let (ours, theirs) = (counts("l", |pair| &pair.0), counts("r", |pair| &pair.1));
    let once = |query: &str, name: &str| -> Result<(), Failure> {
        let there: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        let twice = ask(
            place,
            &format!("SELECT * FROM ({query}) AS c WHERE n > 1 AND {} LIMIT 1", there.join(" AND ")),
            tables,
        )?;
        if twice.num_rows() == 0 {
            return Ok(());
        }
        let key: Vec<String> =
            (0..pairs.len()).map(|i| shown(twice.column(i), 0)).collect::<Result<_, _>>()?;
        let count = shown(twice.column(pairs.len()), 0)?;
        let key = key.join(", ");
        Err(invalid_input(format!(
            "`{}`: the key `{key}` is {count} times in {name}, not once",
            place.name()
        )))
    };
    if matches!(join.validate, Some(Relation::OneToOne | Relation::OneToMany)) {
        once(&ours, "this table")?;
    }
    if matches!(join.validate, Some(Relation::OneToOne | Relation::ManyToOne)) {
        once(&theirs, &format!("`{}`", join.with))?;
    }
    if matches!(join.how, JoinHow::Semi | JoinHow::Anti) {
        return Ok(());
    }
    let equal: Vec<String> = keys.iter().map(|key| format!("a.{key} = b.{key}")).collect();
    let meeting = ask(
        place,
        &format!(
            "SELECT sum(CAST(a.n AS DOUBLE) * b.n) AS n FROM ({ours}) AS a JOIN ({theirs}) AS b ON {}",
            equal.join(" AND ")
        ),
        tables,
    )?;
    let meeting = meeting.column(0).as_primitive::<Float64Type>();
    let rows = if meeting.is_valid(0) { meeting.value(0) } else { 0.0 };
    let longer = tables.iter().map(|(_, table)| table.num_rows()).max().unwrap_or(0) as f64;
    if rows > longer * join.max_growth {
        return Err(invalid_input(format!(
            "`{}`: {rows} rows would come out of {longer}, more than {} times as many (`max-growth`): the columns in `on` are \
             likely no key; name more of them, or `deduplicate` before",
            place.name(),
            join.max_growth
        )));
    }
    Ok(())
}

/// Says how many rows have no partner.
fn lonely(
    place: &Place,
    join: &JoinTable,
    pairs: &[(String, String)],
    tables: &[(&str, &RecordBatch)],
    matching: &str,
    context: &Context,
) -> Result<(), Failure> {
    let keys: Vec<String> = pairs.iter().map(|(a, _)| format!("l.{}", ident(a))).collect();
    let alone = ask(place, &format!("SELECT {} FROM l ANTI JOIN r ON {matching}", keys.join(", ")), tables)?;
    if alone.num_rows() > 0 {
        let key: Vec<String> =
            alone.columns().iter().map(|column| shown(column, 0)).collect::<Result<_, _>>()?;
        let all = tables[0].1.num_rows();
        let (count, key) = (alone.num_rows(), key.join(", "));
        context.info(format!(
            "`{}`: {count} of {all} rows have no partner in `{}`, such as `{key}`",
            place.name(),
            join.with
        ));
    }
    Ok(())
}
