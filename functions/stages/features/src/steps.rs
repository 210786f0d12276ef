//! Steps as they are written, read into what they mean.

use millstream_sdk::{
    Context, Failure, arrow_array::ArrayRef, arrow_schema::DataType, invalid_parameter, nearest,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    dates,
    encode::{count, hashing, one_hot, ordinal, target},
    goal::SeenTarget,
    impute::{self, Strategy},
    learnt::Learnt,
    numeric::{binning, log::Log, power, quantile, scale, spline},
    text::{hash, vocabulary},
};

/// A step over one column, or for some imputations over all columns that share it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Drop,
    Passthrough,
    Impute(impute::Options),
    Standard(scale::Standard),
    MinMax(scale::MinMax),
    MaxAbs,
    Robust(scale::Robust),
    Log(Log),
    Power(power::Options),
    Quantile(quantile::Options),
    Binning(binning::Options),
    Spline(spline::Options),
    OneHot(one_hot::Options),
    Ordinal(ordinal::Options),
    Count,
    Frequency,
    Target(target::Options),
    Hashing(hashing::Options),
    DateParts(dates::Options),
    Tokens(vocabulary::Options),
    TfIdf(vocabulary::Options),
    TextHash(hash::Options),
}

/// All names, and the option that a text behind the colon sets.
pub const NAMES: [(&str, Option<&str>); 22] = [
    ("impute", Some("strategy")),
    ("standard", None),
    ("min-max", None),
    ("max-abs", None),
    ("robust", None),
    ("log", None),
    ("log1p", None),
    ("power", Some("method")),
    ("quantile", Some("output_distribution")),
    ("binning", Some("strategy")),
    ("spline", None),
    ("one-hot", None),
    ("ordinal", None),
    ("frequency", None),
    ("count", None),
    ("target", None),
    ("hashing", None),
    ("date-parts", None),
    ("tokens", None),
    ("tf-idf", None),
    ("text-hash", None),
    ("passthrough", None),
];

/// What can stand behind the colon.
const SHORT: [&str; 11] = [
    "impute:mean",
    "impute:median",
    "impute:most-frequent",
    "impute:knn",
    "impute:iterative",
    "power:yeo-johnson",
    "power:box-cox",
    "quantile:uniform",
    "quantile:normal",
    "binning:uniform",
    "binning:quantile",
];

/// All texts that are steps, but for those with a value of the user's.
pub fn texts() -> Vec<&'static str> {
    let plain = NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "impute");
    SHORT.into_iter().take(5).chain(plain).chain(SHORT.into_iter().skip(5)).chain(["drop"]).collect()
}

/// What the steps of a column look at beside it.
pub struct Around<'a> {
    pub context: &'a Context,
    /// What the steps are called in errors, as `columns.age`.
    pub parameter: &'a str,
    pub max_categories: usize,
    pub goal: Option<&'a SeenTarget>,
}

impl Step {
    /// Reads a step: `standard`, `impute:median`, `{ one-hot: { drop: first } }`, `{ ordinal: [low, high] }`.
    ///
    /// # Errors
    /// For a step or an option that there is not: says which there are, and the nearest.
    pub fn read(written: &Value, parameter: &str) -> Result<Self, Failure> {
        match written {
            Value::String(text) => {
                let (name, short) = text.split_once(':').map_or((text.as_str(), None), |(n, s)| (n, Some(s)));
                let known = NAMES.iter().find(|(known, _)| *known == name);
                let options = match (known, short) {
                    (_, None) => Map::new(),
                    (Some(("impute", _)), Some(short)) if short.starts_with("constant:") => {
                        let value = &short["constant:".len()..];
                        Map::from_iter([
                            ("strategy".to_owned(), "constant".into()),
                            ("fill_value".to_owned(), value.into()),
                        ])
                    }
                    (Some((_, Some(option))), Some(short)) if SHORT.contains(&text.as_str()) => {
                        Map::from_iter([((*option).to_owned(), short.into())])
                    }
                    _ => return Err(unknown(parameter, text)),
                };
                if text == "impute" {
                    return Err(unknown(parameter, text));
                }
                Self::of(name, options, parameter)
            }
            Value::Object(map) if map.len() == 1 => {
                let (name, options) = map.iter().next().expect("it has one entry");
                let inner = format!("{parameter}.{name}");
                match options {
                    Value::Object(options) => {
                        // `min-frequency` is as good as `min_frequency`.
                        let options = options.iter().map(|(key, value)| (key.replace('-', "_"), value.clone()));
                        Self::of(name, options.collect(), &inner)
                    }
                    Value::Array(order) if name == "ordinal" => {
                        Self::of(name, Map::from_iter([("categories".to_owned(), order.clone().into())]), &inner)
                    }
                    Value::Null => Self::of(name, Map::new(), &inner),
                    Value::String(short) => Self::read(&format!("{name}:{short}").into(), parameter),
                    _ => Err(invalid_parameter(inner, "takes a map of options")),
                }
            }
            _ => Err(invalid_parameter(parameter, format!("{written} is no step")).allowed(
                "the name of a step, or a map of one name to its options, such as `{ one-hot: { drop: first } }`",
            )),
        }
    }

