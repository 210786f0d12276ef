//! Who is compared: each a server of the same trees, as its users set it up.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;

use super::{
    ask::Ask,
    home::{self, Home, TARGET},
    server::Server,
};
use crate::{
    python,
    run::{captured, cargo, check, say, shown, target_dir},
};

/// Trees of the model.
const TREES: u32 = 100;
const MANY: usize = 10_000;
const PACKAGES: [&str; 7] = [
    "mlflow==3.17.2",
    "bentoml==1.4.39",
    "fastapi==0.165.0",
    "uvicorn[standard]==0.54.0",
    "xgboost==3.2.0",
    "numpy==2.4.6",
    "pandas==3.1.1",
];
const FASTAPI: &str = include_str!("peers/fastapi_app.py");
const BENTOML: &str = include_str!("peers/bento_service.py");
const MLFLOW: &str = include_str!("peers/mlflow_save.py");

const CSV: &str = "text/csv";
const JSON: &str = "application/json";

#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    Ours,
    /// The limit: the same kernel without WebAssembly.
    Native,
    Peer,
}

/// A server that runs, and how it is asked.
pub struct Contender {
    pub name: &'static str,
    pub side: Side,
    pub server: Server,
    /// One row, by the name of its format.
    pub one: Vec<(&'static str, Ask)>,
    /// Many rows of CSV.
    pub many: Ask,
    /// Ours should answer so many times as many requests with one row; of the native handler this share.
    pub goal: f64,
}

/// The same model for all.
struct Trees {
    /// In XGBoost's JSON.
    file: PathBuf,
    classes: [String; 2],
    header: String,
    rows: Vec<String>,
}

/// Starts all of them. One that is idle takes next to nothing from the others.
pub fn start(binary: &Path, folder: &Path) -> anyhow::Result<Vec<Contender>> {
    say("Building the native handler");
    check(cargo().args(["build", "--quiet", "--release", "--package", "native-handler"]))?;
    let home = Home::new(binary, folder.join("throughput"))?;
    let trees = train(&home)?;
    home.run(&["deploy", "tumours", "--model", "tumours"])?;
    let python = python::interpreter(&python::environment("endpoints", &PACKAGES)?);
    say("Starting the servers");
    Ok(vec![
        ours(&home, folder, &trees)?,
        native(folder, &trees)?,
        mlflow(&python, folder, &trees)?,
        fastapi(&python, folder, &trees)?,
        bentoml(&python, folder, &trees)?,
    ])
}

fn train(home: &Home) -> anyhow::Result<Trees> {
    let source = home.samples()?;
    let with = json!({ "target": TARGET, "preset": "xgboost", "num_round": TREES, "export_xgboost": true });
    home.train("tumours", "gradient-boosting", &source, &with)?;
    home.run(&["artifacts", "latest", "copy", "train/xgboost", "trees.json"])?;
    let text = fs::read_to_string(&source)?;
    let header =
        text.lines().next().and_then(|line| line.rsplit_once(',')).context("no header")?.0.to_owned();
    let labels = text.lines().skip(1).filter_map(|line| line.rsplit_once(',').map(|(_, label)| label.trim()));
    let mut labels: Vec<&str> = labels.collect();
    labels.sort_unstable();
    labels.dedup();
    let &[negative, positive] = &labels[..] else { anyhow::bail!("there are {} classes", labels.len()) };
    let classes = [negative.to_owned(), positive.to_owned()];
    Ok(Trees { file: home.path("trees.json"), classes, header, rows: home::rows(&source)? })
}

impl Trees {
    fn many(&self, path: &'static str, header: bool) -> Ask {
        let rows = self.rows.iter().cycle().take(MANY).map(String::as_str);
        let lines: Vec<&str> = header.then_some(self.header.as_str()).into_iter().chain(rows).collect();
        Ask { path, content_type: CSV, body: lines.join("\n") + "\n" }
    }

    fn csv(&self, path: &'static str) -> (&'static str, Ask) {
        ("CSV", Ask { path, content_type: CSV, body: format!("{}\n", self.rows[0]) })
    }

