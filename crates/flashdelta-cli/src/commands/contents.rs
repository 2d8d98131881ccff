//! What archives, folders, and JSON files that name parts hold: for `info`.

use core::fmt::Write as _;

use flashdelta::facts::ArchiveFacts;

use super::findings::findings_text;
use crate::text::{self, grouped, Table};

/// What an archive holds, as people read it.
pub(super) fn text_of(file: &str, facts: &ArchiveFacts) -> String {
    let mut text = format!("{file}: {}\n\n", facts.format);
    let mut table = Table::default();
    let fields = [("name", &facts.name), ("version", &facts.version)];
    for (label, value) in
        fields.into_iter().filter_map(|(label, value)| value.as_ref().map(|v| (label, v)))
    {
        table.row([label, &text::escaped(value)]);
    }
    table.row(["size", &format!("{} bytes", grouped(facts.size as u64))]);
    table.row(["SHA-256", &facts.sha256]);
    text += &table.render("ll");
    let mut table = Table::default();
    for row in &facts.members {
        let holds = row.content_size.map(|len| format!("deflated, says it holds {}", grouped(len)));
        let what = [row.chip.as_deref(), row.role.as_deref(), holds.as_deref()];
        let what: Vec<&str> = what.into_iter().flatten().collect();
        let what = text::escaped(&what.join(", "));
        let offset = row.offset.map(|offset| format!("0x{offset:x}")).unwrap_or_default();
        let size =
            row.size.map(|size| format!("{} bytes", grouped(size as u64))).unwrap_or_default();
        let path = if row.path.is_empty() { "(the file)" } else { &text::escaped(&row.path) };
        table.row([path, &offset, &size, &what]);
    }
    let _ = write!(text, "\nHolds:\n{}", table.render("lrrl"));
    text + &findings_text(&facts.findings)
}
