//! What a server answered, for people.

use serde_json::Value;

use crate::failure::Outcome;
use crate::outputs::{print, print_json};
use crate::text::{self, Table};

/// A part of an answer as text; of one that is not there nothing.
pub(super) fn field(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::Null => String::new(),
        Value::String(text) => text::escaped(text),
        other => text::escaped(&other.to_string()),
    }
}

/// A list as a table with these fields, or as JSON.
pub(super) fn print_list<const N: usize>(
    answer: &Value,
    json: bool,
    fields: [&str; N],
    none: &str,
) -> Outcome {
    if json {
        return print_json(answer);
    }
    let rows = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return print(&format!("{none}\n"));
    }
    let mut table = Table::default();
    table.row(fields.map(|name| name.rsplit('/').next().unwrap_or(name)));
    for row in rows {
        let cells = fields.map(|name| match name.split_once('/') {
            Some((outer, inner)) => field(&row[outer], inner),
            None => field(row, name),
        });
        table.row(cells.each_ref().map(String::as_str));
    }
    print(&table.render(&"l".repeat(N)))
}

/// A line for people, or the answer as JSON.
pub(super) fn print_done(answer: &Value, json: bool, line: &str) -> Outcome {
    match json {
        true => print_json(answer),
        false => print(&format!("{line}\n")),
    }
}
