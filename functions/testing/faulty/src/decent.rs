//! Modes that keep the contract.

use crate::{
    done,
    millstream::function::{
        inputs, models, outputs,
        report::{self, Level},
        types::{Failure, InvalidInput, InvalidParameter, Summary},
    },
};

pub fn run(mode: &str, state: &str) -> Option<Result<Summary, Failure>> {
    Some(match mode {
        "ok" => write("echo", "ok.txt", b"ok").and_then(|()| done("ok")),
        "echo" => echo(),
        "say" => say(state),
        "fit" => write("echo", "ok.txt", b"ok").and_then(|()| fit(state)),
        "predict" => predict(),
        "unseen" => unseen(),
        "describe-model" => describe_model(),
        "events" => events(),
        "seed-and-shard" => seed_and_shard(),
        "seek" => seek(),
        "abandon" => abandon(),
        "collective" => collective(),
        "fail-input" => Err(Failure::InvalidInput(InvalidInput {
            message: "not a number".to_owned(),
            channel: Some("table".to_owned()),
            part: Some("rows.csv".to_owned()),
            row: Some(7),
            column: Some("age".to_owned()),
        })),
        "fail-parameter" => Err(Failure::InvalidParameter(InvalidParameter {
            name: "mode".to_owned(),
            message: "out of range".to_owned(),
            allowed: Some("0 to 1".to_owned()),
        })),
        "fail-memory" => Err(Failure::OutOfMemory("the table does not fit".to_owned())),
        "fail-internal" => Err(Failure::Internal("lost count".to_owned())),
        _ => return None,
    })
}

/// Says `text` in every way in which a function can.
fn say(text: &str) -> Result<Summary, Failure> {
    for level in [Level::Info, Level::Warn, Level::Error] {
        report::log(level, text);
    }
    write("echo", "ok.txt", b"ok")?;
    if text.ends_with("fail") {
        return Err(Failure::InvalidInput(InvalidInput {
            message: text.to_owned(),
            channel: Some("table".to_owned()),
            part: Some(text.to_owned()),
            row: Some(1),
            column: Some(text.to_owned()),
        }));
    }
    done(text)
}

fn write(output: &str, part: &str, bytes: &[u8]) -> Result<(), Failure> {
    let media_type = if output == "state" { "application/octet-stream" } else { "text/plain" };
    let writer = outputs::create(output, part, media_type)?;
    writer.write(bytes)?;
    writer.finish()
}

fn read(channel: &str, part: u32) -> Result<Vec<u8>, Failure> {
    let reader = inputs::open(channel, part)?;
    let mut all = Vec::new();
    loop {
        let chunk = reader.read(1 << 20)?;
        if chunk.is_empty() {
            return Ok(all);
        }
        all.extend(chunk);
    }
}

/// Every part of `table`, as it is.
fn echo() -> Result<Summary, Failure> {
    let mut bytes = 0;
    for (index, part) in inputs::parts("table").iter().enumerate() {
        let all = read("table", index as u32)?;
        bytes += all.len();
        report::progress(index as u64 + 1, None);
        write("echo", &part.name, &all)?;
    }
    Ok(Summary {
        message: format!("echoed {bytes} bytes"),
        metrics: vec![("bytes".to_owned(), bytes as f64)],
    })
}

fn fit(state: &str) -> Result<Summary, Failure> {
    write("state", "state.bin", state.as_bytes())?;
    done("fitted")
}

fn predict() -> Result<Summary, Failure> {
    let model = models::load("model", 0)?;
    write("echo", "predictions.txt", &model.predict(&read("table", 0)?)?)?;
    done("predicted")
}

/// What a model says of rows that it answers twice and refuses once.
fn unseen() -> Result<Summary, Failure> {
    let model = models::load("model", 0)?;
    assert!(model.unseen().is_empty());
    model.predict(b"abc")?;
    assert!(model.predict(b"refuse").is_err());
    model.predict(b"abc")?;
    let lines =
        model.unseen().into_iter().map(|one| format!("{} {:?} {}\n", one.column, one.novelty, one.rows));
    write("echo", "unseen.txt", lines.collect::<String>().as_bytes())?;
    done("asked")
}

fn describe_model() -> Result<Summary, Failure> {
    let model = models::load("model", 0)?;
    write("echo", "model.json", model.describe().as_bytes())?;
    done("described")
}

fn events() -> Result<Summary, Failure> {
    for (level, line) in
        [(Level::Debug, "one"), (Level::Info, "two"), (Level::Warn, "three"), (Level::Error, "four")]
    {
        report::log(level, line);
    }
    report::progress(1, Some(2));
    report::metric("loss", 0.1, 1);
    report::metric("loss", f64::NAN, 2);
    write("echo", "ok.txt", b"ok")?;
    let metrics = [("nan", f64::NAN), ("infinite", f64::INFINITY), ("tenth", 0.1)];
    Ok(Summary {
        message: "spoke".to_owned(),
        metrics: metrics.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    })
}

fn seed_and_shard() -> Result<Summary, Failure> {
    write("echo", "ok.txt", b"ok")?;
    let shard = inputs::shard().map(|shard| format!(", shard {}/{}", shard.index, shard.count));
    done(&format!("seed {}{}, channels {:?}", inputs::seed(), shard.unwrap_or_default(), inputs::channels()))
}

/// The last three bytes of the first part, then the first three.
fn seek() -> Result<Summary, Failure> {
    let size = inputs::parts("table")[0].size;
    let reader = inputs::open("table", 0)?;
    reader.seek(size.saturating_sub(3))?;
    let mut bytes = reader.read(u32::MAX)?;
    bytes.push(b'|');
    reader.seek(0)?;
    bytes.extend(reader.read(3)?);
    reader.seek(u64::MAX / 2)?;
    assert!(reader.read(1)?.is_empty(), "there is nothing behind the end");
    write("echo", "seek.txt", &bytes)?;
    done("sought")
}

/// A writer that is dropped leaves nothing, not even its name.
fn abandon() -> Result<Summary, Failure> {
    let writer = outputs::create("echo", "a.txt", "text/plain")?;
    writer.write(b"half a part")?;
    drop(writer);
    write("echo", "a.txt", b"whole")?;
    done("tried twice")
}

fn collective() -> Result<Summary, Failure> {
    use crate::millstream::function::collective as gang;

    assert_eq!((gang::rank(), gang::size()), (0, 1));
    assert_eq!(gang::all_reduce(&[1.0, 2.0]), [1.0, 2.0]);
    assert_eq!(gang::broadcast(0, b"all"), b"all");
    write("echo", "ok.txt", b"ok")?;
    done("alone")
}
