//! What was measured, as a picture: the patches of each pair beside the smallest that other tools
//! make.

use core::fmt::Write as _;

use super::report::{best, best_peers, tells};
use super::row::Row;
use super::tools::Tool;
use crate::figures::grouped;

/// More pairs than this do not fit a picture.
const MOST_PAIRS: usize = 10;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 270.0;
/// How long a bar is that stands for a patch as large as the peer's.
const WHOLE: f64 = 330.0;
const BAR: f64 = 14.0;
const GAP: f64 = 9.0;
const TOP: f64 = 66.0;
const TITLE: &str = "Size of the patch, beside the smallest that other tools make (100 %)";

/// Which of ours is beside which peers, and its colour.
const BESIDE: [(&str, usize, &str); 2] = [
    ("flashdelta 16KiB", 0, "of the smallest that can be applied in 16 KiB of RAM"),
    ("flashdelta 64KiB", 1, "of the smallest of all, in 64 KiB"),
];

/// Colours of bars and text, by day and by night.
const STYLE: &str = "<style>.page{fill:#fff}text{fill:#222}.note{fill:#555;font-size:11px}\
    .bar0{fill:#e08a3c}.bar1{fill:#c2410c}.line{stroke:#62717f;stroke-dasharray:3 3}\
    @media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}\
    .note{fill:#a9b4c0}.bar1{fill:#e2622b}.line{stroke:#9aa5b1}}</style>";

/// A bar: its class, the part of the peer's patch, and the text after it.
type Bar = (usize, f64, String);

pub(crate) fn svg(tools: &[Tool], rows: &[Row]) -> String {
    let groups: Vec<(&str, Vec<Bar>)> = rows
        .iter()
        .filter(|row| tells(tools, row))
        .map(|row| (row.title.as_str(), bars(tools, row)))
        .filter(|(_, bars)| !bars.is_empty())
        .take(MOST_PAIRS)
        .collect();
    let bars: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let height = TOP + bars as f64 * BAR + groups.len() as f64 * GAP + 8.0;

    let mut svg = String::new();
    let _ =
        write!(svg, r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" "#);
    let _ = writeln!(
        svg,
        r#"font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="{TITLE}">"#
    );
    let _ = writeln!(svg, r#"{STYLE}<rect class="page" width="{WIDTH}" height="{height}"/>"#);
    let _ =
        writeln!(svg, r#"<text x="12" y="22" font-size="15" font-weight="bold">{TITLE}</text>"#);
    let mut x = 12.0;
    for (class, (name, _, of)) in BESIDE.iter().enumerate() {
        let name = name.split(' ').next().unwrap_or(name);
        let _ =
            writeln!(svg, r#"<rect class="bar{class}" x="{x}" y="36" width="10" height="10"/>"#);
        let _ = writeln!(svg, r#"<text x="{}" y="45">{name}: {of}</text>"#, x + 15.0);
        x += 430.0;
    }
    let at = LEFT + WHOLE;
    let _ = writeln!(
        svg,
        r#"<path class="line" d="M{at} {} V{}"/><text class="note" x="{}" y="{}">100 %</text>"#,
        TOP - 4.0,
        height - 6.0,
        at + 4.0,
        TOP + 4.0
    );
    let mut y = TOP;
    for (title, bars) in &groups {
        let middle = y + bars.len() as f64 * BAR / 2.0 + 3.0;
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            escaped(title)
        );
        for (class, part, text) in bars {
            // What is larger than the peer's ends a little after the line.
            let length = (part * WHOLE).clamp(1.0, WHOLE * 1.1);
            let _ = writeln!(
                svg,
                r#"<rect class="bar{class}" x="{LEFT}" y="{y}" width="{length:.1}" height="{}"/>"#,
                BAR - 2.0
            );
            let _ = writeln!(
                svg,
                r#"<text class="note" x="{:.1}" y="{}">{:.0} %: {}</text>"#,
                LEFT + length + 6.0,
                y + 10.0,
                part * 100.0,
                escaped(text)
            );
            y += BAR;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

/// Ours beside the peers, as far as both were measured.
fn bars(tools: &[Tool], row: &Row) -> Vec<Bar> {
    let peers = best_peers(tools, row);
    let bar = |(class, (name, beside, _)): (usize, &(&str, usize, &str))| {
        let (ours, _) = best(tools, row, |tool| tool.name == *name)?;
        let (peer, whose) = peers[*beside]?;
        let text = format!("{} of {} bytes, {whose}", grouped(ours), grouped(peer));
        Some((class, ours as f64 / peer as f64, text))
    };
    BESIDE.iter().enumerate().filter_map(bar).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
