//! Arrays of any shape, row after row.

use crate::fault::{Fault, ensure};
use crate::proto::{self, element};

/// The values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Single(Vec<f32>),
    Double(Vec<f64>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
}

/// The type of a tensor's values. Integers of 32 bits are held as integers of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Single,
    Double,
    Int,
    Bool,
    Text,
}

/// Values in a shape: as many as the product of its sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Values,
}

/// Values that a tensor holds at the most: a few numbers in a file can ask for any size.
const MOST_VALUES: usize = 1 << 27;

/// How many values a shape holds. Sides of 0 let the others be no larger: no product of some sides overflows.
pub fn count(shape: &[usize]) -> Result<usize, Fault> {
    let bound = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side.max(1)));
    if bound.is_none_or(|bound| bound > MOST_VALUES) {
        return Err(Fault::new(format!("an array of shape {shape:?} is too large")));
    }
    Ok(shape.iter().product())
}

impl Kind {
    /// The type of ONNX's number.
    pub fn of_element(number: i32) -> Result<Self, Fault> {
        Ok(match number {
            element::FLOAT => Self::Single,
            element::DOUBLE => Self::Double,
            element::INT32 | element::INT64 => Self::Int,
            element::BOOL => Self::Bool,
            element::STRING => Self::Text,
            _ => return Err(Fault::new(format!("values of ONNX's type {number} are not supported"))),
        })
    }
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Single(_) => Kind::Single,
            Self::Double(_) => Kind::Double,
            Self::Int(_) => Kind::Int,
            Self::Bool(_) => Kind::Bool,
            Self::Text(_) => Kind::Text,
        }
    }

    /// Those in these places, in their order. Places come from our own arithmetic.
    pub fn pick(&self, places: impl Iterator<Item = usize>) -> Self {
        fn pick<T: Clone>(values: &[T], places: impl Iterator<Item = usize>) -> Vec<T> {
            places.map(|place| values[place].clone()).collect()
        }
        match self {
            Self::Single(values) => Self::Single(pick(values, places)),
            Self::Double(values) => Self::Double(pick(values, places)),
            Self::Int(values) => Self::Int(pick(values, places)),
            Self::Bool(values) => Self::Bool(pick(values, places)),
            Self::Text(values) => Self::Text(pick(values, places)),
        }
    }

    /// Empty, of a type.
    pub fn none(kind: Kind) -> Self {
        match kind {
            Kind::Single => Self::Single(Vec::new()),
            Kind::Double => Self::Double(Vec::new()),
            Kind::Int => Self::Int(Vec::new()),
            Kind::Bool => Self::Bool(Vec::new()),
            Kind::Text => Self::Text(Vec::new()),
        }
    }

    /// Puts a stretch of others, of the same type, behind these.
    pub fn extend(&mut self, others: &Self, stretch: std::ops::Range<usize>) -> Result<(), Fault> {
        match (self, others) {
            (Self::Single(own), Self::Single(others)) => own.extend_from_slice(&others[stretch]),
            (Self::Double(own), Self::Double(others)) => own.extend_from_slice(&others[stretch]),
            (Self::Int(own), Self::Int(others)) => own.extend_from_slice(&others[stretch]),
            (Self::Bool(own), Self::Bool(others)) => own.extend_from_slice(&others[stretch]),
            (Self::Text(own), Self::Text(others)) => own.extend_from_slice(&others[stretch]),
            _ => return Err(Fault::new("values of different types do not go together")),
        }
        Ok(())
    }
}

impl Tensor {
    /// Values in a shape.
    pub fn new(shape: Vec<usize>, values: Values) -> Result<Self, Fault> {
        let count = count(&shape)?;
        ensure!(count == values.len(), "{} values do not fill the shape {shape:?}", values.len());
        Ok(Self { shape, values })
    }

