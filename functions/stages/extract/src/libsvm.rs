//! LibSVM (SVMlight) into a table: `label index:value index:value ... # comment`, with `label:weight` as XGBoost has it and
//! `qid:n` before the features.
//!
//! The files are read twice: how many features there are, whether their indices begin at 0, and whether there are weights
//! and query ids must be known before the first row is written.

mod line;
mod rows;
mod survey;

use std::io::BufRead as _;

use millstream_sdk::{
    Context, Failure,
    arrow_schema::{DataType, SchemaRef},
    invalid_input, invalid_parameter,
    table::{schema_of, sparse_type},
};

use crate::{
    libsvm::{
        line::{Line, Reader},
        rows::Rows,
        survey::Survey,
    },
    like::{self, Like},
    params::{Auto, Features, Params, Type, ZeroBased},
    source::{Source, skip_lines, unreadable},
    unknown_column,
};

/// Names of columns.
const LABEL: &str = "label";
const WEIGHT: &str = "weight";
const QUERY: &str = "qid";
const FEATURES: &str = "features";

/// Features up to which there is a column for each, unless the user says otherwise.
const MOST_BY_ITSELF: u64 = 1_000;

/// Features up to which there may be a column for each.
const MOST: u64 = 10_000;

/// What the table has.
pub struct LibsvmTable {
    /// Whether labels are integers.
    whole: bool,
    weights: bool,
    queries: bool,
    /// What is taken off an index to count from 0.
    base: u32,
    /// Features that have a column each; none: they are one column of sparse rows.
    dense: Option<u32>,
    /// Columns of the table by their places among all, if the user has chosen.
    kept: Option<Vec<usize>>,
    schema: SchemaRef,
}

/// Reads the files into the table. Returns its rows and columns.
pub fn read(
    context: &Context,
    params: &Params,
    like: Option<&Like>,
    sources: &[Source],
) -> Result<(u64, SchemaRef), Failure> {
    let alike = like.map(|like| read_like(context, params, like)).transpose()?;
    let params = alike.as_ref().unwrap_or(params);
    let mut survey = Survey::default();
    let limit = params.limit.unwrap_or(u64::MAX);
    for source in sources {
        each(context, source, params, limit - survey.rows, |line, number| survey.see(line, number))?;
    }
    if survey.rows == 0 {
        return Err(sources[0].place(invalid_input("there is no row")));
    }
    let plan = LibsvmTable::new(&survey, params).map_err(|failure| match failure {
        Failure::InvalidInput(_) => sources[0].place(failure),
        other => other,
    })?;
    let mut rows = Rows::new(context, &plan)?;
    for (done, source) in sources.iter().enumerate() {
        each(context, source, params, limit - rows.done(), |line, _| rows.push(line))?;
        context.progress(done as u64 + 1, Some(sources.len() as u64));
    }
    rows.finish()?;
    Ok((survey.rows, plan.kept_schema()))
}

/// The parameters under which files give the columns of `like`, where the user does not say otherwise.
fn read_like(context: &Context, params: &Params, like: &Like) -> Result<Params, Failure> {
    let mut params = params.clone();
    let Some((count, dense)) = like::features(like) else {
        let message = "it has no columns of a LibSVM file's features: `f0`, `f1` and so on, or `features`";
        return Err(invalid_input(message).channel(like::CHANNEL));
    };
    if params.features == Features::Auto {
        params.features = if dense { Features::Dense } else { Features::Sparse };
    }
    if dense && params.n_features.is_none() {
        params.n_features = Some(count);
    }
    let label = like.column(LABEL).map(|label| label.data_type() == &DataType::Int64);
    if let Some(whole) = label.filter(|_| !like.model && !params.types.contains_key(LABEL)) {
        params.types.insert(LABEL.to_owned(), if whole { Type::Int } else { Type::Float });
    }
    if params.zero_based == ZeroBased::Rule(Auto::Auto) {
        context.warn(
            "whether indices begin at 0 or at 1 is told by these files alone, which `like` cannot say; set `zero_based` as it \
             was for the rows there",
        );
    }
    Ok(params)
}

