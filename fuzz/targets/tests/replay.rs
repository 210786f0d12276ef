//! Every target with its seeds, with what fuzzers have found, and with both damaged, the same each time.

use millstream_fuzz_targets::memory::Counted;
use millstream_fuzz_targets::mutate::mutated;
use millstream_fuzz_targets::{Target, target};
use millstream_learners::rng::Rng;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Damaged inputs of each target; `MILLSTREAM_FUZZ_INPUTS` makes it more.
const INPUTS: usize = 3_000;
/// What is endless to a fuzzer.
const ENDLESS: Duration = Duration::from_secs(20);

fn run(target: &Target, bytes: &[u8], what: &str) {
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| target.run(bytes)));
    if outcome.is_err() || started.elapsed() > ENDLESS {
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.bin", target.name));
        std::fs::write(&file, bytes).unwrap();
        panic!("{}: {what}: the input is in {}", target.name, file.display());
    }
}

fn replay(name: &str) {
    let target = target(name);
    let seeds = target.seeds();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for (place, seed) in seeds.iter().enumerate() {
        run(target, seed, &format!("seed {place}"));
    }
    run(target, b"", "nothing");
    let inputs = std::env::var("MILLSTREAM_FUZZ_INPUTS").map_or(INPUTS, |text| text.parse().unwrap());
    let mut rng = Rng::new(0, 0);
    for place in 0..inputs {
        let seed = &seeds[rng.below(seeds.len())];
        let other = &seeds[rng.below(seeds.len())];
        run(target, &mutated(seed, other, &mut rng), &format!("damage {place}"));
    }
}

macro_rules! replays {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })+

        #[test]
        fn every_target_is_replayed() {
            let names = [$(stringify!($name)),+];
            assert_eq!(names.to_vec(), millstream_fuzz_targets::TARGETS.map(|target| target.name).to_vec());
        }
    };
}

replays!(
    model_state,
    xgboost_json,
    xgboost_ubj,
    lightgbm_text,
    onnx,
    request_csv,
    request_json,
    request_json_lines,
    table_arrow,
    extract_csv,
    extract_json_lines,
    extract_libsvm,
    extract_parquet,
    workflow,
    object_key,
    expression,
);
