//! Operations that make a row from that row alone, as steps over columns.

use std::collections::BTreeMap;

use millstream_sdk::{
    Failure,
    arrow_schema::{DataType, Schema},
};

use crate::{
    columns::{Assignment, ColumnStep, Counted, projection},
    operation::{
        Cased, CastType, Clip, DateTrunc, Ends, FillMissing, Groups, LetterCase, Moment, OnError, Operation,
        ParseDate, Plain, Recode, Replaced, Several, SplitText, Strip,
    },
    place::{Place, ident, is_number, is_text, literal, number, text},
};

/// The step over columns that an operation is; `None` if it is none.
pub(crate) fn column_step(
    place: &Place,
    operation: &Operation,
    schema: &Schema,
) -> Result<Option<ColumnStep>, Failure> {
    let maker = Maker { place, schema };
    Ok(Some(match operation {
        Operation::Select(names) => maker.kept(place.columns(schema, names)?)?,
        Operation::Drop(names) => maker.dropped(names)?,
        Operation::Rename(names) => maker.renamed(names)?,
        Operation::Cast(types) => maker.cast(types, false)?,
        Operation::TryCast(types) => maker.cast(types, true)?,
        Operation::Derive(formulas) => {
            let all = formulas.iter().map(|(name, formula)| {
                let own = place.at(name);
                let value = own.bind(schema, &formula.0).map_err(|mut problem| {
                    if formulas.keys().any(|other| problem.message.contains(&format!("no column `{other}`")))
                    {
                        problem
                            .message
                            .push_str("; a column that `derive` makes is there for the step after it");
                    }
                    own.refused(&problem)
                })?;
                Ok(Assignment {
                    name: name.clone(),
                    value,
                    origin: own.name().to_owned(),
                    counted: Counted::Nothing,
                })
            });
            maker.assign(all.collect::<Result<_, Failure>>()?)?
        }
        Operation::Recode(recode) => maker.recode(recode)?,
        Operation::Strip(strip) => maker.strip(strip)?,
        Operation::Case(case) => maker.case(case)?,
        Operation::Split(split) => maker.split(split)?,
        Operation::Replace(replace) => maker.replace(replace)?,
        Operation::Extract(groups) => maker.extract(groups)?,
        Operation::ParseDate(parse) => maker.parse_date(parse)?,
        Operation::DateTrunc(trunc) => maker.date_trunc(trunc)?,
        Operation::Clip(clip) => maker.clip(clip)?,
        Operation::FillMissing(fill) if fill.method.is_none() => maker.fill(fill)?,
        _ => return Ok(None),
    }))
}

/// Makes steps of what is written at a place, over the columns of a schema.
pub(crate) struct Maker<'a> {
    pub(crate) place: &'a Place,
    pub(crate) schema: &'a Schema,
}

