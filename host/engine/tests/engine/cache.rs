//! Compiled components on disk: used, mended, and never believed blindly.

use std::{fs, path::PathBuf, thread};

use crate::support::{Home, run};

fn files(home: &Home, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(&home.cache).unwrap().flatten() {
        for file in fs::read_dir(folder.path()).unwrap().flatten() {
            if file.path().extension().is_some_and(|other| other == extension) {
                found.push(file.path());
            }
        }
    }
    found
}

#[test]
fn a_compiled_function_is_found_again_without_its_bytes() {
    let home = Home::with_empty_cache();
    let job = home.job("ok");
    run(&home.local(), &job).unwrap();
    assert_eq!((files(&home, "code").len(), files(&home, "json").len()), (1, 1));
    let component = home.artifacts.local_path(&job.function).unwrap();
    fs::remove_file(component).unwrap();
    assert!(run(&home.local(), &job).is_ok());
}

#[test]
fn damage_of_any_kind_is_compiled_away() {
    let home = Home::with_empty_cache();
    let job = home.job("ok");
    run(&home.local(), &job).unwrap();
    let code = files(&home, "code").remove(0);
    let record = files(&home, "json").remove(0);
    let whole = fs::read(&code).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let damages: [(&PathBuf, &[u8]); 6] = [
        (&code, &flipped),
        (&code, &whole[..whole.len() / 2]),
        (&code, b""),
        (&code, b"\x7fELF nonsense"),
        (&record, b"{"),
        (&record, b""),
    ];
    for (file, bytes) in damages {
        fs::write(file, bytes).unwrap();
        assert_eq!(run(&home.local(), &job).unwrap().message, "ok");
        assert_eq!(fs::read(&code).unwrap(), whole, "mended");
    }
    fs::remove_file(&code).unwrap();
    assert!(run(&home.local(), &job).is_ok());
}

/// A record that points to code of another function, whole in itself, still gives that code, so nobody but us may
/// write there.
#[test]
#[cfg(unix)]
fn a_cache_that_others_can_write_into_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let home = Home::with_empty_cache();
    run(&home.local(), &home.job("ok")).unwrap();
    let mode = fs::metadata(&home.cache).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    fs::set_permissions(&home.cache, fs::Permissions::from_mode(0o777)).unwrap();
    let failure = run(&home.pool(1), &home.job("ok")).unwrap_err();
    assert!(failure.to_string().contains("chmod go-w"), "{failure}");
}

#[test]
fn many_that_want_the_same_function_at_once_compile_it_once() {
    let home = Home::with_empty_cache();
    let pool = home.pool(4);
    let job = home.job("ok");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| run(&pool, &job).unwrap());
        }
    });
    assert_eq!((files(&home, "code").len(), files(&home, "json").len()), (1, 1));
}
