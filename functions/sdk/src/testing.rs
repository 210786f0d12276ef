//! A host in memory: functions run natively in unit tests as they do in a component.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::Value;

use crate::{
    Context, Failure, Job, Summary,
    failure::{internal, invalid_input},
    host::{self, Level, Part, Shard},
    manifest::{self, Kind},
    model::{Loaded, Model},
    params, table,
    unseen::Unseen,
};

/// Inputs that are given, outputs and reports that are kept. Cloned, it is the same host.
#[derive(Clone, Default)]
pub struct Host {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    unseen: RefCell<Vec<Unseen>>,
    inputs: RefCell<BTreeMap<String, Vec<Given>>>,
    outputs: Rc<RefCell<Vec<Written>>>,
    reports: RefCell<Reports>,
    models: RefCell<BTreeMap<String, (Rc<Answer>, String)>>,
    behind: RefCell<BTreeMap<String, Rc<Answer>>>,
    shard: Cell<Option<Shard>>,
    seed: Cell<u64>,
}

/// A part of an input with its bytes.
type Given = (Part, Rc<[u8]>);

type Answer = dyn Fn(&RecordBatch) -> Result<RecordBatch, Failure>;

/// A part that was written, in the order in which parts were created.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The output that it belongs to.
    pub output: String,
    /// The part's name.
    pub name: String,
    /// What its bytes are.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    finished: bool,
}

#[derive(Default)]
struct Reports {
    logs: Vec<(Level, String)>,
    progress: Vec<(u64, Option<u64>)>,
    metrics: Vec<(String, f64, u64)>,
    phases: Vec<String>,
}

impl Host {
    /// A host without inputs; the seed is 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more part of a channel.
    pub fn part(self, channel: &str, name: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Vec<u8> = bytes.into();
        let part = Part { name: name.into(), media_type: media_type.into(), size: bytes.len() as u64 };
        self.inner.inputs.borrow_mut().entry(channel.into()).or_default().push((part, bytes.into()));
        self
    }

    /// One more part of a file channel; the media type goes by the name.
    pub fn file(self, channel: &str, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let media_type = match name.rsplit('.').next() {
            Some("csv") => "text/csv",
            Some("json") => "application/json",
            Some("jsonl") => "application/x-ndjson",
            _ => "application/octet-stream",
        };
        self.part(channel, name, media_type, bytes)
    }

    /// One more part of a table channel.
    pub fn rows(self, channel: &str, rows: &RecordBatch) -> Self {
        let bytes = table::to_ipc(rows).expect("a test's table can be written");
        self.part(channel, &format!("{channel}.arrow"), table::MEDIA_TYPE, bytes)
    }

    /// One more part of a table channel, from CSV with a header: see [`rows`].
    pub fn csv(self, channel: &str, text: &str) -> Self {
        let rows = rows(text);
        self.rows(channel, &rows)
    }

    /// A channel of kind model whose pipeline answers by a closure. `description` as the contract has it.
    pub fn model(
        self,
        channel: &str,
        description: Value,
        answer: impl Fn(&RecordBatch) -> Result<RecordBatch, Failure> + 'static,
    ) -> Self {
        let answer: Rc<Answer> = Rc::new(answer);
        self.inner.models.borrow_mut().insert(channel.into(), (answer, description.to_string()));
        self.part(channel, "model.json", "application/vnd.millstream.model+json", "[]")
    }

    /// The rows of a table channel have not been through the stages of those that are trained on: what these make of them.
    pub fn behind(
        self,
        channel: &str,
        stages: impl Fn(&RecordBatch) -> Result<RecordBatch, Failure> + 'static,
    ) -> Self {
        self.inner.behind.borrow_mut().insert(channel.into(), Rc::new(stages));
        self
    }

    /// What pipelines say that they had not seen.
    pub fn unseen(self, unseen: Vec<Unseen>) -> Self {
        *self.inner.unseen.borrow_mut() = unseen;
        self
    }

    /// The step's seed.
    pub fn seed(self, seed: u64) -> Self {
        self.inner.seed.set(seed);
        self
    }

    /// Which share of the rows is to be taken.
    pub fn shard(self, index: u32, count: u32) -> Self {
        self.inner.shard.set(Some(Shard { index, count }));
        self
    }

    /// Runs a job, parameters as JSON. Holds it to its manifest: channels that it requires are there, the outputs that it
    /// promises were written, and no others. Outputs of an earlier run are forgotten.
    pub fn run<J: Job>(&self, parameters: &str) -> Result<Summary, Failure> {
        self.inner.outputs.borrow_mut().clear();
        *self.inner.reports.borrow_mut() = Reports::default();
        let manifest = J::manifest();
        for channel in manifest.channels.iter().filter(|channel| channel.required) {
            assert!(
                self.inner.inputs.borrow().contains_key(&channel.name),
                "the test gives no input `{}`, which the function requires",
                channel.name
            );
        }
        let summary = J::run(params::parse(parameters)?, &mut Context::of::<J>(self.inner.clone()))?;
        self.hold_to(&manifest, &summary);
        Ok(summary)
    }

