//! What was measured, as Markdown.

use core::fmt::Write as _;

use super::row::{Made, Row};
use super::tools::Tool;
use crate::figures::grouped;

/// The smallest patch of a pair by tools that qualify: bytes, and whose.
pub(crate) fn best<'a>(
    tools: &'a [Tool],
    row: &Row,
    qualifies: impl Fn(&Tool) -> bool,
) -> Option<(u64, &'a str)> {
    let made = tools.iter().zip(&row.made).filter(|(tool, _)| qualifies(tool));
    made.filter_map(|(tool, made)| Some((made.as_ref()?.bytes, tool.name.as_str()))).min()
}

/// Patches below this are all header: their sizes tell nothing about a tool's way to find and code
/// differences.
const ALL_HEADER: u64 = 256;

/// Whether this is a pair that tells something.
pub(crate) fn tells(tools: &[Tool], row: &Row) -> bool {
    best_peers(tools, row)[1].is_none_or(|(bytes, _)| bytes >= ALL_HEADER)
}

/// The best peer that can be applied in 16 KiB of RAM, the best of all, by pair.
pub(crate) fn best_peers<'a>(tools: &'a [Tool], row: &Row) -> [Option<(u64, &'a str)>; 2] {
    [best(tools, row, |tool| tool.small), best(tools, row, |tool| !tool.is_ours())]
}

pub(crate) fn markdown(tools: &[Tool], rows: &[Row]) -> String {
    let mut text = String::new();
    by_pair(&mut text, tools, rows);
    means(&mut text, tools, rows);
    by_tool(&mut text, tools, rows);
    text
}

/// Bytes of each pair's patches.
fn by_pair(text: &mut String, tools: &[Tool], rows: &[Row]) {
    let ours: Vec<usize> = (0..tools.len()).filter(|i| tools[*i].is_ours()).collect();
    let names: String = ours.iter().map(|i| format!(" {} |", tools[*i].name)).collect();
    let _ = writeln!(
        text,
        "| pair | new image | best peer in 16 KiB of RAM | best of all peers |{names}"
    );
    let _ = writeln!(text, "|---|--:|--:|--:|{}", "--:|".repeat(ours.len()));
    for row in rows {
        let peers = best_peers(tools, row).map(|best| match best {
            Some((bytes, name)) => format!("{} ({name})", grouped(bytes)),
            None => "-".to_owned(),
        });
        let ours: String =
            ours.iter().map(|i| format!(" {} |", bytes_of(row.made[*i].as_ref()))).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} |{ours}",
            row.name,
            grouped(row.new_len),
            peers.join(" | ")
        );
    }
}

/// Geometric means of flashdelta's sizes against the best peers'.
fn means(text: &mut String, tools: &[Tool], rows: &[Row]) {
    let telling: Vec<&Row> = rows.iter().filter(|row| tells(tools, row)).collect();
    let pairs = match rows.len() - telling.len() {
        0 => format!("{} pairs", rows.len()),
        n => format!(
            "{} pairs; {n} with patches below {ALL_HEADER} bytes, all header, left out",
            telling.len()
        ),
    };
    let _ = writeln!(
        text,
        "\n| geometric mean of sizes ({pairs}) | against the best peer in 16 KiB | against the \
         best of all |"
    );
    let _ = writeln!(text, "|---|--:|--:|");
    for (i, tool) in tools.iter().enumerate().filter(|(_, tool)| tool.is_ours()) {
        let ratios = [0, 1].map(|class| {
            let ratios: Option<Vec<f64>> = telling
                .iter()
                .map(|row| {
                    Some(
                        row.made[i].as_ref()?.bytes as f64
                            / best_peers(tools, row)[class]?.0 as f64,
                    )
                })
                .collect();
            ratios
                .filter(|r| !r.is_empty())
                .map_or("-".to_owned(), |ratios| format!("{:.2}", geometric_mean(&ratios)))
        });
        let _ = writeln!(text, "| {} | {} |", tool.name, ratios.join(" | "));
    }
}

/// Size, time and memory of each tool over all pairs.
fn by_tool(text: &mut String, tools: &[Tool], rows: &[Row]) {
    let _ = writeln!(
        text,
        "\n| tool | patches, bytes in all | make, s | most memory, MiB | apply, s | most \
             memory, MiB |"
    );
    let _ = writeln!(text, "|---|--:|--:|--:|--:|--:|");
    for (i, tool) in tools.iter().enumerate() {
        let made: Vec<&Made> = rows.iter().filter_map(|row| row.made[i].as_ref()).collect();
        let failed = match rows.len() - made.len() {
            0 => String::new(),
            n => format!(" ({n} failed)"),
        };
        let class = if tool.small { " (16 KiB)" } else { "" };
        let bytes = grouped(made.iter().map(|m| m.bytes).sum());
        let seconds =
            |cost: fn(&Made) -> f64| format!("{:.2}", made.iter().map(|m| cost(m)).sum::<f64>());
        let mib =
            |cost: fn(&Made) -> u64| made.iter().map(|m| cost(m)).max().unwrap_or(0).div_ceil(1024);
        let (make, apply) = (seconds(|m| m.make.seconds), seconds(|m| m.apply.seconds));
        let (make_mib, apply_mib) = (mib(|m| m.make.peak_kib), mib(|m| m.apply.peak_kib));
        let name = &tool.name;
        let _ = writeln!(
            text,
            "| {name}{class}{failed} | {bytes} | {make} | {make_mib} | {apply} | {apply_mib} |"
        );
    }
}

fn bytes_of(made: Option<&Made>) -> String {
    made.map_or("failed".to_owned(), |made| grouped(made.bytes))
}

pub(crate) fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_geometric_mean_of_a_ratio_and_its_inverse_is_one() {
        assert!((geometric_mean(&[0.25, 4.0]) - 1.0).abs() < 1e-12);
    }
}
