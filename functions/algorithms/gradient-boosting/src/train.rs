//! Training: rows in; the trees and what is said of them out.

use crate::choices::Format;
use crate::params::Params;
use crate::{Boosted, Ensemble, categories, import};
use millstream_learners::Columns;
use millstream_learners::gradient_boosting::{
    Categories, Data, Encoding, GradientBoosting, Importance, Round, Table,
};
use millstream_sdk::unseen::{codes_of, seen_in};
use millstream_sdk::{Context, Failure, Summary, invalid_parameter};
use millstream_training::rows::{rounded, warn_of_rounding};
use millstream_training::{Fitted, Rows, foreign, importance, scores};
use std::ops::ControlFlow;

/// Learns from the rows of `train`, going on from a `model` if there is one.
pub fn train(params: &Params, context: &mut Context) -> Result<Summary, Failure> {
    let (name, weight) = (params.target_name()?, params.weight.as_deref());
    if params.classes.is_some() {
        return Err(invalid_parameter("classes", "training finds the classes in the target").allowed("none"));
    }
    params.named()?;
    let table = context.table("train")?;
    let start =
        if context.has(foreign::CHANNEL) { Some(import::start(params, context, &table)?) } else { None };
    let (features, categorical, encodings) = match &start {
        Some(start) => {
            let features = start.feature_names.clone();
            let categorical = params.categorical_features.names(&table, &features)?;
            (features, categorical, start.encodings.clone())
        }
        None => {
            let features = params.features(&table)?;
            let categorical = params.categorical_features.names(&table, &features)?;
            let encodings = categories::learn(&table, &features, &categorical)?;
            (features, categorical, encodings)
        }
    };
    let table = categories::encoded(context, table, &features, &encodings)?;
    let rows = Rows::read(&table, &features, weight)?;
    rounded(&table, rows.names()).for_each(|name| warn_of_rounding(context, name));
    rows.say_weightless(context, weight);
    let target = params.target(&table)?;
    target.in_single_precision(name).map_err(|failure| failure.channel("train"))?;
    target.warn_if_constant(context, name);
    let weights = params.weights(&target, rows.weights())?;
    let groups = params.groups(&table)?;
    let heavy = weights.as_deref().or(rows.weights()).map(|w| w.iter().filter(|w| **w > 0.0).count());
    let count = heavy.unwrap_or(table.num_rows());
    let kernel = params.kernel(&target, rows.names(), &categorical, &encodings, count, context.seed())?;
    context.info(params.settings(&kernel));
    let validation = match context.optional_table("validation")? {
        None => None,
        Some(table) => {
            let table = categories::encoded(context, table, &features, &encodings)?;
            let rows = Rows::read(&table, &features, weight)?;
            Some((rows, target.read_alike(&table, name)?, params.groups(&table)?))
        }
    };

    let (x, y) = (rows.columns()?, target.as_numbers());
    let weights = weights.as_deref().or(rows.weights());
    let train = Data { x: &x, y: &y, weights, groups: groups.as_deref() };
    let watched = match &validation {
        None => None,
        Some((rows, target, groups)) => Some((rows.columns()?, target.as_numbers(), rows, groups)),
    };
    let watched = watched.as_ref().map(|(x, y, rows, groups)| Data {
        x,
        y,
        weights: rows.weights(),
        groups: groups.as_deref(),
    });
    if let (Some(data), Some((rows, ..))) = (&watched, &validation) {
        kernel.check_validation(&train, data).map_err(|error| rows.blame(error))?;
    }
    let before = start.as_ref().map_or(0, |start| start.model.rounds() as u64);
    let rounds = before + u64::from(kernel.num_round);
    let mut history = Vec::new();
    let mut on_round = |round: &Round| {
        history.push(round.clone());
        let step = u64::from(round.index);
        for (set, figures) in [("train", &round.train), ("validation", &round.validation)] {
            for (metric, value) in figures {
                context.metric(&format!("{set}:{}", metric.name()), *value, step);
            }
        }
        context.progress(step + 1, Some(rounds));
        ControlFlow::Continue(())
    };
    let from = start.as_ref().map(|start| &start.model);
    let model = context.phase("fit", || kernel.fit_from(from, train, watched, &mut on_round));
    let model = model.map_err(|error| rows.blame(error))?;

    reports(params, context, &model, rows.names(), &categorical, &encodings)?;

    let predict = |x: &Columns<'_>| match model.classes() {
        0 => model.predict_numbers(x),
        _ => model.predict_proba(x),
    };
    let kind = target.classes().map_or("numbers".to_owned(), |classes| format!("{} classes", classes.len()));
    let message =
        format!("{} rounds for {kind} on {count} rows, preset {}", model.rounds(), params.preset_name());
    let summary = Summary::new(message).metric("rounds", model.rounds() as f64);
    let mut summary = summary;
    if params.without_figures() {
        // Errors say nothing of a ranking or of log-odds: the figures are those of the round that the model ends with.
        if let Some(round) = history.iter().find(|round| round.index as usize + 1 == model.rounds()) {
            for (set, figures) in [("train", &round.train), ("validation", &round.validation)] {
                for (metric, value) in figures {
                    summary = summary.metric(format!("{set}:{}", metric.name()), *value);
                }
            }
        }
    } else {
        summary = context.phase("score", || scores::add(summary, "train", &rows, &target, predict))?;
        if let Some((rows, target, _)) = &validation {
            summary = context.phase("score", || scores::add(summary, "validation", rows, target, predict))?;
        }
    }
    if let Some(best) = model.best_iteration() {
        summary = summary.metric("best_iteration", f64::from(best));
    }
    let classes = target.classes().cloned();
    let mut schema = seen_in(&categories::schema(&features, &encodings), &table);
    for name in &categorical {
        if encodings.iter().all(|encoding| features[encoding.feature as usize] != *name) {
            schema = codes_of(&schema, name, &table.numbers(name)?);
        }
    }
    let kernel = Boosted { contributions: params.pred_contribs, model, encodings };
    let state = Fitted { target: name.to_owned(), classes, kernel };
    context.put_model::<Ensemble>("model", &schema, &state)?;
    Ok(summary)
}

