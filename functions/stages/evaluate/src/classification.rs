//! Two classes or more.

use arrow_array::RecordBatch;
use millstream_learners::matrix::MOST_CLASSES;
use millstream_learners::metrics::{Confusion, binary, confusion::Rates, curves, multiclass};
use millstream_sdk::{
    Failure, Labels, Table, column,
    failure::{internal, invalid_input, invalid_parameter, listing, nearest, shown},
};

use crate::{
    evaluation::{AtThreshold, Classification, Curves, MOST_CURVES, Metrics, OfClass, Points},
    model::{Model, refused},
    params::{Average, Params, Task},
};

/// Bins of the histogram of probabilities.
const SCORE_BINS: usize = 20;
/// Steps between the thresholds that are tried.
const THRESHOLDS: usize = 20;

/// Truth and prediction, in numbers.
struct Rows {
    classes: Vec<String>,
    truth: Vec<u32>,
    predicted: Vec<u32>,
    /// Row after row, a probability for each class; `None` if the model gives none.
    proba: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
}

/// The metrics of a classifier.
pub fn evaluate(
    model: &Model,
    target: &str,
    test: &Table,
    predictions: &RecordBatch,
    params: &Params,
) -> Result<(Metrics, Classification), Failure> {
    let mut rows = Rows::read(model, target, test, predictions)?;
    if let Some(weight) = &params.weight {
        rows.weights = Some(test.weights(Some(weight))?);
    }
    if model.task == Task::Binary { two(rows, params) } else { several(rows, params) }
}

