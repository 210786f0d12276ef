//! Text of others (column names, messages, metric names, media types, errors) on its way to a terminal.
//!
//! A terminal takes control characters for commands: to change its title, to write to the clipboard, to go back and write over a
//! line. Characters that turn the direction of text make a line read as another. All of them are shown as escapes instead.
//! `--json` needs none of this, as JSON escapes by itself.

use std::{borrow::Cow, fmt::Write as _};

/// Whether a terminal, or a reader, would take the character for something else than itself.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Direction of text.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Ends of lines and paragraphs.
            | '\u{2028}' | '\u{2029}'
            // Without width: names that differ and look the same. Joiners stay, as some scripts need them.
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Tags, which are never shown.
            | '\u{e0000}'..='\u{e007f}')
}

fn escape(c: char, into: &mut String) {
    match c {
        '\n' => into.push_str("\\n"),
        '\r' => into.push_str("\\r"),
        '\t' => into.push_str("\\t"),
        c => drop(write!(into, "\\u{{{:x}}}", u32::from(c))),
    }
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harms = |c: char| is_unsafe(c) && !keep(c);
    if !text.contains(harms) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harms(c) { escape(c, &mut safe) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// Foreign text in one line.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// Foreign text that may have several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Foreign text that may have several lines; those after the first begin with `indent`, so that none is taken for a line of ours.
pub fn indented(text: &str, indent: &str) -> String {
    lines(text.trim_end()).replace('\n', &format!("\n{indent}"))
}

/// JSON in which what a terminal would take for commands is escaped. It means the same: such characters stand in texts alone, but
/// for the ends of lines.
pub fn json(text: &str) -> Cow<'_, str> {
    let harms = |c: char| is_unsafe(c) && c != '\n';
    if !text.contains(harms) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harms(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Text of our own that may hold foreign text: colours and ends of lines stay, all else is shown. The last thing that is done to
/// whatever is printed, so that no place can be forgotten.
pub fn printed(text: &str) -> Cow<'_, str> {
    styled(text, |c| matches!(c, '\n' | '\t'))
}

/// The same in one line.
pub fn cell(text: &str) -> Cow<'_, str> {
    styled(text, |_| false)
}

fn styled(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(|c| is_unsafe(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let style = if c == '\u{1b}' { style_at(rest) } else { None };
        match style {
            Some(length) => {
                safe.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            None => {
                if is_unsafe(c) && !keep(c) {
                    escape(c, &mut safe)
                } else {
                    safe.push(c)
                }
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Cow::Owned(safe)
}

/// The length of a sequence at the head of `text` that sets a style as this program does: `ESC [ digits m`.
fn style_at(text: &str) -> Option<usize> {
    // Hidden (8) and reversed (7) text is none of ours.
    const OURS: [&str; 12] = ["0", "1", "2", "3", "22", "23", "31", "32", "33", "34", "35", "36"];
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find('m').filter(|end| *end <= 2)?;
    OURS.contains(&&inner[..end]).then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLE: &str = "\u{1b}]0;owned\u{7}";

    #[test]
    fn what_commands_a_terminal_is_shown_instead() {
        for (text, shown) in [
            ("plain Größe 数 👩\u{200d}🔬", "plain Größe 数 👩\u{200d}🔬"),
            (TITLE, "\\u{1b}]0;owned\\u{7}"),
            ("\u{1b}]52;c;aGk=\u{1b}\\", "\\u{1b}]52;c;aGk=\\u{1b}\\"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{1b}[2K\u{1b}[1A", "\\u{1b}[2K\\u{1b}[1A"),
            ("\u{9b}31m\u{9d}0;x\u{9c}", "\\u{9b}31m\\u{9d}0;x\\u{9c}"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}"),
            ("a\u{8}\u{7f}\u{0}", "a\\u{8}\\u{7f}\\u{0}"),
            ("x\u{2028}y\u{feff}", "x\\u{2028}y\\u{feff}"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
        ] {
            assert_eq!(line(text), shown);
            assert!(!line(text).contains(is_unsafe));
        }
        assert_eq!(lines("a\nb\r\u{1b}c"), "a\nb\\r\\u{1b}c");
    }

    #[test]
    fn json_means_the_same_and_commands_nothing() {
        let value = serde_json::json!({"a\u{9b}": ["\u{1b}]0;x\u{7}", "\u{202e}\u{7f}\n", "\u{e0041}", "é"]});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = json(&text);
        assert!(!safe.replace('\n', "").contains(is_unsafe), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }

    #[test]
    fn our_own_colours_stay() {
        let own = format!("\u{1b}[31m{}\u{1b}[0m\n", line(TITLE));
        assert_eq!(printed(&own), own);
        assert_eq!(
            printed(&format!("\u{1b}[2m{TITLE}\u{1b}[0m\r")),
            "\u{1b}[2m\\u{1b}]0;owned\\u{7}\u{1b}[0m\\r"
        );
        assert_eq!(
            printed("\u{1b}[8mhidden\u{1b}[7m\u{1b}[38;5;1m\u{1b}[m\u{1b}["),
            "\\u{1b}[8mhidden\\u{1b}[7m\\u{1b}[38;5;1m\\u{1b}[m\\u{1b}["
        );
        assert_eq!(cell("\u{1b}[1ma\nb\u{1b}[0m"), "\u{1b}[1ma\\nb\u{1b}[0m");
    }
}
