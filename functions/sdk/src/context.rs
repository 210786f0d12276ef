//! What a job may touch: its inputs, its outputs, its reports.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    rc::Rc,
};

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Failure, Job, Model,
    failure::{internal, invalid_input},
    host::{self, Host, Level, Part, Shard},
    missing::Missing,
    part::{PartReader, PartWriter},
    state,
    table::{self, Batches, Table, TableWriter},
    unseen::Unseen,
};

/// A job's inputs, outputs and reports. There is nothing else: no clock, no randomness, no file system, no network.
pub struct Context {
    host: Rc<dyn Host>,
    phase: Cell<Option<&'static str>>,
    /// Of the columns of tables that came in: the texts that were missing when they were read, if not the usual ones.
    missing: RefCell<BTreeMap<String, Missing>>,
    /// The channel that the job's model is fitted on, if it fits one.
    trained_on: fn() -> Option<String>,
    /// Channels whose tables have an index of pandas' among their columns, of which was warned.
    warned: RefCell<BTreeSet<String>>,
}

impl Context {
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn new(host: Rc<dyn Host>) -> Self {
        Self::with(host, || None)
    }

    /// For a run of `J`.
    pub(crate) fn of<J: Job>(host: Rc<dyn Host>) -> Self {
        Self::with(host, || J::manifest().trained_on().map(str::to_owned))
    }

    fn with(host: Rc<dyn Host>, trained_on: fn() -> Option<String>) -> Self {
        let phase = Cell::new(None);
        Self { host, phase, missing: RefCell::default(), trained_on, warned: RefCell::default() }
    }

    /// The channels that have parts.
    pub fn channels(&self) -> Vec<String> {
        self.host.channels()
    }

    /// The parts of a channel in order; none if the channel is absent.
    pub fn parts(&self, channel: &str) -> Vec<Part> {
        self.host.parts(channel)
    }

    /// Whether a channel has parts.
    pub fn has(&self, channel: &str) -> bool {
        !self.parts(channel).is_empty()
    }

    /// Opens a part of a channel by its place.
    pub fn open(&self, channel: &str, part: usize) -> Result<PartReader, Failure> {
        let parts = self.parts(channel);
        let found = parts.into_iter().nth(part);
        let found =
            found.ok_or_else(|| invalid_input(format!("there is no part {part}")).channel(channel))?;
        let reader = self.host.open(channel, part as u32)?;
        Ok(PartReader::new(reader, found.name, found.size))
    }

    /// The rows of a table channel, batch by batch. Those that are held beside the rows that the job's model is fitted on, as
    /// `validation` is beside `train`, go through the fitted stages that only the latter have been through.
    pub fn batches(&self, channel: &str) -> Result<Batches, Failure> {
        let batches = self.raw(channel)?;
        let batches = self.caught_up(channel, batches)?;
        self.note(channel, &batches);
        Ok(batches)
    }

    fn raw(&self, channel: &str) -> Result<Batches, Failure> {
        let parts = (0..self.parts(channel).len()).map(|part| self.open(channel, part));
        Batches::new(channel, parts.collect::<Result<_, _>>()?)
    }

    fn caught_up(&self, channel: &str, batches: Batches) -> Result<Batches, Failure> {
        // Most jobs have one channel.
        if self.channels().len() < 2 {
            return Ok(batches);
        }
        let Some(like) = (self.trained_on)().filter(|like| like != channel && self.has(like)) else {
            return Ok(batches);
        };
        let place = |failure: Failure| failure.channel(channel);
        let Some(inner) = self.host.catch_up(channel, &like).map_err(place)? else { return Ok(batches) };
        let pipeline = Pipeline { inner };
        let described = pipeline.describe()?;
        let stages = described["stages"].as_array().into_iter().flatten();
        let names: Vec<&str> = stages.filter_map(|stage| stage["function"].as_str()).collect();
        if self.warned.borrow_mut().insert(format!("{channel} goes through stages")) {
            self.info(format!(
                "input `{channel}` goes through the fitted stages of `{like}` first: {}",
                names.join(", ")
            ));
        }
        batches.through(pipeline, &self.raw(&like)?.schema()).map_err(place)
    }