impl Rows {
    fn read(model: &Model, target: &str, test: &Table, predictions: &RecordBatch) -> Result<Self, Failure> {
        let truth = test.labels(target)?;
        let predicted = Labels::from_column(predictions, "prediction").map_err(|failure| answer(&failure))?;
        let schema = predictions.schema();
        let named = |class: &String| schema.column_with_name(&format!("probability_{class}")).is_some();
        let classes = if !model.classes.is_empty() {
            model.classes.clone()
        } else {
            // The model does not name its classes: its probabilities do, or else what occurs.
            let columns =
                schema.fields().iter().filter_map(|field| field.name().strip_prefix("probability_"));
            let columns: Vec<String> = columns.map(str::to_owned).collect();
            if columns.is_empty() {
                union(&truth.classes.names(), &predicted.classes.names())
            } else {
                columns
            }
        };
        // Rows are counted by true and predicted class.
        if classes.len() > MOST_CLASSES {
            let message = format!(
                "there are {} classes, and {MOST_CLASSES} can be held against each other: is the column a number, or does it \
                 tell rows apart?",
                classes.len()
            );
            return Err(invalid_input(message).channel(test.channel()).column(target));
        }
        let proba =
            if classes.iter().all(named) { Some(probabilities(predictions, &classes)?) } else { None };
        let truth_codes = recode(&truth, &classes).map_err(|(row, class)| {
            let hint = nearest(&class, classes.iter().map(String::as_str))
                .map_or(String::new(), |near| format!("; did the data mean `{near}`?"));
            let message = format!(
                "the class `{class}` is unknown to the model, whose classes are {}{hint}",
                listing(&classes)
            );
            invalid_input(message).channel(test.channel()).column(target).row(row as u64 + 1)
        })?;
        let predicted = recode(&predicted, &classes).map_err(|(row, class)| {
            internal(format!(
                "the model answers row {} with `{class}`, which is not one of its classes: {}",
                row + 1,
                listing(&classes)
            ))
        })?;
        Ok(Self { classes, truth: truth_codes, predicted, proba, weights: None })
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    fn of(&self, class: usize) -> Vec<bool> {
        self.truth.iter().map(|truth| *truth as usize == class).collect()
    }

    fn probability(&self, class: usize) -> Option<Vec<f64>> {
        let proba = self.proba.as_ref()?;
        Some(proba.iter().skip(class).step_by(self.classes.len()).copied().collect())
    }

    fn curves(&self, class: usize) -> Result<Option<Curves>, Failure> {
        let Some(proba) = self.probability(class) else { return Ok(None) };
        curves_of(&self.classes[class], &self.of(class), &proba, self.weights())
    }
}

/// The curves of one class against the rest, by scores that are high for it.
pub fn curves_of(
    class: &str,
    truth: &[bool],
    scores: &[f64],
    weights: Option<&[f64]>,
) -> Result<Option<Curves>, Failure> {
    // With one class only there are no curves; anything else that is wrong is wrong for the metrics too.
    let (Ok(roc), Ok(recall)) =
        (curves::roc(truth, scores, weights), curves::precision_recall(truth, scores, weights))
    else {
        return Ok(None);
    };
    Ok(Some(Curves {
        class: class.to_owned(),
        auc: curves::roc_auc(truth, scores, weights).map_err(refused)?,
        average_precision: curves::average_precision(truth, scores, weights).map_err(refused)?,
        roc: Points::of(&roc),
        precision_recall: Points::of(&recall),
    }))
}

fn two(mut rows: Rows, params: &Params) -> Result<(Metrics, Classification), Failure> {
    let positive = positive_class(&rows.classes, params)?;
    let truth = rows.of(positive);
    let proba = rows.probability(positive);
    if let Some(proba) = &proba {
        let other = 1 - positive as u32;
        rows.predicted =
            proba.iter().map(|p| if *p >= params.threshold { positive as u32 } else { other }).collect();
    }
    let confusion = Confusion::new(&rows.truth, &rows.predicted, 2, rows.weights()).map_err(refused)?;
    let rates = confusion.rates(positive);
    let curves = rows.curves(positive)?;
    let mut metrics = common(&confusion, rates);
    if let Some(proba) = &proba {
        metrics.add("auc", curves.as_ref().map(|curves| curves.auc));
        metrics.add("average_precision", curves::average_precision(&truth, proba, rows.weights()).ok());
        metrics.add("log_loss", binary::log_loss(&truth, proba, rows.weights()).map_err(refused)?);
        metrics.add("brier", binary::brier(&truth, proba, rows.weights()).map_err(refused)?);
    }
    metrics.add("mcc", confusion.matthews());
    metrics.add("kappa", confusion.kappa());
    let mut details = details(&rows.classes, &confusion);
    details.positive = Some(rows.classes[positive].clone());
    details.threshold = proba.is_some().then_some(params.threshold);
    details.curves = curves.into_iter().collect();
    if let Some(proba) = &proba {
        let bins =
            curves::calibration(&truth, proba, rows.weights(), params.calibration_bins).map_err(refused)?;
        details.calibration = bins.into_iter().map(Into::into).collect();
        details.thresholds = (1..THRESHOLDS)
            .map(|i| at_threshold(&truth, proba, i as f64 / THRESHOLDS as f64, rows.weights()))
            .collect::<Result<_, _>>()?;
        details.scores = vec![[0; 2]; SCORE_BINS];
        for (p, truth) in proba.iter().zip(&truth) {
            details.scores[((p * SCORE_BINS as f64) as usize).min(SCORE_BINS - 1)][usize::from(*truth)] += 1;
        }
    }
    Ok((metrics, details))
}

fn at_threshold(
    truth: &[bool],
    proba: &[f64],
    threshold: f64,
    weights: Option<&[f64]>,
) -> Result<AtThreshold, Failure> {
    let labels: Vec<u32> = truth.iter().map(|truth| u32::from(*truth)).collect();
    let predicted: Vec<u32> = proba.iter().map(|p| u32::from(*p >= threshold)).collect();
    let confusion = Confusion::new(&labels, &predicted, 2, weights).map_err(refused)?;
    let Rates { precision, recall, f1 } = confusion.rates(1);
    Ok(AtThreshold { threshold, precision, recall, f1, accuracy: confusion.accuracy() })
}

fn several(rows: Rows, params: &Params) -> Result<(Metrics, Classification), Failure> {
    if params.positive.is_some() {
        let message = "a positive class is for two classes; the model tells more apart";
        return Err(invalid_parameter("positive", message));
    }
    let classes = rows.classes.len();
    let confusion = Confusion::new(&rows.truth, &rows.predicted, classes, rows.weights()).map_err(refused)?;
    let (plain, weighted) = (confusion.macro_average(), confusion.weighted_average());
    let mut metrics = common(
        &confusion,
        match params.average {
            Average::Macro => plain,
            Average::Weighted => weighted,
            Average::Micro => confusion.micro_average(),
        },
    );
    metrics.add("f1_macro", plain.f1);
    metrics.add("precision_macro", plain.precision);
    metrics.add("recall_macro", plain.recall);
    metrics.add("f1_weighted", weighted.f1);
    if let Some(proba) = &rows.proba {
        metrics.add(
            "log_loss",
            multiclass::log_loss(&rows.truth, proba, classes, rows.weights()).map_err(refused)?,
        );
        metrics.add("auc_ovr", multiclass::roc_auc_ovr(&rows.truth, proba, classes, rows.weights()).ok());
    }
    metrics.add("mcc", confusion.matthews());
    metrics.add("kappa", confusion.kappa());
    let mut details = details(&rows.classes, &confusion);
    for class in 0..classes {
        let proba = rows.probability(class);
        let auc = |proba: Vec<f64>| curves::roc_auc(&rows.of(class), &proba, rows.weights()).ok();
        details.per_class[class].auc = proba.and_then(auc);
        if class < MOST_CURVES {
            details.curves.extend(rows.curves(class)?);
        }
    }
    Ok((metrics, details))
}

fn common(confusion: &Confusion, rates: Rates) -> Metrics {
    let mut metrics = Metrics::default();
    metrics.add("accuracy", confusion.accuracy());
    metrics.add("balanced_accuracy", confusion.balanced_accuracy());
    metrics.add("precision", rates.precision);
    metrics.add("recall", rates.recall);
    metrics.add("f1", rates.f1);
    metrics
}

/// What a confusion says of each class.
pub fn details(classes: &[String], confusion: &Confusion) -> Classification {
    let n = classes.len();
    let most = (0..n).map(|class| confusion.support(class)).fold(0.0, f64::max);
    let per_class = (0..n).map(|class| {
        let Rates { precision, recall, f1 } = confusion.rates(class);
        let (support, predicted) = (confusion.support(class), confusion.predicted(class));
        OfClass { class: classes[class].clone(), precision, recall, f1, support, predicted, auc: None }
    });
    Classification {
        classes: classes.to_vec(),
        positive: None,
        threshold: None,
        majority: most / confusion.total(),
        confusion: (0..n)
            .map(|truth| (0..n).map(|predicted| confusion.at(truth, predicted)).collect())
            .collect(),
        per_class: per_class.collect(),
        curves: Vec::new(),
        calibration: Vec::new(),
        thresholds: Vec::new(),
        scores: Vec::new(),
    }
}

fn positive_class(classes: &[String], params: &Params) -> Result<usize, Failure> {
    if classes.len() != 2 {
        let message =
            format!("a binary model has two classes; this one has {}: {}", classes.len(), listing(classes));
        return Err(invalid_input(message).channel("model"));
    }
    let Some(positive) = &params.positive else { return Ok(1) };
    classes.iter().position(|class| class == positive).ok_or_else(|| {
        invalid_parameter("positive", format!("`{positive}` is not a class of the model"))
            .allowed(listing(classes))
    })
}

fn probabilities(predictions: &RecordBatch, classes: &[String]) -> Result<Vec<f64>, Failure> {
    let columns: Vec<Vec<f64>> = classes
        .iter()
        .map(|class| {
            column::numbers(predictions, &format!("probability_{class}")).map_err(|failure| answer(&failure))
        })
        .collect::<Result<_, _>>()?;
    let rows = predictions.num_rows();
    let proba: Vec<f64> = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    match proba.iter().position(|p| !(0.0..=1.0).contains(p)) {
        None => Ok(proba),
        Some(at) => Err(internal(format!(
            "the model answers row {} with {} for class `{}`, which is not a probability",
            at / classes.len() + 1,
            shown(proba[at]),
            classes[at % classes.len()]
        ))),
    }
}

/// Codes by the places of `classes`; the first row whose class is not among them, otherwise.
fn recode(labels: &Labels, classes: &[String]) -> Result<Vec<u32>, (usize, String)> {
    let names = labels.classes.names();
    let places: Vec<Option<u32>> =
        names.iter().map(|name| classes.iter().position(|class| class == name).map(|at| at as u32)).collect();
    let place = |(row, code): (usize, &u32)| {
        places[*code as usize].ok_or_else(|| (row, names[*code as usize].clone()))
    };
    labels.codes.iter().enumerate().map(place).collect()
}

fn union(a: &[String], b: &[String]) -> Vec<String> {
    let mut all: Vec<String> = a.iter().chain(b).cloned().collect();
    all.sort();
    all.dedup();
    all
}

fn answer(failure: &Failure) -> Failure {
    internal(format!("the model's answer: {failure}"))
}
