//! Groups.

use maud::html;
use millstream_charts::{
    Page,
    chart::Tone,
    format::{count, figure, percent},
    matrix::{Cell, Matrix},
    parts::{BarRow, bar_list},
};

use crate::evaluation::Clustering;

pub fn sections(page: Page, of: &Clustering) -> Page {
    let total: u64 = of.sizes.iter().map(|(_, rows)| rows).sum();
    let most = of.sizes.iter().map(|(_, rows)| *rows).max().unwrap_or(1).max(1) as f64;
    let rows: Vec<BarRow> = of
        .sizes
        .iter()
        .map(|(name, rows)| BarRow {
            label: format!("Cluster {name}"),
            value: format!("{} · {}", count(*rows), percent(*rows as f64 / total.max(1) as f64)),
            share: *rows as f64 / most,
        })
        .collect();
    let page = page.section(
        "clusters",
        "Clusters",
        html! {
            p.note { "Distances are measured in " (of.features.join(", ")) ", as the table has them." }
            div.card { (bar_list("Rows of each cluster", &rows, Tone::Series(0))) }
        },
    );
    let Some((classes, counts)) = &of.classes else { return page };
    let cells = counts.iter().zip(classes).flat_map(|(row, class)| {
        let all = row.iter().sum::<f64>().max(1.0);
        row.iter().zip(&of.sizes).map(move |(n, (cluster, _))| Cell {
            strength: n / all,
            text: figure(*n),
            title: format!("{} of class {class} in cluster {cluster}", figure(*n)),
        })
    });
    let matrix = Matrix {
        title: "Classes and clusters".to_owned(),
        description: "How many rows of each class are in each cluster.".to_owned(),
        row_axis: "class".to_owned(),
        column_axis: "cluster".to_owned(),
        rows: classes.clone(),
        columns: of.sizes.iter().map(|(name, _)| name.clone()).collect(),
        cells: cells.collect(),
    };
    page.section("classes", "Against the true classes", html! { div.card { (matrix.render()) } })
}
