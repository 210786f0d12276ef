//! Steps over the features that columns have become.

use millstream_sdk::{
    Failure,
    arrow_array::{Array, ArrayRef},
    column::is_numeric,
    failure::listing,
    invalid_parameter, nearest,
};

use crate::{
    combine::Combine,
    fit::Learning,
    rules,
    select::{Candidate, Select},
    values,
};

impl Learning<'_> {
    /// Makes features of several features, behind all others.
    pub(crate) fn combine(&mut self, combine: &Combine) -> Result<(), Failure> {
        let step = combine.step.name();
        let numbers = self.named(combine.columns.as_deref(), step)?;
        let names: Vec<String> = numbers.iter().map(|number| self.name(*number)).collect();
        let arrays = numbers.iter().map(|number| self.value(*number)).collect::<Result<Vec<_>, _>>()?;
        let learnt = self.context.phase("fit", || combine.step.fit(self.context, &names, &arrays))?;
        if combine.step.replaces() {
            self.fitted.outputs.retain(|output| !numbers.contains(&(*output as usize)));
        }
        let given = self.add(&numbers, learnt);
        self.fitted.outputs.extend(given.into_iter().map(|number| number as u32));
        Ok(())
    }

    /// The features that names and patterns mean; without them all of numbers.
    fn named(&mut self, wanted: Option<&[String]>, step: &str) -> Result<Vec<usize>, Failure> {
        let all: Vec<usize> = self.fitted.outputs.iter().map(|output| *output as usize).collect();
        let names: Vec<String> = all.iter().map(|number| self.name(*number)).collect();
        let Some(wanted) = wanted else {
            let mut numbers = Vec::new();
            for number in all {
                if is_numeric(self.value(number)?.data_type()) {
                    numbers.push(number);
                }
            }
            return match numbers.is_empty() {
                false => Ok(numbers),
                true => Err(invalid_parameter(
                    "combine",
                    format!("`{step}` takes numbers, and no feature holds any"),
                )),
            };
        };
        let mut numbers: Vec<usize> = Vec::new();
        for one in wanted {
            let found: Vec<usize> =
                match (names.iter().position(|name| name == one), rules::pattern(one, "combine")?) {
                    (Some(place), _) => vec![all[place]],
                    (None, Some((pattern, _))) => {
                        let fits = names.iter().zip(&all).filter(|(name, _)| pattern.is_match(name));
                        fits.map(|(_, number)| *number).collect()
                    }
                    (None, None) => Vec::new(),
                };
            if found.is_empty() {
                let hint = nearest(one, names.iter().map(String::as_str))
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                return Err(invalid_parameter(
                    "combine",
                    format!("`{step}`: there is no feature `{one}`{hint}"),
                )
                .allowed(listing(&names)));
            }
            found
                .into_iter()
                .filter(|number| !numbers.contains(number))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|n| numbers.push(n));
        }
        Ok(numbers)
    }

    /// Leaves features out.
    pub(crate) fn select(&mut self, select: &Select) -> Result<(), Failure> {
        let outputs = self.fitted.outputs.clone();
        let mut candidates = Vec::with_capacity(outputs.len());
        for output in &outputs {
            let array: ArrayRef = self.value(*output as usize)?;
            let name = self.name(*output as usize);
            if !is_numeric(array.data_type()) {
                let kind = millstream_sdk::column::type_name(array.data_type());
                return Err(invalid_parameter(
                    "select",
                    format!(
                        "`{}` takes numbers, but the feature `{name}` holds {kind}; give its column a step that makes numbers, or `drop` it",
                        select.name()
                    ),
                ));
            }
            candidates.push(Candidate { name, values: values::as_numbers(&array) });
        }
        let kept = self.context.phase("fit", || select.choose(&candidates, self.goal.as_ref()))?;
        let left: Vec<&str> = candidates
            .iter()
            .zip(&kept)
            .filter(|(_, kept)| !**kept)
            .map(|(one, _)| one.name.as_str())
            .collect();
        if left.len() == candidates.len() {
            return Err(invalid_parameter(
                "select",
                format!("`{}` leaves no feature; lower its threshold", select.name()),
            ));
        }
        if !left.is_empty() {
            self.context.info(format!(
                "`{}` keeps {} of {} features; it leaves out {}",
                select.name(),
                candidates.len() - left.len(),
                candidates.len(),
                listing(&left)
            ));
        }
        self.fitted.outputs =
            outputs.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(output, _)| output).collect();
        Ok(())
    }
}
