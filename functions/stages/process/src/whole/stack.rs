//! Tables one behind the other.

use millstream_sdk::{
    Failure,
    arrow_array::RecordBatch,
    arrow_schema::{Field, Schema},
    column, table,
};

use super::{common, in_columns};
use crate::place::Place;

/// The rows of the tables, one behind the other, by the names of their columns: what a table does not have is missing.
pub(super) fn stack(place: &Place, tables: &[(String, RecordBatch)]) -> Result<RecordBatch, Failure> {
    let mut fields: Vec<Field> = Vec::new();
    for (name, rows) in tables {
        for field in rows.schema().fields() {
            let Some(known) = fields.iter_mut().find(|known| known.name() == field.name()) else {
                fields.push(field.as_ref().clone());
                continue;
            };
            let Some(kind) = common(known.data_type(), field.data_type()) else {
                let (one, other) =
                    (column::type_name(known.data_type()), column::type_name(field.data_type()));
                return Err(place.wrong(format!(
                    "column `{}` holds {one}, but {other} in `{name}`; `cast` it before, or in the step that makes `{name}`",
                    field.name()
                )));
            };
            // How values were written is told of those of one table alone.
            let same = known.metadata() == field.metadata() && kind == *known.data_type();
            *known = if same { known.clone() } else { Field::new(field.name(), kind, true) };
        }
    }
    let parts = tables.iter().map(|(_, rows)| in_columns(rows, &fields));
    table::concat(&Schema::new(fields.clone()).into(), &parts.collect::<Result<Vec<_>, _>>()?)
}
