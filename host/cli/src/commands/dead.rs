//! `millstream dead`

use millstream_control::dead::{self, About, Letter};
use millstream_worker::Home;

use super::{End, Usage, print, print_json};
use crate::{
    cli::{DeadArgs, DeadVerb, HomeArgs, Letters},
    display::{foreign, text},
    place::open_home,
};

pub fn dead(home: &HomeArgs, args: &DeadArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    match &args.verb {
        DeadVerb::List { output } => list(&home, output.json)?,
        DeadVerb::Redrive(letters) => {
            for letter in &chosen(&home, letters)? {
                dead::redrive(&home, letter)?;
                tell!("Redriven: {}", about(letter));
            }
            tell!("It goes on where `millstream worker` or `millstream serve` works");
        }
        DeadVerb::Rm(letters) => {
            for letter in &chosen(&home, letters)? {
                dead::remove(&home, letter)?;
                tell!("Removed: {}", about(letter));
            }
        }
    }
    Ok(End::Done)
}

fn chosen(home: &Home, letters: &Letters) -> anyhow::Result<Vec<Letter>> {
    if letters.all {
        return Ok(dead::list(home)?);
    }
    dead::find(home, &letters.letters).map_err(|error| match error {
        dead::Error::Invalid(message) => Usage(message).into(),
        other => other.into(),
    })
}

fn list(home: &Home, as_json: bool) -> anyhow::Result<()> {
    let letters = dead::list(home)?;
    if as_json {
        return print_json(&letters);
    }
    if letters.is_empty() {
        tell!("There are no dead letters");
        return Ok(());
    }
    let mut rows = vec![["LETTER", "QUEUE", "ABOUT", "DELIVERIES", "SENT"].map(str::to_owned).to_vec()];
    rows.extend(letters.iter().map(|letter| {
        vec![
            letter.id.clone(),
            letter.queue.clone(),
            about(letter),
            letter.deliveries.to_string(),
            text::moment(letter.sent),
        ]
    }));
    print(&text::table(&rows))?;
    tell!(
        "\nNext: `millstream dead redrive LETTER` once the cause is mended, or `millstream dead rm LETTER`"
    );
    Ok(())
}

/// What a letter is about, for people.
fn about(letter: &Letter) -> String {
    let text = match &letter.about {
        About::Task { run, step, task } => format!("task {task} of step `{step}` of run {run}"),
        About::Request { endpoint, id } => format!("request `{id}` to endpoint `{endpoint}`"),
        About::Unknown(body) => format!("unknown: {body}"),
    };
    foreign::line(&text).into_owned()
}
