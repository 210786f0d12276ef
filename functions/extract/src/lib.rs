//! `extract`: CSV, JSON Lines, Parquet and LibSVM files into one table.

mod csv;
mod json_lines;
mod kind;
mod libsvm;
mod missing;
mod params;
mod parquet;
mod records;
mod sink;
mod source;
mod stops;

use millstream_sdk::{
    Channel, Context, Direction, Failure, Job, Kind as ChannelKind, Manifest, Output, Summary,
    arrow_schema::SchemaRef, failure::listing, invalid_input, invalid_parameter, nearest,
};

pub use params::{Features, Format, Params, Type, ZeroBased};

use crate::{csv::Layout, missing::Missing, sink::Sink, source::Source};

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
        let (rows, schema) = match first.format {
            Format::Parquet => parquet(context, &params, &sources)?,
            Format::Libsvm => libsvm::read(context, &params, &sources)?,
            _ => text(context, &params, &sources)?,
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

fn parquet(context: &Context, params: &Params, sources: &[Source]) -> Result<(u64, SchemaRef), Failure> {
    let mut reader = parquet::Reader::new(context, params);
    for (done, source) in sources.iter().enumerate() {
        reader.read(source).map_err(|failure| source.place(failure))?;
        context.progress(done as u64 + 1, Some(sources.len() as u64));
    }
    let rows = reader.rows();
    Ok((rows, reader.finish()?))
}

fn text(context: &Context, params: &Params, sources: &[Source]) -> Result<(u64, SchemaRef), Failure> {
    let (mut sink, layout) =
        prepare(context, params, &sources[0]).map_err(|failure| sources[0].place(failure))?;
    if let Some(layout) = &layout {
        for source in &sources[1..] {
            csv::names(context, source, params)
                .and_then(|names| csv::same_names(&layout.names, &names))
                .map_err(|failure| source.place(failure))?;
        }
    }
    let read = |sink: &mut Sink, source: &Source, limit: u64| {
        match &layout {
            Some(layout) => csv::read(context, source, params, layout, sink, limit),
            None => json_lines::read(context, source, params, sink, limit),
        }
        .map_err(|failure| source.place(failure))
    };
    for source in sources {
        read(&mut sink, source, SAMPLE.min(params.limit.unwrap_or(SAMPLE)))?;
    }
    loop {
        sink.start_building()?;
        for (done, source) in sources.iter().enumerate() {
            let limit = params.limit.map_or(u64::MAX, |limit| limit - sink.rows());
            read(&mut sink, source, limit)?;
            context.progress(done as u64 + 1, Some(sources.len() as u64));
        }
        if !sink.again() {
            break;
        }
        context.debug("a value does not fit into its column's type: reading again with a wider one");
    }
    if let Some(name) = sink.unseen().filter(|_| layout.is_none()) {
        return Err(invalid_parameter("columns", format!("no object has the key `{name}`")));
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
    Ok((rows, sink.finish(context)?))
}

/// A sink for the columns that the user lists, or for those of the first file. JSON Lines have no layout.
fn prepare(context: &Context, params: &Params, first: &Source) -> Result<(Sink, Option<Layout>), Failure> {
    let json = first.format == Format::JsonLines;
    let names = if json { Vec::new() } else { csv::names(context, first, params)? };
    let wanted = params.columns.as_ref().unwrap_or(&names);
    for (index, name) in wanted.iter().enumerate() {
        if !json && !names.contains(name) {
            return Err(unknown_column("columns", name, names.iter().map(String::as_str)));
        }
        if wanted[..index].contains(name) {
            return Err(invalid_parameter("columns", format!("`{name}` is listed twice")));
        }
    }
    let columns = wanted.iter().map(|name| (name.clone(), params.types.get(name).map(|kind| kind.kind())));
    let missing = if json { Missing::new(&[]) } else { Missing::new(&params.missing_values) };
    let sink = Sink::new(columns.collect(), missing)?;
    let places = names.iter().map(|name| sink.place(name)).collect();
    Ok((sink, (!json).then_some(Layout { names, places })))
}

fn unknown_column<'a>(parameter: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    let names: Vec<&str> = names.collect();
    let hint = nearest(name, names.iter().copied())
        .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    invalid_parameter(parameter, format!("there is no column `{name}`{hint}")).allowed(listing(&names))
}
