//! `millstream dead`

use millstream_control::dead::{self, About, Letter};
use millstream_worker::{Home, Records};

use super::{End, Usage, print, print_json};
use crate::{
    cli::{DeadArgs, DeadVerb, HomeArgs, Letters},
    display::{foreign, text},
    overview::TaskNames,
    place::open_home,
};

pub fn dead(home: &HomeArgs, args: &DeadArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    match &args.verb {
        DeadVerb::List { output } => list(&home, output.json)?,
        DeadVerb::Redrive(letters) => {
            let redriven = chosen(&home, letters)?;
            for letter in &redriven {
                dead::redrive(&home, letter)?;
                if !letters.output.json {
                    tell!("Redriven: {}", about(&home, letter));
                }
            }
            match letters.output.json {
                true => print_json(&redriven)?,
                false => {
                    tell!("`millstream worker` or `millstream serve` continues them, where one is at work")
                }
            }
        }
        DeadVerb::Rm(letters) => {
            let removed = chosen(&home, letters)?;
            for letter in &removed {
                dead::remove(&home, letter)?;
                if !letters.output.json {
                    tell!("Removed: {}", about(&home, letter));
                }
            }
            if letters.output.json {
                print_json(&removed)?;
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
            about(home, letter),
            letter.deliveries.to_string(),
            text::moment(letter.sent),
        ]
    }));
    print(&text::table(&rows))?;
    tell!("\nNext: fix the cause, then `millstream dead redrive LETTER`; or `millstream dead rm LETTER`");
    Ok(())
}

/// What a letter is about, for people.
fn about(home: &Home, letter: &Letter) -> String {
    let text = match &letter.about {
        About::Task { run, step, task } => match Records::new(home.store().clone()).plan(run) {
            Ok(Some(plan)) => format!("`{}` of run {run}", TaskNames::new(home, &plan).of(step, *task)),
            _ => format!("task {task} of step `{step}` of run {run}"),
        },
        About::Request { endpoint, id } => format!("request `{id}` to endpoint `{endpoint}`"),
        About::Unknown(body) => format!("unknown: {body}"),
    };
    foreign::line(&text).into_owned()
}
