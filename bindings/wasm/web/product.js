// Products: a manifest of ESP Web Tools, its files, and which data of one device goes where.
//
// A manifest may say that under the key `flashdelta`, which ESP Web Tools passes over:
//
//   "flashdelta": { "identifiers": [
//     { "name": "serial", "label": "Serial number", "pattern": "[A-Z]-[0-9]{4}",
//       "part": "app.bin", "hole": "serial=0x400-0x420" },
//     { "name": "key", "label": "Key", "type": "hex",
//       "nvs": { "offset": 36864, "size": 16384, "namespace": "device", "key": "key" } } ] }

/** A product as the page has it. */
export class Product {
  /** @param {(path: string) => Promise<Uint8Array>} fetchFile */
  constructor(manifest, fetchFile) {
    this.name = String(manifest.name ?? "firmware");
    this.version = manifest.version === undefined ? "" : String(manifest.version);
    this.builds = manifest.builds.map(checkBuild);
    this.identifiers = (manifest.flashdelta?.identifiers ?? []).map(checkIdentifier);
    this.fetchFile = fetchFile;
    this.files = new Map();
  }

  /** The build for a chip; of several the first one. */
  buildFor(chip) {
    return this.builds.find(({ chipFamily }) => chipFamily === chip);
  }

  /** The bytes of a part, fetched once. */
  async file(path) {
    if (!this.files.has(path)) this.files.set(path, await this.fetchFile(path));
    return this.files.get(path);
  }
}

function need(condition, what) {
  if (!condition) throw new Error(`The manifest is wrong: ${what}.`);
}

const isOffset = (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32;

function checkBuild(build, i) {
  need(typeof build?.chipFamily === "string", `builds[${i}].chipFamily is no text`);
  need(Array.isArray(build.parts) && build.parts.length > 0, `builds[${i}].parts is no list`);
  const parts = build.parts.map(({ path, offset } = {}, j) => {
    const name = `builds[${i}].parts[${j}]`;
    need(typeof path === "string" && path !== "", `${name}.path is no text`);
    need(isOffset(offset), `${name}.offset is ${JSON.stringify(offset)}, not an offset`);
    return { path, offset };
  });
  return { chipFamily: build.chipFamily, parts };
}

function checkIdentifier(given, i) {
  const name = `flashdelta.identifiers[${i}]`;
  need(typeof given?.name === "string" && given.name !== "", `${name}.name is no text`);
  const { part, hole, nvs } = given;
  need((typeof part === "string" && typeof hole === "string") !== (nvs !== undefined),
    `${name} needs either part and hole, or nvs`);
  if (nvs !== undefined) {
    need(isOffset(nvs.offset) && nvs.offset % 4096 === 0, `${name}.nvs.offset is no start of a sector`);
    need(Number.isInteger(nvs.size) && nvs.size >= 12288 && nvs.size <= 1 << 20 && nvs.size % 4096 === 0,
      `${name}.nvs.size is not 3 sectors of 4096 bytes or more`);
    for (const key of ["namespace", "key"]) {
      need(/^[\x21-\x7e]{1,15}$/.test(nvs[key]), `${name}.nvs.${key} is not 1 to 15 letters`);
    }
  }
  need(["text", "hex"].includes(given.type ?? "text"), `${name}.type is neither text nor hex`);
  return {
    name: given.name,
    label: String(given.label ?? given.name),
    type: given.type ?? "text",
    pattern: given.pattern === undefined ? null : new RegExp(`^(?:${given.pattern})$`, "u"),
    patternText: given.pattern ?? "",
    part, hole, nvs,
  };
}

function parse(text) {
  let manifest;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new Error(`The manifest is no JSON: ${error.message}`);
  }
  need(Array.isArray(manifest?.builds) && manifest.builds.length > 0, "it has no builds");
  return manifest;
}

/** What the site offers: `products.json`, a list of `{ name, manifest }`. */
export async function listProducts() {
  const answer = await fetch("products.json");
  if (!answer.ok) return [];
  const list = await answer.json();
  return Array.isArray(list) ? list.filter(({ manifest } = {}) => typeof manifest === "string") : [];
}

/** A product of the site. */
export async function fetchProduct(address) {
  const base = new URL(address, document.baseURI);
  const get = async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url.pathname} cannot be fetched: ${answer.status} ${answer.statusText}`);
    return answer;
  };
  const manifest = parse(await (await get(base)).text());
  return new Product(manifest, async (path) => {
    const url = new URL(path, base);
    return new Uint8Array(await (await get(url)).arrayBuffer());
  });
}

/** A product from files of this computer: `manifest.json`, and all that it names. */
export async function readProduct(files) {
  const isManifest = (file) => file.name.toLowerCase().endsWith(".json");
  const manifest = files.find((file) => file.name === "manifest.json") ?? files.find(isManifest);
  if (!manifest) throw new Error("There is no manifest.json among these files.");
  const product = new Product(parse(await manifest.text()), async (path) => {
    const name = path.split("/").pop();
    const file = files.find((file) => file.name === name);
    if (!file) throw new Error(`The manifest names ${path}, which is not among the files.`);
    return new Uint8Array(await file.arrayBuffer());
  });
  // What is missing shows now, and not when the device is connected.
  for (const { parts } of product.builds) for (const { path } of parts) await product.file(path);
  return product;
}
