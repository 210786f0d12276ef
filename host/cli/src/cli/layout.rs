//! Help for the width of the terminal.
//!
//! clap breaks the lines of options between words. What it prints as it stands is laid out here: the usage, and the texts below the
//! options. They are written one paragraph a line; a line that begins with two blanks is a command, with its comment behind two
//! blanks or more.

use clap::Command;
use console::Term;

use crate::display::wrap::wrap;

/// Wider lines are hard to read.
const WIDEST: usize = 100;
const NARROWEST: usize = 40;
/// Where standard output is no terminal.
const USUAL: usize = 100;
/// A comment has at least so many columns beside its command, or it stands below it.
const COMMENT: usize = 24;
/// Examples are indented by this, and by twice this what belongs to the line above.
const INDENT: usize = 2;

/// The width of help here.
pub fn width() -> usize {
    let terminal = [Term::stdout(), Term::stderr()].into_iter().find_map(|term| term.size_checked());
    terminal.map_or(USUAL, |(_, columns)| readable(columns.into()))
}

/// The width of help on a terminal of so many columns.
pub fn readable(columns: usize) -> usize {
    columns.clamp(NARROWEST, WIDEST)
}

/// The command and all below it, with help of that width.
pub fn laid_out(command: Command, width: usize) -> Command {
    // Usages name the commands above, which only a built command knows.
    let mut built = command.clone();
    built.build();
    with_width(command, &mut built, width).term_width(width)
}

fn with_width(command: Command, built: &mut Command, width: usize) -> Command {
    let usage = built.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let after = command.get_after_help().map(|text| text_below(&text.to_string(), width));
    let mut command = command;
    if usage.lines().any(|line| "Usage: ".len() + line.trim_start().len() > width) {
        command = command.override_usage(broken_usage(usage, width));
    }
    if let Some(after) = after {
        command = command.after_help(after);
    }
    command.mut_subcommands(|sub| {
        let Some(own) = built.find_subcommand_mut(sub.get_name()) else { return sub };
        with_width(sub, own, width)
    })
}

/// A usage in lines that fit; those that follow are indented as clap indents a second usage.
fn broken_usage(usage: &str, width: usize) -> String {
    const BEGIN: usize = "Usage: ".len();
    // A group of options is one word.
    let usage = usage.replace('|', " | ");
    let lines = usage.lines().flat_map(|line| wrap(line.trim(), width - BEGIN, 2));
    lines.collect::<Vec<_>>().join(&format!("\n{}", " ".repeat(BEGIN)))
}

/// What stands below the options.
fn text_below(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    let mut examples: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        match line.strip_prefix("  ") {
            Some(example) => examples.push(example.trim_start()),
            None => {
                lines.extend(below_each_other(&std::mem::take(&mut examples), width));
                lines.extend(unglued(wrap(&glued(line, '`'), width, 0)));
            }
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// Commands, with their comments in a column beside them where that has room.
fn below_each_other(examples: &[&str], width: usize) -> Vec<String> {
    let split = |line: &&str| match line.split_once("  ") {
        Some((command, comment)) => ((*command).to_owned(), comment.trim_start().to_owned()),
        None => ((*line).to_owned(), String::new()),
    };
    let rows: Vec<(String, String)> = examples.iter().map(split).collect();
    let fits = |length: usize| INDENT + length + 2 + COMMENT <= width;
    let commented = rows.iter().filter(|(_, comment)| !comment.is_empty());
    let column = commented.map(|(command, _)| command.len()).filter(|length| fits(*length)).max();
    let column = column.map(|length| INDENT + length + 2);
    let mut lines = Vec::new();
    for (command, comment) in rows {
        match column {
            Some(column) if INDENT + command.len() + 2 <= column => {
                let line = format!("{:INDENT$}{command}", "");
                let line = format!("{line:<column$}{comment}");
                lines.extend(wrap(line.trim_end(), width, column));
            }
            _ => {
                lines.extend(broken_command(&command, width));
                if !comment.is_empty() {
                    let indent = 3 * INDENT;
                    lines.extend(wrap(&format!("{:indent$}{comment}", ""), width, indent));
                }
            }
        }
    }
    lines
}

/// A command in lines that fit and can be pasted into a shell.
fn broken_command(command: &str, width: usize) -> Vec<String> {
    let line = format!("{:INDENT$}{command}", "");
    if line.len() <= width {
        return vec![line];
    }
    let is_shell = ["millstream ", "curl ", "echo "].iter().any(|verb| command.starts_with(verb));
    let end = if is_shell { " \\" } else { "" };
    let words = glued(command, '\'');
    let mut joined = String::new();
    let mut words = words.split(' ').peekable();
    while let Some(word) = words.next() {
        joined.push_str(word);
        // An option and its value stay in one line.
        let takes = word.starts_with('-') && words.peek().is_some_and(|next| !next.starts_with('-'));
        let fits = words.peek().is_some_and(|next| word.len() + next.len() + 4 * INDENT < width);
        joined.push(if takes && fits { GLUE } else { ' ' });
    }
    let mut lines = wrap(&format!("{:INDENT$}{}", "", joined.trim_end()), width - end.len(), 3 * INDENT);
    let last = lines.len() - 1;
    lines[..last].iter_mut().for_each(|line| line.push_str(end));
    unglued(lines)
}

/// Stands for a blank at which no line ends.
const GLUE: char = '\u{a0}';

/// The text, in which no line can end between two quotes.
fn glued(text: &str, quote: char) -> String {
    let mut quoted = false;
    let glue = |c: char| {
        quoted ^= c == quote;
        if quoted && c == ' ' { GLUE } else { c }
    };
    text.chars().map(glue).collect()
}

fn unglued(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| line.replace(GLUE, " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stand_beside_their_commands_or_below() {
        let text = "Examples:\n  millstream run w.yaml    run it\n  millstream runs  list all runs of this home\n\nThe end of it.";
        assert_eq!(
            text_below(text, 60),
            "Examples:\n\
             \x20 millstream run w.yaml  run it\n\
             \x20 millstream runs        list all runs of this home\n\
             \nThe end of it."
        );
        assert_eq!(
            text_below(text, 48),
            "Examples:\n\
             \x20 millstream run w.yaml\n\
             \x20     run it\n\
             \x20 millstream runs  list all runs of this home\n\
             \nThe end of it."
        );
        assert_eq!(text_below("one two three", 8), "one two\nthree");
    }

    #[test]
    fn a_long_command_goes_on_in_the_next_line() {
        let command = "millstream deploy churn --model churn@4 --alarm 'error-rate > 1%' --wait";
        assert_eq!(
            broken_command(command, 50),
            ["  millstream deploy churn --model churn@4 \\", "      --alarm 'error-rate > 1%' --wait"]
        );
        assert_eq!(broken_command("f(a, b)", 8), ["  f(a,", "      b)"]);
    }

    #[test]
    fn a_long_usage_goes_on_in_the_next_line() {
        let usage = "millstream traffic [OPTIONS] <ENDPOINT> <NAME=WEIGHT>...";
        let broken = broken_usage(usage, 50);
        assert_eq!(broken, "millstream traffic [OPTIONS] <ENDPOINT>\n         <NAME=WEIGHT>...");
    }
}
