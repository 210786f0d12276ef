//! `features`: columns into features that algorithms take, and the model that does it again.

mod combine;
mod dates;
mod encode;
mod fit;
mod fitted;
mod gather;
mod goal;
mod impute;
mod learnt;
mod murmur;
mod numeric;
mod params;
mod rules;
mod select;
mod steps;
mod text;
mod transform;
mod values;

use millstream_sdk::{
    Channel, Context, Direction, Failure, Job, Kind, Manifest, Output, Summary, unseen::seen_in,
};

pub use fitted::Fitted;
pub use params::Params;

const CHANNEL: &str = "table";

/// The job.
pub struct Features;

millstream_sdk::export!(algorithm: Features, model: Fitted);

impl Job for Features {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(
            "features",
            env!("CARGO_PKG_VERSION"),
            "Imputes, scales, encodes, combines and selects columns; does the same to rows that are predicted.",
        )
        .description(include_str!("../README.md"))
        .channel(Channel::required(CHANNEL, Kind::Table, "The rows to learn from."))
        .output(Output::table("table", "The same rows as features.").follows_through_model(CHANNEL))
        .output(Output::model("model", "What was learnt.").follows(CHANNEL))
        .metric("features", Direction::Neither, "Columns that come out, the target not counted.")
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let table = context.table(CHANNEL)?;
        table.not_empty()?;
        let place = |failure: Failure| failure.channel(CHANNEL);
        let (fitted, training) = fit::fit(&params, &table, context).map_err(place)?;
        fitted.write(context, &table, &training).map_err(place)?;
        context.put_model::<Fitted>("model", &seen_in(&fitted.columns(), &table), &fitted)?;
        let (features, columns) = (fitted.outputs.len(), fitted.inputs.len());
        Ok(Summary::new(format!("{features} features from {columns} columns"))
            .metric("features", features as f64))
    }
}
