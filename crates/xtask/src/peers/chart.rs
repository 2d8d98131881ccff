//! What was measured, as a picture: the size of the patches of each pair, as part of the new image.

use core::fmt::Write as _;

use super::report::{best, best_peers, grouped, tells};
use super::tools::Tool;
use super::Row;

/// More pairs than this do not fit a picture.
const MOST_PAIRS: usize = 12;
/// Patches of this part of the image are no news, and would make the others' bars short.
const LARGE: f64 = 0.5;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 160.0;
/// For the text after the longest bar.
const RIGHT: f64 = 260.0;
const BAR: f64 = 15.0;
const GAP: f64 = 16.0;
const TOP: f64 = 58.0;
const COLOURS: [&str; 4] = ["#9aa5b1", "#62717f", "#e08a3c", "#c2410c"];

/// A bar: its class, how long, and the text after it.
type Bar = (usize, f64, String);

pub(crate) fn svg(tools: &[Tool], rows: &[Row]) -> String {
    let ours: Vec<&str> = tools.iter().filter(|t| t.is_ours()).map(|t| t.name.as_str()).collect();
    // Of what was measured, the two that most devices have: 16 KiB and 64 KiB of RAM, the
    // instruction set found out.
    let two: Vec<&str> = ["flashdelta 16KiB", "flashdelta 64KiB"]
        .into_iter()
        .filter(|name| ours.contains(name))
        .collect();
    let two = if two.is_empty() { ours.into_iter().take(2).collect() } else { two };

    let mut groups: Vec<(&str, Vec<Bar>)> = Vec::new();
    for row in rows {
        if !tells(tools, row) {
            continue;
        }
        let share = |bytes: u64| bytes as f64 / row.new_len as f64;
        let mut bars = Vec::new();
        for (class, peer) in best_peers(tools, row).into_iter().enumerate() {
            bars.extend(peer.map(|(bytes, name)| {
                (class, share(bytes), format!("{} bytes, {name}", grouped(bytes)))
            }));
        }
        for (i, name) in two.iter().enumerate() {
            let made = best(tools, row, |tool| tool.name == *name);
            bars.extend(made.map(|(bytes, name)| {
                (2 + i, share(bytes), format!("{} bytes, {name}", grouped(bytes)))
            }));
        }
        if !bars.is_empty()
            && bars.iter().all(|(_, share, _)| *share < LARGE)
            && groups.len() < MOST_PAIRS
        {
            groups.push((&row.name, bars));
        }
    }

    let bars: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let height = TOP + bars as f64 * BAR + groups.len() as f64 * GAP + 24.0;
    let longest = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.1).fold(1e-9, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;

    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="12">"#
    );
    let _ = writeln!(svg, r#"<rect width="{WIDTH}" height="{height}" fill="white"/>"#);
    let _ = writeln!(
        svg,
        r#"<text x="12" y="22" font-size="15" font-weight="bold">Size of the patch, as part of the new image</text>"#
    );
    let legend = [
        "best peer in 16 KiB of RAM",
        "best of all peers",
        two.first().unwrap_or(&""),
        two.get(1).unwrap_or(&""),
    ];
    let mut x = 12.0;
    for (colour, text) in COLOURS.iter().zip(legend).filter(|(_, text)| !text.is_empty()) {
        let _ = writeln!(svg, r#"<rect x="{x}" y="33" width="10" height="10" fill="{colour}"/>"#);
        let _ = writeln!(svg, r##"<text x="{}" y="42" fill="#333">{text}</text>"##, x + 15.0);
        x += 40.0 + 6.4 * text.len() as f64;
    }
    let mut y = TOP;
    for (name, bars) in &groups {
        let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#,
            LEFT - 10.0,
            escaped(name)
        );
        for (class, share, text) in bars {
            let (length, colour) = ((share * scale).max(1.0), COLOURS[*class]);
            let _ = writeln!(
                svg,
                r#"<rect x="{LEFT}" y="{y}" width="{length:.1}" height="{}" fill="{colour}"/>"#,
                BAR - 2.0
            );
            let (at, base, percent) = (LEFT + length + 6.0, y + 11.0, share * 100.0);
            let _ = writeln!(
                svg,
                r##"<text x="{at:.1}" y="{base}" font-size="11" fill="#333">{percent:.1} %, {}</text>"##,
                escaped(text)
            );
            y += BAR;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
