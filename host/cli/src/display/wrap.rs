//! Lines that end between words, not in the middle of one.

use console::measure_text_width;

/// Breaks a line into lines of at most `width` columns. All but the first begin with `indent` blanks. A word that is longer has a line
/// of its own; blanks between words stay as they are.
pub fn wrap(line: &str, width: usize, indent: usize) -> Vec<String> {
    let words = line.trim_start_matches(' ');
    let mut lines = Vec::new();
    let mut now = " ".repeat(line.len() - words.len());
    let mut used = now.len();
    let mut is_empty = true;
    for word in words.trim_end().split(' ') {
        let long = measure_text_width(word);
        let gap = usize::from(!is_empty);
        if !is_empty && used + gap + long > width {
            lines.push(now.trim_end().to_owned());
            now = " ".repeat(indent);
            used = indent;
            is_empty = true;
        }
        if !is_empty {
            now.push(' ');
            used += 1;
        }
        // Of several blanks, those at the place where the line ends are of no use.
        if long > 0 || !is_empty {
            now.push_str(word);
            used += long;
            is_empty = false;
        }
    }
    if !is_empty || lines.is_empty() {
        lines.push(now.trim_end().to_owned());
    }
    lines
}

/// Breaks each line of a text; see [`wrap`]. Lines that follow are indented by `indent` blanks more than the line that they belong to.
pub fn wrap_lines(text: &str, width: usize, indent: usize) -> String {
    let own = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let lines: Vec<String> = text.lines().flat_map(|line| wrap(line, width, own(line) + indent)).collect();
    lines.join("\n")
}

/// Markdown whose paragraphs and entries of lists are a line each, however they were broken in their file.
pub fn joined(markdown: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let (mut is_code, mut is_open) = (false, false);
    for line in markdown.lines() {
        let text = line.trim_start();
        let is_fence = text.starts_with("```");
        let alone = is_code || is_fence || text.is_empty() || text.starts_with(['|', '#']);
        let is_entry = text.starts_with("- ") || text.starts_with("* ");
        match lines.last_mut().filter(|_| is_open && !alone && !is_entry) {
            Some(last) => {
                last.push(' ');
                last.push_str(text);
            }
            None => lines.push(line.to_owned()),
        }
        is_code ^= is_fence;
        is_open = !alone;
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("one two three", 7, 0), ["one two", "three"]);
        assert_eq!(wrap("one two three", 100, 0), ["one two three"]);
        assert_eq!(wrap("  one two three", 9, 4), ["  one two", "    three"]);
        assert_eq!(wrap("a extraordinarily b", 5, 1), ["a", " extraordinarily", " b"]);
        assert_eq!(wrap("a   b", 10, 0), ["a   b"]);
        assert_eq!(wrap("aaa   bbb", 4, 0), ["aaa", "bbb"]);
        assert_eq!(wrap("", 4, 2), [""]);
        // Colours take no room.
        assert_eq!(wrap("\u{1b}[1mone\u{1b}[0m two", 7, 0), ["\u{1b}[1mone\u{1b}[0m two"]);
    }

    #[test]
    fn lines_of_a_text_keep_their_indentation() {
        assert_eq!(wrap_lines("a b c\n  d e f", 5, 2), "a b c\n  d e\n    f");
    }

    #[test]
    fn paragraphs_are_a_line_each() {
        let text = "One\nline.\n\n| a |\n| b |\n- an entry\n  goes on\n- another\n\n```\ncode\n  stays\n```\nThe\nend.";
        assert_eq!(
            joined(text),
            "One line.\n\n| a |\n| b |\n- an entry goes on\n- another\n\n```\ncode\n  stays\n```\nThe end."
        );
    }
}
