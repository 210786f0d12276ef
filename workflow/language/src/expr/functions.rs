//! The functions of the language.

/// A function that expressions may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Min,
    Max,
    Argmin,
    Argmax,
    Sum,
    Mean,
    Std,
    Median,
    Quantile,
    Count,
    Sort,
    Group,
    Length,
    Contains,
    StartsWith,
    EndsWith,
    Format,
    ToJson,
    Success,
    Failure,
    Always,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Min,
        Self::Max,
        Self::Argmin,
        Self::Argmax,
        Self::Sum,
        Self::Mean,
        Self::Std,
        Self::Median,
        Self::Quantile,
        Self::Count,
        Self::Sort,
        Self::Group,
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
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Median => "median",
            Self::Quantile => "quantile",
            Self::Count => "count",
            Self::Sort => "sort",
            Self::Group => "group",
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

    /// How it is called.
    pub fn usage(self) -> &'static str {
        match self {
            Self::Min => "min(list) or min(a, b, ...)",
            Self::Max => "max(list) or max(a, b, ...)",
            Self::Argmin => "argmin(list)",
            Self::Argmax => "argmax(list)",
            Self::Sum => "sum(list) or sum(a, b, ...)",
            Self::Mean => "mean(list) or mean(a, b, ...)",
            Self::Std => "std(list) or std(a, b, ...)",
            Self::Median => "median(list) or median(a, b, ...)",
            Self::Quantile => "quantile(list, share)",
            Self::Count => "count(list)",
            Self::Sort => "sort(list) or sort(list, 'descending')",
            Self::Group => "group(steps.STEP.metrics.METRIC, 'key')",
            Self::Length => "length(x)",
            Self::Contains => "contains(list, item) or contains(text, part)",
            Self::StartsWith => "startsWith(text, start)",
            Self::EndsWith => "endsWith(text, end)",
            Self::Format => "format('{0} of {1}', a, b)",
            Self::ToJson => "toJSON(x)",
            Self::Success => "success()",
            Self::Failure => "failure()",
            Self::Always => "always()",
        }
    }

    /// What it gives.
    pub fn about(self) -> &'static str {
        match self {
            Self::Min => "The least number. NaN is passed over.",
            Self::Max => "The greatest number. NaN is passed over.",
            Self::Argmin => {
                "The place, from 0, of the least number; the first of equals. NaN is passed over."
            }
            Self::Argmax => {
                "The place, from 0, of the greatest number; the first of equals. NaN is passed over."
            }
            Self::Sum => "The sum of the numbers; 0 of none. NaN is passed over.",
            Self::Mean => "The arithmetic mean. NaN is passed over.",
            Self::Std => {
                "The standard deviation of a sample, divided by n - 1, as in pandas; it takes two numbers or more. NaN is passed over."
            }
            Self::Median => "The middle number, or the mean of the middle two. NaN is passed over.",
            Self::Quantile => {
                "The number below which that share of the numbers lies, from 0 to 1; between two of them it is interpolated, as in \
                 NumPy. NaN is passed over."
            }
            Self::Count => "How many numbers there are. NaN is passed over.",
            Self::Sort => "The numbers or texts in ascending order, or in descending order. NaN is left out.",
            Self::Group => {
                "The metric of the tasks of a matrix, grouped by the value of a key. Other functions of lists work on each group by \
                 itself, `[value]` picks one, and `argmin` and `argmax` give the value whose group is best."
            }
            Self::Length => {
                "Items of a list, characters of a text, entries of an object, parts of a channel."
            }
            Self::Contains => "Whether the list has the item, or the text the part.",
            Self::StartsWith => "Whether the text starts so.",
            Self::EndsWith => "Whether the text ends so.",
            Self::Format => {
                "The text with the values in their places; `{{` and `}}` stand for single braces."
            }
            Self::ToJson => "The value as JSON text.",
            Self::Success => "Every step that this one needs has done its work.",
            Self::Failure => "A step that this one needs has failed.",
            Self::Always => "True, whatever has become of the steps that this one needs.",
        }
    }

    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether it makes one number of several, or a list of a list; of groups, one of each.
    pub fn is_aggregate(self) -> bool {
        matches!(
            self,
            Self::Min
                | Self::Max
                | Self::Sum
                | Self::Mean
                | Self::Std
                | Self::Median
                | Self::Quantile
                | Self::Count
                | Self::Sort
        )
    }

    /// Whether it asks how the needed steps ended.
    pub fn is_status(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Always)
    }

    /// How many arguments it takes, at least and at most.
    pub fn arity(self) -> (usize, usize) {
        match self {
            Self::Min | Self::Max | Self::Format => (1, usize::MAX),
            Self::Sum | Self::Mean | Self::Std | Self::Median => (1, usize::MAX),
            Self::Argmin | Self::Argmax | Self::Length | Self::ToJson | Self::Count => (1, 1),
            Self::Sort => (1, 2),
            Self::Quantile | Self::Group => (2, 2),
            Self::Contains | Self::StartsWith | Self::EndsWith => (2, 2),
            Self::Success | Self::Failure | Self::Always => (0, 0),
        }
    }
}
