//! `cross-validate:` becomes steps and tasks that there are already: a step with a matrix divides the rows, the step itself trains in
//! rounds (see [`TrialFolds`]), and a step with the same matrix predicts the rows of each fold.

use std::collections::BTreeMap;

use indexmap::{IndexMap, IndexSet};
use millstream_core::manifest::{Kind, Manifest};
use millstream_language::{
    Functions,
    expr::{Node, Reference, Template},
    model::{CrossValidate, Inputs, Matrix, Step, Workflow},
    tuning::TrialFolds,
};
use serde_json::{Map, Value, json};

use super::Compiler;

/// The channel whose rows are divided, and the one that gets the rows to measure on.
const CHANNELS: [&str; 2] = ["train", "validation"];
/// What the models of the folds are called among the outputs.
pub(super) const FOLD_MODELS: &str = "fold_models";

/// XGBoost's and scikit-learn's name for it.
const EARLY_STOPPING: &str = "early_stopping_rounds";

/// What a step says of folds, itself or under `tune`.
pub(super) fn cross_validate(step: &Step) -> Option<&CrossValidate> {
    step.cross_validate.as_ref().or_else(|| step.tune.as_ref()?.cross_validate.as_ref())
}

/// The metric whose mean or deviation over the folds `name` is.
pub(super) fn summarised(name: &str) -> Option<&str> {
    let metric = name.strip_suffix("_mean").or_else(|| name.strip_suffix("_std"))?;
    metric.starts_with("validation:").then_some(metric)
}

/// A step whose model has gone over the rows that a training step gets. In each fold it is fitted anew.
struct Learnt {
    name: String,
    /// The channel of its rows.
    channel: String,
    /// The output that the next step takes.
    output: String,
}

/// The steps right before `train` that have learnt from its rows, first to last.
fn learnt(steps: &IndexMap<String, Step>, functions: &dyn Functions, step: &Step) -> Vec<Learnt> {
    let mut found = Vec::new();
    let mut rows = step.inputs.get(CHANNELS[0]);
    while let Some((name, output)) = rows.and_then(|rows| output_of(&rows.0)) {
        let Some(before) = steps.get(&name).filter(|_| found.len() < steps.len()) else { break };
        let is_plain = before.matrix.is_none()
            && before.for_each.is_none()
            && before.tune.is_none()
            && before.cross_validate.is_none();
        let follows =
            functions.get(&before.uses).and_then(|(_, manifest)| manifest.output(&output)?.follows.clone());
        let Some(follows) = follows.filter(|follows| follows.through_model && is_plain) else { break };
        rows = before.inputs.get(&follows.channel);
        found.push(Learnt { name, channel: follows.channel, output });
    }
    found.reverse();
    found
}

/// The step and its output that rows are, if they are just that.
fn output_of(rows: &[String]) -> Option<(String, String)> {
    let [text] = rows else { return None };
    let template = Template::parse(text).ok()?;
    match &template.whole()?.node {
        Node::Reference(Reference::Output(step, output)) => Some((step.clone(), output.clone())),
        _ => None,
    }
}

/// What the copy of `learnt`, fitted in each fold of `name`, is called.
fn fitted(name: &str, learnt: &Learnt) -> String {
    format!("{name}-folds-{}", learnt.name)
}

/// Adds the steps that steps with `cross-validate` need; the step that each one belongs to, by its name. A name that is taken
/// stays with whoever has it, which is refused later.
pub(super) fn expand(workflow: &mut Workflow, functions: &dyn Functions) -> BTreeMap<String, String> {
    let mut origins = BTreeMap::new();
    let mut steps = IndexMap::new();
    let given = std::mem::take(&mut workflow.steps);
    let taken: IndexSet<String> = given.keys().cloned().collect();
    for (name, step) in given.clone() {
        let own = cross_validate(&step).map(|folds| {
            let learnt = learnt(&given, functions, &step);
            let mut before = vec![divide(&name, &step, raw(&given, &step, &learnt), folds)];
            before.extend(refit(&name, &given, &learnt, folds));
            (before, predict(&name, folds))
        });
        let mut add = |steps: &mut IndexMap<String, Step>, (generated, step): (String, Step)| {
            if !taken.contains(&generated) {
                origins.insert(generated.clone(), name.clone());
                steps.insert(generated, step);
            }
        };
        let (before, after) = own.unzip();
        before.into_iter().flatten().for_each(|one| add(&mut steps, one));
        steps.insert(name.clone(), step);
        after.into_iter().for_each(|one| add(&mut steps, one));
    }
    workflow.steps = steps;
    origins
}

/// The rows that are divided: those that nothing has learnt from.
fn raw<'a>(steps: &'a IndexMap<String, Step>, step: &'a Step, learnt: &[Learnt]) -> Option<&'a Inputs> {
    match learnt.first() {
        Some(first) => steps.get(&first.name)?.inputs.get(&first.channel),
        None => step.inputs.get(CHANNELS[0]),
    }
}

