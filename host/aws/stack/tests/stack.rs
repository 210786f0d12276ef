//! A stack in an account that is emulated: deployed, changed, looked at, destroyed, and what comes between.
//!
//! MiniStack takes the template as it is, but for the budget, which it does not know: that is switched off here.

use std::{path::PathBuf, sync::Mutex, thread};

use millstream_aws_stack::{
    Account, DEFAULT, Doing, Error, StackEvent, StackSettings, Wish, deploy, destroy, plan_deployment,
    removal, status,
};
use millstream_core::pools::Pools;
use millstream_emulators::{Emulator, Kind, ministack};

/// A zip with nothing in it.
const EMPTY_ZIP: [u8; 22] = [b'P', b'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn account(emulator: &Emulator) -> Account {
    Account::new(&millstream_aws::at_endpoint(&emulator.url(), "us-east-1", "test", "test"))
}

fn s3(emulator: &Emulator) -> aws_sdk_s3::Client {
    let config = millstream_aws::at_endpoint(&emulator.url(), "us-east-1", "test", "test");
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build())
}

fn settings(changes: &[(&str, &str)]) -> StackSettings {
    let all = [&[("budget: 20", "budget: 0")], changes].concat();
    let text = all.iter().fold(DEFAULT.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    StackSettings::parse("s.yaml", &text).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn package(&self) -> PathBuf {
        let file = self.0.path().join("package.zip");
        std::fs::write(&file, EMPTY_ZIP).unwrap();
        file
    }

    fn wish(&self, stack: &str, settings: StackSettings) -> Wish {
        Wish { stack: stack.to_owned(), settings, package: self.package(), wait: true }
    }
}

fn quiet(_: &StackEvent) {}

fn keys(emulator: &Emulator, bucket: &str) -> Vec<String> {
    let client = s3(emulator);
    let listed =
        millstream_aws::block_on(async move { client.list_objects_v2().bucket(bucket).send().await });
    listed.unwrap().contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
}

fn put(emulator: &Emulator, bucket: &str, key: &str) {
    let client = s3(emulator);
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"x");
    millstream_aws::block_on(
        async move { client.put_object().bucket(bucket).key(key).body(body).send().await },
    )
    .unwrap();
}

fn is_there(emulator: &Emulator, bucket: &str) -> bool {
    let client = s3(emulator);
    millstream_aws::block_on(async move { client.head_bucket().bucket(bucket).send().await }).is_ok()
}

#[test]
fn a_stack_is_made_changed_looked_at_and_removed() {
    let Some(emulator) = ministack() else { return };
    let (account, folder) = (account(emulator), Folder::new());
    let wish = folder.wish("whole", settings(&[]));
    let bucket = "whole-000000000000-us-east-1";

    let plan = plan_deployment(&account, &wish).unwrap();
    assert_eq!((plan.steps[0].action, plan.steps[0].target.as_str()), (Doing::Create, "Bucket"));
    assert!(plan.steps.iter().any(|step| step.action == Doing::Create && step.target == "LargeWorker"));
    assert!(!is_there(emulator, bucket), "a dry run makes nothing");

    let events = Mutex::new(Vec::new());
    let deployed =
        deploy(&account, &wish, &|event| events.lock().unwrap().push(event.resource.clone())).unwrap();
    assert!(deployed.changed && deployed.workflows.is_some());
    assert_eq!(deployed.store, format!("s3://{bucket}/millstream/store"));
    assert_eq!(deployed.queue, "sqs://whole");
    assert!(events.into_inner().unwrap().contains(&"Bucket".to_owned()));
    let client = s3(emulator);
    let record = millstream_aws::block_on(async move {
        let key = "millstream/store/settings/pools.json";
        client
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .unwrap()
            .body
            .collect()
            .await
            .unwrap()
            .to_vec()
    });
    let pools = Pools::from_json(&record).unwrap();
    assert_eq!(pools.iter().map(|pool| pool.memory).collect::<Vec<_>>(), [1769, 5308, 10_240]);

    // The same again changes nothing, and uploads nothing.
    let plan = plan_deployment(&account, &wish).unwrap();
    let done: Vec<Doing> = plan.steps.iter().map(|step| step.action).collect();
    assert_eq!(done, [Doing::Keep, Doing::Write], "{plan}");
    assert_eq!(keys(emulator, bucket).iter().filter(|key| key.ends_with(".zip")).count(), 1);

    // One pool less, one larger.
    let fewer = folder.wish(
        "whole",
        settings(&[
            ("  - name: standard\n    memory: 5308\n    concurrency: 50\n", ""),
            ("memory: 1769 ", "memory: 2048 "),
        ]),
    );
    let plan = plan_deployment(&account, &fewer).unwrap().to_string();
    assert!(plan.contains("update    SmallWorker") && plan.contains("delete    StandardQueue"), "{plan}");
    assert!(!plan.contains("LargeWorker "), "{plan}");
    assert!(deploy(&account, &fewer, &quiet).unwrap().changed);

    let status = status(&account, "whole", &fewer.settings).unwrap();
    assert_eq!(status.pools.iter().map(|pool| pool.memory).collect::<Vec<_>>(), [2048, 10_240]);
    assert!(status.idle.iter().map(|item| item.usd).sum::<f64>() < 3.0, "{:?}", status.idle);

    let gone = removal(&account, "whole").unwrap();
    assert!(gone.plan.to_string().contains("s3://whole-000000000000-us-east-1/millstream/"), "{}", gone.plan);
    destroy(&account, &gone, false, &quiet).unwrap();
    assert!(!is_there(emulator, bucket));
    assert!(matches!(removal(&account, "whole"), Err(Error::Missing { .. })));
}

