//! A column of the table under construction.

use std::rc::Rc;

use millstream_sdk::{
    Failure,
    arrow_schema::Field,
    missing::Missing,
    table::{BATCH_ROWS, Growing, cast, parse_date, parse_timestamp},
};

use crate::{
    kind::{EXACT, Kind, is_integer, leads_with_zero, parse_bool, parse_float, parse_int},
    written::Written,
};

/// Texts that may be integers which a number does not hold are longer than this.
const SHORT: usize = 15;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Different numbers up to which a column may be one of categories, whose texts somebody may want back.
const MOST_CATEGORIES: usize = 1_000;

/// What a column may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whatever comes.
    Free,
    /// This, as the user says.
    Type(Kind),
    /// This, as the table in the channel `like` has it.
    Like(Kind),
    /// Numbers, or truth values for 1 and 0, as the model in the channel `like` takes them.
    Number,
}

/// What is known of a column before it is read.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name.
    pub name: String,
    /// What it may hold.
    pub rule: Rule,
    /// The texts that are missing in it.
    pub missing: Rc<Missing>,
    /// Whether the table says so. It does not where files have a value for nothing, as JSON has.
    pub tells_missing: bool,
}

/// A column of the table.
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub rule: Rule,
    pub missing: Rc<Missing>,
    pub tells_missing: bool,
    /// Something was said of it, be it that it is missing.
    pub seen: bool,
    pub growing: Growing,
    pub written: Written,
    /// The first value that is kept as text alone, and the first number with a fraction.
    pub why: [Option<String>; 2],
}

/// What a field says, with or without space around it. Space is rare: it is looked for only if the field makes no sense with it.
#[inline]
fn trimmed<T>(field: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    parse(field)
        .or_else(|| Some(field.trim_ascii()).filter(|trimmed| trimmed.len() < field.len()).and_then(parse))
}

/// Whether a number's text may lose something by being a floating-point number: a zero in front, or digits of an integer.
#[inline]
fn doubtful(field: &[u8]) -> bool {
    leads_with_zero(field) || field.len() > SHORT && is_integer(field)
}

impl Column {
    pub fn new(spec: Spec, rows: usize) -> Result<Self, Failure> {
        let kind = match spec.rule {
            Rule::Free | Rule::Number => Kind::Unknown,
            Rule::Type(kind) | Rule::Like(kind) => kind,
        };
        let mut growing = Growing::new(&kind.data_type(), 0)?;
        (0..rows).for_each(|_| growing.push_null());
        let Spec { name, rule, missing, tells_missing } = spec;
        let (written, why) = (Written::default(), [None, None]);
        Ok(Self { name, kind, rule, missing, tells_missing, seen: false, growing, written, why })
    }

    pub fn reset(&mut self) -> Result<(), Failure> {
        self.growing = Growing::new(&self.kind.data_type(), 0)?;
        Ok(())
    }

    /// Whether its kind was said.
    pub fn is_fixed(&self) -> bool {
        matches!(self.rule, Rule::Type(_) | Rule::Like(_))
    }

    /// The column of the table, with what it says of its texts and of missing ones.
    pub fn field(&self) -> Field {
        let mut field = Field::new(&self.name, self.kind.data_type(), true);
        if self.tells_missing {
            field = self.missing.mark(field);
        }
        match self.written.texts(self.kind) {
            Some(texts) => texts.mark(field),
            None => field,
        }
    }

    /// Before the first of several batches is written, behind which nothing can be said any more: numbers of so many values
    /// are no categories, and whether their texts are kept need not be watched.
    pub fn rest(&mut self) {
        let Growing::Float(values) = &self.growing else { return };
        let mut distinct = std::collections::BTreeSet::new();
        let mut values = values.values_slice().iter();
        if let Some(value) =
            values.find(|value| distinct.insert(value.to_bits()) && distinct.len() > MOST_CATEGORIES)
        {
            self.written.give_up(|| value.to_string());
        }
    }

    /// The field's kind in this column, or none if it does not belong here.
    pub fn kind_of(&self, field: &[u8]) -> Option<Kind> {
        let kind = Kind::of(field);
        match self.rule {
            Rule::Free => Some(kind),
            Rule::Number => kind.as_number(field),
            Rule::Type(own) => Self::takes(own, kind, field).then_some(own),
            Rule::Like(own @ (Kind::Time | Kind::TimeUtc)) => {
                (kind == own || own == Kind::Time && kind == Kind::Date).then_some(own)
            }
            Rule::Like(own) => Self::takes(own, kind, field).then_some(own),
        }
    }

