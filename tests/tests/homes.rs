//! A home: whose it is, what can be done in one that can only be read, and what one damaged or odd file may spoil.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use millstream_tests::{Place, Ran, wait_until};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_home_is_its_owners_alone() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1", "--capture", "100%"]);
    place.run(&["keys", "create", "ci", "--scope", "deploy"]).expect(0);
    let server = place.serve(&[]);
    server.invoke("e", "secret,rows\n").expect(200);
    wait_until("the exchange is captured", Duration::from_secs(20), || {
        place.store().join("capture").exists()
    });
    place.run(&["artifacts", "latest", "copy", "fit/state", "."]).expect(0);
    let home = place.path().join(".millstream");
    let mut folders = vec![home.clone()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            // A running server makes files and removes them.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(entry.path());
            } else if let Ok(metadata) = entry.metadata() {
                assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{}", entry.path().display());
                files += 1;
            }
        }
    }
    assert!(files > 20, "{files}");
    // What is handed out belongs to whoever asked for it.
    let copy = place.path().join("model.json");
    assert_ne!(mode(&copy) & 0o044, 0, "as the umask says");
}

#[test]
fn the_doctor_says_who_else_may_read_a_home_and_how_to_mend_it() {
    let place = Place::new();
    place.run(&["runs"]).expect(0);
    let home = place.path().join(".millstream");
    let doctor = || place.run(&["doctor"]).stdout;
    assert!(doctor().contains("its owner's alone"));
    for (mode, said) in [
        (0o755, "others may read"),
        (0o750, "others may read"),
        (0o711, "others may read"),
        (0o777, "others may write"),
    ] {
        fs::set_permissions(&home, fs::Permissions::from_mode(mode)).unwrap();
        let told = doctor();
        assert!(told.contains(said) && told.contains("chmod -R go-rwx"), "{mode:o}: {told}");
    }
    let mend = Command::new("chmod").args(["-R", "go-rwx"]).arg(&home).status().unwrap();
    assert!(mend.success() && doctor().contains("its owner's alone"));
}

/// Runs a command while nobody can write into the home. None: this machine gives us no way.
fn read_only(place: &Place, arguments: &[&str]) -> Option<Ran> {
    let home = place.path().join(".millstream");
    // SAFETY: asks for a number.
    let is_root = unsafe { libc::geteuid() } == 0;
    let own = place.command(arguments);
    if !is_root {
        let set = |mode: &str| Command::new("chmod").args(["-R", mode]).arg(&home).status().unwrap();
        set("a-w");
        let ran = place.run(arguments);
        set("u+w");
        return Some(ran);
    }
    // Root may write anywhere but on what is mounted to be read.
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c"]);
    command.arg("mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" || exit 99; exec \"$@\"");
    command.arg(&home).arg(own.get_program()).args(own.get_args()).current_dir(place.path());
    command.env_remove("MILLSTREAM_HOME");
    let ran: Ran = command.output().ok()?.into();
    (ran.code != Some(99) && !ran.stderr.contains("unshare:")).then_some(ran)
}

#[test]
fn a_home_that_can_only_be_read_can_be_read() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    place.run(&["keys", "create", "ci", "--scope", "deploy"]).expect(0);
    place.run(&["functions", "list"]).expect(0);
    place.write("rows.csv", "a,b\n");
    if read_only(&place, &["runs"]).is_none() {
        eprintln!("SKIPPED: this machine lets nobody make a folder read-only");
        return;
    }
    for arguments in [
        &["runs"][..],
        &["status", "latest"],
        &["logs", "latest"],
        &["artifacts", "latest"],
        &["artifacts", "latest", "copy", "fit/state", "out.json"],
        &["models"],
        &["models", "echo"],
        &["models", "echo", "--compare", "1", "2"],
        &["endpoints"],
        &["endpoints", "e", "--history"],
        &["rollout", "e"],
        &["keys", "list"],
        &["functions", "describe", "faulty"],
        &["validate", "w.yaml"],
        &["invoke", "e", "rows.csv"],
    ] {
        let ran = read_only(&place, arguments).unwrap();
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
    }
    for arguments in [
        &["run", "w.yaml"][..],
        &["worker"],
        &["deploy", "e", "--model", "echo@2"],
        &["models", "approve", "echo", "1"],
        &["models", "rm", "echo@3"],
        &["keys", "create", "x", "--scope", "invoke"],
        &["doctor"],
    ] {
        let ran = read_only(&place, arguments).unwrap();
        assert_eq!(ran.code, Some(1), "{arguments:?}: {}", ran.stderr);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            said.contains("ead-only file system") || said.contains("ermission denied"),
            "{arguments:?}: {said}"
        );
    }
    let doctor = read_only(&place, &["doctor"]).unwrap().stdout;
    assert!(doctor.contains("can be read, and not written to"), "{doctor}");
}

