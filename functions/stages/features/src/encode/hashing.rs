//! Categories in a fixed number of columns, as scikit-learn's `FeatureHasher` of `{column: category}`.

use millstream_sdk::{
    Failure,
    arrow_array::{Array, ArrayRef},
    arrow_schema::DataType,
    internal, invalid_parameter,
};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, murmur, transform::Transform, values};

pub const STEP: &str = "hashing";

/// Columns at the most.
pub const MOST: usize = 65_536;

/// Options of `hashing`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Columns.
    pub n_features: usize,
    /// Half of the categories count as -1, so that those that share a column cancel out rather than add up.
    pub alternate_sign: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { n_features: 16, alternate_sign: true }
    }
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hashing {
    prefix: String,
    width: u32,
    alternate_sign: bool,
}

pub fn fit(options: &Options, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    match array.data_type() {
        DataType::Int64 | DataType::Float64 | DataType::Boolean | DataType::Utf8 => {}
        kind => return Err(values::not_of_type(STEP, "categories", kind)),
    }
    let width = options.n_features;
    if width == 0 || width > MOST {
        return Err(invalid_parameter("n_features", format!("{width} is out of range"))
            .allowed(format!("1 to {MOST}")));
    }
    let names = (0..width).map(|place| format!("{name}_{place}")).collect();
    let prefix = format!("{name}=");
    let state = Hashing { prefix, width: width as u32, alternate_sign: options.alternate_sign };
    Ok(Learnt::new(names, Transform::Hashing(state)))
}

impl Hashing {
    pub fn apply(&self, array: &ArrayRef) -> Result<Vec<ArrayRef>, Failure> {
        let mut columns = vec![vec![0.0; array.len()]; self.width as usize];
        let mut key = self.prefix.clone();
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            key.truncate(self.prefix.len());
            key.push_str(&super::shown(array, row));
            let (place, sign) = murmur::place(key.as_bytes(), self.width as usize);
            columns[place][row] = if self.alternate_sign { sign } else { 1.0 };
        }
        Ok(columns.into_iter().map(values::column).collect())
    }

    /// Whether `gives` columns come out.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        match gives == self.width as usize && gives > 0 && gives <= MOST {
            true => Ok(()),
            false => Err(internal("the hashed columns are damaged")),
        }
    }
}
