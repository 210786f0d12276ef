//! Channels of tables: several parts, shards, and what is wrong with them.

use millstream_sdk::{
    Failure, arrow_array::cast::AsArray, arrow_array::types::Int64Type, arrow_schema::DataType,
    column::Choice, table::MEDIA_TYPE, testing::Host,
};
use proptest::prelude::*;

fn ids(host: &Host) -> Vec<i64> {
    let table = host.context().table("t").unwrap();
    table.column("id").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn parts_are_one_table_in_order() {
    let host = Host::new().csv("t", "id,x\n1,a\n2,b\n").csv("t", "id,x\n3,c\n").csv("t", "id,x\n4,d\n");
    assert_eq!(ids(&host), [1, 2, 3, 4]);
    assert_eq!(host.context().batches("t").unwrap().count_rows().unwrap(), 4);
    let middle = host.context().batches("t").unwrap().rows(1..3).concat().unwrap();
    assert_eq!(middle.column("id").unwrap().as_primitive::<Int64Type>().values(), &[2, 3]);
}

#[test]
fn parts_that_disagree_are_refused_by_name() {
    let host = Host::new().csv("t", "id\n1\n").csv("t", "id\nx\n");
    let refusal = host.context().table("t").unwrap_err().to_string();
    assert_eq!(
        refusal,
        "input `t`, t.arrow: its columns differ from those of the first part: column 1 is `id` (Utf8), not `id` (Int64)"
    );
    let damaged = Host::new().part("t", "t.arrow", MEDIA_TYPE, "id\n1\n");
    assert!(damaged.context().table("t").unwrap_err().to_string().starts_with("input `t`, t.arrow: "));
    assert!(matches!(Host::new().context().table("t"), Err(Failure::InvalidInput(_))));
}

#[test]
fn columns_say_what_is_wrong_with_them() {
    let table = Host::new().csv("t", "n,s,y,w\n1,a,0.5,1\n,b,inf,-1\n").context().table("t").unwrap();
    assert!(table.numbers("n").unwrap()[1].is_nan());
    for (failure, expected) in [
        (
            table.numbers("s").unwrap_err(),
            "input `t`, column `s`: a number is needed, but the column holds text",
        ),
        (
            table.numbers("m").unwrap_err(),
            "input `t`, column `m`: the table has no column `m`; did you mean `n`?",
        ),
        (table.target_numbers("y").unwrap_err(), "input `t`, row 2, column `y`: the target is infinite"),
        (table.weights(Some("w")).unwrap_err(), "input `t`, row 2, column `w`: a weight must be"),
        (
            table.features(Choice::listed(&["y".into()]), Some("y"), None).unwrap_err(),
            "parameter `features`: `y` is the target",
        ),
        (
            table.features(Choice::default(), Some("Y"), None).unwrap_err(),
            "parameter `target`: the table has no column `Y`; did you mean `y`?",
        ),
    ] {
        assert!(failure.to_string().starts_with(expected), "{failure}\n{expected}");
    }
    assert_eq!(table.features(Choice::default(), Some("y"), Some("w")).unwrap(), ["n", "s"]);
    let excluded = ["s".to_owned()];
    let without = Choice { listed: None, excluded: &excluded };
    assert_eq!(table.features(without, Some("y"), Some("w")).unwrap(), ["n"]);
    let refused = |choice| table.features(choice, Some("y"), Some("w")).unwrap_err().to_string();
    let listed = ["n".to_owned()];
    let both = refused(Choice { listed: Some(&listed), ..without });
    assert!(both.starts_with("parameter `exclude`: `features` lists"), "{both}");
    let unknown = ["S".to_owned()];
    let unknown = refused(Choice { listed: None, excluded: &unknown });
    assert!(unknown.contains("parameter `exclude`") && unknown.contains("did you mean `s`?"), "{unknown}");
    let all = ["n".to_owned(), "s".to_owned()];
    assert!(refused(Choice { listed: None, excluded: &all }).contains("no column to learn from"));
    let matrix = table.matrix(&["n".into(), "w".into()]).unwrap();
    assert_eq!((matrix.rows(), matrix.columns(), matrix.column(1)), (2, 2, &[1.0, -1.0][..]));
    assert_eq!(matrix.no_missing().unwrap_err().to_string().split(':').next(), Some("row 2, column `n`"));
}

proptest! {
    /// The shards of a table, one after another, are the table.
    #[test]
    fn shards_are_the_whole(sizes in prop::collection::vec(0usize..30, 1..5), count in 1u32..7) {
        let mut next = 0;
        let mut host = Host::new();
        for size in &sizes {
            let text = (next..next + size).fold("id\n".to_owned(), |text, id| format!("{text}{id}\n"));
            // A part without rows has the other parts' type all the same.
            let rows = millstream_sdk::table::conform(
                &millstream_sdk::testing::rows(&text),
                &millstream_sdk::table::schema_of([("id", DataType::Int64)]),
            ).unwrap();
            host = host.rows("t", &rows);
            next += size;
        }
        let mut all = Vec::new();
        for index in 0..count {
            let shard = host.clone().shard(index, count).context().shard_batches("t").unwrap().concat().unwrap();
            let spread = shard.num_rows() as i64 - (next as i64 / i64::from(count));
            prop_assert!((0..=1).contains(&spread));
            all.extend(shard.column("id").unwrap().as_primitive::<Int64Type>().values().iter().copied());
        }
        prop_assert_eq!(all, (0..next as i64).collect::<Vec<_>>());
    }
}
