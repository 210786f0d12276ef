//! What `tune:` says of its space beyond ranges: conditions, points to try first, and the resource of `hyperband`.

use indexmap::IndexMap;
use millstream_core::{manifest::Manifest, nearest};
use millstream_language::{
    model::{Search, Step, Tune},
    parameters,
    tuning::{Resource, SearchAxis, Strategy, Tuning},
};
use serde_json::{Map, Value};

use super::Compiler;

impl Compiler<'_> {
    /// The condition of a parameter, `before` being those above it in the file; none after a report.
    pub(super) fn when(
        &mut self,
        name: &str,
        parameter: &str,
        search: &Search,
        before: &IndexMap<String, SearchAxis>,
    ) -> Option<Map<String, Value>> {
        let when = match search {
            Search::Values(_) => return Some(Map::new()),
            Search::Range(range) => &range.when,
            Search::Conditional(values) => &values.when,
        };
        let mut fine = true;
        for (other, wanted) in when {
            let path = ["steps", name, "tune", "search", parameter, "when", other];
            let Some(dimension) = before.get(other) else {
                fine = false;
                let help = nearest::or_all(other, before.keys().map(String::as_str), "parameters before it");
                self.refuse_key(
                    &path,
                    format!("no parameter `{other}` is searched before `{parameter}`"),
                    help,
                );
                continue;
            };
            let values = match wanted {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            if values.is_empty() || dimension.axis.values().is_none() {
                fine = false;
                let help =
                    format!("give values that `{other}` can have; a range of numbers has no end of them");
                self.refuse(&path, "this is never so", help);
            } else if let Some(never) = values.iter().find(|value| !dimension.axis.contains(value)) {
                fine = false;
                let shown = |value: &Value| value.to_string();
                let help = format!(
                    "values of `{other}`: {}",
                    dimension.axis.ends().iter().map(shown).collect::<Vec<_>>().join(", ")
                );
                self.refuse(&path, format!("`{other}` is never {never}"), help);
            }
        }
        fine.then(|| when.clone())
    }

    /// Whether the points to try first are points of the space.
    pub(super) fn try_first(&mut self, name: &str, tuning: &Tuning) -> bool {
        let before = self.diagnostics.len();
        if tuning.strategy == Strategy::Grid && !tuning.try_first.is_empty() {
            let message = "a grid tries all of its points in one order";
            self.refuse_key(&["steps", name, "tune", "try-first"], message, "leave it out".to_owned());
        }
        for (place, point) in tuning.try_first.iter().enumerate() {
            let place = place.to_string();
            for (parameter, value) in point {
                let path = ["steps", name, "tune", "try-first", &place, parameter];
                match tuning.search.get(parameter) {
                    None => {
                        let names = tuning.search.keys().map(String::as_str);
                        let help = nearest::or_all(parameter, names, "parameters");
                        self.refuse_key(&path, format!("`{parameter}` is not searched"), help);
                    }
                    Some(dimension) if !dimension.axis.contains(value) => {
                        let shown: Vec<String> = dimension.axis.ends().iter().map(Value::to_string).collect();
                        let help = match dimension.axis {
                            millstream_language::tuning::Axis::Values(_) => {
                                format!("values: {}", shown.join(", "))
                            }
                            _ => format!("its range is {}", shown.join(" to ")),
                        };
                        self.refuse(&path, format!("{value} is not in the space of `{parameter}`"), help);
                    }
                    Some(dimension) => {
                        // What the point leaves open may still become so.
                        let given = dimension.when.keys().all(|other| point.contains_key(other));
                        if given && !dimension.is_active(point) {
                            let message = format!("`{parameter}` does not belong to this point");
                            let help = format!("its `when` is {}", Value::from(dimension.when.clone()));
                            self.refuse_key(&path, message, help);
                        }
                    }
                }
            }
        }
        self.diagnostics.len() == before
    }

    /// The resource of the search, none for most; nothing at all after a report.
    pub(super) fn resource(
        &mut self,
        name: &str,
        step: &Step,
        tune: &Tune,
        manifest: &Manifest,
    ) -> Option<Option<Resource>> {
        let base = ["steps", name, "tune", "resource"];
        let needs_one = tune.strategy == Strategy::Hyperband.name();
        let Some((parameter, range)) = tune.resource.first().filter(|_| tune.resource.len() == 1) else {
            return match (needs_one, tune.resource.is_empty()) {
                (false, true) => Some(None),
                (true, true) => {
                    let message = "nothing says what there is to be more of";
                    let help = "add `resource`, such as `{ num_round: { min: 10, max: 300, factor: 3 } }`"
                        .to_owned();
                    self.refuse_key(&["steps", name, "tune"], message, help);
                    None
                }
                _ => {
                    self.refuse_key(&base, "`resource` is one parameter", None);
                    None
                }
            };
        };
        let path = ["steps", name, "tune", "resource", parameter];
        if !needs_one {
            let message = format!("`{}` has no use for `resource`", tune.strategy);
            self.refuse_key(&base, message, "leave it out, or write `strategy: hyperband`".to_owned());
            return None;
        }
        if step.with.contains_key(parameter) || tune.search.contains_key(parameter) {
            let place = if step.with.contains_key(parameter) { "with" } else { "search" };
            let message = format!("`{parameter}` is given by `resource` and by `{place}`");
            self.refuse_key(&path, message, "leave one of them out".to_owned());
            return None;
        }
        if range.min < 1 || range.max < range.min || !(2..=100).contains(&range.factor) {
            let message =
                "a resource goes from `min`, at least 1, to a greater `max`, by a `factor` from 2 to 100";
            self.refuse(&path, message, None);
            return None;
        }
        let schema = &manifest.parameters;
        if schema.get("properties").and_then(|all| all.get(parameter)).is_none() {
            let known = schema.get("properties").and_then(Value::as_object);
            let known = known.into_iter().flat_map(Map::keys).map(String::as_str);
            let help = nearest::or_all(parameter, known, "parameters");
            self.refuse_key(
                &path,
                format!("there is no parameter `{parameter}` (of `{}`)", manifest.name),
                help,
            );
            return None;
        }
        for value in [range.min, range.max] {
            let params = Map::from_iter([(parameter.clone(), Value::from(value))]);
            let problems = parameters::problems(schema, &params, &[]);
            let of_it =
                |problem: &parameters::Problem| problem.path.first().is_some_and(|first| first == parameter);
            if let Some(problem) = problems.into_iter().find(of_it) {
                self.refuse(&path, format!("{} (of `{}`)", problem.message, manifest.name), problem.help);
                return None;
            }
        }
        let (min, max, factor) = (range.min, range.max, range.factor);
        Some(Some(Resource { parameter: parameter.clone(), min, max, factor }))
    }
}