/// The steps that have learnt from the rows, each fitted to the rows of each fold alone.
fn refit(
    name: &str,
    steps: &IndexMap<String, Step>,
    learnt: &[Learnt],
    folds: &CrossValidate,
) -> Vec<(String, Step)> {
    let mut rows = format!("${{{{ steps['{name}-folds'].outputs.{} }}}}", CHANNELS[0]);
    let mut copies = Vec::new();
    for one in learnt {
        let Some(step) = steps.get(&one.name) else { continue };
        let mut copy = Step { matrix: Some(matrix(folds)), ..step.clone() };
        copy.inputs.insert(one.channel.clone(), Inputs(vec![rows]));
        let called = fitted(name, one);
        rows = format!("${{{{ steps['{called}'].outputs.{} }}}}", one.output);
        copies.push((called, copy));
    }
    copies
}

fn matrix(folds: &CrossValidate) -> Matrix {
    let to = |count: u32| (0..count.clamp(1, 100)).map(Value::from).collect::<Vec<_>>();
    let mut axes = IndexMap::new();
    if folds.repeats > 1 {
        axes.insert("repeat".to_owned(), to(folds.repeats));
    }
    axes.insert("fold".to_owned(), to(folds.k));
    Matrix { axes, ..Matrix::default() }
}

fn generated(uses: &str, folds: &CrossValidate) -> Step {
    Step {
        uses: uses.to_owned(),
        name: None,
        inputs: IndexMap::new(),
        with: Map::new(),
        needs: Default::default(),
        condition: None,
        for_each: None,
        matrix: Some(matrix(folds)),
        tune: None,
        cross_validate: None,
        timeout: None,
        retry: None,
        limits: None,
        cache: true,
        seed: None,
        pool: None,
    }
}

/// The step that divides the rows: each of its tasks gives the rows of one fold as `test`, and the others as `train`.
fn divide(name: &str, step: &Step, rows: Option<&Inputs>, folds: &CrossValidate) -> (String, Step) {
    let mut divide = generated("split", folds);
    if let Some(rows) = rows {
        divide.inputs.insert("table".to_owned(), rows.clone());
    }
    let with = json!({ "by": "kfold", "folds": folds.k, "fold": "${{ matrix.fold }}" });
    divide.with = with.as_object().cloned().unwrap_or_default();
    for (key, column) in [("stratify", &folds.stratify), ("group", &folds.group)] {
        divide.with.extend(column.as_ref().map(|column| (key.to_owned(), column.as_str().into())));
    }
    divide.seed = step.seed.clone();
    if folds.repeats > 1 {
        // Each repetition divides the rows in its own way.
        let seed = match &step.seed {
            Some(Value::String(text)) => {
                match Template::parse(text).ok().as_ref().and_then(Template::whole) {
                    Some(expr) => format!("({expr})"),
                    None => text.clone(),
                }
            }
            Some(number) => number.to_string(),
            None => "0".to_owned(),
        };
        divide.seed = Some(format!("${{{{ {seed} + matrix.repeat }}}}").into());
    }
    divide.condition.clone_from(&step.condition);
    divide.pool.clone_from(&step.pool);
    (format!("{name}-folds"), divide)
}

/// The step that predicts the rows of each fold by the model that has not seen them.
fn predict(name: &str, folds: &CrossValidate) -> (String, Step) {
    let mut predict = generated("evaluate", folds);
    let place = match folds.repeats {
        1 => "matrix.fold".to_owned(),
        _ => format!("matrix.repeat * {} + matrix.fold", folds.k),
    };
    let input = |text: String| Inputs(vec![format!("${{{{ {text} }}}}")]);
    predict
        .inputs
        .insert("model".to_owned(), input(format!("steps['{name}'].outputs.{FOLD_MODELS}[{place}]")));
    predict.inputs.insert("test".to_owned(), input(format!("steps['{name}-folds'].outputs.test")));
    (format!("{name}-predictions"), predict)
}