#[test]
fn two_deployments_at_once_end_in_one_stack() {
    let Some(emulator) = ministack() else { return };
    let folder = Folder::new();
    // MiniStack takes both for the first now and then, and rolls back; CloudFormation refuses the second.
    let ended_well = (1..=3).any(|nth| {
        let wish = folder.wish(&format!("twice-{nth}"), settings(&[]));
        let ends = thread::scope(|scope| {
            let one = || scope.spawn(|| deploy(&account(emulator), &wish, &quiet));
            [one(), one()].map(|one| one.join().unwrap())
        });
        if ends
            .iter()
            .any(|end| matches!(end, Err(Error::Failed { status, .. }) if status == "ROLLBACK_COMPLETE"))
        {
            return false;
        }
        for end in ends {
            assert_eq!(end.unwrap().queue, format!("sqs://twice-{nth}"));
        }
        let plan = plan_deployment(&account(emulator), &wish).unwrap();
        assert!(plan.steps.iter().all(|step| matches!(step.action, Doing::Keep | Doing::Write)), "{plan}");
        true
    });
    assert!(ended_well, "three times a stack was rolled back");
}

#[test]
fn objects_of_others_are_left_until_that_is_said() {
    let Some(emulator) = ministack() else { return };
    let (account, folder) = (account(emulator), Folder::new());
    deploy(&account, &folder.wish("shared", settings(&[])), &quiet).unwrap();
    let bucket = "shared-000000000000-us-east-1";
    put(emulator, bucket, "raw/a.csv");
    put(emulator, bucket, "raw/a.csv");
    let gone = removal(&account, "shared").unwrap();
    assert!(gone.plan.to_string().contains("not written by Millstream"), "{}", gone.plan);
    let error = destroy(&account, &gone, false, &quiet).unwrap_err();
    assert!(matches!(&error, Error::ForeignObjects(why) if why.contains("raw/ (2 versions)")), "{error}");
    assert!(keys(emulator, bucket).contains(&"raw/a.csv".to_owned()));
    assert!(plan_deployment(&account, &folder.wish("shared", settings(&[]))).is_ok(), "the stack is there");
    destroy(&account, &gone, true, &quiet).unwrap();
    assert!(!is_there(emulator, bucket));
}

#[test]
fn a_destroy_that_was_interrupted_is_repeated() {
    let Some(emulator) = ministack() else { return };
    let (account, folder) = (account(emulator), Folder::new());
    deploy(&account, &folder.wish("half", settings(&[])), &quiet).unwrap();
    let bucket = "half-000000000000-us-east-1";
    // It came as far as the objects; then something wrote one more, and the process was gone.
    let client = s3(emulator);
    for key in keys(emulator, bucket) {
        let deleted = client.delete_object().bucket(bucket).key(key);
        millstream_aws::block_on(async move { deleted.send().await }).unwrap();
    }
    put(emulator, bucket, "millstream/store/late");
    // Delete markers and old versions are in the bucket, and go too.
    let gone = removal(&account, "half").unwrap();
    assert!(gone.content.0["millstream/"].versions > 2, "{:?}", gone.content);
    destroy(&account, &gone, false, &quiet).unwrap();
    assert!(!is_there(emulator, bucket));
    // Whoever has an older view of it does no harm.
    destroy(&account, &gone, false, &quiet).unwrap();
}

#[test]
fn what_fails_is_named_with_its_reason_and_can_be_repeated() {
    let Some(emulator) = Emulator::start(Kind::MiniStack) else { return };
    let (account, folder) = (account(&emulator), Folder::new());
    // MiniStack does not know budgets: what CloudFormation refuses is told as it says it.
    let with_budget = folder.wish("fails", StackSettings::carried());
    let error = deploy(&account, &with_budget, &quiet).unwrap_err().to_string();
    assert!(error.contains("AWS::Budgets::Budget"), "{error}");
    // The bucket was made; the next attempt goes on from there.
    assert!(is_there(&emulator, "fails-000000000000-us-east-1"));
    assert!(deploy(&account, &folder.wish("fails", settings(&[])), &quiet).unwrap().changed);
}

#[test]
fn a_package_that_is_none_is_refused_before_anything_is_asked() {
    let account = Account::new(&millstream_aws::at_endpoint("http://127.0.0.1:9", "us-east-1", "a", "b"));
    let folder = Folder::new();
    let mut wish = folder.wish("none", settings(&[]));
    std::fs::write(&wish.package, "text").unwrap();
    assert!(matches!(deploy(&account, &wish, &quiet), Err(Error::Package(why)) if why.contains("no zip")));
    wish.package = folder.0.path().join("missing.zip");
    assert!(
        matches!(plan_deployment(&account, &wish), Err(Error::Package(why)) if why.contains("missing.zip"))
    );
}
