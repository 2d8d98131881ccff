// The tab that writes firmware to a device.
import { $, dropArea, element, grouped, hex, percent, say } from "./dom.js";
import { Flasher, readLog } from "./flasher.js";
import { regionsFor } from "./personal.js";
import { fetchProduct, listProducts, readProduct } from "./product.js";

/** What is chosen, and what is at work. */
const state = { product: null, load: null, flasher: null, log: null };

const message = $("flash-message");

export function startFlashTab() {
  const hasSerial = "serial" in navigator;
  $("no-serial").hidden = hasSerial;
  $("log-only").disabled = !hasSerial;
  $("product").addEventListener("change", () => choose(() => fetchProduct($("product").value)));
  dropArea($("product-drop"), (files) => choose(() => readProduct(files)));
  $("write").addEventListener("click", write);
  $("log-only").addEventListener("click", () => showLog());
  $("stop").addEventListener("click", stop);
  offer();
}

/** Fills the list of products. One that the address names (`?manifest=`) comes first. */
async function offer() {
  const list = await listProducts().catch(() => []);
  const named = new URLSearchParams(location.search).get("manifest");
  // Only of this site: an address from elsewhere is not followed.
  const isHere = named && new URL(named, document.baseURI).origin === location.origin;
  if (isHere) list.unshift({ name: named, manifest: named });
  $("product-field").hidden = list.length === 0;
  for (const { name, manifest } of list) {
    $("product").append(element("option", { value: manifest }, String(name ?? manifest)));
  }
  if (list.length > 0) choose(() => fetchProduct(list[0].manifest));
}

async function choose(load) {
  state.product = null;
  state.load = load;
  $("write").disabled = true;
  let product;
  try {
    product = await load();
    // Another one may have been chosen meanwhile.
    if (state.load !== load) return undefined;
    state.product = product;
  } catch (error) {
    if (state.load !== load) return undefined;
    $("parts").hidden = true;
    $("device-section").hidden = true;
    return say($("product-message"), error.message, "bad");
  }
  const { name, version } = state.product;
  say($("product-message"), version ? `${name}, version ${version}` : name, "good");
  showParts();
  showIdentifiers();
  $("write").disabled = !("serial" in navigator);
  return undefined;
}

function showParts(chosen) {
  const rows = state.product.builds.flatMap((build) => build.parts.map(({ path, offset }) => {
    const row = element("tr", chosen === build ? { class: "chosen" } : {});
    const size = element("td", {}, "");
    const bytes = state.product.files.get(path);
    if (bytes) size.textContent = grouped(bytes.length);
    row.append(element("th", { scope: "row" }, build.chipFamily), element("td", {}, path), element("td", {}, hex(offset)), size);
    return row;
  }));
  $("parts").tBodies[0].replaceChildren(...rows);
  $("parts").hidden = false;
}

function showIdentifiers() {
  const { identifiers } = state.product;
  $("device-section").hidden = identifiers.length === 0;
  $("identifiers").replaceChildren(...identifiers.map(({ name, label, type, patternText }, i) => {
    const input = element("input", { type: "text", id: `identifier-${i}`, autocomplete: "off", spellcheck: "false", "data-name": name });
    input.addEventListener("input", () => input.removeAttribute("aria-invalid"));
    const hints = [type === "hex" && "hexadecimal digits", patternText && `of the form ${patternText}`].filter(Boolean);
    return element("label", { class: "field" }, label, input, element("span", { class: "hint" }, hints.join(", ")));
  }));
}

/** What was typed for this device; throws with the field in question focused. */
function values() {
  return state.product.identifiers.map((identifier, i) => {
    const input = $(`identifier-${i}`);
    const text = input.value.trim();
    const wrong = (what) => {
      input.setAttribute("aria-invalid", "true");
      input.focus();
      return new Error(`${identifier.label}: ${what}.`);
    };
    if (text === "") throw wrong("this device needs one");
    if (identifier.pattern && !identifier.pattern.test(text)) throw wrong(`"${text}" is not of the form ${identifier.patternText}`);
    if (identifier.type === "hex" && !/^(?:[0-9a-f]{2})+$/i.test(text)) throw wrong(`"${text}" is not pairs of hexadecimal digits`);
    return text;
  });
}