/// Hands over the lines of a file that are rows, at most `limit` of them, with their numbers.
fn each(
    context: &Context,
    source: &Source,
    params: &Params,
    limit: u64,
    mut take: impl FnMut(&Line, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let place = |failure: Failure| source.place(failure);
    let mut text = source.text(context).map_err(place)?;
    skip_lines(&mut *text, params.skip_rows).map_err(place)?;
    let mut reader = Reader::new(u32::from(params.zero_based == ZeroBased::Value(false)));
    let (mut bytes, mut number, mut row) = (Vec::new(), params.skip_rows, 0);
    while row < limit {
        bytes.clear();
        if text.read_until(b'\n', &mut bytes).map_err(|error| place(unreadable(error)))? == 0 {
            break;
        }
        number += 1;
        let at = |failure: Failure| place(failure.row(row + 1));
        if let Some(line) = reader.read(&bytes, number).map_err(at)? {
            take(line, number).map_err(at)?;
            row += 1;
        }
    }
    Ok(())
}

impl LibsvmTable {
    fn new(survey: &Survey, params: &Params) -> Result<Self, Failure> {
        let base = survey.base(params.zero_based);
        let seen = survey.last.map_or(0, |last| u64::from(last - base) + 1);
        let given = params.n_features.map(u64::from);
        if let Some(given) = given.filter(|given| *given < seen) {
            return Err(invalid_parameter(
                "n_features",
                format!("it is {given}, but the files have {seen} features"),
            )
            .allowed(format!("at least {seen}")));
        }
        let count = given.unwrap_or(seen);
        if count == 0 {
            return Err(invalid_input(
                "there are labels, but no feature; set `n_features` if that is what you want",
            ));
        }
        let dense = match params.features {
            Features::Auto => count <= MOST_BY_ITSELF,
            Features::Sparse => false,
            Features::Dense if count > MOST => {
                return Err(invalid_parameter(
                    "features",
                    format!("{count} features are too many for a column each, which {MOST} may have"),
                )
                .allowed("sparse, auto"));
            }
            Features::Dense => true,
        };
        let whole = match params.types.get(LABEL) {
            None => survey.whole,
            Some(Type::Float) => false,
            Some(Type::Int) if survey.whole => true,
            Some(Type::Int) => {
                return Err(invalid_parameter("types", "a label is no whole number").allowed("float"));
            }
            Some(_) => {
                return Err(
                    invalid_parameter("types", "labels of LibSVM files are numbers").allowed("int, float")
                );
            }
        };
        if let Some(other) = params.types.keys().find(|name| *name != LABEL) {
            return Err(invalid_parameter(
                "types",
                format!("of LibSVM files `label` alone has a type to choose, not `{other}`"),
            )
            .allowed("label"));
        }
        let dense = dense.then_some(count as u32);
        let mut plan = Self {
            whole,
            weights: survey.weights == Some(true),
            queries: survey.queries == Some(true),
            base,
            dense,
            kept: None,
            schema: schema_of([]),
        };
        plan.schema = plan.all_columns();
        plan.kept = params.columns.as_deref().map(|columns| plan.choose(columns)).transpose()?;
        Ok(plan)
    }

    fn all_columns(&self) -> SchemaRef {
        let label = if self.whole { DataType::Int64 } else { DataType::Float64 };
        let mut columns = vec![(LABEL.to_owned(), label)];
        if self.weights {
            columns.push((WEIGHT.to_owned(), DataType::Float64));
        }
        if self.queries {
            columns.push((QUERY.to_owned(), DataType::Int64));
        }
        match self.dense {
            None => columns.push((FEATURES.to_owned(), sparse_type())),
            Some(count) => columns.extend((0..count).map(|index| (format!("f{index}"), DataType::Float64))),
        }
        schema_of(columns.iter().map(|(name, kind)| (name.as_str(), kind.clone())))
    }

    fn choose(&self, columns: &[String]) -> Result<Vec<usize>, Failure> {
        let place = |(index, name): (usize, &String)| {
            if columns[..index].contains(name) {
                return Err(invalid_parameter("columns", format!("`{name}` is listed twice")));
            }
            self.schema.index_of(name).map_err(|_| {
                let names = self.schema.fields().iter().map(|field| field.name().as_str());
                unknown_column("columns", name, names)
            })
        };
        columns.iter().enumerate().map(place).collect()
    }

    fn kept_schema(&self) -> SchemaRef {
        let fields = self.schema.fields();
        match &self.kept {
            None => self.schema.clone(),
            Some(kept) => schema_of(
                kept.iter().map(|place| (fields[*place].name().as_str(), fields[*place].data_type().clone())),
            ),
        }
    }
}