    /// Keeps in mind what a table says of its columns.
    fn note(&self, channel: &str, batches: &Batches) {
        let mut all = self.missing.borrow_mut();
        for field in batches.schema().fields() {
            if let Some(missing) = Missing::of(field) {
                all.entry(field.name().clone()).or_insert(missing);
            }
        }
        let index: Vec<String> = batches.pandas_index().map(|name| format!("`{name}`")).collect();
        if !index.is_empty() && self.warned.borrow_mut().insert(channel.to_owned()) {
            self.warn(format!(
                "input `{channel}`: pandas says that {} is the index of its table, not a column; it is a column like any other \
                 here: write the file with `df.reset_index(drop=True)` if it is none",
                index.join(", ")
            ));
        }
    }

    /// All rows of a table channel.
    pub fn table(&self, channel: &str) -> Result<Table, Failure> {
        self.phase("read", || self.batches(channel)?.concat())
    }

    /// All rows of a table channel that may be absent.
    pub fn optional_table(&self, channel: &str) -> Result<Option<Table>, Failure> {
        self.has(channel).then(|| self.table(channel)).transpose()
    }

    /// This task's share of a table channel: rows `[i*n/N, (i+1)*n/N)` for shard `i` of `N`, all of them without shards.
    pub fn shard_batches(&self, channel: &str) -> Result<Batches, Failure> {
        let batches = self.batches(channel)?;
        let Some(Shard { index, count }) = self.shard() else { return Ok(batches) };
        let rows = u128::from(batches.count_rows()?);
        let bound = |index: u32| (rows * u128::from(index) / u128::from(count)) as u64;
        Ok(self.batches(channel)?.rows(bound(index)..bound(index + 1)))
    }

    /// Which share of the rows this task takes, if its step is fanned out over shards.
    pub fn shard(&self) -> Option<Shard> {
        self.host.shard()
    }

    /// The step's seed. A parameter `seed` should win over it.
    pub fn seed(&self) -> u64 {
        self.host.seed()
    }

    /// A new part of an output, to be written and finished.
    pub fn create(&self, output: &str, part: &str, media_type: &str) -> Result<PartWriter, Failure> {
        Ok(PartWriter::new(self.host.create(output, part, media_type)?))
    }

    /// A part of an output that is at hand already.
    pub fn put(&self, output: &str, part: &str, media_type: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.phase("write", || {
            let mut writer = self.create(output, part, media_type)?;
            writer.write_all(bytes).map_err(|error| Failure::from_io(error, internal))?;
            writer.finish()
        })
    }

