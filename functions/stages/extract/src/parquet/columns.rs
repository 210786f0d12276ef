//! Which columns of Parquet files make the table, and of which types.

use millstream_sdk::{
    Context, Failure,
    arrow_schema::{DataType, Field, Schema, TimeUnit},
    column::type_name,
    failure::{listing, missing_column},
    invalid_input,
    missing::Missing,
    table::{canonical_type, pandas_index},
};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    basic::Type as Physical,
    errors::ParquetError,
    file::metadata::ParquetMetaData,
};

use crate::{
    like::Like,
    params::{PandasIndex, Params, Type},
    source::Source,
};

/// The key of a file's metadata under which pandas keeps what it knows of a table.
const PANDAS: &str = "pandas";

/// What pandas calls an index without a name, and what files have that lost its metadata on the way.
const NAMELESS_INDEX: &str = "__index_level_";

/// How a column of the table comes about.
pub struct Column {
    /// As the table has it.
    pub field: Field,
    /// The values that are missing by what `like` says of its own.
    pub missing: Option<Missing>,
    /// The user wants it as text, however it was written.
    pub printed: bool,
    /// Integers of one file become floating-point numbers, as those of another are.
    pub widened: bool,
}

/// The columns of the table from those of all files.
pub fn plan(
    context: &Context,
    params: &Params,
    like: Option<&Like>,
    files: &[(&Source, ArrowReaderMetadata)],
) -> Result<Vec<Column>, Failure> {
    let Some((first, file)) = files.first() else { return Ok(Vec::new()) };
    let place = |failure: Failure| first.place(failure);
    let all: Vec<&str> = file.schema().fields().iter().map(|field| field.name().as_str()).collect();
    if let Some(twice) = (1..all.len()).find(|&place| all[..place].contains(&all[place])) {
        return Err(place(invalid_input("two columns have this name; rename one").column(all[twice])));
    }
    let wanted: Vec<&str> = match &params.columns {
        Some(columns) => columns.iter().map(String::as_str).collect(),
        None => without_index(context, params, like, file, &all),
    };
    if let Some(like) = like {
        let names: Vec<String> = all.iter().map(|name| (*name).to_owned()).collect();
        like.check(context, &names).map_err(place)?;
    }
    for (source, other) in &files[1..] {
        same_names(&wanted, params.columns.is_some(), &all, other.schema())
            .map_err(|failure| source.place(failure))?;
    }
    wanted.into_iter().map(|name| column(params, like, name, files)).collect()
}

/// All columns but those that pandas says are no columns, nobody having asked for them.
fn without_index<'a>(
    context: &Context,
    params: &Params,
    like: Option<&Like>,
    file: &ArrowReaderMetadata,
    all: &[&'a str],
) -> Vec<&'a str> {
    let metadata = file.metadata().file_metadata().key_value_metadata();
    let pairs = metadata.into_iter().flatten().filter(|pair| pair.key == PANDAS);
    let index: Vec<String> = pairs.filter_map(|pair| pair.value.as_deref()).flat_map(pandas_index).collect();
    let asked =
        |name: &str| params.types.contains_key(name) || like.is_some_and(|like| like.column(name).is_some());
    let unasked = |name: &&&str| index.iter().any(|index| index == **name) && !asked(name);
    let dropped: Vec<&str> = all.iter().filter(unasked).copied().collect();
    let kept: Vec<&str> = all.iter().filter(|name| !dropped.contains(name)).copied().collect();
    if params.pandas_index == PandasIndex::Drop && !dropped.is_empty() && !kept.is_empty() {
        context.warn(format!(
            "pandas says that {} is the index of its table, not a column: it is left out; list it in `columns`, or set \
             `pandas_index: keep`, to have it",
            listing(&dropped)
        ));
        return kept;
    }
    let nameless: Vec<&str> = all
        .iter()
        .filter(|name| {
            name.starts_with(NAMELESS_INDEX) && !index.iter().any(|index| index == **name) && !asked(name)
        })
        .copied()
        .collect();
    if !nameless.is_empty() {
        context.warn(format!(
            "{} has the name of a pandas index, but the file does not say that it is one: it is a column, from which a model may \
             learn the order of the rows; list the other `columns` if it is none",
            listing(&nameless)
        ));
    }
    all.to_vec()
}

/// A further file must have the first one's columns, in whatever order.
fn same_names(wanted: &[&str], listed: bool, first: &[&str], other: &Schema) -> Result<(), Failure> {
    let names: Vec<&str> = other.fields().iter().map(|field| field.name().as_str()).collect();
    if let Some(lacking) = wanted.iter().find(|name| !names.contains(name)) {
        return Err(missing_column(lacking, names.iter().copied()));
    }
    match names.iter().find(|name| !first.contains(name)) {
        Some(further) if !listed => Err(invalid_input(format!(
            "the file has a column that the first one does not have; list the `columns` to read from all of them: {}",
            listing(wanted)
        ))
        .column(*further)),
        _ => Ok(()),
    }
}

