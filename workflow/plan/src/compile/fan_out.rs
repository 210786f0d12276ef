//! How many tasks a step has, and what makes them differ.

use indexmap::IndexSet;
use millstream_core::{manifest::Kind, number, round::MOST_TASKS};
use millstream_language::{
    expr::{EvalError, Type},
    model::{ForEach, Step},
};
use serde_json::Value;

use super::{
    Compiler,
    scope::{Known, StepScope},
    step::references,
};

impl Compiler<'_> {
    /// How tasks are made, the type of `item`, and the channel that it goes into.
    pub(super) fn fan_out(
        &mut self,
        name: &str,
        step: &Step,
        scope: &StepScope<'_>,
        edges: &mut IndexSet<String>,
    ) -> (crate::FanOut, Option<Type>, Option<String>) {
        let Some(for_each) = &step.for_each else {
            let fan_out = if step.matrix.is_some() { crate::FanOut::Matrix } else { crate::FanOut::Single };
            return (fan_out, None, None);
        };
        if step.matrix.is_some() {
            let help = "make two steps of it, or put the items into the matrix".to_owned();
            self.refuse_key(
                &["steps", name, "for-each"],
                "a step has `matrix` or `for-each`, not both",
                help,
            );
        }
        let base = ["steps", name, "for-each"];
        let known = Known { params: self.params, matrix: None, event: self.event };
        match for_each {
            ForEach::Shards(Value::String(auto)) if auto == "auto" => {
                let manifests = scope.shapes.get(name).map(|shape| shape.manifests.as_slice());
                for manifest in manifests.unwrap_or_default().iter().flatten() {
                    if !manifest.channels.iter().any(|channel| channel.kind == Kind::Table) {
                        let message = format!(
                            "`{}` takes no table, so that no number of shards follows from its size",
                            manifest.name
                        );
                        let help = "write a number of shards".to_owned();
                        self.refuse(&["steps", name, "for-each", "shards"], message, help);
                    }
                }
                (crate::FanOut::SizedShards, None, None)
            }
            ForEach::Shards(value) => {
                let path = ["steps", name, "for-each", "shards"];
                let value = self.early(&path, value, scope, &known);
                let count = match value {
                    None => 1,
                    Some(value) => match number::whole(&value) {
                        Some(count) if (1..=i128::from(MOST_TASKS)).contains(&count) => count as u32,
                        _ => {
                            self.refuse(
                                &path,
                                format!("{value} is no number of shards"),
                                format!("from 1 to {MOST_TASKS}, or `auto`"),
                            );
                            1
                        }
                    },
                };
                (crate::FanOut::Shards(count), None, None)
            }
            ForEach::Items(value) => {
                let path = ["steps", name, "for-each", "items"];
                let items = match self.early(&path, value, scope, &known) {
                    None => return (crate::FanOut::Items(Vec::new()), Some(Type::Any), None),
                    Some(Value::Array(items)) => items,
                    Some(other) => {
                        self.refuse(&path, format!("{other} is no list"), None);
                        Vec::new()
                    }
                };
                let of = Type::common(items.iter().map(Type::of));
                (crate::FanOut::Items(items), Some(of), None)
            }
            ForEach::Parts { parts, r#as } => {
                let path: &[&str] =
                    if matches!(self.checked.root.at(&base).1.value, millstream_language::yaml::Tree::Map(_))
                    {
                        &["steps", name, "for-each", "parts"]
                    } else {
                        &base
                    };
                let mut item = Type::Any;
                if let Some((template, found)) = self.template(path, parts, scope) {
                    let whole = template.whole().is_some();
                    match found {
                        Type::Channel(_) if whole => item = found,
                        Type::Any if whole => {}
                        _ => {
                            let help = "for a list of values write `for-each: { items: ... }`".to_owned();
                            self.refuse(path, format!("this is {found}, not a channel"), help);
                        }
                    }
                }
                references(&Value::from(parts.as_str()), edges);
                (crate::FanOut::Parts(parts.clone()), Some(item), r#as.clone())
            }
        }
    }

    /// A value that must be known when the plan is made; none while parameters are missing, or after a report.
    fn early(
        &mut self,
        path: &[&str],
        value: &Value,
        scope: &StepScope<'_>,
        known: &Known<'_>,
    ) -> Option<Value> {
        let Value::String(text) = value else { return Some(value.clone()) };
        let (template, _) = self.template(path, text, scope)?;
        match template.eval(known).map(|value| value.to_json()) {
            Ok(Ok(value)) => Some(value),
            Err(EvalError::Unknown) => {
                let steps =
                    template.exprs().flat_map(|expr| expr.references()).any(|(r, _)| r.step().is_some());
                if steps || self.params.is_some() {
                    let help = "the plan fixes it, so it may refer to `params` alone".to_owned();
                    self.refuse(path, "this is not known when the run starts", help);
                }
                None
            }
            Err(EvalError::Failed(message)) | Ok(Err(message)) => {
                self.refuse(path, message, None);
                None
            }
        }
    }
}
