//! `split`: a table into training, validation and test rows.

mod assign;
mod params;

use assign::To;
use millstream_learners::rng::Rng;
use millstream_sdk::{
    Channel, Context, Direction, Failure, Job, Kind, Labels, Manifest, Output, Summary,
    arrow_array::{
        Array, ArrayRef, RecordBatch,
        cast::AsArray,
        types::{Date32Type, TimestampMicrosecondType},
    },
    arrow_schema::DataType,
    column, invalid_input,
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
            let labels = labels(context, "stratify", &column)?;
            let sizes = assign::sizes(labels.codes.len(), params.fractions()?, "rows")?;
            assign::stratified(&labels.codes, &labels.classes.names(), sizes, &mut rng)
                .map_err(|failure| failure.column(column))
        }
        Way::Time(column) => {
            let order = order(&key(context, "time", &column)?, &column)?;
            Ok(assign::ordered(&order, assign::sizes(order.len(), params.fractions()?, "rows")?))
        }
        Way::Group(column) => {
            let labels = labels(context, "group", &column)?;
            let groups = labels.classes.len();
            let sizes = assign::sizes(groups, params.fractions()?, "groups")
                .map_err(|failure| failure.column(column))?;
            let to = assign::random(groups, sizes, &mut rng);
            Ok(labels.codes.iter().map(|group| to[*group as usize]).collect())
        }
        Way::Folds(way) => {
            let (fold, count) = params.fold()?;
            let folds = folds(context, way, count, &mut rng)?;
            Ok(folds.into_iter().map(|of| if of == fold { To::Test } else { To::Train }).collect())
        }
    }
}

fn folds(context: &Context, way: Folds, count: usize, rng: &mut Rng) -> Result<Vec<usize>, Failure> {
    match way {
        Folds::Random => assign::folds(context.batches(CHANNEL)?.count_rows()? as usize, count, rng),
        Folds::Stratified(column) => {
            let labels = labels(context, "stratify", &column)?;
            let classes = labels.classes.len();
            let mut members = vec![0; classes];
            labels.codes.iter().for_each(|code| members[*code as usize] += 1);
            if let Some(least) = members.iter().min().filter(|least| **least < count) {
                context.warn(format!(
                    "the rarest class of `{column}` has {least} row(s), fewer than there are folds ({count}): some folds go without it"
                ));
            }
            assign::stratified_folds(&labels.codes, classes, count, rng)
                .map_err(|failure| failure.column(column))
        }
        Folds::Group(column) => {
            let labels = labels(context, "group", &column)?;
            assign::group_folds(&labels.codes, labels.classes.len(), count)
                .map_err(|failure| failure.column(column))
        }
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

fn labels(context: &Context, parameter: &str, name: &str) -> Result<Labels, Failure> {
    Labels::from_column(&key(context, parameter, name)?, name)
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