impl Maker<'_> {
    fn kept(&self, names: Vec<String>) -> Result<ColumnStep, Failure> {
        projection(self.place, names.into_iter().map(|name| (name.clone(), name)).collect())
    }

    fn dropped(&self, names: &Several) -> Result<ColumnStep, Failure> {
        let dropped = self.place.columns(self.schema, names)?;
        let all = self.schema.fields().iter().map(|field| field.name().clone());
        self.kept(all.filter(|name| !dropped.contains(name)).collect())
    }

    fn renamed(&self, names: &BTreeMap<String, String>) -> Result<ColumnStep, Failure> {
        for old in names.keys() {
            self.place.column(self.schema, old)?;
        }
        let all = self.schema.fields().iter().map(|field| {
            let old = field.name();
            (old.clone(), names.get(old).unwrap_or(old).clone())
        });
        projection(self.place, all.collect())
    }

    /// Values of columns by an expression made for each.
    pub(crate) fn each(
        &self,
        columns: Vec<String>,
        counted: &Counted,
        make: impl Fn(&str) -> String,
    ) -> Result<ColumnStep, Failure> {
        let all = columns.into_iter().map(|name| self.one(&name, None, counted.clone(), &make(&name)));
        self.assign(all.collect::<Result<_, _>>()?)
    }

    /// The values of a column, or of a new one, by an expression.
    fn one(
        &self,
        name: &str,
        to: Option<&String>,
        counted: Counted,
        made: &str,
    ) -> Result<Assignment, Failure> {
        let value = self
            .place
            .bind(self.schema, made)
            .map_err(|problem| self.place.wrong(format!("column `{name}`: {}", problem.message)))?;
        let name = to.map_or(name, String::as_str).to_owned();
        Ok(Assignment { name, value, origin: self.place.name().to_owned(), counted })
    }

    fn assign(&self, all: Vec<Assignment>) -> Result<ColumnStep, Failure> {
        if all.is_empty() {
            return Err(self
                .place
                .wrong("there is nothing to do: the table has no such column, or the map is empty"));
        }
        if all.iter().any(|one| one.name.is_empty()) {
            return Err(self.place.wrong("a column's name is empty"));
        }
        for (i, one) in all.iter().enumerate() {
            if all[..i].iter().any(|other| other.name == one.name) {
                return Err(self.place.wrong(format!("two columns would be called `{}`", one.name)));
            }
        }
        Ok(ColumnStep::Assign(all))
    }

    /// Columns of text.
    fn texts(&self, names: Option<&Several>) -> Result<Vec<String>, Failure> {
        let columns = self.place.columns_or(self.schema, names, is_text)?;
        for name in &columns {
            let kind = self.place.column(self.schema, name)?.data_type();
            if !is_text(kind) {
                let kind = millstream_sdk::column::type_name(kind);
                return Err(self
                    .place
                    .wrong(format!("column `{name}` holds {kind}, not text; `cast` it before")));
            }
        }
        Ok(columns)
    }

    pub(crate) fn numbers(&self, names: &Several) -> Result<Vec<String>, Failure> {
        let columns = self.place.columns(self.schema, names)?;
        for name in &columns {
            let kind = self.place.column(self.schema, name)?.data_type();
            if !is_number(kind) {
                let kind = millstream_sdk::column::type_name(kind);
                return Err(self.place.wrong(format!("column `{name}` holds {kind}, not numbers")));
            }
        }
        Ok(columns)
    }

    fn cast(&self, types: &BTreeMap<String, CastType>, lenient: bool) -> Result<ColumnStep, Failure> {
        let all = types.iter().map(|(name, to)| {
            let column = self.place.column(self.schema, name)?;
            let to = match to {
                CastType::Integer => "BIGINT",
                CastType::Number => "DOUBLE",
                CastType::String => "VARCHAR",
                CastType::Boolean => "BOOLEAN",
                CastType::Date => "DATE",
                CastType::Timestamp => "TIMESTAMP",
            };
            let cast = if lenient { "TRY_CAST" } else { "CAST" };
            let counted = if lenient { Counted::Unread(name.clone()) } else { Counted::Nothing };
            self.one(column.name(), None, counted, &format!("{cast}({} AS {to})", ident(name)))
        });
        self.assign(all.collect::<Result<_, Failure>>()?)
    }

    fn literal(&self, value: &Plain) -> Result<String, Failure> {
        literal(&value.0)
            .ok_or_else(|| self.place.wrong("a value is a text, a number, true or false, or null"))
    }

    fn recode(&self, recode: &Recode) -> Result<ColumnStep, Failure> {
        let Recode { column, values, default, to } = recode;
        let kind = self.place.column(self.schema, column)?.data_type();
        if values.is_empty() {
            return Err(self.place.at("values").wrong("the map is empty"));
        }
        let own = ident(column);
        let mut cases = format!("CASE {own}");
        for (old, new) in values {
            // Keys of a map are texts, however they were written.
            let old = match kind {
                DataType::Float64 if old.parse::<f64>().is_ok() => format!("CAST({} AS DOUBLE)", text(old)),
                _ => text(old),
            };
            cases.push_str(&format!(" WHEN {old} THEN {}", self.literal(new)?));
        }
        let counted = || Counted::Unread(column.clone());
        let assignment = match default {
            Some(default) => {
                let made = format!("{cases} ELSE {} END", self.literal(default)?);
                self.one(column, to.as_ref(), Counted::Nothing, &made)?
            }
            None => match self.one(column, to.as_ref(), Counted::Nothing, &format!("{cases} ELSE {own} END"))
            {
                Ok(same) => same,
                // The new values are of another type: what has none is missing.
                Err(_) => self.one(column, to.as_ref(), counted(), &format!("{cases} ELSE NULL END"))?,
            },
        };
        self.assign(vec![assignment])
    }

    fn strip(&self, strip: &Strip) -> Result<ColumnStep, Failure> {
        let trim = match strip.side {
            Ends::Both => "trim",
            Ends::Left => "ltrim",
            Ends::Right => "rtrim",
        };
        let characters = text(strip.characters.as_deref().unwrap_or(" \t\r\n\u{b}\u{c}\u{a0}"));
        let columns = self.texts(strip.columns.as_ref())?;
        self.each(columns, &Counted::Nothing, |name| format!("{trim}({}, {characters})", ident(name)))
    }

    fn case(&self, case: &Cased) -> Result<ColumnStep, Failure> {
        let function = match case.to {
            LetterCase::Lower => "lower",
            LetterCase::Upper => "upper",
        };
        let columns = self.texts(case.columns.as_ref())?;
        self.each(columns, &Counted::Nothing, |name| format!("{function}({})", ident(name)))
    }

    fn split(&self, split: &SplitText) -> Result<ColumnStep, Failure> {
        self.texts(Some(&Several::One(split.column.clone())))?;
        let (own, by) = (ident(&split.column), text(&split.by));
        let all = split.into.iter().enumerate().map(|(i, name)| {
            let made = format!("nullif(split_part({own}, {by}, {}), '')", i + 1);
            self.one(&split.column, Some(name), Counted::Nothing, &made)
        });
        self.assign(all.collect::<Result<_, _>>()?)
    }

    fn replace(&self, replace: &Replaced) -> Result<ColumnStep, Failure> {
        let (pattern, with) = (text(&replace.pattern), text(&replace.with));
        self.check_pattern(&replace.pattern)?;
        let columns = self.texts(replace.columns.as_ref())?;
        self.each(columns, &Counted::Nothing, |name| {
            format!("regexp_replace({}, {pattern}, {with}, 'g')", ident(name))
        })
    }

    /// Says what is wrong with a regular expression before rows are read.
    fn check_pattern(&self, pattern: &str) -> Result<(), Failure> {
        self.tried(&format!("regexp_matches('', {})", text(pattern)), "pattern")
    }

    /// Computes what does not depend on a row, to find out whether it is right.
    fn tried(&self, made: &str, key: &str) -> Result<(), Failure> {
        let bound = self.place.at(key).made(self.schema, made)?;
        let none = millstream_sdk::arrow_array::RecordBatch::try_new_with_options(
            Schema::empty().into(),
            Vec::new(),
            &millstream_sdk::arrow_array::RecordBatchOptions::new().with_row_count(Some(1)),
        )
        .map_err(|error| millstream_sdk::internal(error.to_string()))?;
        bound.eval(&none).map(|_| ()).map_err(|problem| self.place.at(key).wrong(problem.message))
    }

    fn extract(&self, groups: &Groups) -> Result<ColumnStep, Failure> {
        self.texts(Some(&Several::One(groups.column.clone())))?;
        self.check_pattern(&groups.pattern)?;
        let (own, pattern) = (ident(&groups.column), text(&groups.pattern));
        let grouped = self.tried(&format!("regexp_extract('', {pattern}, 1)"), "pattern").is_ok();
        let first = usize::from(grouped);
        if let Some(last) = groups.into.len().checked_sub(1) {
            self.tried(&format!("regexp_extract('', {pattern}, {})", first + last), "into")?;
        }
        let all = groups.into.iter().enumerate().map(|(i, name)| {
            let made = format!(
                "CASE WHEN regexp_matches({own}, {pattern}) THEN regexp_extract({own}, {pattern}, {}) END",
                first + i
            );
            self.one(&groups.column, Some(name), Counted::Unread(groups.column.clone()), &made)
        });
        self.assign(all.collect::<Result<_, _>>()?)
    }

    fn parse_date(&self, parse: &ParseDate) -> Result<ColumnStep, Failure> {
        let ParseDate { column, format, r#as, errors, to } = parse;
        self.texts(Some(&Several::One(column.clone())))?;
        let Some((last, before)) = format.all().split_last() else {
            return Err(self.place.at("format").wrong("the list of formats is empty"));
        };
        let own = ident(column);
        for format in format.all() {
            self.tried(&format!("try_strptime('', {})", text(format)), "format")?;
        }
        let mut tries: Vec<String> =
            before.iter().map(|format| format!("try_strptime({own}, {})", text(format))).collect();
        let raise = *errors == OnError::Raise;
        tries.push(format!("{}strptime({own}, {})", if raise { "" } else { "try_" }, text(last)));
        let made = if let [one] = tries.as_slice() {
            one.clone()
        } else {
            format!("coalesce({})", tries.join(", "))
        };
        let hours = |format: &String| ["%H", "%I", "%T", "%X", "%c"].iter().any(|code| format.contains(code));
        let timed = r#as.map_or(format.all().iter().any(hours), |moment| moment == Moment::Timestamp);
        let made = if timed { made } else { format!("CAST({made} AS DATE)") };
        let counted = if raise { Counted::Nothing } else { Counted::Unread(column.clone()) };
        self.assign(vec![self.one(column, to.as_ref(), counted, &made)?])
    }

    fn date_trunc(&self, trunc: &DateTrunc) -> Result<ColumnStep, Failure> {
        let DateTrunc { column, unit, to } = trunc;
        let date = *self.place.column(self.schema, column)?.data_type() == DataType::Date32;
        let mut made = format!("date_trunc({}, {})", text(unit), ident(column));
        if date && !["hour", "minute", "second"].contains(&unit.as_str()) {
            made = format!("CAST({made} AS DATE)");
        }
        self.assign(vec![self.one(column, to.as_ref(), Counted::Nothing, &made)?])
    }

    fn clip(&self, clip: &Clip) -> Result<ColumnStep, Failure> {
        let (lower, upper) = (clip.lower, clip.upper);
        if lower.is_none() && upper.is_none() {
            return Err(self.place.wrong("neither `lower` nor `upper` is given"));
        }
        if let (Some(lower), Some(upper)) = (lower, upper)
            && lower > upper
        {
            return Err(self.place.at("lower").wrong(format!("{lower} is more than `upper`, {upper}")));
        }
        let columns = self.numbers(&clip.columns)?;
        let floats = |name: &str| {
            self.schema.field_with_name(name).is_ok_and(|field| *field.data_type() == DataType::Float64)
        };
        self.each(columns, &Counted::Clipped, |name| {
            let own = ident(name);
            let mut made = "CASE".to_owned();
            if floats(name) {
                // NaN is missing, not the greatest number.
                made.push_str(&format!(" WHEN isnan({own}) THEN {own}"));
            }
            if let Some(lower) = lower {
                made.push_str(&format!(" WHEN {own} < {0} THEN {0}", number(lower)));
            }
            if let Some(upper) = upper {
                made.push_str(&format!(" WHEN {own} > {0} THEN {0}", number(upper)));
            }
            format!("{made} ELSE {own} END")
        })
    }

    fn fill(&self, fill: &FillMissing) -> Result<ColumnStep, Failure> {
        let Some(value) = &fill.value else {
            return Err(self.place.wrong("neither `value` nor `method` is given"));
        };
        if value.0.is_null() {
            return Err(self.place.at("value").wrong("a missing value fills nothing"));
        }
        let Some(names) = &fill.columns else {
            return Err(self.place.at("columns").wrong("are required with `value`"));
        };
        let value = self.literal(value)?;
        let columns = self.place.columns(self.schema, names)?;
        self.each(columns, &Counted::Filled, |name| {
            let own = ident(name);
            let floats = self.schema.field_with_name(name).is_ok_and(|f| *f.data_type() == DataType::Float64);
            let nan = if floats { format!(" WHEN isnan({own}) THEN {value}") } else { String::new() };
            format!("CASE WHEN {own} IS NULL THEN {value}{nan} ELSE {own} END")
        })
    }
}
