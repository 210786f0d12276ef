//! What goes wrong in WebAssembly alone.

use super::*;

/// What counts rows by classes overflows 32 bits only there.
#[test]
fn too_many_classes_are_refused_in_webassembly() {
    let place = Place::new();
    let row = |i: usize| format!("{},{},{},{}\n", noise(i, 0), noise(i, 1), noise(i, 2), i % 20_000);
    place.write("table.csv", "a,b,c,y\n".to_owned() + &(0..100_000).map(row).collect::<String>());
    for algorithm in all().iter().filter(|algorithm| classes(algorithm)) {
        let steps = json!({
            "rows": { "uses": "extract", "inputs": { "source": "table.csv" } },
            "train": {
                "uses": algorithm.name,
                "inputs": { algorithm.channel(): "${{ steps.rows.outputs.table }}" },
                "with": algorithm.with(),
            },
        });
        place.write("w.yaml", json!({ "name": "classes", "steps": steps }).to_string());
        place.run(&["run", "w.yaml"]).expect(1).says(&["`y`", "20000 distinct values"]);
    }
}
