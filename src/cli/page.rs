//! A page of text for people: lines, fields and aligned tables. Everything put on it is escaped. On a
//! terminal, lines break between words, and what follows is indented.

use super::escape::escape;
use super::style::{Style, StyleRole};
use super::width::{end_of, padded, width};

/// A page in the making.
#[derive(Debug)]
pub struct Page {
    text: String,
    style: Style,
    /// Columns of the terminal, where the page goes to one.
    width: Option<usize>,
}

impl Page {
    pub(super) fn new(style: Style, width: Option<usize>) -> Self {
        Self {
            text: String::new(),
            style,
            width,
        }
    }

    /// The finished page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// One line.
    pub fn line(&mut self, text: &str) {
        let text = escape(text);
        let indent = text.len() - text.trim_start().len();
        self.text.push_str(&text[..indent]);
        self.wrapped(indent, indent, &text[indent..], None);
    }

    /// A command to be copied: one line, however long.
    pub fn command(&mut self, text: &str) {
        self.text.push_str(&format!("  {}\n", escape(text)));
    }

    /// One line that says that something is in order.
    pub fn good(&mut self, text: &str) {
        self.wrapped(0, 0, &escape(text), Some(StyleRole::Good));
    }

    /// One line that says that something should be checked.
    pub fn warning(&mut self, text: &str) {
        const LABEL: &str = "warning";
        self.text
            .push_str(&self.style.paint(StyleRole::Warning, LABEL));
        self.text.push_str(": ");
        self.wrapped(LABEL.len() + 2, 2, &escape(text), None);
    }

