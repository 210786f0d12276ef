//! What versions say of values that are unlike those of their training, by endpoint, variant and column.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use millstream_deployment::Variant;
use millstream_engine::{Novelty, Unseen};

/// Columns of a variant that are told apart, each with all kinds; further ones are counted as [`OTHERS`].
const MOST_COLUMNS: usize = 100;
const OTHERS: &str = "(others)";

/// Characters of a column's name that are shown.
const LONGEST: usize = 200;

/// A column and kind are warned of once in so long.
const QUIET: Duration = Duration::from_secs(600);

/// Endpoint and variant.
type Which = (String, String);

/// A variant's counts: by column, by kind.
type Columns = BTreeMap<String, BTreeMap<Novelty, Count>>;

/// Counts since this server began.
#[derive(Default)]
pub struct Novelties(Mutex<BTreeMap<Which, Columns>>);

#[derive(Default)]
struct Count {
    rows: u64,
    /// When it was warned of last, and how many rows there were then.
    told: Option<(Instant, u64)>,
}

/// Rows of a variant with values unlike its training, in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NovelRows {
    /// The column; many columns share one that is no name.
    pub column: String,
    /// `category`, `out-of-range` or `missing`.
    pub kind: &'static str,
    /// Rows since this server began.
    pub rows: u64,
}

impl Novelties {
    /// Counts what was found in an answer, and warns of it once in a while.
    pub fn note(&self, endpoint: &str, variant: &Variant, found: Vec<Unseen>, now: Instant) {
        let mut all = self.lock();
        let columns = all.entry((endpoint.to_owned(), variant.name.clone())).or_default();
        for one in found {
            let mut column: String = one.column.chars().take(LONGEST).collect();
            if columns.len() >= MOST_COLUMNS && !columns.contains_key(&column) {
                column = OTHERS.to_owned();
            }
            let count = columns.entry(column).or_default().entry(one.novelty).or_default();
            count.rows = count.rows.saturating_add(one.rows);
            if count.told.is_some_and(|(told, _)| now.saturating_duration_since(told) < QUIET) {
                continue;
            }
            let since = count.told.map_or(0, |(_, rows)| rows);
            count.told = Some((now, count.rows));
            tell(endpoint, variant, &one, count.rows.saturating_sub(since));
        }
    }

    /// All counts of variants that are there; those of others are forgotten.
    pub fn counts(&self, there: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<Which, Vec<NovelRows>> {
        let mut all = self.lock();
        all.retain(|(endpoint, variant), _| there.get(endpoint).is_some_and(|names| names.contains(variant)));
        let of = |columns: &Columns| {
            let kinds =
                columns.iter().flat_map(|(column, kinds)| kinds.iter().map(move |kind| (column, kind)));
            kinds
                .map(|(column, (kind, count))| NovelRows {
                    column: column.clone(),
                    kind: kind.as_str(),
                    rows: count.rows,
                })
                .collect()
        };
        all.iter().map(|(which, columns)| (which.clone(), of(columns))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Which, Columns>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line in the server's log. Numbers beyond the training's are common where rows are few: they are no warning.
fn tell(endpoint: &str, variant: &Variant, one: &Unseen, rows: u64) {
    let Unseen { column, novelty, example, near, .. } = one;
    let (variant, model) = (variant.name.as_str(), variant.reference());
    let (example, near) = (example.as_deref().unwrap_or_default(), near.as_deref().unwrap_or_default());
    match novelty {
        Novelty::Category if !near.is_empty() => tracing::warn!(
            endpoint,
            variant,
            model,
            ?column,
            rows,
            ?example,
            ?near,
            "a category that training has not seen; did the data mean the near one?"
        ),
        Novelty::Category => tracing::warn!(
            endpoint,
            variant,
            model,
            ?column,
            rows,
            ?example,
            "a category that training has not seen"
        ),
        Novelty::Missing => tracing::warn!(
            endpoint,
            variant,
            model,
            ?column,
            rows,
            "a value is missing where none was in training"
        ),
        Novelty::OutOfRange => tracing::info!(
            endpoint,
            variant,
            model,
            ?column,
            rows,
            ?example,
            "a number out of the range that training saw"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(column: &str, novelty: Novelty, rows: u64) -> Unseen {
        Unseen { column: column.to_owned(), novelty, rows, example: None, near: None }
    }

    fn there(variants: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        BTreeMap::from([("e".to_owned(), variants.iter().map(|name| (*name).to_owned()).collect())])
    }

    #[test]
    fn rows_are_counted_by_column_and_kind_and_gone_variants_are_forgotten() {
        let novelties = Novelties::default();
        let (a, b) = (Variant::of("m", 1), Variant::of("n", 2));
        let now = Instant::now();
        novelties.note(
            "e",
            &a,
            vec![found("job", Novelty::Category, 2), found("job", Novelty::Missing, 1)],
            now,
        );
        novelties.note("e", &a, vec![found("job", Novelty::Category, 3)], now);
        novelties.note("e", &b, vec![found("age", Novelty::OutOfRange, 1)], now);
        let counts = novelties.counts(&there(&[&a.name, &b.name]));
        let of_a = &counts[&("e".to_owned(), a.name.clone())];
        let row = |kind, rows| NovelRows { column: "job".to_owned(), kind, rows };
        assert_eq!(*of_a, [row("category", 5), row("missing", 1)]);
        assert_eq!(counts.len(), 2);
        assert_eq!(novelties.counts(&there(&[&b.name])).len(), 1);
        assert_eq!(novelties.counts(&there(&[&a.name, &b.name])).len(), 1, "the other is forgotten");
    }

    #[test]
    fn columns_do_not_grow_without_end() {
        let novelties = Novelties::default();
        let variant = Variant::of("m", 1);
        for column in 0..1000 {
            let name = format!("{column}{}", "x".repeat(1000));
            novelties.note("e", &variant, vec![found(&name, Novelty::Category, 1)], Instant::now());
        }
        let counts = novelties.counts(&there(&[&variant.name])).into_values().next().unwrap();
        assert_eq!(counts.len(), MOST_COLUMNS + 1);
        assert_eq!(counts.iter().map(|count| count.rows).sum::<u64>(), 1000);
        let others = counts.iter().find(|count| count.column == OTHERS).unwrap();
        assert_eq!(others.rows, 900);
        assert!(counts.iter().all(|count| count.column.chars().count() <= LONGEST));
    }
}
