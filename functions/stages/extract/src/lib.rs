//! `extract`: CSV, JSON Lines, Parquet and LibSVM files into one table.

mod column;
mod csv;
mod json_lines;
mod kind;
mod libsvm;
mod like;
mod params;
mod parquet;
mod records;
mod sink;
mod source;
mod stops;
mod written;

use std::rc::Rc;

use millstream_sdk::{
    Channel, Context, Direction, Failure, Job, Kind as ChannelKind, Manifest, Output, Summary,
    arrow_schema::SchemaRef, failure::listing, invalid_input, invalid_parameter, missing::Missing, nearest,
};

pub use params::{Features, Format, PandasIndex, Params, Type, ZeroBased};

use crate::{
    column::{Rule, Spec},
    csv::Layout,
    like::Like,
    sink::Sink,
    source::Source,
};

/// Rows of each file that give the columns their first kinds.
const SAMPLE: u64 = 1_000;

/// The function.
pub struct Extract;

millstream_sdk::export!(stage: Extract);

impl Job for Extract {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(
            "extract",
            env!("CARGO_PKG_VERSION"),
            "Reads CSV, JSON Lines, Parquet or LibSVM files into a table.",
        )
        .description(include_str!("../README.md"))
        .channel(Channel::required(
            source::CHANNEL,
            ChannelKind::File,
            "One file or several with the same columns, such as a folder or a glob; gzip is unpacked.",
        ))
        .channel(Channel::optional(
            like::CHANNEL,
            ChannelKind::File,
            "A model or a table whose columns the files are read like: with the same types, categories and missing values, \
             whatever the values would suggest. Columns that it does not have are read as usual.",
        ))
        .output(Output::table("table", "The files' rows, one file after another."))
        .metric("rows", Direction::Neither, "Rows in the table.")
        .metric("columns", Direction::Neither, "Columns in the table.")
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let parts = 0..context.parts(source::CHANNEL).len();
        let sources =
            parts.map(|index| Source::new(context, index, params.format)).collect::<Result<Vec<_>, _>>()?;
        let first =
            sources.first().ok_or_else(|| invalid_input("no file was given").channel(source::CHANNEL))?;
        if let Some(other) = sources.iter().find(|other| other.format != first.format) {
            return Err(other.place(invalid_input("the file is of another format than the first one")));
        }
        let like = Like::read(context)?;
        let like = like.as_ref();
        let (rows, schema) = match first.format {
            Format::Parquet => parquet::read(context, &params, like, &sources)?,
            Format::Libsvm => libsvm::read(context, &params, like, &sources)?,
            _ => text(context, &params, like, &sources)?,
        };
        if let Some(name) = params.types.keys().find(|name| schema.index_of(name).is_err()) {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            return Err(unknown_column("types", name, names));
        }
        let (columns, files) = (schema.fields().len(), sources.len());
        let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        Ok(Summary::new(format!("{rows} rows and {columns} columns from {files}"))
            .metric("rows", rows as f64)
            .metric("columns", columns as f64))
    }
}

fn text(
    context: &Context,
    params: &Params,
    like: Option<&Like>,
    sources: &[Source],
) -> Result<(u64, SchemaRef), Failure> {
    let specs = Specs::new(params, like, sources[0].format == Format::JsonLines);
    let (mut sink, layout) =
        prepare(context, params, like, &specs, &sources[0]).map_err(|failure| sources[0].place(failure))?;
    if let Some(layout) = &layout {
        for source in &sources[1..] {
            csv::names(context, source, params)
                .and_then(|names| csv::same_names(&layout.names, &names))
                .map_err(|failure| source.place(failure))?;
        }
    }
    let wanted = |name: &str| params.columns.is_none().then(|| specs.of(name));
    let read = |sink: &mut Sink, source: &Source, limit: u64| {
        match &layout {
            Some(layout) => {
                csv::read(context, source, params, layout, sink, limit).map(|()| json_lines::Seen::default())
            }
            None => json_lines::read(context, source, params.skip_rows, &wanted, sink, limit),
        }
        .map_err(|failure| source.place(failure))
    };
    for source in sources {
        read(&mut sink, source, SAMPLE.min(params.limit.unwrap_or(SAMPLE)))?;
    }
    if layout.is_none()
        && let Some(like) = like.filter(|like| like.model)
    {
        // Objects may leave out what is missing; the model wants its columns.
        for column in &like.columns {
            if sink.place(column.name()).is_none() && params.columns.is_none() {
                sink.add_column(specs.of(column.name()), false)?;
            }
        }
    }
    let mut nan;
    loop {
        nan = None;
        sink.start_building()?;
        for (done, source) in sources.iter().enumerate() {
            let limit = params.limit.map_or(u64::MAX, |limit| limit - sink.rows());
            let seen = read(&mut sink, source, limit)?;
            if let Some((count, line)) = seen.nan {
                nan.get_or_insert((0, source.name.clone(), line)).0 += count;
            }
            context.progress(done as u64 + 1, Some(sources.len() as u64));
        }
        sink.end(context)?;
        if !sink.again() {
            break;
        }
        context.debug("a value is not what those before it promised: reading again with what is known now");
    }
    if layout.is_none() {
        never_seen(context, like, &sink)?;
    }
    let rows = sink.rows();
    if rows == 0 {
        let message = if layout.is_some() && params.header {
            "there is a header, but no row"
        } else {
            "there is no row"
        };
        return Err(sources[0].place(invalid_input(message)));
    }
    if let Some((count, file, line)) = nan {
        context.warn(format!(
            "`NaN` is not JSON; it is taken for a missing value, {count} times, first in line {line} of {file}: write null"
        ));
    }
    Ok((rows, sink.finish(context)?))
}

