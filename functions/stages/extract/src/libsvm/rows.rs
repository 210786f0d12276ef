//! Lines into batches.

use millstream_sdk::{
    Context, Failure, TableWriter,
    arrow_array::RecordBatch,
    internal,
    table::{BATCH_ROWS, Growing, finish_columns, new_columns},
};

use super::{LibsvmTable, line::Line};

/// Cells that a batch has at the most, or values of sparse rows: few rows of many columns make a batch.
const BATCH_CELLS: usize = 4 << 20;

/// Writes the table.
pub struct Rows<'a> {
    plan: &'a LibsvmTable,
    writer: TableWriter,
    columns: Vec<Growing>,
    /// Rows of the batch, and cells.
    rows: usize,
    cells: usize,
    done: u64,
}

impl<'a> Rows<'a> {
    pub fn new(context: &Context, plan: &'a LibsvmTable) -> Result<Self, Failure> {
        let writer = context.create_table("table", &plan.kept_schema())?;
        let columns = new_columns(&plan.schema, 0)?;
        Ok(Self { plan, writer, columns, rows: 0, cells: 0, done: 0 })
    }

    /// Rows so far.
    pub fn done(&self) -> u64 {
        self.done
    }

    pub fn push(&mut self, line: &Line) -> Result<(), Failure> {
        let mut columns = self.columns.iter_mut();
        let mut next = || columns.next().ok_or_else(|| internal("a column is missing"));
        match (next()?, line.whole) {
            (Growing::Int(column), Some(whole)) => column.append_value(whole),
            (Growing::Float(column), _) => column.append_value(line.label),
            _ => return Err(internal("a label became another between two readings")),
        }
        if let Some(weight) = line.weight.filter(|_| self.plan.weights)
            && let Growing::Float(column) = next()?
        {
            column.append_value(weight);
        }
        if let Some(query) = line.query.filter(|_| self.plan.queries)
            && let Growing::Int(column) = next()?
        {
            column.append_value(query);
        }
        let mut pairs = line.pairs.iter().map(|(index, value)| (index - self.plan.base, *value)).peekable();
        match self.plan.dense {
            None => {
                let Growing::Sparse(column) = next()? else { return Err(internal("no sparse column")) };
                pairs.for_each(|(index, value)| column.push(index, value));
                column.end_row()?;
                self.cells += line.pairs.len();
            }
            Some(count) => {
                for feature in 0..count {
                    let Growing::Float(column) = next()? else {
                        return Err(internal("no column of numbers"));
                    };
                    column.append_value(
                        pairs.next_if(|(index, _)| *index == feature).map_or(0.0, |pair| pair.1),
                    );
                }
                self.cells += count as usize;
            }
        }
        self.rows += 1;
        self.done += 1;
        if self.rows >= BATCH_ROWS || self.cells >= BATCH_CELLS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), Failure> {
        let columns = std::mem::replace(&mut self.columns, new_columns(&self.plan.schema, 0)?);
        let mut batch: RecordBatch = finish_columns(columns, &self.plan.schema, self.rows)?;
        if let Some(kept) = &self.plan.kept {
            batch = batch.project(kept).map_err(|error| internal(error.to_string()))?;
        }
        (self.rows, self.cells) = (0, 0);
        self.writer.write(&batch)
    }

    /// Ends the table.
    pub fn finish(mut self) -> Result<(), Failure> {
        if self.rows > 0 {
            self.write()?;
        }
        self.writer.finish()
    }
}
