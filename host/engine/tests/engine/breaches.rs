//! Answers that break the contract are the function's fault, and say how.

use crate::support::{Home, blamed, run};

#[test]
fn each_is_named() {
    let home = Home::new();
    let local = home.local();
    for (mode, expected) in [
        (
            "undeclared-output",
            "output `elsewhere`, which its manifest does not declare (it has: echo, state)",
        ),
        ("missing-output", "did not finish any part of its required output `echo`"),
        ("unfinished-output", "did not finish any part of its required output `echo`"),
        ("wrong-media-type", "wrote `image/png` to output `echo`, whose media type is `text/*`"),
        ("bad-part-name", "\"../a.txt\": a part's name has no slashes"),
        ("same-part-twice", "wrote part `a.txt` of output `echo` twice"),
        ("two-states", "second part of output `state`, but a model has one"),
        ("finish-twice", "used a writer of output `echo` after finishing it"),
        ("write-after-finish", "used a writer of output `echo` after finishing it"),
        (
            "unknown-channel",
            "channel `elsewhere`, which its manifest does not declare (it has: table, model)",
        ),
        ("no-such-part", "part 99 of channel `table`, which has 1 parts"),
        ("bad-root", "there is no rank 3"),
        ("media-type-with-escapes", "media type with control characters: \"text/plain; x=\\u{1b}]0;owned"),
        ("metric-with-escapes", "a name with control characters: \"loss\\u{1b}]0;owned"),
        ("curve-with-escapes", "whose name has control characters: \"loss\\n\\u{9b}2K\""),
        ("same-metric-twice", "final metric `loss` twice"),
    ] {
        let (message, _) = blamed(run(&local, &home.job_with(mode, &[b"x"])));
        assert!(message.contains(expected), "{mode}: {message}");
    }
}

#[test]
fn a_breach_in_the_middle_of_the_guest_shows_where() {
    let home = Home::new();
    let (_, backtrace) = blamed(run(&home.local(), &home.job("undeclared-output")));
    assert!(backtrace.contains("fn_faulty"), "{backtrace}");
}