    /// A heading, with an empty line above unless it comes first.
    pub fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.wrapped(0, 2, &escape(text), Some(StyleRole::Heading));
    }

    /// A name and a value, indented, the values under each other as long as names are short.
    pub fn field(&mut self, name: &str, value: &str) {
        let name = format!("  {} ", padded(&escape(name), 12));
        self.text
            .push_str(&self.style.paint(StyleRole::Faint, &name));
        self.wrapped(width(&name), FIELD_INDENT, &escape(value), None);
    }

    /// One point of a list of checks.
    pub(super) fn mark(&mut self, mark: Mark, text: &str) {
        let (word, role) = match mark {
            Mark::Fine => ("ok", StyleRole::Good),
            Mark::Found => ("found", StyleRole::Warning),
            Mark::Continued => ("", StyleRole::Faint),
        };
        let word = format!("  {word:<6} ");
        self.text.push_str(&self.style.paint(role, &word));
        self.wrapped(width(&word), width(&word), &escape(text), None);
    }

    /// Text that is already fit for a terminal, such as a script, exactly as it is.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A table.
    pub fn table(&mut self, table: &PageTable) {
        let text = table.render(self.style, self.width);
        self.text.push_str(&text);
    }

    /// Ends a line that has `used` columns so far with escaped text, and indents what does not fit by
    /// `indent`.
    fn wrapped(&mut self, used: usize, indent: usize, text: &str, role: Option<StyleRole>) {
        let lines = match self.width {
            Some(width) => wrap(
                text,
                width.saturating_sub(used),
                width.saturating_sub(indent),
            ),
            None => vec![text],
        };
        for (number, line) in lines.into_iter().enumerate() {
            if number > 0 {
                self.text.push_str(&" ".repeat(indent));
            }
            match role {
                Some(role) => self.text.push_str(&self.style.paint(role, line)),
                None => self.text.push_str(line),
            }
            self.text.push('\n');
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// In order.
    Fine,
    /// Something was found.
    Found,
    /// More about the point above.
    Continued,
}

/// On which side the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table with aligned columns, two spaces apart.
#[derive(Debug, Clone)]
pub struct PageTable {
    heads: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl PageTable {
    /// A table with these column heads.
    pub fn new<'h>(heads: impl IntoIterator<Item = (&'h str, Align)>) -> Self {
        let heads = heads
            .into_iter()
            .map(|(head, align)| (head.to_owned(), align));
        Self {
            heads: heads.collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells that are missing stay empty, cells too many are left out.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells = cells
            .into_iter()
            .map(|cell| escape(&cell.into()).into_owned());
        self.rows.push(cells.take(self.heads.len()).collect());
    }

    fn render(&self, style: Style, terminal: Option<usize>) -> String {
        let widths = self.widths();
        let last = self.heads.len().saturating_sub(1);
        let before_last: usize = widths
            .iter()
            .take(last)
            .map(|width| width + GAP.len())
            .sum();
        let room = match (terminal, self.heads.last()) {
            (Some(terminal), Some((_, Align::Left))) => terminal.saturating_sub(before_last),
            _ => 0,
        };
        let mut text = String::new();
        let heads: Vec<&str> = self.heads.iter().map(|(head, _)| head.as_str()).collect();
        text.push_str(&style.paint(StyleRole::Heading, &self.line(&heads, &widths)));
        text.push('\n');
        for row in &self.rows {
            let mut cells: Vec<&str> = row.iter().map(String::as_str).collect();
            let broken = match row.get(last) {
                Some(cell) if room >= NARROWEST => broken(cell, room),
                _ => Vec::new(),
            };
            if let (Some(first), Some(cell)) = (broken.first(), cells.get_mut(last)) {
                *cell = first;
            }
            text.push_str(&self.line(&cells, &widths));
            text.push('\n');
            for rest in broken.iter().skip(1) {
                text.push_str(&" ".repeat(before_last));
                text.push_str(rest);
                text.push('\n');
            }
        }
        text
    }

    /// Width of each column: that of its widest cell.
    fn widths(&self) -> Vec<usize> {
        let column = |(column, (head, _)): (usize, &(String, Align))| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).fold(width(head), usize::max)
        };
        self.heads.iter().enumerate().map(column).collect()
    }

    fn line(&self, cells: &[&str], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, ((_, align), wide)) in self.heads.iter().zip(widths).enumerate() {
            let cell = cells.get(column).copied().unwrap_or_default();
            let padding = " ".repeat(wide.saturating_sub(width(cell)));
            if column > 0 {
                line.push_str(GAP);
            }
            match align {
                Align::Left => line.extend([cell, &padding]),
                Align::Right => line.extend([&padding, cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

const GAP: &str = "  ";

/// Where the values of fields begin.
const FIELD_INDENT: usize = 15;

/// Text is not broken into columns narrower than this.
const NARROWEST: usize = 20;

/// Breaks text between words into lines of at most `room` columns; a longer word stays whole.
fn broken(text: &str, room: usize) -> Vec<&str> {
    wrap(text, room, room)
}

/// A line is not begun with less room than this.
const NARROWEST_LINE: usize = 5;

/// The same, where the first line has less room or more. A first line with hardly any room stays empty, and
/// text stays whole where there is hardly any room at all.
pub(super) fn wrap(text: &str, first: usize, others: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    if others < NARROWEST_LINE {
        return vec![text];
    }
    if first < NARROWEST_LINE && !text.is_empty() {
        lines.push("");
    }
    loop {
        let room = if lines.is_empty() { first } else { others };
        if width(rest) <= room {
            break;
        }
        let limit = end_of(rest, room);
        let space = rest[..limit].rfind(' ').or_else(|| rest.find(' '));
        let Some(space) = space.filter(|space| *space > 0) else {
            break;
        };
        lines.push(&rest[..space]);
        rest = rest[space..].trim_start();
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let mut table = PageTable::new([
            ("source", Align::Left),
            ("records", Align::Right),
            ("lag", Align::Left),
        ]);
        table.row(["kestra-prod", "1204", "5m"]);
        table.row(["b\u{1b}[2J", "7"]);
        table.row(["größe", "100000", "1h", "too many"]);
        assert_eq!(
            table.render(Style::PLAIN, None),
            "source       records  lag\n\
             kestra-prod     1204  5m\n\
             b\\u{1b}[2J         7\n\
             größe         100000  1h\n"
        );
    }

    #[test]
    fn names_in_wide_characters_stand_under_each_other() {
        let mut table = PageTable::new([
            ("名前", Align::Left),
            ("records", Align::Right),
            ("lag", Align::Left),
        ]);
        table.row(["東京-prod", "1204", "5m"]);
        table.row(["kestra-prod", "7", "1h"]);
        let text = table.render(Style::PLAIN, None);
        assert_eq!(
            text,
            "名前         records  lag\n\
             東京-prod       1204  5m\n\
             kestra-prod        7  1h\n"
        );
        let begins = text.lines().map(|line| {
            let last = line.rfind(' ').map_or(0, |at| at + 1);
            width(&line[..last])
        });
        assert_eq!(begins.collect::<Vec<_>>(), [22; 3]);
        let mut page = Page::new(Style::PLAIN, None);
        page.field("作者", "anna");
        page.field("actor", "anna");
        assert_eq!(
            page.into_text(),
            "  作者         anna\n  actor        anna\n"
        );
    }

    #[test]
    fn the_last_column_is_broken_at_the_edge_of_a_terminal() {
        let mut table = PageTable::new([("key", Align::Left), ("meaning", Align::Left)]);
        table.row(["url", "where the lake is kept, in a store"]);
        table.row(["a", "short"]);
        assert_eq!(
            table.render(Style::PLAIN, Some(27)),
            "key  meaning\nurl  where the lake is\n     kept, in a store\na    short\n"
        );
        let whole = "key  meaning\nurl  where the lake is kept, in a store\na    short\n";
        assert_eq!(table.render(Style::PLAIN, Some(10)), whole);
        assert_eq!(table.render(Style::PLAIN, Some(500)), whole);
    }

    #[test]
    fn text_is_broken_between_words() {
        for (text, lines) in [
            ("", vec![""]),
            ("abc def", vec!["abc def"]),
            ("abc defg", vec!["abc", "defg"]),
            ("abcdefghij kl", vec!["abcdefghij", "kl"]),
            ("kl abcdefghij", vec!["kl", "abcdefghij"]),
            ("äöü äöü äöü", vec!["äöü äöü", "äöü"]),
            ("日本 日本", vec!["日本", "日本"]),
            ("日 日本 日", vec!["日 日本", "日"]),
        ] {
            assert_eq!(broken(text, 7), lines);
        }
    }

    #[test]
    fn a_page_breaks_between_words_at_the_edge_of_a_terminal() {
        let mut page = Page::new(Style::PLAIN, Some(30));
        page.heading("source kestra-production tenant main");
        page.field("records", "49,993 read: 49,993 new");
        page.warning("the source has purged records");
        page.mark(Mark::Found, "store: it cannot be written to");
        page.command("trailhouse -c /etc/trailhouse/trailhouse.toml status");
        assert_eq!(
            page.into_text(),
            "source kestra-production\n  tenant main\n\
             \x20 records      49,993 read:\n               49,993 new\n\
             warning: the source has purged\n  records\n\
             \x20 found  store: it cannot be\n         written to\n\
             \x20 trailhouse -c /etc/trailhouse/trailhouse.toml status\n"
        );
    }

    #[test]
    fn a_page_escapes_what_it_shows() {
        let mut page = Page::new(Style::PLAIN, None);
        page.heading("flow \u{202e}x");
        page.field("actor", "anna\n\u{7}");
        page.heading("next");
        page.warning("look");
        assert_eq!(
            page.into_text(),
            "flow \\u{202e}x\n  actor        anna\\n\\u{7}\n\nnext\nwarning: look\n"
        );
    }
}
