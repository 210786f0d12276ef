//! `kill -9` at every point of the order of writes, over S3 and SQS: the run ends as if nothing had happened.

use std::{thread, time::Duration};

use millstream_tests::wait_until;
use millstream_worker::failpoint::{KILL_AT, POINTS};

use crate::{Home, expected};

/// SQS does not see that a receiver is dead: its message comes again when its time has passed, a minute after the last heartbeat.
const UNTIL_IT_COMES_AGAIN: Duration = Duration::from_secs(180);

#[test]
fn at_every_point_of_the_order_of_writes() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let expected = expected();
    // All are killed first, so that their messages come again at the same time.
    let killed: Vec<(String, Home)> = POINTS
        .iter()
        .map(|point| {
            let home = Home::remote(emulator);
            home.run(&["run", "--detach", "w.yaml"]).expect(0);
            let at = format!("{point}:3");
            let mut victim = home.spawn(&["worker"], &[(KILL_AT, &at)]);
            assert_eq!(victim.wait().unwrap().code(), None, "killed at {at}, not ended");
            (at, home)
        })
        .collect();
    for (at, home) in killed {
        let machine = home.elsewhere();
        let mut worker = machine.spawn(&["worker"], &[]);
        wait_until(&at, UNTIL_IT_COMES_AGAIN, || {
            thread::sleep(Duration::from_millis(200));
            home.has_ended()
        });
        worker.kill().unwrap();
        worker.wait().unwrap();
        let run = &home.runs()[0];
        assert_eq!(home.results(run), expected, "{at}");
        assert_eq!(home.records("models/remote/versions/").len(), 1, "{at}: registered once");
        assert!(home.records(&format!("runs/{run}/failed/")).is_empty(), "{at}");
    }
}