    fn hold_to(&self, manifest: &manifest::Manifest, summary: &Summary) {
        let outputs = self.inner.outputs.borrow();
        let written: BTreeSet<_> =
            outputs.iter().filter(|part| part.finished).map(|part| part.output.as_str()).collect();
        for output in &manifest.outputs {
            assert!(
                written.contains(output.name.as_str()) || !output.required,
                "the function did not write its output `{}`",
                output.name
            );
        }
        for part in outputs.iter() {
            let Some(output) = manifest.outputs.iter().find(|output| output.name == part.output) else {
                panic!("the function wrote `{}`, which its manifest does not name", part.output)
            };
            if output.kind == Kind::Table {
                assert_eq!(part.media_type, table::MEDIA_TYPE, "output `{}`", output.name);
            }
            if matches!(output.kind, Kind::File | Kind::Report) {
                let (declared, given) = (&output.media_type, &part.media_type);
                assert!(accepts(declared, given), "`{given}` in output `{}` of `{declared}`", output.name);
            }
        }
        for (name, value) in &summary.metrics {
            assert!(!value.is_nan(), "metric `{name}` is not a number");
        }
    }

    /// A context over this host, for tests of a job's pieces.
    pub fn context(&self) -> Context {
        Context::new(self.inner.clone())
    }

    /// All parts that were written and finished.
    pub fn outputs(&self) -> Vec<Written> {
        self.inner.outputs.borrow().iter().filter(|part| part.finished).cloned().collect()
    }

    /// The bytes of the first part of an output. Panics if there is none.
    pub fn output(&self, output: &str) -> Vec<u8> {
        let found = self.outputs().into_iter().find(|part| part.output == output);
        found.unwrap_or_else(|| panic!("there is no output `{output}`")).bytes
    }

    /// Whether an output was written.
    pub fn wrote(&self, output: &str) -> bool {
        self.outputs().iter().any(|part| part.output == output)
    }

    /// All rows of a table output.
    pub fn table(&self, output: &str) -> RecordBatch {
        let parts = self.outputs().into_iter().filter(|part| part.output == output);
        let parts: Vec<_> =
            parts.map(|part| table::from_ipc(part.bytes).expect("an output is a sound table")).collect();
        let first = parts.first().unwrap_or_else(|| panic!("there is no output `{output}`"));
        table::concat(&first.schema(), &parts).expect("parts of a table agree")
    }

    /// A report or other output as JSON.
    pub fn json(&self, output: &str) -> Value {
        serde_json::from_slice(&self.output(output)).expect("the output is JSON")
    }

    /// The model in an output of kind model, loaded.
    pub fn load<M: Model>(&self, output: &str) -> Result<Loaded<M>, Failure> {
        Loaded::load(&self.output(output))
    }

    /// The log lines.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.inner.reports.borrow().logs.clone()
    }

    /// The reports of progress: done, total.
    pub fn progress(&self) -> Vec<(u64, Option<u64>)> {
        self.inner.reports.borrow().progress.clone()
    }

    /// The points of learning curves: name, value, step.
    pub fn metrics(&self) -> Vec<(String, f64, u64)> {
        self.inner.reports.borrow().metrics.clone()
    }

    /// The phases of the job, in the order in which they first began.
    pub fn phases(&self) -> Vec<String> {
        self.inner.reports.borrow().phases.clone()
    }
}

/// A table from CSV with a header, one type a column: integers, numbers, `true`/`false`, text; an empty field is missing.
/// Panics on anything that a test should not hold.
pub fn rows(text: &str) -> RecordBatch {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let records: Vec<csv::StringRecord> = reader.records().map(|record| record.expect("sound CSV")).collect();
    let fields = |place: usize| {
        records.iter().map(move |record| Some(&record[place]).filter(|field| !field.is_empty()))
    };
    let columns = (0..names.len()).map(|place| -> ArrayRef {
        let present = || fields(place).flatten();
        if present().all(|field| field.parse::<i64>().is_ok()) && present().next().is_some() {
            Arc::new(fields(place).map(|field| field?.parse().ok()).collect::<Int64Array>())
        } else if present().all(|field| field.parse::<f64>().is_ok()) {
            Arc::new(fields(place).map(|field| field?.parse().ok()).collect::<Float64Array>())
        } else if present().all(|field| field.parse::<bool>().is_ok()) {
            Arc::new(fields(place).map(|field| field?.parse().ok()).collect::<BooleanArray>())
        } else {
            Arc::new(fields(place).collect::<StringArray>())
        }
    });
    table::batch_of(names.iter().map(String::as_str).zip(columns)).expect("columns of one length")
}

