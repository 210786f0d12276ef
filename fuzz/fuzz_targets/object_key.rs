#![no_main]

#[global_allocator]
static ALLOCATOR: millstream_fuzz_targets::memory::Counted = millstream_fuzz_targets::memory::Counted;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millstream_fuzz_targets::target("object_key").run(bytes));
