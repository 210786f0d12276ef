//! `{{name}}`: keeps the rows whose value in a column lies between two bounds.

use millstream_sdk::{
    Channel, Context, Direction, Failure, Job, Kind, Manifest, Output, Summary, column, invalid_parameter, table::pick,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The function.
pub struct Function;

/// What the user may set. Names, defaults, ranges and comments become the manifest's JSON Schema.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// The column to look at. It holds numbers.
    column: String,
    /// The least value that is kept.
    least: Option<f64>,
    /// The largest value that is kept.
    most: Option<f64>,
}

millstream_sdk::export!(stage: Function);

impl Job for Function {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new("{{name}}", env!("CARGO_PKG_VERSION"), "Keeps rows whose value lies between two bounds.")
            .channel(Channel::required("table", Kind::Table, "The rows to choose from."))
            .output(Output::table("table", "The rows that are kept.").follows("table"))
            .metric("rows", Direction::Neither, "Rows that are kept.")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (least, most) = (params.least.unwrap_or(f64::NEG_INFINITY), params.most.unwrap_or(f64::INFINITY));
        if least > most {
            return Err(invalid_parameter("least", format!("{least} is more than `most` ({most})")));
        }
        let batches = context.batches("table")?;
        column::named(&batches.schema(), "column", &params.column)?;
        let mut output = context.create_table("table", &batches.schema())?;
        for batch in batches {
            let batch = batch?;
            let values = column::numbers(&batch, &params.column)?;
            let kept: Vec<u32> =
                (0..).zip(values).filter(|(_, value)| (least..=most).contains(value)).map(|(row, _)| row).collect();
            output.write(&pick(&batch, &kept)?)?;
        }
        let rows = output.rows();
        output.finish()?;
        Ok(Summary::new(format!("kept {rows} rows")).metric("rows", rows as f64))
    }
}

#[cfg(test)]
mod tests {
    use millstream_sdk::testing::{Host, rows};

    use super::*;

    #[test]
    fn rows_within_the_bounds_are_kept() {
        let host = Host::new().csv("table", "name,price\na,1.5\nb,\nc,-2\nd,7\n");
        let summary = host.run::<Function>(r#"{"column": "price", "least": 0, "most": 5}"#).unwrap();
        assert_eq!(summary.message, "kept 1 rows");
        assert_eq!(host.table("table"), rows("name,price\na,1.5\n"));
    }

    #[test]
    fn a_column_that_is_not_there_is_refused() {
        let host = Host::new().csv("table", "name,price\na,1\n");
        let refusal = host.run::<Function>(r#"{"column": "prize"}"#).unwrap_err().to_string();
        assert!(refusal.contains("did you mean `price`?"), "{refusal}");
    }
}
