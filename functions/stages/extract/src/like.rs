//! The channel `like`: a table or a model whose columns the files are read like.

use millstream_sdk::{
    Context, Failure,
    arrow_schema::{DataType, Field},
    failure::{listing, nearest},
    invalid_input,
    missing::Missing,
    serde_json::Value,
    table::{is_sparse, sparse_type, timestamp_type, utc_timestamp_type},
};

use crate::{column::Rule, kind::Kind};

/// The channel's name.
pub const CHANNEL: &str = "like";

/// The media type of a fitted pipeline begins with this.
const MODEL: &str = "application/vnd.millstream.model";

/// What the files are read like.
pub struct Like {
    /// The columns, with the texts that were missing in them.
    pub columns: Vec<Field>,
    /// Whether they are what a model takes in.
    pub model: bool,
}

impl Like {
    /// What came by the channel, if something did.
    pub fn read(context: &Context) -> Result<Option<Self>, Failure> {
        let parts = context.parts(CHANNEL);
        let Some(first) = parts.first() else { return Ok(None) };
        let refuse = |message: &str| Err(invalid_input(message).channel(CHANNEL));
        if first.media_type.starts_with(MODEL) {
            if parts.len() > 1 {
                return refuse("several models were given; rows are read like those of one");
            }
            let described = context.pipeline(CHANNEL)?.describe()?;
            let Some(inputs) = described.get("inputs").and_then(Value::as_array) else {
                return refuse(
                    "the model does not say which columns it takes in; give the table that it was trained on",
                );
            };
            let columns = inputs.iter().map(input).collect::<Option<Vec<Field>>>();
            return match columns {
                Some(columns) => Ok(Some(Self { columns, model: true })),
                None => refuse(
                    "what the model says of the columns it takes in is not understood; give the table that it was \
                                trained on",
                ),
            };
        }
        if first.media_type != millstream_sdk::table::MEDIA_TYPE {
            return refuse("it takes a model or a table, such as `${{ steps.train.outputs.model }}`");
        }
        let schema = context.batches(CHANNEL)?.schema();
        let columns = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        Ok(Some(Self { columns, model: false }))
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Field> {
        self.columns.iter().find(|column| column.name() == name)
    }

    /// What a column of text may hold, and the texts that are missing in it.
    pub fn rule(&self, name: &str) -> Option<(Rule, Missing)> {
        let column = self.column(name)?;
        let kind = match column.data_type() {
            DataType::Int64 => Kind::Int,
            DataType::Float64 if self.model => Kind::Unknown,
            DataType::Float64 => Kind::Float,
            DataType::Boolean => Kind::Bool,
            DataType::Utf8 => Kind::Text,
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(_, None) => Kind::Time,
            DataType::Timestamp(_, Some(_)) => Kind::TimeUtc,
            _ => return None,
        };
        let rule = if kind == Kind::Unknown { Rule::Number } else { Rule::Like(kind) };
        Some((rule, Missing::of(column).unwrap_or_default()))
    }

    /// Holds the names of a file's columns against these. A model needs all of its own; those that only a table has are said:
    /// its target may be among them.
    pub fn check(&self, context: &Context, names: &[String]) -> Result<(), Failure> {
        let missing: Vec<&str> = self.columns.iter().map(|column| column.name().as_str()).collect();
        let missing: Vec<&str> =
            missing.into_iter().filter(|name| !names.iter().any(|own| own == name)).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        if self.model {
            let free = names.iter().map(String::as_str).filter(|name| self.column(name).is_none());
            let hint = nearest(first, free).map_or(String::new(), |near| format!("; is it `{near}`?"));
            return Err(invalid_input(format!(
                "the file lacks columns that the model in `like` takes in: {}{hint}",
                listing(&missing)
            ))
            .column(*first));
        }
        context
            .warn(format!("the files have no column {}, which the table in `like` has", listing(&missing)));
        Ok(())
    }
}

/// A column of a model's description.
fn input(input: &Value) -> Option<Field> {
    let kind = match input.get("type")?.as_str()? {
        "integers" => DataType::Int64,
        "numbers" => DataType::Float64,
        "booleans" => DataType::Boolean,
        "text" => DataType::Utf8,
        "dates" => DataType::Date32,
        "timestamps" if input.get("zone").is_some() => utc_timestamp_type(),
        "timestamps" => timestamp_type(),
        "sparse rows" => sparse_type(),
        _ => return None,
    };
    let column = Field::new(input.get("name")?.as_str()?, kind, true);
    let Some(texts) = input.get("missing_values") else { return Some(column) };
    let texts: Option<Vec<&str>> = texts.as_array()?.iter().map(Value::as_str).collect();
    Some(Missing::new(&texts?).mark(column))
}

/// How many features of LibSVM files these columns have, and whether each has a column of its own. None: they have none.
pub fn features(like: &Like) -> Option<(u32, bool)> {
    if like.column("features").is_some_and(|column| is_sparse(column.data_type())) {
        return Some((0, false));
    }
    let dense = (0..).take_while(|index| like.column(&format!("f{index}")).is_some()).count();
    (dense > 0).then_some((dense as u32, true))
}