/// Keys that no object had: of those that the user listed that is a mistake.
fn never_seen(context: &Context, like: Option<&Like>, sink: &Sink) -> Result<(), Failure> {
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        sink.unseen().partition(|name| like.is_some_and(|like| like.column(name).is_some()));
    if let Some(name) = unknown.first() {
        return Err(invalid_parameter("columns", format!("no object has the key `{name}`")));
    }
    if !known.is_empty() {
        context.warn(format!(
            "no object has the key {}, which `like` has: it is missing in every row",
            listing(&known)
        ));
    }
    Ok(())
}

/// What is known of columns before they are read.
struct Specs<'a> {
    params: &'a Params,
    like: Option<&'a Like>,
    json: bool,
    /// The texts that are missing, unless `like` has others.
    missing: Rc<Missing>,
}

impl<'a> Specs<'a> {
    fn new(params: &'a Params, like: Option<&'a Like>, json: bool) -> Self {
        // JSON has null; its strings are what they say.
        let missing = if json { Missing::new::<&str>(&[]) } else { Missing::new(&params.missing_values) };
        Self { params, like, json, missing: Rc::new(missing) }
    }

    fn of(&self, name: &str) -> Spec {
        let said = self.params.types.get(name).map(|kind| Rule::Type(kind.kind()));
        let alike = self.like.and_then(|like| like.rule(name));
        let missing = match &alike {
            // Texts that the user lists come first, the unusual ones of the training rows next.
            Some((_, own)) if !own.is_default() && (self.json || self.missing.is_default()) => {
                Rc::new(own.clone())
            }
            _ => self.missing.clone(),
        };
        let tells_missing = !self.json || !missing.texts().is_empty();
        let rule = said.or(alike.map(|(rule, _)| rule)).unwrap_or(Rule::Free);
        Spec { name: name.to_owned(), rule, missing, tells_missing }
    }
}

/// A sink for the columns that the user lists, or for those of the first file. JSON Lines have no layout.
fn prepare(
    context: &Context,
    params: &Params,
    like: Option<&Like>,
    specs: &Specs<'_>,
    first: &Source,
) -> Result<(Sink, Option<Layout>), Failure> {
    let json = first.format == Format::JsonLines;
    let names = if json { Vec::new() } else { csv::names(context, first, params)? };
    if let Some(like) = like.filter(|_| !json) {
        like.check(context, &names)?;
    }
    let wanted = params.columns.as_ref().unwrap_or(&names);
    for (index, name) in wanted.iter().enumerate() {
        if !json && !names.contains(name) {
            return Err(unknown_column("columns", name, names.iter().map(String::as_str)));
        }
        if wanted[..index].contains(name) {
            return Err(invalid_parameter("columns", format!("`{name}` is listed twice")));
        }
    }
    if !json && params.columns.is_none() {
        warn_of_row_numbers(context, params, like, first)?;
    }
    let sink = Sink::new(wanted.iter().map(|name| specs.of(name)).collect())?;
    let places = names.iter().map(|name| sink.place(name)).collect();
    Ok((sink, (!json).then_some(Layout { names, places })))
}

/// Row numbers tell rows apart, and a sorted file's target from them.
fn warn_of_row_numbers(
    context: &Context,
    params: &Params,
    like: Option<&Like>,
    first: &Source,
) -> Result<(), Failure> {
    let Some(name) = csv::row_numbers(context, first, params)? else { return Ok(()) };
    if like.is_none_or(|like| like.column(&name).is_none()) {
        context.warn(format!(
            "the first column has no name of its own, as the row numbers that pandas and R write before a table: it is the column \
             `{name}` now, from which a model may learn the order of the rows; write the file without it (`index=False`, \
             `row.names = FALSE`), or list the other `columns`"
        ));
    }
    Ok(())
}

fn unknown_column<'a>(parameter: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    let names: Vec<&str> = names.collect();
    let hint = nearest(name, names.iter().copied())
        .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    invalid_parameter(parameter, format!("there is no column `{name}`{hint}")).allowed(listing(&names))
}
