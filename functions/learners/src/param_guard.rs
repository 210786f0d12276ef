//! Unchecked parameters become checked ones in one place; `fit` sees checked ones only.

use crate::{ParamError, shown};
use std::fmt::Display;
use std::ops::{Bound, Deref, RangeBounds};

/// Parameters that say themselves whether they can be used.
pub trait Check: Sized {
    /// Finds the first parameter that is out of its range.
    fn verify(&self) -> Result<(), ParamError>;

    /// Turns parameters into checked ones, which can be fitted.
    fn check(self) -> Result<Checked<Self>, ParamError> {
        self.verify()?;
        Ok(Checked(self))
    }
}

/// Parameters that passed [`Check::check`].
#[derive(Debug, Clone, PartialEq)]
pub struct Checked<P>(P);

impl<P> Checked<P> {
    /// The parameters, unchecked again.
    pub fn into_inner(self) -> P {
        self.0
    }
}

impl<P> Deref for Checked<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

/// Refuses a value outside `range`; NaN is outside every range.
pub fn within<T: PartialOrd + Display>(
    name: &'static str,
    value: T,
    range: impl RangeBounds<T>,
) -> Result<(), ParamError> {
    if range.contains(&value) {
        return Ok(());
    }
    let mut allowed = Vec::new();
    match range.start_bound() {
        Bound::Included(low) => allowed.push(format!("at least {}", shown(low))),
        Bound::Excluded(low) => allowed.push(format!("above {}", shown(low))),
        Bound::Unbounded => {}
    }
    match range.end_bound() {
        Bound::Included(high) if shown(high) == shown(f64::MAX) => allowed.push("finite".to_owned()),
        Bound::Included(high) => allowed.push(format!("at most {}", shown(high))),
        Bound::Excluded(high) => allowed.push(format!("below {}", shown(high))),
        Bound::Unbounded => {}
    }
    Err(ParamError::new(name, format!("{} is out of range", shown(value)), allowed.join(" and ")))
}

/// A finite number above 0: `(ABOVE_ZERO, FINITE)` is a range that [`within`] takes.
pub const ABOVE_ZERO: Bound<f64> = Bound::Excluded(0.0);
/// The largest finite number, so that infinity is outside.
pub const FINITE: Bound<f64> = Bound::Included(f64::MAX);

/// A value that has a range.
pub trait Ranged: Copy {
    /// Whether infinity is outside, whatever the range.
    const FINITE: bool;

    /// The value; none if it is left out.
    fn value(self) -> Option<f64>;
}

impl Ranged for f64 {
    const FINITE: bool = true;

    fn value(self) -> Option<f64> {
        Some(self)
    }
}

impl Ranged for u32 {
    const FINITE: bool = false;

    fn value(self) -> Option<f64> {
        Some(self.into())
    }
}

impl<T: Ranged> Ranged for Option<T> {
    const FINITE: bool = T::FINITE;

    fn value(self) -> Option<f64> {
        self.and_then(T::value)
    }
}

/// Refuses a value outside the bounds, which are called as in JSON Schema.
///
/// # Panics
/// There is no bound of that name.
pub fn bounded<T: Ranged>(name: &'static str, value: T, bounds: &[(&str, f64)]) -> Result<(), ParamError> {
    let Some(value) = value.value() else { return Ok(()) };
    let mut range = (Bound::Unbounded, if T::FINITE { FINITE } else { Bound::Unbounded });
    for &(bound, limit) in bounds {
        match bound {
            "minimum" => range.0 = Bound::Included(limit),
            "exclusiveMinimum" => range.0 = Bound::Excluded(limit),
            "maximum" => range.1 = Bound::Included(limit),
            "exclusiveMaximum" => range.1 = Bound::Excluded(limit),
            other => panic!("`{other}` is no bound"),
        }
    }
    within(name, value, range)
}

/// Declares hyperparameters, each with its documentation, default and range in one place: a struct with the method
/// `verify_ranges`, its `Default`, and a JSON Schema, which functions show their users.
///
/// ```text
/// hyperparams! {
///     /// What shapes a ridge regression.
///     pub struct Params {
///         /// The penalty.
///         pub alpha: f64 = 1.0, "minimum" = 0;
///     }
/// }
/// ```
macro_rules! hyperparams {
    (
        $(#[$meta:meta])*
        pub struct $Params:ident $(<$K:ident: $Kind:ident>)? {
            $($(#[$doc:meta])* pub $field:ident: $type:ty = $default:expr $(, $bound:tt = $limit:tt)*;)+
        }
    ) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        $(#[$meta])*
        pub struct $Params $(<$K: $Kind>)? {
            $($(#[$doc])* $(#[schemars(extend($bound = $limit))])* pub $field: $type,)+
        }

        impl $(<$K: $Kind>)? Default for $Params $(<$K>)? {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }

        impl $(<$K: $Kind>)? $Params $(<$K>)? {
            /// Finds the first parameter that is out of its range.
            fn verify_ranges(&self) -> Result<(), $crate::ParamError> {
                $($crate::param_guard::hyperparams!(@check self, $field $(, $bound = $limit)*);)+
                Ok(())
            }
        }
    };
    (@check $self:ident, $field:ident) => {};
    (@check $self:ident, $field:ident $(, $bound:tt = $limit:tt)+) => {
        $crate::param_guard::bounded(stringify!($field), $self.$field, &[$(($bound, f64::from($limit))),+])?
    };
}
pub(crate) use hyperparams;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_name_what_is_allowed() {
        assert!(within("eta", 0.3, 0.0..=1.0).is_ok());
        let error = within("eta", 2.0, 0.0..=1.0).unwrap_err();
        assert_eq!(error.to_string(), "eta: 2 is out of range; allowed: at least 0 and at most 1");
        let error = within("c", f64::NAN, (ABOVE_ZERO, FINITE)).unwrap_err();
        assert_eq!(error.allowed, "above 0 and finite");
        assert_eq!(
            within("c", -1e300, 0.0..1e200).unwrap_err().to_string(),
            "c: -1e300 is out of range; allowed: at least 0 and below 1e200"
        );
        assert!(within("c", f64::INFINITY, (ABOVE_ZERO, FINITE)).is_err());
    }

    hyperparams! {
        /// Two.
        pub struct Two {
            /// A share.
            pub share: f64 = 0.5, "exclusiveMinimum" = 0, "maximum" = 1;
            /// A count, perhaps.
            pub count: Option<u32> = None, "minimum" = 2;
            /// A name that has no range.
            pub word: Option<String> = None;
        }
    }

    #[test]
    fn a_declaration_has_range_default_and_schema() {
        let name = |two: Two| two.verify_ranges().unwrap_err().to_string();
        assert!(Two::default().verify_ranges().is_ok());
        assert!(Two { share: 1.0, count: Some(2), word: None }.verify_ranges().is_ok());
        let error = name(Two { share: 0.0, ..Two::default() });
        assert_eq!(error, "share: 0 is out of range; allowed: above 0 and at most 1");
        assert!(name(Two { share: f64::NAN, ..Two::default() }).starts_with("share: NaN"));
        let error = name(Two { count: Some(1), ..Two::default() });
        assert_eq!(error, "count: 1 is out of range; allowed: at least 2");
        let schema = schemars::schema_for!(Two).to_value();
        let share = &schema["properties"]["share"];
        assert_eq!(share["description"], "A share.");
        assert_eq!(share["default"], 0.5);
        assert_eq!((&share["exclusiveMinimum"], &share["maximum"]), (&0.into(), &1.into()));
        assert_eq!(schema["properties"]["count"]["minimum"], 2);
    }
}