    fn of(name: &str, options: Map<String, Value>, parameter: &str) -> Result<Self, Failure> {
        let none = |step: Self| match options.keys().next() {
            None => Ok(step),
            Some(key) => Err(invalid_parameter(parameter, format!("`{name}` has no option `{key}`"))),
        };
        Ok(match name {
            "drop" => none(Self::Drop)?,
            "passthrough" => none(Self::Passthrough)?,
            "impute" => Self::Impute(read(options, parameter)?),
            "standard" => Self::Standard(read(options, parameter)?),
            "min-max" => Self::MinMax(read(options, parameter)?),
            "max-abs" => none(Self::MaxAbs)?,
            "robust" => Self::Robust(read(options, parameter)?),
            "log" => none(Self::Log(Log::Natural))?,
            "log1p" => none(Self::Log(Log::OfOneMore))?,
            "power" => Self::Power(read(options, parameter)?),
            "quantile" => Self::Quantile(read(options, parameter)?),
            "binning" => Self::Binning(read(options, parameter)?),
            "spline" => Self::Spline(read(options, parameter)?),
            "one-hot" => Self::OneHot(read(options, parameter)?),
            "ordinal" => Self::Ordinal(read(options, parameter)?),
            "count" => none(Self::Count)?,
            "frequency" => none(Self::Frequency)?,
            "target" => Self::Target(read(options, parameter)?),
            "hashing" => Self::Hashing(read(options, parameter)?),
            "date-parts" => Self::DateParts(read(options, parameter)?),
            "tokens" => Self::Tokens(read(options, parameter)?),
            "tf-idf" => Self::TfIdf(read(options, parameter)?),
            "text-hash" => Self::TextHash(read(options, parameter)?),
            _ => return Err(unknown(parameter, name)),
        })
    }

    /// Whether the column must be one of numbers from here on, integers and booleans too: averages of them are none.
    pub fn wants_numbers(&self) -> bool {
        match self {
            Self::Impute(options) => options.averages(),
            Self::Standard(_) | Self::MinMax(_) | Self::MaxAbs | Self::Robust(_) | Self::Log(_) => true,
            Self::Power(_) | Self::Quantile(_) | Self::Binning(_) | Self::Spline(_) => true,
            _ => false,
        }
    }

    /// Whether the column is of the same kind afterwards.
    pub fn keeps_type(&self) -> bool {
        matches!(self, Self::Passthrough | Self::Impute(_))
    }

    /// Whether columns that share this step are learnt together.
    pub fn together(&self) -> bool {
        matches!(self, Self::Impute(options) if options.together())
    }

    /// The option or step that looks at the target.
    pub fn wants_target(&self) -> bool {
        matches!(self, Self::Target(_))
    }

    /// Learns columns together: see [`Self::together`].
    pub fn fit_together(
        &self,
        context: &Context,
        names: &[String],
        arrays: &[ArrayRef],
    ) -> Result<Learnt, Failure> {
        match self {
            Self::Impute(options) if options.strategy == Strategy::Knn => {
                impute::knn::fit(context, options, names, arrays)
            }
            Self::Impute(options) => impute::iterative::fit(context, options, names, arrays),
            _ => Err(millstream_sdk::internal("a step of one column was given several")),
        }
    }

