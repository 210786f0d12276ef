//! Modes that break the contract by what they say.

use crate::{
    done,
    millstream::function::{
        collective, inputs, outputs, report,
        types::{Failure, Summary},
    },
};

pub fn run(mode: &str) -> Option<Result<Summary, Failure>> {
    Some(match mode {
        "undeclared-output" => create("elsewhere", "a.txt", "text/plain"),
        "missing-output" => done("nothing written"),
        "unfinished-output" => outputs::create("echo", "a.txt", "text/plain")
            .and_then(|writer| writer.write(b"half"))
            .and_then(|()| done("half")),
        "wrong-media-type" => create("echo", "a.png", "image/png"),
        "bad-part-name" => create("echo", "../a.txt", "text/plain"),
        "same-part-twice" => {
            create("echo", "a.txt", "text/plain").and_then(|_| create("echo", "a.txt", "text/plain"))
        }
        "two-states" => state("a").and_then(|_| state("b")),
        "finish-twice" => writer(|writer| writer.finish().and_then(|()| writer.finish())),
        "write-after-finish" => writer(|writer| writer.finish().and_then(|()| writer.write(b"more"))),
        "unknown-channel" => inputs::open("elsewhere", 0).and_then(|_| done("opened")),
        "no-such-part" => inputs::open("table", 99).and_then(|_| done("opened")),
        "bad-root" => {
            collective::broadcast(3, b"all");
            done("broadcast")
        }
        "media-type-with-escapes" => create("echo", "a.txt", "text/plain; x=\u{1b}]0;owned\u{7}"),
        "metric-with-escapes" => {
            let metric = ("loss\u{1b}]0;owned\u{7}".to_owned(), 1.0);
            create("echo", "a.txt", "text/plain")
                .map(|_| Summary { message: String::new(), metrics: vec![metric] })
        }
        "curve-with-escapes" => {
            report::metric("loss\n\u{9b}2K", 1.0, 1);
            done("reported")
        }
        "same-metric-twice" => {
            let metric = ("loss".to_owned(), 1.0);
            create("echo", "a.txt", "text/plain")
                .map(|_| Summary { message: String::new(), metrics: vec![metric.clone(), metric] })
        }
        _ => return None,
    })
}

fn create(output: &str, part: &str, media_type: &str) -> Result<Summary, Failure> {
    outputs::create(output, part, media_type)?.finish()?;
    done("written")
}

fn state(part: &str) -> Result<Summary, Failure> {
    outputs::create("state", part, "application/octet-stream")?.finish()?;
    done("written")
}

fn writer(with: impl FnOnce(&outputs::Writer) -> Result<(), Failure>) -> Result<Summary, Failure> {
    with(&outputs::create("echo", "a.txt", "text/plain")?)?;
    done("written")
}
