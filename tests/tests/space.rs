//! Room that runs out: an error and no damage; and what is larger than the memory one would like to spend.
#![cfg(unix)]

use std::{
    fmt::Write as _,
    fs,
    io::{BufWriter, Write as _},
    os::unix::process::CommandExt as _,
    process::Command,
};

use millstream_tests::{Place, Ran};

const WORKFLOW: &str = "name: space\nsteps:\n  extract: { uses: extract, inputs: { source: ./in.csv } }\n";

/// No file of the command and its children grows beyond `bytes`: writes fail half-way, as on a full disk.
fn with_files_up_to(command: &mut Command, bytes: u64) -> Ran {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: two plain system calls between fork and exec.
    unsafe {
        command.pre_exec(move || {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            if libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) == 0 {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
    command.output().unwrap().into()
}

#[test]
fn a_full_disk_is_an_error_and_a_retry_goes_on() {
    let place = Place::new();
    place.write("in.csv", "a,b\n1,2\n");
    place.write("w.yaml", WORKFLOW);
    // Compiles the function, which also needs room.
    place.run(&["run", "w.yaml"]).expect(0);
    let before = place.check_artifacts();

    // Digits of a byte become numbers of eight: the table is larger than the limit, its source is not.
    let mut csv = String::from("a,b,c\n");
    (0..100_000).for_each(|i| writeln!(csv, "{},{},{}", i % 7, i % 5, i % 3).unwrap());
    place.write("in.csv", &csv);
    let ran = with_files_up_to(&mut place.command(&["run", "w.yaml"]), 1_000_000).expect(1);
    ran.says(&["make room", "millstream retry"]);
    assert!(place.check_artifacts() >= before, "what was there stays");
    place.run(&["retry", "latest"]).expect(0);
    assert_eq!(place.runs().len(), 2);
    place.check_artifacts();

    // Nor can a source be taken in that finds no room.
    place.write("in.csv", csv.replace('1', "8"));
    with_files_up_to(&mut place.command(&["run", "w.yaml"]), 500_000).expect(1).says(&["make room"]);
    place.check_artifacts();
    place.run(&["run", "w.yaml"]).expect(0);
}

/// The peak of resident memory of finished children, in bytes.
fn peak_of_children() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills the struct.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(usage.ru_maxrss).unwrap() * unit
}

#[test]
fn a_large_table_takes_memory_by_its_size_not_by_a_multiple() {
    const ROWS: u64 = 1_000_000;
    const COLUMNS: u64 = 12;
    let place = Place::new();
    let file = fs::File::create(place.path().join("in.csv")).unwrap();
    let mut file = BufWriter::new(file);
    writeln!(file, "{}", (0..COLUMNS).map(|c| format!("c{c}")).collect::<Vec<_>>().join(",")).unwrap();
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let end = if column + 1 == COLUMNS { '\n' } else { ',' };
            write!(file, "{}.{}{end}", (row * 31 + column * 17) % 9973, (row + column) % 97).unwrap();
        }
    }
    drop(file);
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "w.yaml"]).expect(0);
    let table = ROWS * COLUMNS * 8;
    let peak = peak_of_children();
    assert!(peak < 3 * table, "{peak} bytes at the peak for a table of {table}");
}
