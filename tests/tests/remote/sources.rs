//! Objects of AWS as sources of runs, wherever the home is.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{BucketVersioningStatus, VersioningConfiguration},
};
use millstream_aws::block_on;
use millstream_emulators::Emulator;
use millstream_tests::Place;

use crate::{Home, bucket, client, unique};

/// Puts an object, and gives its version, if the bucket keeps any.
fn put(emulator: &Emulator, bucket: &str, key: &str, text: &str) -> Option<String> {
    let body = ByteStream::from(text.as_bytes().to_vec());
    let put = client(&emulator.url()).put_object().bucket(bucket).key(key).body(body);
    block_on(put.send()).expect("an object").version_id
}

/// What a run that reads `source` has made of it.
fn read(home: &Home, source: &str) -> Vec<String> {
    let text = format!(
        "name: r\nsteps:\n  e: {{ uses: faulty, inputs: {{ table: '{source}' }}, with: {{ mode: echo }} }}\n"
    );
    home.place.write("r.yaml", text);
    home.run(&["run", "r.yaml"]).expect(0);
    let folder = unique();
    home.run(&["artifacts", "latest", "copy", "e/echo", &format!("{folder}/")]).expect(0);
    let mut found = Vec::new();
    collect(&home.place.path().join(folder), &mut found);
    found.sort();
    found
}

fn collect(at: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn objects_folders_patterns_and_versions_of_aws_are_read() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let raw = bucket(&emulator.url());
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = client(&emulator.url()).put_bucket_versioning().bucket(&raw);
    block_on(request.versioning_configuration(versioned).send()).expect("versions");
    let first = put(emulator, &raw, "in/a b.csv", "first").expect("a version");
    put(emulator, &raw, "in/a b.csv", "second");
    put(emulator, &raw, "in/day=1/c.csv", "third");
    put(emulator, &raw, "in/_SUCCESS", "");
    // A home of this machine, and one in AWS.
    let folder = tempfile::tempdir().unwrap();
    let local = |name: &str| folder.path().join(name).display().to_string();
    let here =
        Home::at(&emulator.url(), format!("file:{}", local("store")), format!("sqlite:{}", local("queue")));
    for home in [here, Home::remote(emulator)] {
        assert_eq!(read(&home, &format!("s3://{raw}/in/a b.csv")), ["second"]);
        assert_eq!(read(&home, &format!("s3://{raw}/in/a b.csv?versionId={first}")), ["first"]);
        assert_eq!(read(&home, &format!("s3://{raw}/in/*.csv")), ["second"]);
        for (source, says) in [
            (format!("s3://{raw}/in/z.csv"), "no object of bucket"),
            (format!("s3://{}/in/a.csv", unique()), "MS1005"),
        ] {
            home.place.write(
                "w.yaml",
                format!("name: r\nsteps:\n  e: {{ uses: faulty, inputs: {{ table: '{source}' }}, with: {{ mode: echo }} }}\n"),
            );
            home.run(&["run", "w.yaml"]).expect(2).says(&[says]);
        }
    }
}

#[test]
fn a_bucket_of_the_home_comes_before_one_of_aws() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let name = bucket(&emulator.url());
    put(emulator, &name, "a.csv", "of AWS");
    let place = Place::new().with_test_functions(&["faulty"]);
    let server = place.serve(&[]);
    server.s3("PUT", &format!("/{name}"), b"").expect(200);
    server.s3("PUT", &format!("/{name}/a.csv"), b"of the home").expect(200);
    place.write(
        "w.yaml",
        format!("name: r\nsteps:\n  e: {{ uses: faulty, inputs: {{ table: 's3://{name}/a.csv' }}, with: {{ mode: echo }} }}\n"),
    );
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["artifacts", "latest", "copy", "e/echo", "echoed"]).expect(0);
    assert_eq!(std::fs::read_to_string(place.path().join("echoed")).unwrap(), "of the home");
    assert_eq!(server.stop(), Some(0));
}
