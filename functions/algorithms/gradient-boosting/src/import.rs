//! Models that XGBoost or LightGBM trained.

use millstream_learners::gradient_boosting::Foreign;
use millstream_sdk::column::Choice;
use millstream_sdk::{
    Channel, Classes, Context, Failure, Kind, Summary, Table, invalid_input, invalid_parameter,
};
use millstream_training::{Fitted, blame, foreign};

use crate::params::Params;
use crate::{Boosted, Ensemble, categories, train};

/// The bytes that XGBoost's binary models begin with: an object with keys of 64-bit lengths.
const UBJ: &[u8] = b"{L";

/// The channel of a model that was trained elsewhere.
pub fn channel() -> Channel {
    Channel::optional(
        foreign::CHANNEL,
        Kind::File,
        "A model that was trained elsewhere: a file of XGBoost or LightGBM. Without `train` it is read, and predicts as it \
         did there; with `train` training goes on from it, as with `xgb_model`.",
    )
    .format("xgboost-ubj", "XGBoost's binary format", &[".ubj"], &[UBJ])
    .format("xgboost-json", "XGBoost's JSON", &[".json"], &[b"{\"", b"{\n", b"{\r\n", b"{ "])
    .format("lightgbm-text", "LightGBM's text", &[".txt"], &[b"tree\n", b"tree\r\n"])
}

/// Tells the formats apart as their beginnings do.
fn read(bytes: &[u8]) -> Result<Foreign, Failure> {
    let text = || {
        std::str::from_utf8(bytes).map_err(|error| {
            invalid_input(format!("the file is damaged: byte {} is no text", error.valid_up_to()))
        })
    };
    let model = if bytes.starts_with(UBJ) {
        Foreign::from_xgboost_ubj(bytes)
    } else if bytes.starts_with(b"{") {
        Foreign::from_xgboost_json(text()?)
    } else if bytes.starts_with(b"tree") {
        Foreign::from_lightgbm_text(text()?)
    } else {
        return Err(invalid_input("the file begins neither as XGBoost's models do nor as LightGBM's"));
    };
    model.map_err(|error| blame::failure(error, None, &[]))
}

/// The model that training goes on from, with the columns of the table that it takes in.
pub fn start(params: &Params, context: &Context, table: &Table) -> Result<Foreign, Failure> {
    let file = foreign::file(context)?;
    let mut start = read(&file.bytes).map_err(|failure| file.blame(failure))?;
    let names = std::mem::take(&mut start.feature_names);
    start.feature_names = match (&params.features, names.is_empty()) {
        (None, false) => table.features(
            Choice { listed: Some(&names), excluded: &params.exclude },
            params.target.as_deref(),
            params.weight.as_deref(),
        )?,
        _ => params.features(table)?,
    };
    let (own, width) = (start.feature_names.len(), start.model.width());
    if own != width {
        let message = format!("the model takes in {width} columns, but there are {own}");
        return Err(
            invalid_parameter("features", message).allowed("a column for each of the model's, in its order")
        );
    }
    Ok(start)
}

/// Reads the file and writes the state of the same model.
pub fn import(params: Params, context: &mut Context) -> Result<Summary, Failure> {
    let file = foreign::file(context)?;
    let Foreign { model, feature_names, encodings } =
        read(&file.bytes).map_err(|failure| file.blame(failure))?;
    if model.rounds() == 0 {
        return Err(file.blame(invalid_input("the model has no trees")));
    }
    let of_file = Some(feature_names).filter(|names| !names.is_empty());
    let features = foreign::features(params.features.as_deref(), of_file, model.width())?;
    let classes = match (&params.classes, model.classes()) {
        (None, 0) => None,
        (Some(_), 0) => {
            return Err(
                invalid_parameter("classes", "the model predicts numbers, not classes").allowed("none")
            );
        }
        (Some(names), count) => Some(foreign::classes(names, count)?),
        (None, count) => Some(Classes::Int((0..count as i64).collect())),
    };
    let schema = categories::schema(&features, &encodings);
    let (rounds, trees) = (model.rounds(), model.trees());
    let message = format!("{trees} trees on {} features, {}", features.len(), model.objective().name());
    train::reports(&params, context, &model, &features, params.categorical_features.named(), &encodings)?;
    let kernel = Boosted { contributions: params.pred_contribs, model, encodings };
    let state = Fitted { target: params.target.unwrap_or_default(), classes, kernel };
    context.put_model::<Ensemble>("model", &schema, &state)?;
    Ok(Summary::new(message)
        .metric("rounds", rounds as f64)
        .metric("trees", trees as f64)
        .metric("features", features.len() as f64))
}
