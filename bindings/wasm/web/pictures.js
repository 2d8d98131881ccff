// Pictures of what a patch is and does. Each has its numbers in words, too.
import { element, grouped, hex, percent, svg } from "./dom.js";

const WIDTH = 800;

function figure(caption, drawing, legend = []) {
  const list = legend.map(([kind, text]) =>
    element("li", {}, element("span", { class: `fill-${kind}`, "aria-hidden": "true" }), text));
  const parts = list.length > 0 ? [element("ul", { class: "legend" }, ...list)] : [];
  return element("figure", {}, element("figcaption", {}, caption), drawing, ...parts);
}

function drawing(height, label, ...children) {
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label }, ...children);
}

/** A bar of parts: `{ kind, text, size }`. */
export function stacked(caption, parts) {
  const total = parts.reduce((sum, { size }) => sum + size, 0);
  const shown = parts.filter(({ size }) => size > 0);
  let x = 0;
  const bars = shown.map(({ kind, text, size }) => {
    const width = (WIDTH * size) / total;
    const bar = svg("rect", { class: `fill-${kind}`, x, y: 0, width, height: 34 },
      svg("title", {}, `${text}: ${grouped(size)} bytes`));
    x += width;
    return bar;
  });
  const legend = shown.map(({ kind, text, size }) => [kind, `${text}: ${grouped(size)} (${percent(size, total)})`]);
  const frame = svg("rect", { class: "frame", x: 0.5, y: 0.5, width: WIDTH - 1, height: 33 });
  return figure(caption, drawing(34, legend.map(([, text]) => text).join(", "), ...bars, frame), legend);
}

/** Bars, one below the other: `{ kind, text, size }`, with their shares of `whole`, by default of all. */
export function bars(caption, parts, whole) {
  const largest = Math.max(1, ...parts.map(({ size }) => size));
  const sum = whole ?? parts.reduce((sum, { size }) => sum + size, 0);
  const rows = parts.flatMap(({ kind, text, size }) => {
    const bar = element("div", { class: `bar fill-${kind}` });
    bar.style.width = `${(100 * size) / largest}%`;
    const number = `${grouped(size)} (${percent(size, sum)})`;
    return [element("dt", {}, text), element("dd", {}, element("div", {}, bar), element("span", {}, number))];
  });
  return figure(caption, element("dl", { class: "bars" }, ...rows));
}

const KINDS = { code: "old", data: "new", ram: "own" };

/** Which bytes of a file are at which addresses. Gaps are drawn short. */
export function addressMap(caption, { segments }) {
  if (segments.length === 0) return null;
  const sorted = [...segments].sort((a, b) => a.address - b.address);
  const sizes = sorted.reduce((sum, { size }) => sum + size, 0);
  const gap = 14;
  const scale = Math.max(WIDTH - gap * (sorted.length - 1), WIDTH / 2) / Math.max(sizes, 1);
  let [x, end] = [0, null];
  const parts = [];
  for (const { address, size, kind } of sorted) {
    if (end !== null && end !== address) x += gap;
    end = address + size;
    const width = Math.max(1.5, scale * size);
    parts.push(svg("rect", { class: `fill-${KINDS[kind] ?? "rest"}`, x, y: 0, width, height: 30 },
      svg("title", {}, `${hex(address)} to ${hex(address + size)}: ${kind}, ${grouped(size)} bytes`)));
    x += width;
  }
  const first = sorted[0].address;
  const last = sorted[sorted.length - 1];
  const label = `${sorted.length} segments from ${hex(first)} to ${hex(last.address + last.size)}`;
  const used = [...new Set(sorted.map(({ kind }) => kind))];
  const total = (kind) => sorted.filter((segment) => segment.kind === kind).reduce((sum, { size }) => sum + size, 0);
  const legend = used.map((kind) => [KINDS[kind] ?? "rest", `${kind}: ${grouped(total(kind))}`]);
  return figure(`${caption}: ${label}`, drawing(30, label, ...parts), legend);
}

/** How two files differ, place by place: of each square the share of bytes that are not the same. */
export function differences(caption, old, new_) {
  const COLUMNS = 50;
  const length = Math.max(old.length, new_.length);
  if (length === 0) return null;
  const cell = Math.max(16, Math.ceil(length / (COLUMNS * 10)));
  const count = Math.ceil(length / cell);
  const rows = Math.ceil(count / COLUMNS);
  const side = WIDTH / COLUMNS;
  const squares = [];
  let changed = 0;
  for (let i = 0; i < count; i += 1) {
    const [start, end] = [i * cell, Math.min((i + 1) * cell, length)];
    let differing = 0;
    for (let at = start; at < end; at += 1) if (old[at] !== new_[at]) differing += 1;
    changed += differing;
    const share = differing / (end - start);
    const square = svg("rect", {
      class: share === 0 ? "fill-old" : "fill-new",
      x: (i % COLUMNS) * side + 1, y: Math.floor(i / COLUMNS) * side + 1, width: side - 2, height: side - 2,
      "fill-opacity": share === 0 ? 0.25 : 0.3 + 0.7 * share,
    }, svg("title", {}, `${hex(start)}: ${percent(differing, end - start)} differ`));
    squares.push(square);
  }
  const text = `${percent(changed, length)} of the bytes differ, place by place`;
  return figure(`${caption}: ${text}`, drawing(rows * side, text, ...squares),
    [["old", "the same"], ["new", "differs: the stronger, the more"]]);
}
