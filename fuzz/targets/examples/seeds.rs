//! Writes the seeds of every target to `fuzz/corpus/<target>`, where cargo-fuzz begins.

use millstream_fuzz_targets::TARGETS;
use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for target in &TARGETS {
        let folder = corpus.join(target.name);
        fs::create_dir_all(&folder)?;
        let seeds = target.seeds();
        for (place, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{place}")), seed)?;
        }
        println!("{}: {} seeds", target.name, seeds.len());
    }
    Ok(())
}