    /// Numbers of a type in a shape.
    pub fn of_numbers(shape: Vec<usize>, numbers: Vec<f64>, kind: Kind) -> Result<Self, Fault> {
        let values = match kind {
            Kind::Single => Values::Single(numbers.into_iter().map(|number| number as f32).collect()),
            Kind::Double => Values::Double(numbers),
            Kind::Int => Values::Int(numbers.into_iter().map(|number| number as i64).collect()),
            Kind::Bool => Values::Bool(numbers.into_iter().map(|number| number != 0.0).collect()),
            Kind::Text => return Err(Fault::new("numbers are no text")),
        };
        Self::new(shape, values)
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn values(&self) -> &Values {
        &self.values
    }

    pub fn into_values(self) -> Values {
        self.values
    }

    pub fn kind(&self) -> Kind {
        self.values.kind()
    }

    /// The same values in another shape.
    pub fn reshaped(&self, shape: Vec<usize>) -> Result<Self, Fault> {
        Self::new(shape, self.values.clone())
    }

    /// Rows and columns; a single row of values is one row.
    pub fn rows_and_columns(&self) -> Result<(usize, usize), Fault> {
        match *self.shape.as_slice() {
            [columns] => Ok((1, columns)),
            [rows, columns] => Ok((rows, columns)),
            _ => Err(Fault::new(format!("rows and columns are expected, not the shape {:?}", self.shape))),
        }
    }

    /// Numbers and truth values in double precision.
    pub fn numbers(&self) -> Result<Vec<f64>, Fault> {
        Ok(match &self.values {
            Values::Single(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Values::Double(values) => values.clone(),
            Values::Int(values) => values.iter().map(|&value| value as f64).collect(),
            Values::Bool(values) => values.iter().map(|&value| f64::from(u8::from(value))).collect(),
            Values::Text(_) => return Err(Fault::new("numbers are expected, not text")),
        })
    }

    pub fn ints(&self) -> Result<&[i64], Fault> {
        match &self.values {
            Values::Int(values) => Ok(values),
            _ => Err(Fault::new("integers are expected")),
        }
    }

    pub fn bools(&self) -> Result<&[bool], Fault> {
        match &self.values {
            Values::Bool(values) => Ok(values),
            _ => Err(Fault::new("truth values are expected")),
        }
    }

    /// Reads a tensor of a file.
    pub fn read(tensor: &proto::Tensor) -> Result<Self, Fault> {
        Self::read_values(tensor).map_err(|fault| fault.within(format!("constant `{}`", tensor.name)))
    }

    fn read_values(tensor: &proto::Tensor) -> Result<Self, Fault> {
        ensure!(tensor.data_location == 0, "its values lie in another file; save the model as one file");
        let shape: Result<Vec<usize>, _> = tensor.dims.iter().map(|&side| usize::try_from(side)).collect();
        let shape = shape.map_err(|_| Fault::new("a side is negative"))?;
        let raw = tensor.raw_data.as_slice();
        fn all<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
            raw.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
        }
        let small = || tensor.int32_data.iter().copied();
        let values = match (tensor.data_type, raw.is_empty()) {
            (element::FLOAT, true) => Values::Single(tensor.float_data.clone()),
            (element::FLOAT, false) => Values::Single(all(raw, f32::from_le_bytes)),
            (element::DOUBLE, true) => Values::Double(tensor.double_data.clone()),
            (element::DOUBLE, false) => Values::Double(all(raw, f64::from_le_bytes)),
            (element::INT64, true) => Values::Int(tensor.int64_data.clone()),
            (element::INT64, false) => Values::Int(all(raw, i64::from_le_bytes)),
            (element::INT32, true) => Values::Int(small().map(i64::from).collect()),
            (element::INT32, false) => Values::Int(all(raw, |bytes| i64::from(i32::from_le_bytes(bytes)))),
            (element::BOOL, true) => Values::Bool(small().map(|value| value != 0).collect()),
            (element::BOOL, false) => Values::Bool(raw.iter().map(|&byte| byte != 0).collect()),
            (element::STRING, _) => {
                Values::Text(tensor.string_data.iter().map(|bytes| text(bytes)).collect::<Result<_, _>>()?)
            }
            (number, _) => {
                return Err(Fault::new(format!("values of ONNX's type {number} are not supported")));
            }
        };
        Self::new(shape, values)
    }
}

/// A text of a file.
pub fn text(bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Fault::new("a text is not UTF-8"))
}
