//! `split`: a table into training, validation and test rows.

mod assign;
mod params;

use assign::To;
use millstream_learners::rng::Rng;
use millstream_sdk::{
    Channel, Classes, Context, Direction, Failure, Job, Kind, Labels, Manifest, Output, Summary,
    arrow_array::{
        Array, ArrayRef, RecordBatch,
        cast::AsArray,
        types::{Date32Type, TimestampMicrosecondType},
    },
    arrow_schema::DataType,
    column::{self, Code},
    invalid_input,
    table::{Growing, batch_of, pick},
};
pub use params::{By, Params};
use params::{Folds, Way};

const CHANNEL: &str = "table";

/// The function.
pub struct Split;

millstream_sdk::export!(stage: Split);

impl Job for Split {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(
            "split",
            env!("CARGO_PKG_VERSION"),
            "Splits a table's rows into training, validation and test rows.",
        )
        .description(include_str!("../README.md"))
        .channel(Channel::required(CHANNEL, Kind::Table, "The rows to split."))
        .output(Output::table("train", "Rows to train with.").follows(CHANNEL))
        .output(Output::table("validation", "Rows to validate with.").follows(CHANNEL).optional())
        .output(Output::table("test", "Rows to test with.").follows(CHANNEL))
        .metric("train_rows", Direction::Neither, "Rows to train with.")
        .metric("validation_rows", Direction::Neither, "Rows to validate with.")
        .metric("test_rows", Direction::Neither, "Rows to test with.")
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let to = assign(&params, context).map_err(|failure| failure.channel(CHANNEL))?;
        let count = |place: To| to.iter().filter(|to| **to == place).count();
        let (train, validation, test) = (count(To::Train), count(To::Validation), count(To::Test));
        write(context, &to, validation > 0)?;
        let validated = if validation > 0 { format!(", {validation} to validate") } else { String::new() };
        Ok(Summary::new(format!("{train} rows to train with{validated}, {test} to test"))
            .metric("train_rows", train as f64)
            .metric("validation_rows", validation as f64)
            .metric("test_rows", test as f64))
    }
}

/// Decides for each row. No more than one column of the table is held.
fn assign(params: &Params, context: &Context) -> Result<Vec<To>, Failure> {
    let mut rng = Rng::new(params.seed.unwrap_or_else(|| context.seed()), 0);
    match params.way()? {
        Way::Random => {
            let rows = context.batches(CHANNEL)?.count_rows()? as usize;
            Ok(assign::random(rows, assign::sizes(rows, params.fractions()?, "rows")?, &mut rng))
        }
        Way::Stratified(column) => {
            let labels = labels(context, "stratify", "class", &column)?;
            let sizes = assign::sizes(labels.codes.len(), params.fractions()?, "rows")?;
            let outputs = sizes.iter().filter(|(_, size)| *size > 0).count();
            let names = labels.classes.names();
            assign::has_classes(&labels.codes, &names, outputs).map_err(|failure| failure.column(&column))?;
            let to = assign::stratified(&labels.codes, names.len(), sizes, &mut rng);
            warn(context, &column, &labels, &names, &to);
            Ok(to)
        }
        Way::Time(column) => {
            let order = order(&key(context, "time", &column)?, &column)?;
            Ok(assign::ordered(&order, assign::sizes(order.len(), params.fractions()?, "rows")?))
        }
        Way::Group(column) => {
            let labels = labels(context, "group", "group", &column)?;
            let groups = labels.classes.len();
            let sizes = assign::sizes(groups, params.fractions()?, "groups")
                .map_err(|failure| failure.column(column))?;
            let to = assign::random(groups, sizes, &mut rng);
            Ok(labels.codes.iter().map(|group| to[*group as usize]).collect())
        }
        Way::Folds(way) => {
            let (fold, count) = params.fold()?;
            let side = |of: Vec<usize>| -> Vec<To> {
                of.into_iter().map(|of| if of == fold { To::Test } else { To::Train }).collect()
            };
            match way {
                Folds::Random => {
                    let rows = context.batches(CHANNEL)?.count_rows()? as usize;
                    Ok(side(assign::folds(rows, count, &mut rng)?))
                }
                Folds::Stratified(column) => {
                    let labels = labels(context, "stratify", "class", &column)?;
                    let names = labels.classes.names();
                    // Two rows of a class suffice for it to be learnt from in most folds.
                    assign::has_classes(&labels.codes, &names, 2)
                        .map_err(|failure| failure.column(&column))?;
                    let folds = assign::stratified_folds(&labels.codes, names.len(), count, &mut rng);
                    let to = side(folds.map_err(|failure| failure.column(&column))?);
                    warn(context, &column, &labels, &names, &to);
                    Ok(to)
                }
                Folds::Group(column) => {
                    let labels = labels(context, "group", "group", &column)?;
                    let folds = assign::group_folds(&labels.codes, labels.classes.len(), count);
                    Ok(side(folds.map_err(|failure| failure.column(column))?))
                }
            }
        }
    }
}