#[test]
fn one_damaged_record_spoils_nothing_else() {
    let place = Place::with_echo().with_test_functions(&["noop"]);
    place.deploy(&["--model", "echo@1"]);
    let damaged = place.store().join("functions/noop");
    let record = fs::read_dir(&damaged).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&record).unwrap();
    for bytes in [&b""[..], b"{", b"[]", &whole[..whole.len() / 2], b"\xff\xfe"] {
        fs::write(&record, bytes).unwrap();
        // Whoever needs it is told, and whoever does not goes on.
        place.write("noop.yaml", "name: n\nsteps:\n  a: { uses: noop }\n");
        place.run(&["run", "noop.yaml"]).expect(1).says(&["functions/noop/", "is damaged", "functions add"]);
        place.run(&["run", "w.yaml"]).expect(0).says(&["functions/noop/"]);
        place.run(&["functions", "list"]).expect(1).says(&["functions/noop/"]);
        place.run(&["functions", "describe", "faulty"]).expect(0);
    }
    let server = place.serve(&[]);
    server.invoke("e", "a\n").expect(200);
    drop(server);
    let doctor = place.run(&["doctor"]).expect(1).stdout;
    assert!(doctor.contains("functions/noop/"), "{doctor}");
    // As it says: away with it, and added again.
    fs::remove_file(&record).unwrap();
    let place = place.with_test_functions(&["noop"]);
    place.run(&["run", "noop.yaml"]).expect(0);

    // Records of the other kinds.
    place.run(&["keys", "create", "ci", "--scope", "deploy"]).expect(0);
    place.run(&["keys", "create", "shop", "--scope", "invoke"]).expect(0);
    let keys = place.store().join("keys");
    let key = fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    fs::write(&key, "{").unwrap();
    let listed = place.run(&["keys", "list"]).expect(1);
    assert!(listed.stdout.contains("ci") || listed.stdout.contains("shop"), "{}", listed.stdout);
    let id = key.file_stem().unwrap().to_string_lossy().into_owned();
    listed.says(&[&id, "damaged", "keys revoke"]);
    place.run(&["keys", "revoke", &id]).expect(0);
    place.run(&["keys", "list"]).expect(0);

    fs::write(place.store().join("models/echo/versions/000002.json"), "{").unwrap();
    place.run(&["models"]).expect(1).says(&["models/echo/versions/000002.json"]);
    place.run(&["deploy", "e", "--model", "echo@3"]).expect(0);
    // The next version gets the next number: the damaged one keeps its own.
    let other =
        fs::read_to_string(place.path().join("w.yaml")).unwrap().replace("state: trap", "state: other");
    place.write("w.yaml", other);
    place.run(&["run", "w.yaml"]).expect(0);
    assert!(place.store().join("models/echo/versions/000004.json").exists());
    let run = place.runs().remove(0);
    fs::write(place.store().join(format!("runs/{run}/plan.json")), "{").unwrap();
    let listed = place.run(&["runs"]).expect(1);
    assert!(listed.stdout.contains("echo"), "the others are listed: {}", listed.stdout);
    listed.says(&[&run, "damaged"]);
    let doctor = place.run(&["doctor", "--json"]).expect(1).stdout;
    for said in ["models/echo/versions/000002.json", &run] {
        assert!(doctor.contains(said), "{said}: {doctor}");
    }
}

#[test]
fn a_damaged_queue_keeps_no_endpoint_from_answering_and_nothing_from_being_read() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    place.write("rows.csv", "a,b\n");
    let queue = place.path().join(".millstream/queue");
    let whole = fs::read(queue.join("queue.sqlite")).unwrap();
    let mut torn = whole.clone();
    torn[20..2000].fill(0xaa);
    for bytes in [&[b'x'; 300][..], &torn] {
        for entry in fs::read_dir(&queue).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("queue.sqlite") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        fs::write(queue.join("queue.sqlite"), bytes).unwrap();
        for verb in [&["runs"][..], &["status", "latest"], &["models"], &["invoke", "e", "rows.csv"]] {
            place.run(verb).expect(0);
        }
        place.run(&["run", "w.yaml"]).expect(1).says(&["move the queue's files away", "millstream retry"]);
        place.run(&["worker"]).expect(1).says(&["move the queue's files away"]);
        let doctor = place.run(&["doctor"]).expect(1).stdout;
        assert!(doctor.contains("move the queue's files away"), "{doctor}");
        place.serve(&[]).invoke("e", "a\n").expect(200);
        assert_eq!(fs::read(queue.join("queue.sqlite")).unwrap(), bytes, "left as it is");
    }
    fs::remove_file(queue.join("queue.sqlite")).unwrap();
    place.run(&["run", "w.yaml"]).expect(0);
}

#[test]
fn a_record_that_becomes_a_link_or_goes_away_takes_no_endpoint_down() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    place.deploy(&["--model", "echo@2"]);
    place.deploy(&["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    let variant = |name: &str| server.invoke("e", "a\n").variant.as_deref() == Some(name);
    let soon = Duration::from_secs(10);
    wait_until("it answers", soon, || variant("echo-1"));
    let (record, aside) = (place.store().join("endpoints/e.json"), place.path().join("aside.json"));
    let stays = |what: &str| {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1200) {
            assert!(variant("echo-1"), "{what}");
        }
    };
    fs::rename(&record, &aside).unwrap();
    stays("gone");
    std::os::unix::fs::symlink(&aside, &record).unwrap();
    stays("a link to the record");
    let doctor = place.run(&["doctor"]).expect(1).stdout;
    assert!(doctor.contains("e.json is a link"), "{doctor}");
    fs::remove_file(&record).unwrap();
    std::os::unix::fs::symlink(place.path().join("nowhere"), &record).unwrap();
    stays("a link to nothing");
    let doctor = place.run(&["doctor"]).expect(1).stdout;
    assert!(doctor.contains("e.json is a link to no file"), "{doctor}");
    fs::remove_file(&record).unwrap();
    fs::create_dir(&record).unwrap();
    stays("a folder");
    fs::remove_dir(&record).unwrap();
    // The record comes back with what was done meanwhile, or is made anew: either is taken.
    fs::rename(&aside, &record).unwrap();
    place.deploy(&["--model", "echo@2"]);
    wait_until("the change is taken", soon, || variant("echo-2"));
    fs::remove_file(&record).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    place.deploy(&["--model", "echo@1"]);
    wait_until("the new record is taken", soon, || variant("echo-1"));
    // Whoever removes it has it removed.
    place.run(&["endpoints", "rm", "e"]).expect(0);
    wait_until("it is gone", soon, || server.invoke("e", "a\n").status == 400);
}
