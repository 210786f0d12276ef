use clap::Command;

use super::*;

fn parse(line: &str) -> Result<Verb, clap::Error> {
    Cli::try_parse_from(line.split(' ')).map(|cli| cli.verb)
}

#[test]
fn the_definition_holds() {
    Cli::command().debug_assert();
}

#[test]
fn parameters_keep_what_comes_after_the_first_equals_sign() {
    let Ok(Verb::Run(run)) = parse("millstream run w.yaml -p a=b=c -p d=") else { panic!() };
    assert_eq!(run.params, [("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())]);
    assert!(parse("millstream run w.yaml -p a").is_err());
    assert!(parse("millstream run w.yaml -p =a").is_err());
}

#[test]
fn artifacts_take_a_run_and_a_verb() {
    let Ok(Verb::Artifacts(all)) = parse("millstream artifacts") else { panic!() };
    assert_eq!((all.run.run.as_str(), all.verb.is_none()), ("latest", true));
    let Ok(Verb::Artifacts(copy)) = parse("millstream artifacts r1 copy predict/predictions out.csv") else {
        panic!()
    };
    assert_eq!(copy.run.run, "r1");
    assert!(
        matches!(copy.verb, Some(ArtifactsVerb::Copy { address, .. }) if address == "predict/predictions")
    );
}

#[test]
fn models_take_a_name_or_a_verb() {
    let Ok(Verb::Models(one)) = parse("millstream models churn --compare 1 2") else { panic!() };
    assert_eq!((one.name.as_deref(), one.compare), (Some("churn"), vec![1, 2]));
    let Ok(Verb::Models(decide)) = parse("millstream models approve churn 2") else { panic!() };
    assert!(matches!(decide.verb, Some(ModelsVerb::Approve(Judged { version: 2, .. }))));
    assert!(parse("millstream models --compare 1 2").is_err());
}

#[test]
fn from_and_only_exclude_each_other() {
    assert!(parse("millstream run w.yaml --from a --only b").is_err());
    assert!(parse("millstream run w.yaml --only a --only b --base r").is_ok());
    assert!(parse("millstream run w.yaml --workers 0").is_err());
}

/// The help of a command and of all below it, short and long, with the command's name.
fn helps(command: &mut Command) -> Vec<(String, String)> {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let mut all = vec![
        (format!("{name} -h"), command.render_help().to_string()),
        (format!("{name} --help"), command.render_long_help().to_string()),
    ];
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        all.extend(helps(sub));
    }
    all
}

fn rendered(width: usize) -> Vec<(String, String)> {
    let mut command = layout::laid_out(Cli::command(), width);
    command.build();
    helps(&mut command)
}

/// The words of a text in some order. Marks of lines that go on, and of choices, are none.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.replace('|', " ").split_whitespace().filter(|word| *word != "\\").map(str::to_owned).collect();
    words.sort();
    words
}

#[test]
fn help_fits_and_breaks_no_word() {
    let whole = rendered(10_000);
    assert!(whole.len() > 80, "{}", whole.len());
    for columns in [60, 80, 100, 130] {
        let width = layout::readable(columns);
        for ((name, text), (_, whole)) in rendered(width).iter().zip(&whole) {
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{name} at {columns} columns: {line:?}");
            }
            assert_eq!(words(text), words(whole), "{name} at {columns} columns");
        }
    }
}

/// A line ends early only where a paragraph, or an entry of a list, ends.
#[test]
fn help_is_not_ragged() {
    for width in [60, 80, 100, 10_000] {
        for (name, text) in rendered(width) {
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.windows(2) {
                let indent = pair[1].len() - pair[1].trim_start().len();
                let Some(word) = pair[1].split_whitespace().next() else { continue };
                // Lists of commands and of options begin further to the left.
                let goes_on = word != "millstream"
                    && (indent == 0 || indent > 6)
                    && word.starts_with(|c: char| c.is_ascii_lowercase());
                let room = pair[0].chars().count() + 1 + word.chars().count();
                assert!(
                    !goes_on || pair[0].is_empty() || room > width,
                    "{name} at {width} columns ends a line early:\n{}\n{}",
                    pair[0],
                    pair[1]
                );
            }
        }
    }
}

#[test]
fn each_command_and_option_says_what_it_is() {
    let mut command = Cli::command();
    command.build();
    let mut left = vec![&command];
    while let Some(command) = left.pop() {
        let name = command.get_bin_name().unwrap_or(command.get_name());
        assert!(command.get_about().is_some(), "{name} has no text");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name}: {} has no text", argument.get_id());
        }
        left.extend(command.get_subcommands().filter(|sub| sub.get_name() != "help"));
    }
}

#[test]
fn json_can_be_asked_for_before_a_verb_and_behind_it() {
    for line in [
        "artifacts latest --json list",
        "artifacts latest list --json",
        "artifacts latest copy a b --json",
        "models rm a@1 --json",
        "models import a.json --json",
        "endpoints rm a --json",
        "dead redrive --all --json",
        "keys revoke a --json",
        "samples --json",
        "cancel --json",
        "approve a b --json",
    ] {
        assert!(parse(&format!("millstream {line}")).is_ok(), "{line}");
    }
    let Ok(Verb::Artifacts(args)) = parse("millstream artifacts latest list --json") else { panic!() };
    assert!(args.output.json);
}