/// What is written beside the model: which features count, and the trees for XGBoost if asked for.
pub fn reports(
    params: &Params,
    context: &mut Context,
    model: &GradientBoosting,
    features: &[String],
    categorical: &[String],
    encodings: &[Encoding],
) -> Result<(), Failure> {
    let gain = |importance: &Importance| importance.total_gain;
    context.put_json("importance", &importance::Report::new("gain", features, model.importances(), gain))?;
    let place = |name: &String| features.iter().position(|feature| feature == name);
    let categorical: Vec<u32> = categorical.iter().filter_map(place).map(|place| place as u32).collect();
    let table = Table { names: features, categorical: &categorical, encodings };
    let beyond = |encoding: &&Encoding| match &encoding.categories {
        Categories::Text(texts) => !texts.iter().all(|text| text.is_ascii()),
        Categories::Numbers(_) => false,
    };
    if let (Some(_), Some(encoding)) = (params.export_xgboost.format(), encodings.iter().find(beyond)) {
        context.warn(format!(
            "categories of `{}` have names beyond ASCII, which XGBoost 3.1 and 3.2 misread in rows from pandas: give it the rows \
             as an Arrow table or as codes, or use XGBoost 3.3",
            features[encoding.feature as usize]
        ));
    }
    match params.export_xgboost.format() {
        None => {}
        Some(Format::Json) => {
            let json = model.to_xgboost_json_of(&table);
            context.put("xgboost", "model.json", "application/json", json.as_bytes())?;
        }
        Some(Format::Ubj) => {
            let bytes = model.to_xgboost_ubj_of(&table);
            context.put("xgboost", "model.ubj", "application/ubjson", &bytes)?;
        }
    }
    Ok(())
}
