//! A bucket with somebody else's objects in it.

use millstream_aws::block_on;
use millstream_store::{Store, entries};

use crate::{bucket, config, store};

#[test]
fn what_others_have_in_the_bucket_is_neither_seen_nor_touched() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let bucket = bucket(&emulator.url());
    let settings = aws_sdk_s3::config::Builder::from(&config(&emulator.url())).force_path_style(true).build();
    let client = aws_sdk_s3::Client::from_conf(settings);
    let theirs = ["a", "home", "home2/runs/1", "homes", "home/", "home/a b", "home/.hidden/x", "z/\u{e4}"];
    for key in theirs {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(b"theirs");
        block_on(client.put_object().bucket(&bucket).key(key).body(body).send()).unwrap();
    }
    let ours = store(&emulator.url(), &format!("{bucket}/home"));
    for key in ["runs/1", "runs/2", "a"] {
        ours.put(key, b"ours", &millstream_store::PutOptions::absent()).unwrap();
    }
    let keys: Vec<String> = entries(&ours, "").map(|entry| entry.unwrap().key).collect();
    assert_eq!(keys, ["a", "runs/1", "runs/2"]);
    // Pages of one go past what is not ours.
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = ours.list("", after.as_deref(), 1).unwrap();
        found.extend(page.entries.into_iter().map(|entry| entry.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, keys);
    for key in &keys {
        ours.delete(key).unwrap();
    }
    for key in theirs {
        let found = block_on(client.get_object().bucket(&bucket).key(key).send()).unwrap();
        assert_eq!(block_on(found.body.collect()).unwrap().to_vec(), b"theirs", "{key}");
    }
    // A store in the same bucket, beside it, sees nothing of it.
    let beside = store(&emulator.url(), &format!("{bucket}/other"));
    assert_eq!(entries(&beside, "").count(), 0);
}