    /// Learns one column. None: it stays as it is.
    pub fn fit(&self, around: &Around<'_>, name: &str, array: &ArrayRef) -> Result<Option<Learnt>, Failure> {
        let Around { context, parameter, max_categories, goal } = *around;
        if self.wants_numbers() && *array.data_type() != DataType::Float64 {
            let kind = array.data_type();
            if !matches!(self, Self::Impute(_)) {
                return Err(crate::values::not_of_type(self.name(), "numbers", kind));
            }
        }
        Ok(Some(match self {
            Self::Drop | Self::Passthrough => return Ok(None),
            Self::Impute(options) if options.together() => {
                self.fit_together(context, &[name.to_owned()], std::slice::from_ref(array))?
            }
            Self::Impute(options) => impute::fill::fit(options, parameter, name, array)?,
            Self::Standard(options) => options.fit(context, name, array)?,
            Self::MinMax(options) => options.fit(context, name, array)?,
            Self::MaxAbs => scale::fit_max_abs(context, name, array)?,
            Self::Robust(options) => options.fit(context, name, array)?,
            Self::Log(log) => log.fit(name, array)?,
            Self::Power(options) => power::fit(context, options, name, array)?,
            Self::Quantile(options) => quantile::fit(context, options, name, array)?,
            Self::Binning(options) => binning::fit(context, options, name, array)?,
            Self::Spline(options) => spline::fit(options, name, array)?,
            Self::OneHot(options) => one_hot::fit(context, options, max_categories, name, array)?,
            Self::Ordinal(options) => ordinal::fit(options, parameter, name, array)?,
            Self::Count => count::fit(false, name, array)?,
            Self::Frequency => count::fit(true, name, array)?,
            Self::Target(options) => {
                let goal = goal.ok_or_else(|| millstream_sdk::internal("the target was not read"))?;
                target::fit(options, context.seed(), goal, name, array)?
            }
            Self::Hashing(options) => hashing::fit(options, name, array)?,
            Self::DateParts(options) => dates::fit(options, parameter, name, array)?,
            Self::Tokens(options) => vocabulary::fit(context, options, false, name, array)?,
            Self::TfIdf(options) => vocabulary::fit(context, options, true, name, array)?,
            Self::TextHash(options) => hash::fit(options, name, array)?,
        }))
    }

    /// As it is written.
    fn name(&self) -> &'static str {
        match self {
            Self::Standard(_) => "standard",
            Self::MinMax(_) => "min-max",
            Self::MaxAbs => "max-abs",
            Self::Robust(_) => "robust",
            Self::Log(Log::Natural) => "log",
            Self::Log(Log::OfOneMore) => "log1p",
            Self::Power(_) => power::STEP,
            Self::Quantile(_) => quantile::STEP,
            Self::Binning(_) => binning::STEP,
            Self::Spline(_) => spline::STEP,
            _ => impute::STEP,
        }
    }
}

/// Options of a step, each by its name.
pub fn read<T: DeserializeOwned>(options: Map<String, Value>, parameter: &str) -> Result<T, Failure> {
    let given: Vec<String> = options.keys().cloned().collect();
    serde_json::from_value(Value::Object(options)).map_err(|error| {
        let message = error.to_string();
        // serde lists the names that there are.
        let known: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let hint = match (message.starts_with("unknown field"), known.as_slice()) {
            (true, [wrong, known @ ..]) if given.iter().any(|name| name == wrong) => {
                nearest(wrong, known.iter().copied())
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"))
            }
            _ => String::new(),
        };
        invalid_parameter(parameter, format!("{message}{hint}"))
    })
}

fn unknown(parameter: &str, name: &str) -> Failure {
    let texts = texts();
    let hint = nearest(name, texts.iter().copied())
        .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let all: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
    let allowed = format!("{}, `impute:constant:VALUE`", all.join(", "));
    invalid_parameter(parameter, format!("there is no step `{name}`{hint}")).allowed(allowed)
}