    fn takes(own: Kind, kind: Kind, field: &[u8]) -> bool {
        match own {
            Kind::Text => true,
            Kind::Int => trimmed(field, parse_int).is_some(),
            Kind::Float => kind.is_number(),
            Kind::Time => matches!(kind, Kind::Date | Kind::Time | Kind::TimeUtc),
            own => own == kind,
        }
    }

    /// The narrowest kind of column that takes this kind of value too.
    pub fn join(&self, kind: Kind) -> Kind {
        match (self.rule, self.kind, kind) {
            (Rule::Number, Kind::Long, Kind::Float) | (Rule::Number, Kind::Float, Kind::Long) => Kind::Float,
            (_, own, kind) => own.join(kind),
        }
    }

    /// Makes it a column of a wider kind, what it holds included.
    pub fn become_kind(&mut self, kind: Kind) -> Result<(), Failure> {
        if self.kind.data_type() != kind.data_type() {
            let array = cast(&self.growing.finish(), &kind.data_type())?;
            self.growing = Growing::new(&kind.data_type(), BATCH_ROWS)?;
            self.growing.push_array(&array)?;
        }
        self.kind = kind;
        Ok(())
    }

    /// Keeps the field, if it fits as it stands. `checked`: that it loses nothing was found out.
    pub fn push(&mut self, field: &[u8], checked: bool) -> bool {
        if self.missing.numeric() && self.missing.has(field) {
            self.growing.push_null();
            return true;
        }
        let sure = checked || self.rule != Rule::Free;
        match &mut self.growing {
            Growing::Int(column) => {
                let Some(number) = trimmed(field, parse_int) else { return false };
                if !sure
                    && (leads_with_zero(field.trim_ascii_start())
                        || number.unsigned_abs() > EXACT && self.kind == Kind::Int)
                {
                    return false;
                }
                column.append_value(number);
                self.written.integer(field);
            }
            // A column without a value yet does not know that its values are numbers.
            Growing::Float(_) if self.kind == Kind::Unknown => return false,
            Growing::Float(column) => match trimmed(field, parse_float) {
                Some(_) if !sure && doubtful(field.trim_ascii()) => return false,
                Some(number) if number.is_finite() || !self.missing.has(field) => {
                    column.append_value(number);
                    self.written.number(field);
                }
                Some(_) => column.append_null(),
                None if self.rule == Rule::Number => match parse_bool(field.trim_ascii()) {
                    Some(truth) => {
                        column.append_value(f64::from(u8::from(truth)));
                        self.written.number(field);
                    }
                    None => return false,
                },
                None => return false,
            },
            Growing::Bool(column) => match parse_bool(field.trim_ascii()) {
                Some(truth) => {
                    column.append_value(truth);
                    self.written.truth(field);
                }
                None => return false,
            },
            Growing::Date(column) => match parse_date(field.trim_ascii()) {
                Some(days) => {
                    column.append_value(days);
                    self.written.day(field);
                }
                None => return false,
            },
            Growing::Time(column) => {
                let text = field.trim_ascii();
                let lenient = matches!(self.rule, Rule::Type(_));
                let zoned = |(_, zoned): &(i64, bool)| lenient || *zoned == (self.kind == Kind::TimeUtc);
                if let Some((micros, _)) = parse_timestamp(text).filter(zoned) {
                    column.append_value(micros);
                    self.written.time(field, self.kind == Kind::TimeUtc);
                } else if let Some(days) = parse_date(text).filter(|days| zoned(&(i64::from(*days), false))) {
                    column.append_value(i64::from(days) * MICROS_PER_DAY);
                    self.written.day(field);
                } else {
                    return false;
                }
            }
            // No kind of field is kept in one.
            Growing::Sparse(_) => return false,
            Growing::Text(column) => {
                if self.missing.has(field) {
                    column.append_null();
                    return true;
                }
                if self.rule == Rule::Free && self.kind != Kind::Text && !checked {
                    return false;
                }
                // The slow way checks its length; the sum of a batch is far from the limit.
                match std::str::from_utf8(field) {
                    Ok(text) if text.len() <= crate::sink::BATCH_TEXT => column.append_value(text),
                    _ => return false,
                }
            }
        }
        true
    }
}
