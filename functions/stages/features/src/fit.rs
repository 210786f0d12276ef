//! Learning: columns go through their steps, and what each step has learnt is kept.

use std::collections::BTreeSet;

use millstream_sdk::{
    Context, Failure, Table,
    arrow_array::{Array, ArrayRef},
    arrow_schema::DataType,
    column, internal, invalid_input,
    table::cast,
    unseen::Notes,
};

use crate::{
    encode::NotSeen,
    fitted::{Fitted, Input, Op, Taken, Training},
    goal::SeenTarget,
    impute,
    learnt::Learnt,
    params::{Params, Unknown, Unlisted},
    rules,
    steps::{Around, Step},
};

use crate::CHANNEL;

/// A column's way while it is learnt.
struct Way {
    /// As errors call its steps.
    parameter: String,
    steps: Vec<Step>,
    /// Numbers of the columns that the next step takes.
    now: Vec<usize>,
    /// Numbers of columns that are ready.
    ready: Vec<usize>,
}

/// All that is known so far. Columns have numbers, as in [`Fitted`].
pub struct Learning<'a> {
    pub(crate) context: &'a Context,
    params: &'a Params,
    table: &'a Table,
    pub(crate) goal: Option<SeenTarget>,
    pub(crate) fitted: Fitted,
    /// Of each column: the step that gives it.
    from: Vec<Option<usize>>,
    /// Of each column: the column that came in of which alone it is made.
    places: Vec<Option<u32>>,
    /// Of each step: the number of the first column that it gives.
    firsts: Vec<usize>,
    /// Values that are at hand.
    values: Vec<Option<ArrayRef>>,
    training: Training,
}

/// Learns all steps.
pub fn fit(params: &Params, table: &Table, context: &Context) -> Result<(Fitted, Training), Failure> {
    let (combinations, selections) = (params.combinations()?, params.selections()?);
    let schema = table.schema();
    if let Some(target) = &params.target {
        column::named(&schema, "target", target)?;
    }
    let ways = plans(params, table, context)?;
    if ways.is_empty() {
        return Err(invalid_input("no column is left to make features of"));
    }
    let asks = ways.iter().any(|(_, way)| way.steps.iter().any(Step::wants_target)).then_some("target");
    let asks = asks.or(selections.iter().find(|select| select.wants_target()).map(|select| select.name()));
    let goal = asks.map(|asks| SeenTarget::read(table, params.target.as_deref(), asks)).transpose()?;
    let fitted = Fitted {
        inputs: Vec::new(),
        ops: Vec::new(),
        outputs: Vec::new(),
        target: params.target.clone(),
        unknown: params.handle_unknown,
    };
    let mut fit = Learning {
        context,
        params,
        table,
        goal,
        fitted,
        from: Vec::new(),
        places: Vec::new(),
        firsts: Vec::new(),
        values: Vec::new(),
        training: Training::new(),
    };
    fit.columns(ways, !combinations.is_empty() || !selections.is_empty())?;
    fit.unique_names()?;
    for combination in &combinations {
        fit.combine(combination)?;
    }
    fit.unique_names()?;
    for selection in &selections {
        fit.select(selection)?;
    }
    Ok((fit.fitted, fit.training))
}

/// What is to be done with each column, in the table's order.
fn plans(params: &Params, table: &Table, context: &Context) -> Result<Vec<(String, Way)>, Failure> {
    let schema = table.schema();
    let mut chosen = rules::choose(params, &schema, context)?;
    let mut plans = Vec::new();
    for (field, array) in schema.fields().iter().zip(table.columns()) {
        let name = field.name();
        if params.target.as_ref() == Some(name) {
            continue;
        }
        let (rule, steps) = match chosen.remove(name) {
            Some(chosen) => (chosen.rule, chosen.steps),
            None => {
                let steps = match params.default {
                    Unlisted::Drop => None,
                    Unlisted::Passthrough => Some(vec![Step::Passthrough]),
                    Unlisted::Auto if array.null_count() == array.len() => return Err(empty(name)),
                    Unlisted::Auto => automatic(name, field.data_type(), context),
                };
                (name.clone(), steps)
            }
        };
        if let Some(steps) = steps {
            let parameter = format!("columns.{rule}");
            plans.push((name.clone(), Way { parameter, steps, now: Vec::new(), ready: Vec::new() }));
        }
    }
    Ok(plans)
}

