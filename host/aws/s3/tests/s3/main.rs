//! The store against emulators of S3, with and without faults between.

mod conformance;
mod faults;
mod neighbours;

use std::sync::atomic::{AtomicU32, Ordering};

use millstream_aws::{SdkConfig, at_endpoint};
use millstream_aws_s3::{Place, S3Store};
use millstream_core::location::Location;

/// A client of what listens at `url`.
fn config(url: &str) -> SdkConfig {
    at_endpoint(url, "us-east-1", "test", "test")
}

/// A new bucket there.
fn bucket(url: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("b{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    let settings = aws_sdk_s3::config::Builder::from(&config(url)).force_path_style(true).build();
    let client = aws_sdk_s3::Client::from_conf(settings);
    millstream_aws::block_on(client.create_bucket().bucket(&name).send()).expect("a bucket");
    name
}

/// The store at `s3://place`, asked for at `url`.
fn store(url: &str, place: &str) -> S3Store {
    let location = Location::parse(&format!("s3://{place}"), "file").unwrap();
    S3Store::new(&config(url), Place::parse(&location).unwrap())
}
