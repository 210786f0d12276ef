//! The functions of the language.

/// A function that expressions may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `min(list)` or `min(a, b, ...)`: the least number.
    Min,
    /// `max(list)` or `max(a, b, ...)`: the greatest number.
    Max,
    /// `argmin(list)`: the place, from 0, of the least number; the first of equals. NaN is passed over.
    Argmin,
    /// `argmax(list)`: the place, from 0, of the greatest number; the first of equals. NaN is passed over.
    Argmax,
    /// `length(x)`: items of a list, characters of a text, entries of an object, parts of a channel.
    Length,
    /// `contains(list, item)` or `contains(text, part)`.
    Contains,
    /// `startsWith(text, start)`.
    StartsWith,
    /// `endsWith(text, end)`.
    EndsWith,
    /// `format('{0} of {1}', a, b)`; `{{` and `}}` stand for single braces.
    Format,
    /// `toJSON(x)`: the value as JSON text.
    ToJson,
    /// `success()`: every step that this one needs has done its work.
    Success,
    /// `failure()`: a step that this one needs has failed.
    Failure,
    /// `always()`: true, whatever has become of the steps that this one needs.
    Always,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Min,
        Self::Max,
        Self::Argmin,
        Self::Argmax,
        Self::Length,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Format,
        Self::ToJson,
        Self::Success,
        Self::Failure,
        Self::Always,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Argmin => "argmin",
            Self::Argmax => "argmax",
            Self::Length => "length",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Format => "format",
            Self::ToJson => "toJSON",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Always => "always",
        }
    }

    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether it asks how the needed steps ended.
    pub fn is_status(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Always)
    }

    /// How many arguments it takes, at least and at most.
    pub fn arity(self) -> (usize, usize) {
        match self {
            Self::Min | Self::Max | Self::Format => (1, usize::MAX),
            Self::Argmin | Self::Argmax | Self::Length | Self::ToJson => (1, 1),
            Self::Contains | Self::StartsWith | Self::EndsWith => (2, 2),
            Self::Success | Self::Failure | Self::Always => (0, 0),
        }
    }
}