/// A column of missing values is more often a mistake upstream than meant; who means it says so.
fn empty(name: &str) -> Failure {
    invalid_input(format!(
        "the column has no value in any row; fill it, or leave it out by `columns: {{ {name}: drop }}`"
    ))
    .column(name)
    .channel(CHANNEL)
}

/// What suits a column's type.
fn automatic(name: &str, kind: &DataType, context: &Context) -> Option<Vec<Step>> {
    let filled = |strategy| Step::Impute(impute::Options { strategy, ..impute::Options::default() });
    Some(match kind {
        DataType::Int64 | DataType::Float64 => {
            vec![filled(impute::Strategy::Median), Step::Standard(Default::default())]
        }
        DataType::Boolean => vec![filled(impute::Strategy::MostFrequent)],
        DataType::Utf8 => vec![filled(impute::Strategy::MostFrequent), Step::OneHot(Default::default())],
        _ => {
            let kind = column::type_name(kind);
            context.warn(format!(
                "column `{name}` holds {kind}: it is left out; set `columns: {{ {name}: date-parts }}` to use it"
            ));
            return None;
        }
    })
}

impl Learning<'_> {
    /// Takes all columns through their steps. `keep`: their features are looked at once more.
    fn columns(&mut self, ways: Vec<(String, Way)>, keep: bool) -> Result<(), Failure> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut ways: Vec<(String, Way)> = ways;
        for (place, (name, way)) in ways.iter_mut().enumerate() {
            way.now = vec![self.input(name, &way.steps)?];
            groups.push(vec![place]);
        }
        // Columns of which some steps learn together go along with the first that has the same steps.
        for place in 0..groups.len() {
            let steps = ways[place].1.steps.clone();
            if !steps.iter().any(Step::together) {
                continue;
            }
            if let Some(first) =
                (0..place).find(|other| !groups[*other].is_empty() && ways[*other].1.steps == steps)
            {
                groups[first].push(place);
                groups[place].clear();
            }
        }
        let total = groups.len() as u64;
        for (done, group) in groups.iter().enumerate() {
            let Some(first) = group.first() else { continue };
            for number in 0..ways[*first].1.steps.len() {
                let step = ways[*first].1.steps[number].clone();
                if step.together() {
                    self.step_together(&step, group, &mut ways)?;
                } else {
                    for place in group {
                        let (name, way) = &mut ways[*place];
                        self.step(&step, way).map_err(|failure| failure.column(name.as_str()))?;
                    }
                }
            }
            if !keep {
                self.values.iter_mut().for_each(|value| *value = None);
            }
            self.context.progress(done as u64 + 1, Some(total));
        }
        for (_, way) in &ways {
            self.fitted.outputs.extend(way.now.iter().chain(&way.ready).map(|column| *column as u32));
        }
        Ok(())
    }

    /// A column that comes in, in the type that its steps take. Its number.
    fn input(&mut self, name: &str, steps: &[Step]) -> Result<usize, Failure> {
        let array = column::get(self.table, name)?;
        let until = steps.iter().position(|step| !step.keeps_type()).map_or(steps.len(), |place| place + 1);
        let numbers = steps[..until].iter().any(Step::wants_numbers);
        let array = match numbers && column::is_numeric(array.data_type()) {
            true => cast(array, &DataType::Float64)?,
            false => array.clone(),
        };
        let taken = Taken::of(array.data_type()).ok_or_else(|| {
            let kind = column::type_name(array.data_type());
            invalid_input(format!("the column holds {kind}, which no step takes; `drop` it")).column(name)
        })?;
        let number = self.from.len();
        self.places.push(Some(number as u32));
        self.from.push(None);
        self.values.push(None);
        self.fitted.inputs.push(Input { name: name.to_owned(), taken });
        Ok(number)
    }

    /// One step for each column that a column has become.
    fn step(&mut self, step: &Step, way: &mut Way) -> Result<(), Failure> {
        let mut next = Vec::new();
        for number in std::mem::take(&mut way.now) {
            let array = self.value(number)?;
            let name = self.name(number);
            let around = Around {
                context: self.context,
                parameter: &way.parameter,
                max_categories: self.params.max_categories,
                goal: self.goal.as_ref(),
            };
            let learnt = self.context.phase("fit", || step.fit(&around, &name, &array));
            match learnt? {
                None => next.push(number),
                Some(learnt) => {
                    let beside = learnt.beside;
                    let mut given = self.add(&[number], learnt);
                    let ready = given.split_off(given.len() - beside);
                    next.extend(given);
                    way.ready.extend(ready);
                }
            }
        }
        way.now = next;
        Ok(())
    }

    /// One step for several columns together.
    fn step_together(
        &mut self,
        step: &Step,
        group: &[usize],
        ways: &mut [(String, Way)],
    ) -> Result<(), Failure> {
        let owners: Vec<usize> =
            group.iter().flat_map(|place| vec![*place; ways[*place].1.now.len()]).collect();
        let numbers: Vec<usize> = group.iter().flat_map(|place| ways[*place].1.now.clone()).collect();
        let names: Vec<String> = numbers.iter().map(|number| self.name(*number)).collect();
        let arrays = numbers.iter().map(|number| self.value(*number)).collect::<Result<Vec<_>, _>>()?;
        let learnt = self.context.phase("fit", || step.fit_together(self.context, &names, &arrays))?;
        let beside = learnt.names.len() - learnt.beside;
        let marks = learnt.names[beside..].to_vec();
        let mut given = self.add(&numbers, learnt);
        let ready = given.split_off(beside);
        group.iter().for_each(|place| ways[*place].1.now.clear());
        for (owner, number) in owners.iter().zip(given) {
            ways[*owner].1.now.push(number);
        }
        for (mark, number) in marks.iter().zip(ready) {
            let own = names.iter().position(|name| mark.strip_prefix(name.as_str()) == Some("_missing"));
            ways[owners[own.unwrap_or(0)]].1.ready.push(number);
        }
        Ok(())
    }

    /// Keeps a step. The numbers of the columns that it gives.
    pub(crate) fn add(&mut self, takes: &[usize], learnt: Learnt) -> Vec<usize> {
        let op = self.fitted.ops.len();
        let first = self.from.len();
        let place = match takes {
            [one] => self.places[*one],
            _ => None,
        };
        if let Some(training) = learnt.training {
            self.training.insert(op, training);
        }
        let count = learnt.names.len();
        self.from.extend(std::iter::repeat_n(Some(op), count));
        self.places.extend(std::iter::repeat_n(place, count));
        self.values.extend(std::iter::repeat_n(None, count));
        self.firsts.push(first);
        let takes = takes.iter().map(|number| *number as u32).collect();
        self.fitted.ops.push(Op { takes, gives: learnt.names, place, transform: learnt.transform });
        (first..first + count).collect()
    }

    /// What training rows have in a column.
    pub(crate) fn value(&mut self, number: usize) -> Result<ArrayRef, Failure> {
        if let Some(value) = &self.values[number] {
            return Ok(value.clone());
        }
        let Some(op) = self.from[number] else {
            let input = &self.fitted.inputs[self.places[number].unwrap_or_default() as usize];
            let value = cast(column::get(self.table, &input.name)?, &input.taken.data_type())?;
            self.values[number] = Some(value.clone());
            return Ok(value);
        };
        let given = match self.training.get(&op) {
            Some(training) => training.clone(),
            None => {
                let takes = self.fitted.ops[op].takes.clone();
                let taken =
                    takes.iter().map(|column| self.value(*column as usize)).collect::<Result<Vec<_>, _>>()?;
                let taken: Vec<&ArrayRef> = taken.iter().collect();
                let mut notes = Notes::default();
                let not_seen = NotSeen { place: None, unknown: Unknown::Ignore, notes: &mut notes };
                self.fitted.ops[op].transform.apply(&taken, not_seen)?
            }
        };
        for (nth, array) in given.into_iter().enumerate() {
            self.values[self.firsts[op] + nth] = Some(array);
        }
        self.values[number].clone().ok_or_else(|| internal("a step gives fewer columns than it says"))
    }

    pub(crate) fn name(&self, number: usize) -> String {
        match self.from[number] {
            None => self.fitted.inputs[self.places[number].unwrap_or_default() as usize].name.clone(),
            Some(op) => self.fitted.ops[op].gives[number - self.firsts[op]].clone(),
        }
    }

    /// No two features have one name.
    fn unique_names(&self) -> Result<(), Failure> {
        let mut names = BTreeSet::new();
        let target = self.params.target.iter().cloned();
        for name in target.chain(self.fitted.outputs.iter().map(|number| self.name(*number as usize))) {
            if let Some(twice) = names.replace(name) {
                return Err(
                    invalid_input("two features have this name; rename a column or drop one").column(twice)
                );
            }
        }
        Ok(())
    }
}
