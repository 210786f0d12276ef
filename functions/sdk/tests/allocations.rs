//! One row of numbers is answered without a piece of memory for each of its columns: most requests at endpoints.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
};

use millstream_sdk::{
    Description, Failure, Matrix, Model, State, Task,
    arrow_array::{ArrayRef, Float64Array, RecordBatch},
    arrow_schema::DataType,
    column::numbers,
    model::Loaded,
    predict::Request,
    state::seal,
    table::{batch_of, schema_of},
};

/// The system's allocator, with a count for each thread.
struct Counted;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends may allocate after its count is gone.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// The first column's value.
struct First;

impl Model for First {
    const FUNCTION: &'static str = "first";
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        state.decode::<()>()?;
        Ok(Self)
    }

    fn describe(&self) -> Description {
        Description::new(Task::Regression, &[])
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        answer(numbers(rows, rows.schema().field(0).name())?)
    }

    fn predict_matrix(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        answer(rows.column(0).to_vec())
    }
}

fn answer(values: Vec<f64>) -> Result<RecordBatch, Failure> {
    batch_of([("prediction", Arc::new(Float64Array::from(values)) as ArrayRef)])
}

/// Allocations of one answer by a model of so many columns, after a first one.
fn allocations(width: usize, content_type: &str, body: &str) -> usize {
    let names: Vec<String> = (0..width).map(|at| format!("x{at}")).collect();
    let columns = schema_of(names.iter().map(|name| (name.as_str(), DataType::Float64)));
    let model = Loaded::<First>::load(&seal("first", 1, &columns, &()).unwrap()).unwrap();
    let request = Request { content_type: content_type.into(), accept: None, body: body.as_bytes().to_vec() };
    let answer = || String::from_utf8(model.predict(&request).unwrap().body).unwrap();
    assert!(answer().contains("0.5"));
    let before = COUNT.get();
    let body = answer();
    let count = COUNT.get() - before;
    drop(body);
    count
}

#[test]
fn a_row_of_numbers_takes_no_memory_by_the_column() {
    let row = |width: usize| vec!["0.5"; width].join(",");
    let named = |width: usize| {
        let names: Vec<String> = (0..width).map(|at| format!("x{at}")).collect();
        format!("{}\n{}\n", names.join(","), row(width))
    };
    let listed = |width: usize| format!("[[{}]]", row(width));
    let bodies: [(&str, &dyn Fn(usize) -> String); 3] =
        [("text/csv", &row), ("text/csv", &named), ("application/json", &listed)];
    for (content_type, body) in bodies {
        let (few, many) =
            (allocations(2, content_type, &body(2)), allocations(200, content_type, &body(200)));
        assert!(few > 0 && many <= few + 2, "{content_type}: {few} for 2 columns, {many} for 200");
        assert!(many < 40, "{content_type}: {many}");
    }
}

/// The check above can fail: quoted numbers are left to the general reader.
#[test]
fn the_general_reader_takes_some_for_each_column() {
    let quoted = |width: usize| vec!["\"0.5\""; width].join(",");
    let (few, many) = (allocations(2, "text/csv", &quoted(2)), allocations(200, "text/csv", &quoted(200)));
    assert!(many > few + 100, "{few}, {many}");
}
