//! A handler for one model as one would write it by hand: CSV in, the boosting kernel, CSV out. What `millstream serve` costs
//! beside it is the price of WebAssembly, routing, schemas and metrics.

use std::{env, fmt::Write as _, fs, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use millstream_learners::{Columns, gradient_boosting::GradientBoosting};

const MOST_BYTES: usize = 64 << 20;

struct Served {
    trees: GradientBoosting,
    /// Names of class 0 and class 1.
    classes: [String; 2],
}

/// `native-handler MODEL.json CLASS CLASS PORT`: the model in XGBoost's JSON, for two classes.
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, negative, positive, port] = &arguments[..] else {
        anyhow::bail!("usage: native-handler MODEL.json CLASS CLASS PORT");
    };
    let text = fs::read_to_string(model).with_context(|| format!("cannot read {model}"))?;
    let trees = GradientBoosting::from_xgboost_json(&text).with_context(|| format!("cannot use {model}"))?;
    let port: u16 = port.parse().with_context(|| format!("`{port}` is no port"))?;
    anyhow::ensure!(trees.classes() == 2, "{model} is not for two classes");
    let served = Arc::new(Served { trees, classes: [negative.clone(), positive.clone()] });
    let app = Router::new()
        .route("/ping", get(|| async { StatusCode::OK }))
        .route("/invocations", post(invoke))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(served);
    tokio::runtime::Builder::new_multi_thread().enable_io().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("cannot listen on port {port}"))?;
        axum::serve(listener, app).await.context("the server broke off")
    })
}

async fn invoke(State(served): State<Arc<Served>>, body: Bytes) -> Response {
    match answer(&served, &body) {
        Ok(rows) => ([(CONTENT_TYPE, "text/csv")], rows).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error:#}\n")).into_response(),
    }
}

/// Class and probabilities of each row.
fn answer(served: &Served, body: &[u8]) -> anyhow::Result<String> {
    let mut columns = vec![Vec::new(); served.trees.width()];
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    for (row, line) in lines.filter(|line| !line.is_empty()).enumerate() {
        let mut fields = line.split(|byte| *byte == b',');
        for (place, column) in columns.iter_mut().enumerate() {
            let field = fields.next().with_context(|| format!("row {}: only {place} fields", row + 1))?;
            let number: f64 = fast_float2::parse(field)
                .with_context(|| format!("row {}, column {}: no number", row + 1, place + 1))?;
            column.push(number);
        }
        anyhow::ensure!(fields.next().is_none(), "row {}: too many fields", row + 1);
    }
    let columns = Columns::new(columns.iter().map(Vec::as_slice).collect())?;
    let probabilities = served.trees.predict_proba(&columns)?;
    let mut rows = String::with_capacity(columns.rows() * 48);
    for row in probabilities.chunks_exact(2) {
        let class = &served.classes[usize::from(row[1] > row[0])];
        writeln!(rows, "{class},{},{}", row[0], row[1])?;
    }
    Ok(rows)
}
