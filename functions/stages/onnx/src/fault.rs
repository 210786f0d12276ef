//! What is wrong with a model, or with what goes into it.

use std::fmt::{self, Display};

/// Why a model cannot be read or asked. Whoever knows more of the place puts it in front.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault(String);

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// With the place where it was met.
    pub fn within(self, place: impl Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses unless something holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err($crate::fault::Fault::new(format!($($message)*)));
        }
    };
}

pub(crate) use ensure;
