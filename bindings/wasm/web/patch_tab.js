// The tab that makes and inspects patches.
import { $, dropArea, element, grouped, percent, say } from "./dom.js";
import { flashdelta, FlashdeltaError } from "./library.js";
import { addressMap, bars, differences, stacked } from "./pictures.js";

const files = { old: null, new: null, patch: null };
const message = $("patch-message");
let controller = null;

export function startPatchTab() {
  for (const area of document.querySelectorAll("[data-side]")) {
    dropArea(area, ([file]) => take(area.dataset.side, area, file));
  }
  $("make").addEventListener("click", () => work("Comparing", make));
  $("apply").addEventListener("click", () => work("Applying", apply));
  $("cancel").addEventListener("click", () => controller?.abort());
}

async function take(side, area, file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  files[side] = { name: file.name, bytes };
  const about = area.querySelector(".about");
  about.textContent = `${file.name}, ${grouped(bytes.length)} bytes`;
  $("make").disabled = !(files.old && files.new);
  $("apply").disabled = !(files.old && files.patch);
  await work("Reading", () => inspect(side));
}

/** Runs what takes a while: one at a time, and it can be given up. */
async function work(what, run) {
  controller?.abort();
  const mine = new AbortController();
  controller = mine;
  $("cancel").disabled = false;
  $("make-what").textContent = what;
  $("make-bar").value = 0;
  $("make-work").hidden = false;
  say(message, "");
  $("download").replaceChildren();
  try {
    await run({ signal: mine.signal, progress: ({ fraction }) => void ($("make-bar").value = fraction) });
  } catch (error) {
    const isAbort = error instanceof FlashdeltaError && error.code === "cancelled";
    if (controller === mine) say(message, isAbort ? "Cancelled." : `${error.message}.`, isAbort ? "" : "bad");
  }
  if (controller === mine) {
    controller = null;
    $("cancel").disabled = true;
    $("make-work").hidden = true;
  }
}

const WORDS = { patch: "Patch", bundle: "Patch between archives", archive: "Archive", firmware: "Firmware file", set: "Component set" };

/** Facts about a file of the page; asked for once. */
async function factsOf(file) {
  file.facts ??= await flashdelta.info(file);
  return file.facts;
}

/** Shows what a file is; of a patch, if the old file is there, what it does with that. */
async function inspect(side) {
  const file = files[side];
  let reason = "";
  let applied = null;
  if (side === "patch" && files.old) {
    applied = await flashdelta.info(file, { old: files.old }).catch((error) => void (reason = error.message));
  }
  const facts = applied ?? (await factsOf(file));
  const isPatch = ["patch", "bundle"].includes(facts.kind);
  show(facts, file.name, [await mapOf(file, facts)]);
  if (isPatch && reason) say(message, `The patch does not apply to ${files.old.name}: ${reason}.`, "bad");
  else if (isPatch && applied) say(message, `It applies to ${files.old.name}.`, "good");
  else say(message, `${file.name}: ${WORDS[facts.kind].toLowerCase()}.`);
}

async function mapOf(file, { kind }) {
  return kind === "firmware" ? addressMap(`Addresses of ${file.name}`, await flashdelta.images.addressMap(file)) : null;
}

async function make({ signal, progress }) {
  const { old, new: new_ } = files;
  const options = { profile: $("profile").value, effort: Number($("effort").value), signal, progress };
  const started = performance.now();
  const made = await flashdelta.make(old, new_, options);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const facts = await flashdelta.info(made.bytes, { old });
  show(facts, null, [
    await mapOf(old, await factsOf(old)),
    await mapOf(new_, await factsOf(new_)),
    differences("Old and new file", old.bytes, new_.bytes),
  ]);
  const share = percent(made.bytes.length, new_.bytes.length);
  const warnings = made.warnings.map(({ side, message: text }) => ` ${side === "old" ? old.name : new_.name}: ${text}.`);
  const works = made.verified ? ", and it works" : "";
  say(message, `The patch has ${grouped(made.bytes.length)} bytes, ${share} of the new file. It took ${seconds} s${works}.${warnings.join("")}`, "good");
  offer(made.bytes, `${new_.name}.fdp`);
}

async function apply({ signal, progress }) {
  const { bytes, newSize, files: folder } = await flashdelta.apply(files.old, files.patch.bytes, { signal, progress });
  say(message, `The new file has ${grouped(newSize)} bytes, and the SHA-256 that the patch promises.`, "good");
  if (folder) for (const [path, content] of Object.entries(folder)) offer(content, path.split("/").pop());
  else offer(bytes, files.patch.name.replace(/\.fdp$/, "") || "new.bin");
}

/** A link that saves what was made. */
function offer(bytes, name) {
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = element("a", { href: address, download: name }, `Save ${name} (${grouped(bytes.length)} bytes)`);
  $("download").append(link, " ");
}

/** Facts as rows of a table: what has a name that people know. */
const ROWS = [
  ["format", "Format"], ["architecture", "Instruction set"], ["size", "Bytes"], ["sha256", "SHA-256"],
  ["versions", "Versions in it"], ["codec", "Codec"], ["isa", "Instruction set predicted"], ["old_size", "Old image, bytes"],
  ["new_size", "New image, bytes"], ["new_sha256", "SHA-256 of the new image"], ["patch_size", "Patch, bytes"],
  ["set_size", "Set, bytes"], ["ram", "RAM on the device, bytes"], ["write_unit", "Write unit, bytes"], ["chunk_size", "Chunks, bytes"],
  ["signature_count", "Signatures"],
];

function show(facts, name, pictures) {
  $("h-result").textContent = name === null ? WORDS[facts.kind] : `${name}: ${WORDS[facts.kind].toLowerCase()}`;
  const isSaid = (value) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0);
  const text = (value) => (typeof value === "number" ? grouped(value) : String(value));
  const rows = ROWS.filter(([key]) => isSaid(facts[key])).map(([key, label]) =>
    element("tr", {}, element("th", { scope: "row" }, label), element("td", {}, text(facts[key]))));
  for (const { path, size, offset } of facts.members?.filter(({ path }) => path !== undefined) ?? []) {
    const where = offset === undefined ? "" : ` at ${offset}`;
    rows.push(element("tr", {}, element("th", { scope: "row" }, path), element("td", {}, `${text(size ?? "?")} bytes${where}`)));
  }
  $("facts").tBodies[0].replaceChildren(...rows);
  $("pictures").replaceChildren(...[...picturesOf(facts), ...pictures].filter(Boolean));
  $("result").hidden = false;
}

function* picturesOf(facts) {
  if (facts.patch_size && facts.new_size) {
    yield bars("How much is sent", [
      { kind: "rest", text: "new image", size: facts.new_size },
      { kind: "good", text: "patch", size: facts.patch_size },
    ], facts.new_size);
  }
  if (facts.content) {
    const { bytes_from_old: old, bytes_from_new: own, literals } = facts.content;
    yield stacked("What the new image is made of", [
      { kind: "old", text: "copied from the old image", size: old },
      { kind: "own", text: "copied from the new image", size: own },
      { kind: "new", text: "spelled out", size: literals },
    ]);
  }
  if (facts.breakdown) {
    yield bars("Where the bytes of the patch go", facts.breakdown.map(({ part, bytes }) => ({ kind: "old", text: part, size: bytes })));
  }
  if (facts.kind === "bundle" && facts.bundle?.members) {
    yield bars("What its members take", facts.bundle.members.map((member) => ({ kind: "old", text: member.name || "(the file)", size: member.patch_size })));
  }
}