/// One column in the type that the user wants, or `like` has, or that comes nearest to what all files hold.
fn column(
    params: &Params,
    like: Option<&Like>,
    name: &str,
    files: &[(&Source, ArrowReaderMetadata)],
) -> Result<Column, Failure> {
    let mut all: Option<(DataType, &Source)> = None;
    let mut widened = false;
    let said = params.types.get(name).map(|kind| kind.kind().data_type());
    let alike = like.and_then(|like| Some((like.column(name)?, like.model)));
    for (source, file) in files {
        let place = |failure: Failure| source.place(failure.column(name));
        let theirs = file.schema().fields().iter().find(|field| field.name() == name);
        let names = file.schema().fields().iter().map(|field| field.name().as_str());
        let theirs = theirs.ok_or_else(|| source.place(missing_column(name, names)))?.data_type();
        let Some(kind) = canonical_type(theirs) else {
            return Err(place(invalid_input(format!(
                "columns of type {theirs} are not supported; flatten it, or leave it out with `columns`"
            ))));
        };
        // A column that is missing throughout says nothing of its type.
        if *theirs == DataType::Null && files.len() > 1 {
            continue;
        }
        all = match all {
            None => Some((kind, *source)),
            Some((one, first)) => match of_both(&one, &kind) {
                Some(both) => {
                    widened |= both != one || both != kind;
                    Some((both, first))
                }
                None if said.is_some() || alike.is_some() => Some((one, first)),
                None => {
                    let (here, there) = (type_name(&kind), type_name(&one));
                    return Err(place(invalid_input(format!(
                        "the column holds {here}, but {there} in {}; say by `types` what it is to hold, such as \
                         `types: {{ {name}: string }}`",
                        first.name
                    ))));
                }
            },
        };
    }
    let held = all.map_or(DataType::Float64, |(kind, _)| kind);
    let printed = params.types.get(name) == Some(&Type::String);
    let missing = alike.and_then(|(field, _)| Missing::of(field));
    let kind = match (said, alike) {
        (Some(said), _) => said,
        // A model takes numbers as floating-point ones; the table may keep integers.
        (None, Some((field, true))) if *field.data_type() == DataType::Float64 => {
            let number = matches!(held, DataType::Int64 | DataType::Boolean);
            if number && !widened { held } else { DataType::Float64 }
        }
        (None, Some((field, _))) => field.data_type().clone(),
        (None, None) => held,
    };
    let field = Field::new(name, kind, true);
    let field = missing.iter().fold(field, |field, missing| missing.mark(field));
    Ok(Column { field, missing, printed, widened })
}

/// The type that takes the values of both, without a value becoming another.
fn of_both(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType::{Date32, Float64, Int64, Timestamp};
    match (one, other) {
        (one, other) if one == other => Some(one.clone()),
        (Int64, Float64) | (Float64, Int64) => Some(Float64),
        (Date32, Timestamp(unit, None)) | (Timestamp(unit, None), Date32) => Some(Timestamp(*unit, None)),
        _ => None,
    }
}

/// How the library is to read a file, and in which columns there are times of 96 bits, which it reads in nanoseconds unless it
/// is told to take a wider range.
pub fn read_as(metadata: ParquetMetaData) -> Result<(ArrowReaderMetadata, Vec<String>), ParquetError> {
    // An Arrow schema in the file could only bring types that are cast back to the few that we have.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let read = ArrowReaderMetadata::try_new(std::sync::Arc::new(metadata), options)?;
    let wide: Vec<String> = wide(&read);
    let read = with_unit(&read, &wide, TimeUnit::Microsecond)?;
    Ok((read, wide))
}

/// The columns of 96 bits.
fn wide(read: &ArrowReaderMetadata) -> Vec<String> {
    let roots = read.parquet_schema().root_schema().get_fields();
    let nanos = |name: &str| {
        let field = read.schema().field_with_name(name);
        field.is_ok_and(|field| *field.data_type() == DataType::Timestamp(TimeUnit::Nanosecond, None))
    };
    let wide = roots.iter().filter(|root| {
        root.is_primitive() && root.get_physical_type() == Physical::INT96 && nanos(root.name())
    });
    wide.map(|root| root.name().to_owned()).collect()
}

/// The same file with times of 96 bits in that unit.
pub fn with_unit(
    read: &ArrowReaderMetadata,
    wide: &[String],
    unit: TimeUnit,
) -> Result<ArrowReaderMetadata, ParquetError> {
    if wide.is_empty() {
        return Ok(read.clone());
    }
    let fields = read.schema().fields().iter().map(|field| {
        let field = field.as_ref().clone();
        if wide.contains(field.name()) {
            field.with_data_type(DataType::Timestamp(unit, None))
        } else {
            field
        }
    });
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), read.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(std::sync::Arc::new(schema));
    ArrowReaderMetadata::try_new(read.metadata().clone(), options)
}
