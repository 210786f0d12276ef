//! Compiled components on disk: used, mended, and never believed blindly.

use std::{fs, path::PathBuf, thread};

use crate::support::{Home, run};

fn files(home: &Home, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let folders = fs::read_dir(&home.cache).unwrap().flatten().filter(|entry| entry.path().is_dir());
    for folder in folders {
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
    assert_eq!((files(&home, "code").len(), files(&home, "record").len()), (1, 1));
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
    let record = files(&home, "record").remove(0);
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

/// What was put there while the folder was open to others, or by somebody who has not the key, is not run.
#[test]
#[cfg(unix)]
fn what_is_not_ours_is_compiled_away() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let home = Home::with_empty_cache();
    let job = home.job("ok");
    run(&home.local(), &job).unwrap();
    let (code, record) = (files(&home, "code").remove(0), files(&home, "record").remove(0));
    let (whole, known) = (fs::read(&code).unwrap(), fs::read(&record).unwrap());
    // Whole in itself, of the same engine, but from another cache.
    let stranger = Home::with_empty_cache();
    run(&stranger.local(), &stranger.job("ok")).unwrap();
    let (their_code, their_record) =
        (files(&stranger, "code").remove(0), files(&stranger, "record").remove(0));
    assert_eq!(their_code.file_name(), code.file_name(), "compiling gives the same bytes");
    let mode = |file: &PathBuf, mode| fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    let link = |file: &PathBuf| {
        let aside = home.path().join("aside");
        fs::rename(file, &aside).unwrap();
        symlink(&aside, file).unwrap();
    };
    let harms: [&dyn Fn(); 7] = [
        &|| assert!(fs::copy(&their_record, &record).is_ok()),
        &|| mode(&code, 0o666),
        &|| mode(&record, 0o620),
        &|| link(&code),
        &|| link(&record),
        // The record of this function under the name of another's code.
        &|| fs::write(&record, [&known[..32], &fs::read(&their_record).unwrap()[32..]].concat()).unwrap(),
        &|| fs::remove_file(home.cache.join("key")).unwrap(),
    ];
    for (number, harm) in harms.into_iter().enumerate() {
        harm();
        assert_eq!(run(&home.local(), &job).unwrap().message, "ok");
        for file in [&code, &record] {
            let metadata = fs::symlink_metadata(file).unwrap();
            assert!(
                metadata.is_file() && metadata.permissions().mode() & 0o077 == 0,
                "harm {number}: {file:?}"
            );
        }
        assert_eq!(fs::read(&code).unwrap(), whole);
    }
}

/// A lock that is a link to somebody's file: it is not followed, and the file stays as it is.
#[test]
#[cfg(unix)]
fn a_link_in_place_of_a_lock_is_not_followed() {
    let home = Home::with_empty_cache();
    run(&home.local(), &home.job("ok")).unwrap();
    let precious = home.path().join("precious");
    fs::write(&precious, "x").unwrap();
    let lock = files(&home, "lock").remove(0);
    fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink(&precious, &lock).unwrap();
    fs::remove_file(files(&home, "record").remove(0)).unwrap();
    assert!(run(&home.local(), &home.job("ok")).is_ok());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "x");
}

/// What is mapped or read is what was checked: a file that is cut short meanwhile harms nobody.
#[test]
fn code_that_is_cut_short_while_it_runs_goes_on() {
    let home = Home::with_empty_cache();
    let local = home.local();
    run(&local, &home.job("ok")).unwrap();
    let again = home.local();
    run(&again, &home.job("ok")).unwrap();
    fs::File::options().write(true).open(files(&home, "code").remove(0)).unwrap().set_len(0).unwrap();
    assert_eq!(run(&again, &home.job_with("echo", &[b"on"])).unwrap().outputs.len(), 1);
    assert!(crate::support::blamed(run(&again, &home.job("panic"))).0.contains("on fire"));
}

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
    assert!(failure.to_string().contains("rm -r"), "{failure}");
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
    assert_eq!((files(&home, "code").len(), files(&home, "record").len()), (1, 1));
}