function atWork(isAtWork) {
  for (const id of ["write", "log-only", "product", "product-files", "baud"]) $(id).disabled = isAtWork;
  if (!isAtWork) $("write").disabled = !state.product;
  $("stop").disabled = !isAtWork;
  $("work").hidden = !isAtWork;
}

function tell(what, fraction) {
  $("work-what").textContent = what;
  if (fraction === undefined) $("work-bar").removeAttribute("value");
  else $("work-bar").value = fraction;
}

async function write() {
  const { product } = state;
  $("saved").hidden = true;
  say(message, "");
  let given;
  try {
    given = values();
  } catch (error) {
    return say(message, error.message, "bad");
  }
  const port = await askForPort();
  if (!port) return;
  await endLog();
  atWork(true);
  tell("Connecting");
  $("tool-log").textContent = "";
  const baud = Number($("baud").value);
  const flasher = new Flasher(port, { baud, say: (text) => append($("tool-log"), `${text}\n`) });
  state.flasher = flasher;
  let isWritten = false;
  try {
    const chip = await flasher.connect();
    const build = product.buildFor(chip);
    if (!build) {
      const known = product.builds.map(({ chipFamily }) => chipFamily).join(", ");
      throw new Error(`This device is an ${chip}. ${product.name} is for: ${known}.`);
    }
    tell(`${chip}: preparing the files`);
    const regions = await regionsFor(product, build, given);
    showParts(build);
    const outcome = await flasher.write(regions, { all: $("write-all").checked, tell });
    tell("Restarting the device", 1);
    await flasher.finish();
    showSaved(outcome);
    say(message, outcome.written === 0 ? "Nothing had to be written: the device has it all." : "Written and checked.", "good");
    isWritten = true;
  } catch (error) {
    await flasher.close();
    say(message, error.message, "bad");
  }
  state.flasher = null;
  atWork(false);
  if (isWritten) await showLog(port);
}

/** How much the comparison has saved. */
function showSaved({ total, written, compared }) {
  const kept = total - written;
  const text = compared
    ? `${grouped(written)} of ${grouped(total)} bytes were written. ${grouped(kept)} (${percent(kept, total)}) were in the flash already.`
    : `All ${grouped(total)} bytes were written, without looking what was there.`;
  const bar = element("progress", { max: String(Math.max(total, 1)), value: String(kept), "aria-label": "In the flash already" });
  $("saved").replaceChildren(element("p", {}, text), ...(compared ? [bar] : []));
  $("saved").hidden = false;
}

async function askForPort() {
  try {
    return await navigator.serial.requestPort();
  } catch (error) {
    if (error.name === "NotFoundError") say(message, "No device was chosen.", "");
    else say(message, `The browser gives no device: ${error.message}`, "bad");
    return null;
  }
}

async function showLog(port) {
  const isAlone = port === undefined;
  port ??= await askForPort();
  if (!port) return;
  await endLog();
  const controller = new AbortController();
  $("log").textContent = "";
  $("stop").disabled = false;
  const work = readLog(port, {
    signal: controller.signal,
    show: (text) => append($("log"), text),
  }).catch((error) => say(message, `The log cannot be read: ${error.message}`, "bad"));
  const log = { controller, work };
  state.log = log;
  if (isAlone) say(message, "");
  await work;
  if (state.log === log) {
    state.log = null;
    $("stop").disabled = state.flasher === null;
  }
}

async function endLog() {
  state.log?.controller.abort();
  await state.log?.work;
  state.log = null;
}

function stop() {
  state.flasher?.stop();
  endLog();
}

/** The end of a log stays in sight; of a long one the beginning goes. */
function append(pre, text) {
  const MOST = 200_000;
  const isAtEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 30;
  pre.append(text);
  if (pre.textContent.length > MOST) pre.textContent = pre.textContent.slice(-MOST / 2);
  if (isAtEnd) pre.scrollTop = pre.scrollHeight;
}
