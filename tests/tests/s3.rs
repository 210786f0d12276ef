//! Buckets of a server: what is promised of them when processes die, disks are full and others write too; and the clients that
//! people use, unmodified.
#![cfg(unix)]

use std::{io::Write as _, net::TcpStream, path::PathBuf, process::Command, thread};

use millstream_tests::{Place, root, server::Server};

const SIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// Files below a folder of the store.
fn files(place: &Place, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place.store().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found
}

#[test]
fn a_process_that_is_killed_in_an_upload_leaves_the_object_as_it_was() {
    let place = Place::new();
    let server = place.serve(&["--no-workers"]);
    server.s3("PUT", "/data", b"").expect(200);
    server.s3("PUT", "/data/a/b.csv", b"old").expect(200);
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut upload = TcpStream::connect(&address).unwrap();
    let size = 50 << 20;
    write!(upload, "PUT /data/a/b.csv HTTP/1.1\r\nhost: localhost\r\nauthorization: {SIGNED}\r\ncontent-length: {size}\r\n\r\n").unwrap();
    upload.write_all(&vec![1; size / 2]).unwrap();
    millstream_tests::wait_until("half of it is on disk", std::time::Duration::from_secs(30), || {
        files(&place, ".store/temp").iter().any(|file| file.metadata().is_ok_and(|file| file.len() > 1 << 20))
    });
    server.kill();
    let server = place.serve(&["--no-workers"]);
    assert_eq!(server.s3("GET", "/data/a/b.csv", b"").expect(200).text(), "old");
    assert_eq!(files(&place, "object-bytes").len(), 1);
    // What was on its way is removed when the store is opened.
    let on_the_way: u64 =
        files(&place, ".store/temp").iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    assert!(on_the_way < 1 << 20, "{on_the_way}");
    server.s3("PUT", "/data/a/b.csv", b"new").expect(200);
    assert_eq!(server.s3("GET", "/data/a/b.csv", b"").expect(200).text(), "new");
    assert_eq!(files(&place, "object-bytes").len(), 1, "what was replaced is removed");
    server.s3("DELETE", "/data/a/b.csv", b"").expect(204);
    assert_eq!(files(&place, "object-bytes").len(), 0);
}

#[test]
fn a_full_disk_says_so_and_leaves_what_is_there() {
    let place = Place::new();
    let server = place.serve_with_files_up_to(8 << 20, &["--no-workers"]);
    server.s3("PUT", "/data", b"").expect(200);
    server.s3("PUT", "/data/k", b"old").expect(200);
    let full = server.s3("PUT", "/data/k", &vec![0; 9 << 20]).expect(507);
    assert!(
        full.text().contains("InsufficientStorage") && full.text().contains("make room"),
        "{}",
        full.text()
    );
    assert_eq!(server.s3("GET", "/data/k", b"").expect(200).text(), "old");
    server.s3("PUT", "/data/k", b"new").expect(200);
    assert_eq!(server.s3("GET", "/data/k", b"").expect(200).text(), "new");
    assert_eq!(files(&place, "object-bytes").len(), 1);
}