/// Says which classes are not in every output.
fn warn(context: &Context, column: &str, labels: &Labels, names: &[String], to: &[To]) {
    const SHOWN: usize = 10;
    let lacks = assign::lacks(&labels.codes, names.len(), to);
    for lack in lacks.iter().take(SHOWN) {
        let rows = if lack.rows == 1 { "row" } else { "rows" };
        let without: Vec<String> = lack.without.iter().map(|to| format!("`{}`", to.name())).collect();
        context.warn(format!(
            "column `{column}`: class `{}` has {} {rows}, none of which went to {}; merge or drop rare classes if each is to be in \
             every output",
            names[lack.class],
            lack.rows,
            without.join(" and ")
        ));
    }
    if let Some(more) = lacks.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        context.warn(format!("column `{column}`: {more} more classes are not in every output"));
    }
}

/// One column of the table, under its own name.
fn key(context: &Context, parameter: &str, name: &str) -> Result<RecordBatch, Failure> {
    let batches = context.batches(CHANNEL)?;
    let place = column::named(&batches.schema(), parameter, name)?;
    let mut growing = Growing::new(batches.schema().field(place).data_type(), 0)?;
    for batch in batches {
        growing.push_array(batch?.column(place)).map_err(|failure| failure.column(name))?;
    }
    batch_of([(name, growing.finish())])
}

/// Classes or groups (`what` they are) and those of the rows, each of which has one.
fn labels(context: &Context, parameter: &str, what: &str, name: &str) -> Result<Labels, Failure> {
    let key = key(context, parameter, name)?;
    let classes = Classes::of(key.column(0)).map_err(|failure| failure.column(name))?;
    let codes = classes.look_up(key.column(0)).map_err(|failure| failure.column(name))?;
    let missing = codes.iter().filter(|code| !matches!(code, Code::Class(_))).count();
    let code = |(row, code): (usize, Code)| {
        match code {
        Code::Class(code) => Ok(code),
        _ => Err(invalid_input(format!(
            "the {what} is missing, in {missing} of {} rows; drop such rows, or give them a {what} of their own",
            key.num_rows()
        ))
        .column(name)
        .row(row as u64 + 1)),
    }
    };
    let codes = codes.into_iter().enumerate().map(code).collect::<Result<_, _>>()?;
    Ok(Labels { classes, codes })
}

/// The rows from the earliest to the latest; equals keep their order.
fn order(key: &RecordBatch, name: &str) -> Result<Vec<usize>, Failure> {
    let array: &ArrayRef = key.column(0);
    let missing =
        |row: usize| invalid_input("the time is missing; drop such rows").column(name).row(row as u64 + 1);
    if let Some(row) = (0..array.len()).find(|row| array.is_null(*row)) {
        return Err(missing(row));
    }
    let mut order: Vec<usize> = (0..array.len()).collect();
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().values();
            order.sort_by_key(|row| days[*row]);
        }
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().values();
            order.sort_by_key(|row| micros[*row]);
        }
        DataType::Int64 | DataType::Float64 => {
            let numbers = column::numbers(key, name)?;
            if let Some(row) = numbers.iter().position(|number| number.is_nan()) {
                return Err(missing(row));
            }
            order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
        }
        other => {
            let kind = column::type_name(other);
            return Err(invalid_input(format!(
                "time is a column of dates, timestamps or numbers, not of {kind}; set its type in the `extract` step"
            ))
            .column(name));
        }
    }
    Ok(order)
}

/// Streams the rows to their outputs.
fn write(context: &Context, to: &[To], validation: bool) -> Result<(), Failure> {
    let batches = context.batches(CHANNEL)?;
    let schema = batches.schema();
    let mut outputs = Vec::new();
    for (place, name) in [(To::Train, "train"), (To::Validation, "validation"), (To::Test, "test")] {
        if place != To::Validation || validation {
            outputs.push((place, context.create_table(name, &schema)?));
        }
    }
    let mut done = 0;
    for batch in batches {
        let batch = batch?;
        let here = &to[done..done + batch.num_rows()];
        for (place, output) in &mut outputs {
            let rows: Vec<u32> = (0..here.len() as u32).filter(|row| here[*row as usize] == *place).collect();
            output.write(&pick(&batch, &rows)?)?;
        }
        done += batch.num_rows();
        context.progress(done as u64, Some(to.len() as u64));
    }
    outputs.into_iter().try_for_each(|(_, output)| output.finish())
}
