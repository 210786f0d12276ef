//! Tables. On a terminal they are as wide as that is; in a pipe or a file each row is one line, however long, so that `grep`, `cut`
//! and people with a wider screen get all of it.

use console::{Term, measure_text_width};

use super::{foreign, wrap::wrap};

/// Between two columns.
const GAP: usize = 2;
/// A column is not made narrower than this, as few words fit then.
const NARROW: usize = 16;
/// How far what has no room beside the other columns is indented below them.
const BELOW: usize = 4;

/// Columns of the terminal; none if standard output is a pipe or a file.
pub fn screen() -> Option<usize> {
    let term = Term::stdout();
    term.features().is_attended().then(|| usize::from(term.size().1).max(20))
}

/// Rows with their columns below each other. The last cell of a row that is shorter than others is as long as it likes.
pub fn table(rows: &[Vec<String>]) -> String {
    laid_out(rows, screen())
}

fn laid_out(rows: &[Vec<String>], screen: Option<usize>) -> String {
    let safe = |row: &Vec<String>| row.iter().map(|cell| foreign::cell(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(safe).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths = screen.map_or_else(|| natural(&rows, columns), |screen| fitting(&rows, columns, screen));
    let mut text = String::new();
    for row in &rows {
        let lines = match screen {
            None => vec![in_one_line(row, &widths)],
            Some(screen) => in_lines(row, &widths, screen),
        };
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// The widths that the cells ask for. A short row's last cell has what is right of it, too.
fn natural(rows: &[Vec<String>], columns: usize) -> Vec<usize> {
    widest(rows, columns, measure_text_width)
}

fn widest(rows: &[Vec<String>], columns: usize, of: impl Fn(&str) -> usize) -> Vec<usize> {
    let width = |column: usize| {
        let counts = |row: &&Vec<String>| row.len() == columns || column + 1 < row.len();
        rows.iter().filter(counts).filter_map(|row| row.get(column)).map(|cell| of(cell)).max().unwrap_or(0)
    };
    (0..columns).map(width).collect()
}

/// The widths of the columns that stand beside each other on the screen: the widest are made narrower, but no word is broken. What
/// does not fit is left out: it goes below.
fn fitting(rows: &[Vec<String>], columns: usize, screen: usize) -> Vec<usize> {
    let mut widths = natural(rows, columns);
    let longest_word = |cell: &str| cell.split(' ').map(measure_text_width).max().unwrap_or(0);
    let words = widest(rows, columns, longest_word);
    let least: Vec<usize> =
        widths.iter().zip(words).map(|(width, word)| word.max(NARROW).min(*width)).collect();
    while widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) > screen && widths.len() > 1 {
        let spare = (0..widths.len()).filter(|column| widths[*column] > least[*column]);
        match spare.max_by_key(|column| widths[*column]) {
            Some(column) => widths[column] -= 1,
            None => {
                widths = natural(rows, columns)[..widths.len() - 1].to_vec();
            }
        }
    }
    widths
}

fn in_one_line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        let used = measure_text_width(cell);
        line.extend(std::iter::repeat_n(' ', (width + GAP).saturating_sub(used)));
    }
    line
}

/// A row in as many lines as it takes.
fn in_lines(row: &[String], widths: &[usize], screen: usize) -> Vec<String> {
    let beside = row.len().min(widths.len());
    let mut lines: Vec<String> = Vec::new();
    let mut start = 0;
    for (column, cell) in row[..beside].iter().enumerate() {
        // The last cell of a short row has the rest of the line.
        let is_short = column + 1 == row.len() && column + 1 < widths.len();
        let width = if is_short { screen.saturating_sub(start).max(NARROW) } else { widths[column] };
        for (i, part) in styled_lines(cell, width).into_iter().enumerate() {
            if lines.len() <= i {
                lines.push(String::new());
            }
            let used = measure_text_width(&lines[i]);
            lines[i].extend(std::iter::repeat_n(' ', start.saturating_sub(used)));
            lines[i].push_str(&part);
        }
        start += widths[column] + GAP;
    }
    for cell in row[beside..].iter().filter(|cell| !cell.is_empty()) {
        let indent = " ".repeat(BELOW);
        let below = styled_lines(cell, screen.saturating_sub(BELOW).max(NARROW));
        lines.extend(below.into_iter().map(|part| format!("{indent}{part}")));
    }
    lines
}

/// The lines of a cell. A style that the whole cell has is given to each line, so that blanks between columns have none.
fn styled_lines(cell: &str, width: usize) -> Vec<String> {
    const RESET: &str = "\u{1b}[0m";
    let (style, text) = leading_style(cell);
    let lines = wrap(text, width, 0);
    if style.is_empty() {
        return lines;
    }
    lines.into_iter().map(|line| format!("{style}{}{RESET}", line.trim_end_matches(RESET))).collect()
}

/// The commands for colours that a text begins with, and the rest.
fn leading_style(text: &str) -> (&str, &str) {
    let mut end = 0;
    while let Some(after) = text[end..].strip_prefix("\u{1b}[").and_then(|rest| rest.find('m')) {
        end += 2 + after + 1;
    }
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn columns_stand_below_each_other() {
        let shown = |of: &[&[&str]]| laid_out(&rows(of), None);
        assert_eq!(shown(&[&["a", "bcd", "e"], &["fgh", "i", "jk"]]), "a    bcd  e\nfgh  i    jk\n");
        assert_eq!(shown(&[&["a", "long enough"], &["b", "c", "d"]]), "a  long enough\nb  c  d\n");
        let forged: &[&[&str]] = &[&["a\u{1b}]0;x\u{7}", "b"], &["c\nd", "e"]];
        assert_eq!(shown(forged), "a\\u{1b}]0;x\\u{7}  b\nc\\nd              e\n");
    }

    #[test]
    fn a_pipe_gets_all_in_one_line() {
        let long = "word ".repeat(100);
        let text = laid_out(&rows(&[&["NAME", "WHAT"], &["a", long.trim_end()]]), None);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains(long.trim_end()));
    }

    #[test]
    fn a_terminal_gets_lines_that_fit_and_whole_words() {
        let table = rows(&[
            &["FUNCTION", "VERSION", "WHAT IT DOES"],
            &["gradient-boosting", "0.1.0", "Predicts classes with probabilities, or numbers, by trees"],
            &["x", "a short row has the rest of the line for its last cell"],
        ]);
        assert_eq!(
            laid_out(&table, Some(48)),
            "FUNCTION           VERSION  WHAT IT DOES\n\
             gradient-boosting  0.1.0    Predicts classes\n\
             \x20                           with probabilities,\n\
             \x20                           or numbers, by trees\n\
             x                  a short row has the rest of\n\
             \x20                  the line for its last cell\n"
        );
        // Where columns have no room beside each other, the last ones go below.
        let narrow = laid_out(&table[..2], Some(30));
        assert_eq!(
            narrow,
            "FUNCTION           VERSION\n\
             \x20   WHAT IT DOES\n\
             gradient-boosting  0.1.0\n\
             \x20   Predicts classes with\n\
             \x20   probabilities, or numbers,\n\
             \x20   by trees\n"
        );
        for width in 20..100 {
            let text = laid_out(&table, Some(width));
            assert!(text.lines().all(|line| line.len() <= width), "{width}:\n{text}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let (mut got, mut whole) = (words(&text), words(&laid_out(&table, None)));
            got.sort();
            whole.sort();
            assert_eq!(got, whole, "{width}");
        }
    }

    #[test]
    fn each_line_of_a_coloured_cell_is_coloured_by_itself() {
        let red = "\u{1b}[31mone two\u{1b}[0m";
        assert_eq!(styled_lines(red, 3), ["\u{1b}[31mone\u{1b}[0m", "\u{1b}[31mtwo\u{1b}[0m"]);
        assert_eq!(leading_style("\u{1b}[1m\u{1b}[31mx"), ("\u{1b}[1m\u{1b}[31m", "x"));
    }
}