#[test]
fn two_servers_on_one_home_agree() {
    let place = Place::new();
    let servers = [place.serve(&["--no-workers"]), place.serve(&["--no-workers"])];
    servers[0].s3("PUT", "/data", b"").expect(200);
    let put = |n: usize, key: &str, headers: &[(&str, &str)]| {
        servers[n % 2].s3_with("PUT", key, headers, format!("{n}").as_bytes()).status
    };
    let all = |key: &str, headers: &[(&str, &str)]| -> Vec<u16> {
        thread::scope(|scope| {
            let writers: Vec<_> = (0..16).map(|n| scope.spawn(move || put(n, key, headers))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        })
    };
    let created = all("/data/lock", &[("if-none-match", "*")]);
    assert_eq!(created.iter().filter(|status| **status == 200).count(), 1, "{created:?}");
    assert!(created.iter().all(|status| [200, 412].contains(status)), "{created:?}");
    assert_eq!(all("/data/any", &[]), [200; 16]);
    assert_eq!(files(&place, "object-bytes").len(), 2, "what was replaced is removed");
    let read = |server: &Server| server.s3("GET", "/data/any", b"").expect(200).text();
    assert_eq!(read(&servers[0]), read(&servers[1]));
}

#[test]
fn what_a_run_made_is_read_from_a_bucket() {
    let place = Place::new();
    place.write("in.csv", "a,b\n1,2\n3,4\n");
    place.write("w.yaml", "name: made\nsteps:\n  extract: { uses: extract, inputs: { source: ./in.csv } }\n");
    place.run(&["run", "w.yaml"]).expect(0);
    let run = place.runs().remove(0);
    let server = place.serve(&["--no-workers"]);
    let list = |prefix: &str| {
        server
            .s3("GET", &format!("/millstream?list-type=2&delimiter=%2F&prefix={prefix}"), b"")
            .expect(200)
            .text()
    };
    assert!(list("").contains("<Prefix>runs/</Prefix>"), "{}", list(""));
    assert!(list("runs/").contains(&format!("<Prefix>runs/{run}/</Prefix>")), "{}", list("runs/"));
    let key = format!("runs/{run}/extract/table/table.arrow");
    let listed = list(&format!("runs/{run}/extract/table/"));
    assert!(listed.contains(&format!("<Key>{key}</Key>")), "{listed}");
    let table = server.s3("GET", &format!("/millstream/{key}"), b"").expect(200);
    let artifact = place.results(&run)["extract/000000.json"]["outputs"]["table"]["parts"][0].clone();
    assert_eq!(artifact["size"].as_u64(), Some(table.body.len() as u64), "{artifact}");
    // A stream of Arrow's.
    assert_eq!(table.body[..4], [0xff; 4]);
    server.s3("PUT", &format!("/millstream/{key}"), b"x").expect(403);
    server.s3("DELETE", &format!("/millstream/{key}"), b"").expect(403);
    for nothing in [
        "runs/none/extract/table/table.arrow",
        "runs/../keys",
        "keys",
        "async/x/y/request.json",
        "models/none/1/model.json",
    ] {
        server.s3("GET", &format!("/millstream/{nothing}"), b"").expect(404);
    }
}

/// Runs checks of a script, with a key that opens all of it, or without keys.
fn clients(python: &str, script: &str, signed: bool, more: &[&str]) {
    let python =
        std::env::var_os(python).unwrap_or_else(|| panic!("{python} names a Python with the clients"));
    let place = Place::new();
    place.write("in.csv", "a,b\n1,2\n3,4\n");
    place.write("w.yaml", "name: made\nsteps:\n  extract: { uses: extract, inputs: { source: ./in.csv } }\n");
    place.run(&["run", "w.yaml"]).expect(0);
    let key = |name: &str, scopes: &[&str]| -> serde_json::Value {
        let scopes: Vec<&str> = scopes.iter().flat_map(|scope| ["--scope", scope]).collect();
        let made = place.run(&[&["keys", "create", name, "--json"], &scopes[..]].concat()).expect(0);
        serde_json::from_str(&made.stdout).unwrap()
    };
    let text = |key: &serde_json::Value, member: &str| key[member].as_str().unwrap_or_default().to_owned();
    let (both, reader, writer) =
        (key("both", &["read", "write"]), key("reader", &["read"]), key("writer", &["write"]));
    let server = place.serve(if signed { &["--no-workers", "--require-keys"] } else { &["--no-workers"] });
    let (id, secret) = match signed {
        true => (text(&both, "access-key-id"), text(&both, "secret-access-key")),
        false => ("any".to_owned(), "thing".to_owned()),
    };
    let mut command = Command::new(python);
    command.arg(root().join("tests/clients").join(script)).args([&server.url, &id, &secret]).args(more);
    command.env("RUN", &place.runs()[0]);
    if signed {
        command.env("WHOLE_KEY", text(&both, "key"));
        for (name, key) in [("READ", &reader), ("WRITE", &writer)] {
            command.env(format!("{name}_ID"), text(key, "access-key-id"));
            command.env(format!("{name}_SECRET"), text(key, "secret-access-key"));
        }
    }
    let ran = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.trim_end().ends_with("ok"), "{out}\n{err}");
}

#[test]
#[ignore = "needs clients from PyPI: `cargo xtask test` gets them"]
fn boto3_the_aws_cli_and_polars_use_buckets_with_keys() {
    clients("S3_PYTHON", "s3.py", true, &[]);
}

#[test]
#[ignore = "needs clients from PyPI: `cargo xtask test` gets them"]
fn boto3_the_aws_cli_and_polars_use_buckets_without_keys() {
    clients("S3_PYTHON", "s3.py", false, &[]);
}

#[test]
#[ignore = "needs clients from PyPI: `cargo xtask test` gets them"]
fn pandas_reads_and_writes_buckets() {
    clients("S3FS_PYTHON", "s3_pandas.py", true, &[]);
    clients("S3FS_PYTHON", "s3_pandas.py", false, &[]);
}
