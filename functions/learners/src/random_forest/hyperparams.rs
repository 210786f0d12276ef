use crate::param_guard::{ABOVE_ZERO, within};
use crate::weights::ClassWeight;
use crate::{Check, ParamError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::Bound;

/// How many features a split chooses from: `"sqrt"`, `"log2"`, `"all"`, a whole number of features, or a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    Sqrt,
    Log2,
    All,
    Count(u32),
    Share(f64),
}

impl MaxFeatures {
    /// The number for `width` features: 1 to `width`.
    pub fn of(self, width: usize) -> usize {
        let n = width as f64;
        let count = match self {
            Self::Sqrt => n.sqrt() as usize,
            Self::Log2 => n.log2() as usize,
            Self::All => width,
            Self::Count(count) => count as usize,
            Self::Share(share) => (share * n) as usize,
        };
        count.clamp(1, width.max(1))
    }
}

impl Serialize for MaxFeatures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sqrt => serializer.serialize_str("sqrt"),
            Self::Log2 => serializer.serialize_str("log2"),
            Self::All => serializer.serialize_str("all"),
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

impl<'de> Deserialize<'de> for MaxFeatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = MaxFeatures;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    r#""sqrt", "log2", "all", a number of features, or a share of them between 0 and 1"#,
                )
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<MaxFeatures, E> {
                match name {
                    "sqrt" => Ok(MaxFeatures::Sqrt),
                    "log2" => Ok(MaxFeatures::Log2),
                    "all" => Ok(MaxFeatures::All),
                    _ => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<MaxFeatures, E> {
                let count = u32::try_from(count);
                count.map(MaxFeatures::Count).map_err(|_| E::custom("max_features is too large"))
            }

            fn visit_f64<E: de::Error>(self, share: f64) -> Result<MaxFeatures, E> {
                Ok(MaxFeatures::Share(share))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What shapes a random forest; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Trees: more are steadier, and cost in proportion. At least 1.
    pub n_estimators: u32,
    /// Splits from the root to a leaf at the most; none: until leaves are pure.
    pub max_depth: Option<u32>,
    /// Nodes of fewer rows are not split. At least 2.
    pub min_samples_split: u32,
    /// Splits that would leave fewer rows on a side are not made. At least 1.
    pub min_samples_leaf: u32,
    /// Features that a split chooses from; none: the square root for classes, all for numbers.
    pub max_features: Option<MaxFeatures>,
    /// Whether each tree sees a sample drawn with replacement, of as many rows as there are, or all rows.
    pub bootstrap: bool,
    /// Whether to score each row by the trees that did not see it. Needs `bootstrap`.
    pub oob_score: bool,
    /// Whether rare classes count as much as frequent ones.
    pub class_weight: ClassWeight,
    /// Bins a feature is cut into at the most: 2 to 255.
    pub max_bin: u32,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: None,
            bootstrap: true,
            oob_score: false,
            class_weight: ClassWeight::None,
            max_bin: 255,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("n_estimators", self.n_estimators, 1..)?;
        within("max_depth", self.max_depth.unwrap_or(1), 1..)?;
        within("min_samples_split", self.min_samples_split, 2..)?;
        within("min_samples_leaf", self.min_samples_leaf, 1..)?;
        within("max_bin", self.max_bin, 2..=255)?;
        match self.max_features {
            Some(MaxFeatures::Count(count)) => within("max_features", count, 1..)?,
            Some(MaxFeatures::Share(share)) => {
                within("max_features", share, (ABOVE_ZERO, Bound::Included(1.0)))?;
            }
            _ => {}
        }
        if self.oob_score && !self.bootstrap {
            let message = "without bootstrap every tree sees every row";
            return Err(ParamError::new("oob_score", message, "false, or bootstrap: true"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_features_reads_words_and_numbers() {
        let read = |json: &str| serde_json::from_str::<MaxFeatures>(json);
        assert_eq!(read(r#""sqrt""#).unwrap().of(30), 5);
        assert_eq!(read(r#""log2""#).unwrap().of(1), 1);
        assert_eq!(read("7").unwrap().of(3), 3);
        assert_eq!(read("0.5").unwrap().of(30), 15);
        assert!(read(r#""half""#).is_err());
        let params = Params { max_features: Some(MaxFeatures::Share(1.5)), ..Params::default() };
        assert_eq!(params.check().unwrap_err().name, "max_features");
        assert!(Params { bootstrap: false, oob_score: true, ..Params::default() }.check().is_err());
    }
}