    /// One row as a list of lists under this key.
    fn json(&self, path: &'static str, key: &str) -> (&'static str, Ask) {
        ("JSON", Ask { path, content_type: JSON, body: format!(r#"{{"{key}":[[{}]]}}"#, self.rows[0]) })
    }
}

fn ours(home: &Home, folder: &Path, trees: &Trees) -> anyhow::Result<Contender> {
    let path = "/endpoints/tumours/invocations";
    Ok(Contender {
        name: "millstream serve",
        side: Side::Ours,
        server: home.serve(folder)?,
        one: vec![trees.csv(path), trees.json(path, "instances")],
        many: trees.many(path, false),
        goal: 1.0,
    })
}

fn native(folder: &Path, trees: &Trees) -> anyhow::Result<Contender> {
    let name = "axum, no WebAssembly";
    let program =
        target_dir().join("release").join(format!("native-handler{}", std::env::consts::EXE_SUFFIX));
    let server = Server::start(name, folder, "/ping", |port| {
        let mut command = Command::new(program);
        command.arg(&trees.file).args(&trees.classes).arg(port.to_string());
        command
    })?;
    let (one, many) = (vec![trees.csv("/invocations")], trees.many("/invocations", false));
    Ok(Contender { name, side: Side::Native, server, one, many, goal: 0.7 })
}

fn mlflow(python: &Path, folder: &Path, trees: &Trees) -> anyhow::Result<Contender> {
    let name = "MLflow models serve";
    let model = folder.join("mlflow-model");
    if model.exists() {
        fs::remove_dir_all(&model)?;
    }
    let script = script(folder, "mlflow_save.py", MLFLOW)?;
    let mut command = peer(python, folder);
    let finished = captured(command.arg(script).arg(&trees.file).arg(&model), Duration::from_secs(300))?;
    anyhow::ensure!(finished.ok(), "`{}` failed:\n{}", shown(&command), finished.output.trim());
    let server = Server::start(name, folder, "/ping", |port| {
        let mut command = peer(python, folder);
        command.args(["-m", "mlflow", "models", "serve", "--env-manager", "local", "--host", "127.0.0.1"]);
        command.arg("--model-uri").arg(&model).args(["--port", &port.to_string()]);
        command
    })?;
    let (one, many) = (vec![trees.json("/invocations", "inputs")], trees.many("/invocations", true));
    Ok(Contender { name, side: Side::Peer, server, one, many, goal: 10.0 })
}

fn fastapi(python: &Path, folder: &Path, trees: &Trees) -> anyhow::Result<Contender> {
    let name = "FastAPI, uvicorn";
    script(folder, "fastapi_app.py", FASTAPI)?;
    let server = Server::start(name, folder, "/ping", |port| {
        let mut command = peer(python, folder);
        command.args(["-m", "uvicorn", "fastapi_app:app", "--host", "127.0.0.1", "--no-access-log"]);
        command.args(["--port", &port.to_string()]).env("BENCH_MODEL", &trees.file);
        command
    })?;
    let (one, many) = (vec![trees.json("/invocations", "instances")], trees.many("/csv", false));
    Ok(Contender { name, side: Side::Peer, server, one, many, goal: 10.0 })
}

fn bentoml(python: &Path, folder: &Path, trees: &Trees) -> anyhow::Result<Contender> {
    let name = "BentoML";
    script(folder, "bento_service.py", BENTOML)?;
    let server = Server::start(name, folder, "/readyz", |port| {
        let mut command = peer(python, folder);
        command.args(["-m", "bentoml", "serve", "bento_service:Tumours", "--host", "127.0.0.1"]);
        command.args(["--port", &port.to_string()]).env("BENCH_MODEL", &trees.file);
        command.env("BENTOML_HOME", folder.join("bentoml")).env("BENTOML_DO_NOT_TRACK", "True");
        command
    })?;
    let one = vec![trees.json("/invocations", "instances")];
    let many = Ask { content_type: "text/plain", ..trees.many("/csv", false) };
    Ok(Contender { name, side: Side::Peer, server, one, many, goal: 5.0 })
}

fn script(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path)
}

/// Python in the folder of its scripts. MLflow starts uvicorn by name, so its folder comes first. XGBoost has one thread: with more,
/// a prediction of one row takes a hundred times as long whenever another process has one of their cores.
fn peer(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    let own = python.parent().map(Path::to_owned);
    let others = std::env::var_os("PATH").unwrap_or_default();
    if let Ok(path) = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&others))) {
        command.env("PATH", path);
    }
    command.current_dir(folder).env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "1");
    command.env("OMP_NUM_THREADS", "1");
    command
}
