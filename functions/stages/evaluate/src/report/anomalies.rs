//! Rows unlike the others, where nobody knows which they are.

use maud::html;
use millstream_charts::{
    Page,
    format::{counted, figure},
};

use crate::evaluation::Anomalies;

pub fn sections(page: Page, of: &Anomalies) -> Page {
    let found = counted(of.anomalies, "row", "rows");
    page.section(
        "anomalies",
        "Most unlike the others",
        html! {
            p.note { (found) " lie beyond the threshold: their decision function is below 0." }
            div.card { div.scroll { table {
                thead { tr { th.number scope="col" { "Row" } th.number scope="col" { "Decision function" } } }
                tbody { @for odd in &of.most { tr {
                    td.number { (odd.row) } td.number { (figure(odd.decision_function)) }
                } } }
            } } }
        },
    )
}