impl Compiler<'_> {
    /// The folds in which each trial of a step is trained and measured; none without, or after a report. The step that divides the
    /// rows is added to what this one needs.
    pub(super) fn folds(
        &mut self,
        name: &str,
        step: &Step,
        manifest: Option<&Manifest>,
        edges: &mut IndexSet<String>,
    ) -> Option<TrialFolds> {
        let folds = cross_validate(step)?;
        let path: &[&str] = match step.cross_validate {
            Some(_) => &["steps", name, "cross-validate"],
            None => &["steps", name, "tune", "cross-validate"],
        };
        let within = |key: &'static str| path.iter().copied().chain([key]).collect::<Vec<_>>();
        let before = self.diagnostics.len();
        if step.cross_validate.is_some()
            && step.tune.as_ref().is_some_and(|tune| tune.cross_validate.is_some())
        {
            self.refuse_key(
                path,
                "`cross-validate` stands here and under `tune`",
                "leave one of them out".to_owned(),
            );
        }
        for (key, is_set) in [("matrix", step.matrix.is_some()), ("for-each", step.for_each.is_some())] {
            if is_set {
                let message = format!("`cross-validate` together with `{key}` is not built yet");
                self.refuse_key(&["steps", name, key], message, "write a step for each".to_owned());
            }
        }
        if !(2..=100).contains(&folds.k) {
            self.refuse(
                &within("k"),
                format!("{} is no number of folds", folds.k),
                "from 2 to 100".to_owned(),
            );
        }
        if !(1..=100).contains(&folds.repeats) {
            let message = format!("{} is no number of repetitions", folds.repeats);
            self.refuse(&within("repeats"), message, "from 1 to 100".to_owned());
        }
        if folds.stratify.is_some() && folds.group.is_some() {
            let message = "`group` can't be combined with `stratify`";
            self.refuse_key(&within("group"), message, "leave one of them out".to_owned());
        }
        if folds.group.is_some() && folds.repeats > 1 {
            let message = "groups are divided in one way only, so that repetitions would be the same again";
            self.refuse_key(&within("repeats"), message, "leave `repeats` out".to_owned());
        }
        let learnt = learnt(&self.checked.workflow.steps, self.functions, step);
        let mut added = vec![format!("{name}-folds"), format!("{name}-predictions")];
        added.extend(learnt.iter().map(|one| fitted(name, one)));
        for generated in added {
            if !self.checked.origins.contains_key(&generated) {
                let message =
                    format!("`cross-validate` of `{name}` makes a step `{generated}`, but there is one");
                self.refuse_key(&["steps", &generated], message, "call it otherwise".to_owned());
            }
        }
        if step.inputs.contains_key(CHANNELS[1]) {
            let message = "`cross-validate` makes the rows of `validation`, so none can be given";
            let help =
                "leave this out, or divide the rows in a step of your own and evaluate there".to_owned();
            self.refuse_key(&["steps", name, "inputs", CHANNELS[1]], message, help);
        }
        let searched = step.tune.iter().flat_map(|tune| tune.search.keys());
        if let Some(stop) = step.with.keys().chain(searched).find(|key| *key == EARLY_STOPPING) {
            let message = format!("`{stop}` needs rows to stop by, and the last fit, to all rows, has none");
            let help = "leave it out; `tune` finds how many rounds are best over the folds".to_owned();
            self.refuse_key(path, message, help);
        }
        if let Some(manifest) = manifest {
            let is_table =
                |channel: &str| manifest.channel(channel).is_some_and(|found| found.kind == Kind::Table);
            if !CHANNELS.iter().all(|channel| is_table(channel)) || model_of(manifest).is_none() {
                let message = format!("`{}` can't be cross-validated", manifest.name);
                let help = "it takes a function with tables `train` and `validation` that puts out a model"
                    .to_owned();
                self.refuse_key(path, message, help);
            }
        }
        let raw = raw(&self.checked.workflow.steps, step, &learnt);
        if let Some(earlier) = raw.and_then(|rows| self.learnt_from_all(&rows.0, 0)) {
            let message = format!(
                "step `{earlier}` has learnt from all of these rows, those to measure on included, so that the folds would flatter the \
                 model"
            );
            let help = format!(
                "let `{earlier}` stand right before this step, without a matrix, so that it is fitted in each fold; or give `train` the \
                 rows that it takes in"
            );
            self.refuse(&["steps", name, "inputs", CHANNELS[0]], message, help);
        }
        if self.diagnostics.len() > before {
            return None;
        }
        let divides = format!("{name}-folds");
        let of =
            |step: &str, output: &str| vec![format!("${{{{ steps['{step}'].outputs.{output}[item] }}}}")];
        // The rows to measure on go through what was fitted in the fold when they are read.
        let train = match learnt.last() {
            Some(last) => {
                let fitted = fitted(name, last);
                let rows = of(&fitted, &last.output);
                edges.insert(fitted);
                rows
            }
            None => of(&divides, "train"),
        };
        let inputs = CHANNELS.iter().map(|channel| (*channel).to_owned()).zip([train, of(&divides, "test")]);
        let inputs = inputs.collect();
        edges.insert(divides);
        Some(TrialFolds { k: folds.k, repeats: folds.repeats, inputs })
    }

    /// The step, at or before the one that gives these rows, whose model has gone over them.
    fn learnt_from_all(&self, rows: &[String], depth: usize) -> Option<String> {
        let steps = &self.checked.workflow.steps;
        rows.iter().filter(|_| depth <= steps.len()).find_map(|text| {
            let template = Template::parse(text).ok()?;
            let references: Vec<_> =
                template.exprs().flat_map(|expr| expr.references()).map(|(found, _)| found.clone()).collect();
            references.into_iter().find_map(|reference| {
                let Reference::Output(name, output) = reference else { return None };
                let step = steps.get(&name)?;
                let (_, manifest) = self.functions.get(&step.uses)?;
                let follows = manifest.output(&output)?.follows.as_ref()?;
                if follows.through_model {
                    return Some(name);
                }
                self.learnt_from_all(&step.inputs.get(&follows.channel)?.0, depth + 1)
            })
        })
    }
}

/// The output that has the model.
pub(super) fn model_of(manifest: &Manifest) -> Option<&str> {
    manifest.outputs.iter().find(|output| output.kind == Kind::Model).map(|output| output.name.as_str())
}
