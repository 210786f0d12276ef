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
}