    /// A JSON part `<output>.json` of an output.
    pub fn put_json(&self, output: &str, value: &impl Serialize) -> Result<(), Failure> {
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| internal(error.to_string()))?;
        self.put(output, &format!("{output}.json"), "application/json", &bytes)
    }

    /// A table part `<output>.arrow` of an output, to be written batch by batch and finished.
    pub fn create_table(&self, output: &str, schema: &Schema) -> Result<TableWriter, Failure> {
        let part = self.create(output, &format!("{output}.arrow"), table::MEDIA_TYPE)?;
        TableWriter::new(part, schema)
    }

    /// A table part of an output that is at hand already.
    pub fn put_table(&self, output: &str, rows: &RecordBatch) -> Result<(), Failure> {
        self.phase("write", || {
            let mut writer = self.create_table(output, &rows.schema())?;
            writer.write(rows)?;
            writer.finish()
        })
    }

    /// The state that `M` loads, as the part `<output>.state`. `columns` are what the model takes in: requests are
    /// parsed by them, and tables are brought to them, before the model sees a row. With what training saw of them
    /// ([`Matrix::seen_schema`](crate::Matrix::seen_schema), [`seen_in`](crate::unseen::seen_in)) later rows are held
    /// against it.
    pub fn put_model<M: Model>(
        &self,
        output: &str,
        columns: &Schema,
        body: &impl Serialize,
    ) -> Result<(), Failure> {
        let columns = self.as_read(columns);
        let bytes = self.phase("write", || state::seal(M::FUNCTION, M::FORMAT, &columns, body))?;
        self.put(output, &format!("{output}.state"), state::MEDIA_TYPE, &bytes)
    }

    /// A model's columns with the texts that were missing where the rows that it learnt from were read.
    fn as_read(&self, columns: &Schema) -> Schema {
        let all = self.missing.borrow();
        let mark = |field: &std::sync::Arc<Field>| match all.get(field.name()) {
            Some(missing) => missing.mark(field.as_ref().clone()),
            None => field.as_ref().clone(),
        };
        Schema::new(columns.fields().iter().map(mark).collect::<Vec<_>>())
    }

    /// Loads the fitted pipeline in a channel of kind model.
    pub fn pipeline(&self, channel: &str) -> Result<Pipeline, Failure> {
        let inner = self.host.load_model(channel, 0).map_err(|failure| failure.channel(channel))?;
        Ok(Pipeline { inner })
    }

    /// A log line.
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        self.host.log(level, message.as_ref());
    }

    /// A log line for the function's author.
    pub fn debug(&self, message: impl AsRef<str>) {
        self.log(Level::Debug, message);
    }

    /// A log line for whoever follows the run.
    pub fn info(&self, message: impl AsRef<str>) {
        self.log(Level::Info, message);
    }

    /// A log line about something that is likely not meant.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.log(Level::Warn, message);
    }

    /// How far the job is: `done` of `total`, in a unit of the function's choice.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        self.host.progress(done, total);
    }

    /// A point of a learning curve.
    pub fn metric(&self, name: &str, value: f64, step: u64) {
        self.host.metric(name, value, step);
    }

    /// Does `work` as a part of the job that the host times under `name`: `fit`, `score`, `predict`, `transform`. Reading
    /// whole tables and writing whole parts are phases `read` and `write` by themselves. A phase within another one is not
    /// counted into that.
    pub fn phase<T>(&self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let outer = self.phase.replace(Some(name));
        self.host.phase(Some(name));
        let done = work();
        self.phase.set(outer);
        self.host.phase(outer);
        done
    }

    /// The instances of this function that work on shards of the same rows.
    pub fn collective(&self) -> Collective<'_> {
        Collective { host: &*self.host }
    }
}

/// A fitted pipeline that came as an input.
pub struct Pipeline {
    inner: Box<dyn host::Predictor>,
}

impl Pipeline {
    /// One row of predictions for each row: see the conventions of the functions for the columns.
    pub fn predict(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let predictions = table::from_ipc(self.inner.predict(&table::to_ipc(rows)?)?)?;
        if predictions.num_rows() != rows.num_rows() {
            return Err(internal(format!(
                "the model answered {} rows with {} predictions",
                rows.num_rows(),
                predictions.num_rows()
            )));
        }
        Ok(predictions)
    }

    /// Values in the rows so far that the model had not seen in training; rows that it refused are not counted.
    pub fn unseen(&self) -> Vec<Unseen> {
        self.inner.unseen()
    }

    /// `{"name", "stages": [{"function", "version"}], "inputs"?, "target"?, "task"?, "classes"?}`. `inputs` are the columns that
    /// the first stage takes in: see [`Loaded::describe`](crate::model::Loaded::describe).
    pub fn describe(&self) -> Result<Value, Failure> {
        serde_json::from_str(&self.inner.describe())
            .map_err(|error| internal(format!("the model's description is not JSON: {error}")))
    }
}

/// Instances of one function that work together. Alone: rank 0 of 1.
#[derive(Clone, Copy)]
pub struct Collective<'a> {
    host: &'a dyn Host,
}

impl Collective<'_> {
    /// This instance's place, from 0.
    pub fn rank(&self) -> u32 {
        self.host.rank()
    }

    /// How many instances there are.
    pub fn size(&self) -> u32 {
        self.host.size()
    }

    /// The element-wise sum over all ranks, in rank order. Every rank must call it with as many values.
    pub fn all_reduce(&self, values: &[f64]) -> Vec<f64> {
        self.host.all_reduce(values)
    }

    /// The bytes that `root` gives. Every rank must call it.
    pub fn broadcast(&self, root: u32, bytes: &[u8]) -> Vec<u8> {
        self.host.broadcast(root, bytes)
    }
}
