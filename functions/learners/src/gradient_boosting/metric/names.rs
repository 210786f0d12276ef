//! Names of metrics: XGBoost's, with what stands behind `@`.

use super::EvalMetric;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// How far down a ranking is looked at: `ndcg@5`, `map@3-`, `ndcg-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    /// So many rows; none: all of them.
    pub rows: Option<u32>,
    /// A group without a relevant row counts 0 instead of 1.
    pub none_is_zero: bool,
}

impl Top {
    pub(in super::super) const ALL: Self = Self { rows: None, none_is_zero: false };
}

impl fmt::Display for Top {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rows) = self.rows {
            write!(f, "@{rows}")?;
        }
        f.write_str(if self.none_is_zero { "-" } else { "" })
    }
}

impl EvalMetric {
    /// XGBoost's name.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::LogLoss => "logloss",
            Self::Auc => "auc",
            Self::AucPr => "aucpr",
            Self::Error => "error",
            Self::MLogLoss => "mlogloss",
            Self::MError => "merror",
            Self::Rmse => "rmse",
            Self::Rmsle => "rmsle",
            Self::Mae => "mae",
            Self::Mape => "mape",
            Self::Mphe => "mphe",
            Self::Quantile => "quantile",
            Self::PoissonNloglik => "poisson-nloglik",
            Self::GammaNloglik => "gamma-nloglik",
            Self::GammaDeviance => "gamma-deviance",
            Self::TweedieNloglik => "tweedie-nloglik",
            Self::Ndcg => "ndcg",
            Self::Map => "map",
            Self::ErrorAt(threshold) => return format!("error@{threshold}").into(),
            Self::TweedieNloglikAt(power) => return format!("tweedie-nloglik@{power}").into(),
            Self::NdcgAt(top) => return format!("ndcg{top}").into(),
            Self::MapAt(top) => return format!("map{top}").into(),
        })
    }

    /// The names without what may stand behind them.
    pub fn names() -> impl Iterator<Item = Cow<'static, str>> {
        Self::ALL.into_iter().map(Self::name)
    }
}

impl FromStr for EvalMetric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(plain) = Self::ALL.into_iter().find(|metric| metric.name() == text) {
            return Ok(plain);
        }
        let unknown = || {
            let names: Vec<_> = Self::names().collect();
            format!(
                "there is no metric `{text}`; there are {}, and error@0.7, ndcg@5, map@5, tweedie-nloglik@1.4 with other \
                 numbers too",
                names.join(", ")
            )
        };
        let (bare, none_is_zero) = text.strip_suffix('-').map_or((text, false), |bare| (bare, true));
        let (name, at) = bare.split_once('@').map_or((bare, None), |(name, at)| (name, Some(at)));
        let inside = |low: f64, high: f64| {
            let number = at.and_then(|at| at.parse().ok()).filter(|at| (low..=high).contains(at));
            let bad = || format!("`{text}` needs a number from {low} to {high} behind the @");
            number.filter(|_| !none_is_zero).ok_or_else(bad)
        };
        let top = || match at.map(str::parse::<u32>) {
            None => Ok(Top { rows: None, none_is_zero }),
            Some(Ok(rows)) if rows > 0 => Ok(Top { rows: Some(rows), none_is_zero }),
            Some(_) => Err(format!("`{text}` needs a number of rows from 1 on behind the @")),
        };
        match name {
            // XGBoost calls it so.
            "error" if at == Some("0.5") && !none_is_zero => Ok(Self::Error),
            "error" => inside(-f64::MAX, f64::MAX).map(Self::ErrorAt),
            "tweedie-nloglik" => inside(1.0, 2.0)
                .and_then(|power| match power {
                    1.0 | 2.0 => Err(format!("`{text}` needs a number between 1 and 2 behind the @")),
                    power => Ok(power),
                })
                .map(Self::TweedieNloglikAt),
            "ndcg" => top().map(Self::NdcgAt),
            "map" => top().map(Self::MapAt),
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for EvalMetric {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<EvalMetric> for String {
    fn from(metric: EvalMetric) -> Self {
        metric.name().into_owned()
    }
}

impl Serialize for EvalMetric {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for EvalMetric {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let top = |rows, none_is_zero| Top { rows, none_is_zero };
        let further = [
            ("error@0.7", EvalMetric::ErrorAt(0.7)),
            ("ndcg@5", EvalMetric::NdcgAt(top(Some(5), false))),
            ("ndcg-", EvalMetric::NdcgAt(top(None, true))),
            ("map@3-", EvalMetric::MapAt(top(Some(3), true))),
            ("tweedie-nloglik@1.4", EvalMetric::TweedieNloglikAt(1.4)),
        ];
        let plain = EvalMetric::ALL.map(|metric| (metric.name(), metric));
        let further = further.map(|(name, metric)| (Cow::Borrowed(name), metric));
        for (name, metric) in plain.into_iter().chain(further) {
            let json = format!("\"{name}\"");
            assert_eq!(serde_json::from_str::<EvalMetric>(&json).unwrap(), metric);
            assert_eq!(serde_json::to_string(&metric).unwrap(), json);
        }
        assert_eq!("error@0.5".parse(), Ok(EvalMetric::Error));
        for bad in
            ["auk", "error@", "error@x", "error@0.7-", "ndcg@0", "ndcg@-1", "map@1.5", "tweedie-nloglik@2"]
        {
            let message = bad.parse::<EvalMetric>().unwrap_err();
            assert!(message.contains(&format!("`{bad}`")), "{message}");
        }
    }
}