/// Whether the engine would take a part of type `given` for an output of type `declared`.
fn accepts(declared: &str, given: &str) -> bool {
    let given = given.split(';').next().unwrap_or_default().trim();
    match declared.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => given.split_once('/').is_some_and(|(given, _)| given == kind),
        None => given == declared,
    }
}

impl host::Host for Inner {
    fn channels(&self) -> Vec<String> {
        self.inputs.borrow().keys().cloned().collect()
    }

    fn parts(&self, channel: &str) -> Vec<Part> {
        let inputs = self.inputs.borrow();
        inputs.get(channel).into_iter().flatten().map(|(part, _)| part.clone()).collect()
    }

    fn open(&self, channel: &str, part: u32) -> Result<Box<dyn host::Reader>, Failure> {
        let inputs = self.inputs.borrow();
        let parts = inputs.get(channel).ok_or_else(|| internal(format!("no channel `{channel}`")))?;
        let (_, bytes) = parts.get(part as usize).ok_or_else(|| internal(format!("no part {part}")))?;
        Ok(Box::new(Bytes { bytes: bytes.clone(), place: Cell::new(0) }))
    }

    fn shard(&self) -> Option<Shard> {
        self.shard.get()
    }

    fn seed(&self) -> u64 {
        self.seed.get()
    }

    fn create(&self, output: &str, part: &str, media_type: &str) -> Result<Box<dyn host::Writer>, Failure> {
        let (output, name, media_type) = (output.to_owned(), part.to_owned(), media_type.to_owned());
        let mut outputs = self.outputs.borrow_mut();
        outputs.push(Written { output, name, media_type, bytes: Vec::new(), finished: false });
        Ok(Box::new(Slot { outputs: self.outputs.clone(), index: outputs.len() - 1 }))
    }

    fn log(&self, level: Level, message: &str) {
        self.reports.borrow_mut().logs.push((level, message.to_owned()));
    }

    fn progress(&self, done: u64, total: Option<u64>) {
        self.reports.borrow_mut().progress.push((done, total));
    }

    fn metric(&self, name: &str, value: f64, step: u64) {
        self.reports.borrow_mut().metrics.push((name.to_owned(), value, step));
    }

    fn phase(&self, name: Option<&str>) {
        let phases = &mut self.reports.borrow_mut().phases;
        if let Some(name) = name.filter(|name| phases.iter().all(|phase| phase != name)) {
            phases.push(name.to_owned());
        }
    }

    fn load_model(&self, channel: &str, _: u32) -> Result<Box<dyn host::Predictor>, Failure> {
        let models = self.models.borrow();
        let (answer, description) =
            models.get(channel).ok_or_else(|| invalid_input("no model was given").channel(channel))?;
        let (answer, description) = (answer.clone(), description.clone());
        Ok(Box::new(Stub { answer, description, unseen: self.unseen.borrow().clone() }))
    }

    fn catch_up(&self, channel: &str, _: &str) -> Result<Option<Box<dyn host::Predictor>>, Failure> {
        let behind = self.behind.borrow().get(channel).cloned();
        Ok(behind.map(|answer| {
            let stub = Stub { answer, description: r#"{"stages": []}"#.to_owned(), unseen: Vec::new() };
            Box::new(stub) as Box<dyn host::Predictor>
        }))
    }

    fn rank(&self) -> u32 {
        0
    }

    fn size(&self) -> u32 {
        1
    }

    fn all_reduce(&self, values: &[f64]) -> Vec<f64> {
        values.to_vec()
    }

    fn broadcast(&self, _: u32, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }
}

struct Bytes {
    bytes: Rc<[u8]>,
    place: Cell<usize>,
}

impl host::Reader for Bytes {
    fn read(&self, max: u32) -> Result<Vec<u8>, Failure> {
        let start = self.place.get().min(self.bytes.len());
        let end = (start + max as usize).min(self.bytes.len());
        self.place.set(end);
        Ok(self.bytes[start..end].to_vec())
    }

    fn seek(&self, offset: u64) -> Result<(), Failure> {
        self.place.set(offset as usize);
        Ok(())
    }
}

struct Slot {
    outputs: Rc<RefCell<Vec<Written>>>,
    index: usize,
}

impl host::Writer for Slot {
    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.outputs.borrow_mut()[self.index].bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&self) -> Result<(), Failure> {
        self.outputs.borrow_mut()[self.index].finished = true;
        Ok(())
    }
}

struct Stub {
    answer: Rc<Answer>,
    description: String,
    unseen: Vec<Unseen>,
}

impl host::Predictor for Stub {
    fn predict(&self, table: &[u8]) -> Result<Vec<u8>, Failure> {
        table::to_ipc(&(self.answer)(&table::from_ipc(table.to_vec())?)?)
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn unseen(&self) -> Vec<Unseen> {
        self.unseen.clone()
    }
}
