//! The SQL that the documentation shows.

/// The statements in the blocks of SQL of a page, and those that a block of console gives to `query`.
pub(crate) fn statements(page: &str) -> Vec<String> {
    let mut statements = Vec::new();
    for block in blocks(page, "sql") {
        let of_block = block.split(";\n").map(|it| it.trim_end_matches(';'));
        statements.extend(of_block.map(str::to_owned));
    }
    for block in blocks(page, "console") {
        for rest in block.split("trailhouse").skip(1) {
            let line = rest.split("\n$").next().unwrap_or_default();
            let Some((_, sql)) = line.split_once(" query ") else {
                continue;
            };
            let sql = sql.trim_start_matches(['\\', '\n', ' ']);
            let quote = sql.chars().next().filter(|it| ['"', '\''].contains(it));
            let sql = quote.and_then(|quote| sql[1..].split(quote).next());
            statements.extend(sql.map(str::to_owned));
        }
    }
    statements
}

/// What the blocks of a language hold.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let begin = format!("\n```{language}\n");
    let blocks = page.split(begin.as_str()).skip(1);
    blocks
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}
