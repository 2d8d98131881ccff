// Small help with the page.

export const $ = (id) => document.getElementById(id);

/** A new element; text is never read as HTML. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same in SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** What there is to say, and how it went: "", "good" or "bad". */
export function say(node, text, how = "") {
  node.textContent = text;
  node.className = `message ${how}`.trim();
  if (how === "bad") node.setAttribute("role", "alert");
  else node.setAttribute("role", "status");
}

/** A number with separators between thousands. */
export const grouped = (number) => number.toLocaleString("en-US");

export const hex = (number) => `0x${number.toString(16)}`;

export function percent(part, whole) {
  return whole === 0 ? "0 %" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** Makes an area take files that are dropped on it; its input takes them, too. */
export function dropArea(area, take) {
  const input = area.querySelector("input");
  // The same file again is a choice, too: it may have changed.
  input.addEventListener("click", () => (input.value = ""));
  input.addEventListener("change", () => input.files.length > 0 && take([...input.files]));
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    if (event.dataTransfer.files.length > 0) take([...event.dataTransfer.files]);
  });
}
