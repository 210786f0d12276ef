//! The parameter `eval_metric`: XGBoost takes one name or several, some of which hold a number.

use millstream_learners::gradient_boosting::EvalMetric as Kernel;
use millstream_sdk::nearest;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A metric of the learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvalMetric(pub Kernel);

fn parse<E: Error>(text: &str) -> Result<EvalMetric, E> {
    text.parse().map(EvalMetric).map_err(|message| {
        let names: Vec<_> = Kernel::names().collect();
        let near = nearest(text, names.iter().map(Cow::as_ref));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        E::custom(format!("{message}{near}"))
    })
}

impl<'de> Deserialize<'de> for EvalMetric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(&String::deserialize(deserializer)?)
    }
}

impl JsonSchema for EvalMetric {
    fn schema_name() -> Cow<'static, str> {
        "EvalMetric".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Kernel::names().collect();
        json_schema!({"anyOf": [
            {"enum": names},
            {"type": "string", "pattern": "^(error@|tweedie-nloglik@|ndcg@|map@|ndcg-$|map-$)"},
        ]})
    }
}

/// One metric, or a list of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvalMetrics(pub Vec<EvalMetric>);

impl<'de> Deserialize<'de> for EvalMetrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = EvalMetrics;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a metric, or a list of names")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<EvalMetrics, E> {
                Ok(EvalMetrics(vec![parse(text)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<EvalMetrics, A::Error> {
                let mut metrics = Vec::new();
                while let Some(metric) = items.next_element()? {
                    metrics.push(metric);
                }
                Ok(EvalMetrics(metrics))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for EvalMetrics {
    fn schema_name() -> Cow<'static, str> {
        "EvalMetrics".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<EvalMetric>();
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}
