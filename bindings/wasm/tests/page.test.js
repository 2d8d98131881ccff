// The page in a browser, with a simulated chip at its serial port.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { pathToFileURL } from "node:url";

import { Browser, serve } from "./browser.js";
import { folder, program, read, TESTDATA } from "./testdata.js";

const WEB = process.env.FLASHDELTA_PAGE;
const PICTURES = process.env.FLASHDELTA_SCREENSHOTS;
const CHIP = readFileSync(new URL("chip.js", import.meta.url), "utf8");
const { nvsPartition } = await import(pathToFileURL(join(WEB, "nvs.js")));

const [BOOT_AT, NVS_AT, APP_AT] = [0, 0x9000, 0x10000];
const boot = Buffer.from(read("firmware/cortex-m-1.0.bin")).subarray(0, 21_001);
const app = Buffer.from(read("firmware/riscv-1.0.bin"));
/** The same application, but for two sectors. */
const newer = Buffer.from(app);
newer[100] ^= 1;
newer[3 * 4096 + 5] ^= 1;

const manifest = (version) => JSON.stringify({
  name: "Heron",
  version,
  builds: [{
    chipFamily: "ESP32-C3",
    parts: [{ path: "boot.bin", offset: BOOT_AT }, { path: `app-${version}.bin`, offset: APP_AT }],
  }],
  flashdelta: {
    identifiers: [
      { name: "serial", label: "Serial number", pattern: "[A-Z]-[0-9]{3}", part: `app-${version}.bin`, hole: "serial=0x2000-0x2010" },
      { name: "key", label: "Key", type: "hex", nvs: { offset: NVS_AT, size: 0x4000, namespace: "device", key: "key" } },
    ],
  },
});

let [browser, site] = [];
before(async () => {
  site = await serve(WEB, {
    "/products.json": JSON.stringify([{ name: "Heron 1.0", manifest: "heron/1.0.json" }, { name: "Heron 1.1", manifest: "heron/1.1.json" }]),
    "/heron/1.0.json": manifest("1.0"),
    "/heron/1.1.json": manifest("1.1"),
    "/heron/boot.bin": boot,
    "/heron/app-1.0.bin": app,
    "/heron/app-1.1.bin": newer,
  });
  browser = new Browser(process.env.CHROMIUM);
});
after(async () => {
  await browser?.close();
  site?.close();
});

/** A page whose chip says this when its application starts. */
async function open(options = {}) {
  const page = await browser.page(site.address + (options.hash ?? ""), { scripts: [CHIP], ...options });
  await page.until("document.querySelector('#version').textContent !== ''");
  await page.run("chip.log = 'heron 1.0 is up\\r\\n'");
  return page;
}

const set = (page, id, value) => page.run(`{
  const field = document.getElementById(${JSON.stringify(id)});
  field.value = ${JSON.stringify(value)};
  field.dispatchEvent(new Event("input"));
  field.dispatchEvent(new Event("change"));
}`);

async function fillIn(page, serial = "A-042", key = "00112233445566778899aabbccddeeff") {
  await page.until("!document.getElementById('write').disabled");
  await set(page, "identifier-0", serial);
  await set(page, "identifier-1", key);
}

/** Connects and writes; gives what the page says in the end. */
async function write(page) {
  await page.click("write");
  await page.until("document.getElementById('flash-message').textContent !== '' && document.getElementById('work').hidden", 90);
  return page.text("flash-message");
}

/** What the flash must hold. */
function expected(image, serial = "A-042") {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i * 0x11);
  const personal = Buffer.from(image);
  personal.fill(0, 0x2000, 0x2010);
  personal.write(serial, 0x2000);
  return [[BOOT_AT, boot], [NVS_AT, nvsPartition(0x4000, [{ namespace: "device", key: "key", value: key }])], [APP_AT, personal]];
}

async function checkFlash(page, image, serial) {
  for (const [at, bytes] of expected(image, serial)) {
    const found = await page.run(`btoa(Array.from(chip.flash.subarray(${at}, ${at + bytes.length}), (b) => String.fromCharCode(b)).join(""))`);
    assert.ok(Buffer.from(found, "base64").equals(bytes), `at ${at}`);
  }
}

const seen = (page) => page.run("({ ...chip.seen })");

async function show(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  for (const width of [400, 1600]) {
    for (const dark of [false, true]) {
      await page.look({ width, height: 900, dark });
      const overflow = await page.run("document.documentElement.scrollWidth - innerWidth");
      assert.ok(overflow <= 0, `${name} is ${overflow} pixels wider than ${width}`);
      writeFileSync(join(PICTURES, `${name}-${width}-${dark ? "dark" : "light"}.png`), await page.picture());
    }
  }
}

test("a device is written with its own data, and but once", { timeout: 240_000 }, async () => {
  const page = await open();
  await show(page, "flash-start");
  await fillIn(page);
  assert.equal(await write(page), "Written and checked.");
  await checkFlash(page, app);
  let { written, stubs, bauds, md5 } = await seen(page);
  assert.deepEqual([stubs, bauds], [1, [460800]]);
  const total = boot.length + app.length + 0x4000;
  // Of the partition with the key three sectors are empty, as the flash is. Ends are filled up to words.
  const needed = total - 3 * 4096;
  assert.ok(written >= needed && written < needed + 12, `${written} of ${needed}`);
  assert.ok(md5 > 5);
  await page.until("document.getElementById('log').textContent.includes('heron 1.0 is up')");
  await show(page, "flash-done");

  // The same again: nothing is erased.
  const erased = (await seen(page)).erased.length;
  assert.match(await write(page), /^Nothing had to be written/);
  assert.equal((await seen(page)).erased.length, erased);

  // The next version: two sectors.
  await set(page, "product", "heron/1.1.json");
  await page.until("document.getElementById('product-message').textContent.includes('1.1')");
  await fillIn(page);
  assert.equal(await write(page), "Written and checked.");
  await checkFlash(page, newer);
  assert.deepEqual((await seen(page)).erased.slice(erased), [[APP_AT, APP_AT + 4096], [APP_AT + 3 * 4096, APP_AT + 4 * 4096]]);
  const saved = await page.text("saved");
  assert.ok(saved.startsWith(`8,192 of ${total.toLocaleString("en-US")} bytes were written.`), saved);

  // All of it, whatever is there.
  await page.run("document.getElementById('write-all').checked = true");
  written = (await seen(page)).written;
  assert.equal(await write(page), "Written and checked.");
  assert.ok((await seen(page)).written - written >= total);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("a cable that is pulled: what is written is kept", { timeout: 180_000 }, async () => {
  const page = await open();
  await fillIn(page);
  await page.run("chip.fault = { vanish: 2 }");
  assert.match(await write(page), /^The device is gone/);
  await show(page, "flash-gone");
  const before_ = (await seen(page)).written;
  assert.ok(before_ > 0);
  await page.run("chip.fault = {}; undefined");
  assert.equal(await write(page), "Written and checked.");
  await checkFlash(page, app);
  const total = boot.length + app.length + 0x4000;
  assert.ok((await seen(page)).written - before_ < total, "what was there was not written again");
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("another chip is told, and not touched", { timeout: 120_000 }, async () => {
  const page = await open();
  await fillIn(page);
  await page.run("replaceChip('ESP32-S3'); undefined");
  assert.equal(await write(page), "This device is an ESP32-S3. Heron is for: ESP32-C3.");
  assert.deepEqual((await seen(page)).erased, []);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("what the flash does not hold is not taken for written", { timeout: 120_000 }, async () => {
  const page = await open();
  await fillIn(page);
  await page.run("chip.fault = { wrongMd5: true }");
  assert.match(await write(page), /is not what was written \(its MD5 is another\)/);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("a device that does not answer", { timeout: 180_000 }, async () => {
  const page = await open();
  await fillIn(page);
  await page.run("chip.fault = { noAnswer: true }");
  assert.match(await write(page), /^The device does not answer\. Hold its BOOT button/);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("what is typed is checked before a device is asked for", { timeout: 60_000 }, async () => {
  const page = await open();
  await fillIn(page, "42");
  await page.click("write");
  assert.match(await page.text("flash-message"), /Serial number: "42" is not of the form/);
  assert.equal(await page.run("document.activeElement.id"), "identifier-0");
  await fillIn(page, "A-042", "abc");
  await page.click("write");
  assert.match(await page.text("flash-message"), /Key: "abc" is not pairs/);
  await fillIn(page);
  await page.run("refusesPort = true");
  await page.click("write");
  await page.until("document.getElementById('flash-message').textContent === 'No device was chosen.'");
  assert.deepEqual((await seen(page)).opened, []);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("a product of this computer's files", { timeout: 60_000 }, async (t) => {
  const here = folder(t);
  const paths = [["manifest.json", manifest("1.0")], ["boot.bin", boot], ["app-1.0.bin", app]].map(([name, content]) => {
    writeFileSync(join(here, name), content);
    return join(here, name);
  });
  const page = await open();
  await page.choose("#product-files", paths.slice(0, 2));
  await page.until("document.getElementById('product-message').textContent.startsWith('The manifest names app-1.0.bin')");
  await page.choose("#product-files", paths);
  await page.until("document.getElementById('product-message').textContent === 'Heron, version 1.0'");
  writeFileSync(paths[0], '{"builds": [{"chipFamily": "ESP32", "parts": [{"path": "a", "offset": 1.5}]}]}');
  // The same files in the same order would be no change.
  await page.choose("#product-files", [...paths].reverse());
  await page.until("document.getElementById('product-message').textContent.includes('offset is 1.5')");
  assert.ok(await page.run("document.getElementById('write').disabled"));
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("patches are made, inspected and applied in the page", { timeout: 180_000 }, async (t) => {
  const here = folder(t);
  const [old, new_] = ["firmware/esp32-1.0.bin", "firmware/esp32-1.1.bin"].map((name) => join(TESTDATA, name));
  const saved = async (name) => {
    await page.run("document.querySelector('#download a').click()");
    for (let i = 0; i < 200 && !existsSync(join(here, name)); i += 1) await new Promise((next) => setTimeout(next, 50));
    // It gets its name when it is complete.
    return readFileSync(join(here, name));
  };
  const page = await open({ hash: "#patch" });
  await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: here });
  await show(page, "patch-start");
  await page.choose("#old", [old]);
  await page.until("document.querySelector('#facts tbody').childElementCount > 3");
  await page.choose("#new", [new_]);
  await page.until("!document.getElementById('make').disabled && document.getElementById('make-work').hidden");
  await page.click("make");
  await page.until("document.getElementById('patch-message').textContent.includes('and it works')", 90);
  assert.equal(await page.run("document.querySelectorAll('#pictures figure').length"), 6);
  await show(page, "patch-made");
  program("diff", old, new_, "-o", join(here, "native.fdp"), "--quiet");
  const made = await saved("esp32-1.1.bin.fdp");
  assert.ok(made.equals(readFileSync(join(here, "native.fdp"))));

  await page.choose("#patch", [join(here, "native.fdp")]);
  await page.until("document.getElementById('patch-message').textContent === 'It applies to esp32-1.0.bin.'");
  await page.click("apply");
  await page.until("document.getElementById('patch-message').textContent.includes('SHA-256 that the patch promises')");
  assert.ok((await saved("native")).equals(readFileSync(new_)));

  // A patch for another file, and no patch at all.
  await page.choose("#old", [new_]);
  await page.until("document.querySelector('[data-side=old] .about').textContent.startsWith('esp32-1.1.bin')");
  await page.until("document.getElementById('make-work').hidden");
  await page.click("apply");
  await page.until("document.getElementById('patch-message').classList.contains('bad')");
  assert.match(await page.text("patch-message"), /there is nothing to do/);
  writeFileSync(join(here, "damaged.fdp"), made.subarray(0, made.length - 9));
  await page.choose("#patch", [join(here, "damaged.fdp")]);
  await page.until("document.getElementById('patch-message').textContent.includes('get the patch again')");
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("all of it is reached by keyboard", { timeout: 60_000 }, async () => {
  const page = await open();
  await page.until("!document.getElementById('write').disabled");
  await page.key("Tab");
  assert.equal(await page.run("document.activeElement.id"), "tab-flash");
  await page.key("ArrowRight");
  assert.equal(await page.run("document.activeElement.id"), "tab-patch");
  assert.ok(await page.run("document.getElementById('panel-flash').hidden"));
  await page.key("ArrowLeft");
  const order = [];
  for (let i = 0; i < 9; i += 1) {
    await page.key("Tab");
    order.push(await page.run("document.activeElement.id"));
  }
  assert.deepEqual(order, ["product", "product-files", "identifier-0", "identifier-1", "baud", "write-all", "write", "log-only", "log"]);
  assert.ok(await page.run(`[...document.querySelectorAll("input, select, button, progress")].every((field) =>
    field.labels?.length > 0 || field.textContent.trim() !== "" || field.getAttribute("aria-label"))`), "each field has a name");
  assert.deepEqual(page.errors, []);
  await page.close();
});

test("nothing is loaded from elsewhere, or from the page itself", { timeout: 60_000 }, async () => {
  const page = await open();
  const policy = await page.run("document.querySelector('meta[http-equiv]').content");
  assert.ok(policy.startsWith("default-src 'none'") && !/unsafe-inline|'unsafe-eval'|https?:|\*/.test(policy), policy);
  const refused = page.until("window.refused", 10);
  await page.run(`document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => (window.refused = effectiveDirective));
    const script = document.createElement("script"); script.textContent = "window.ran = true"; document.head.append(script);`);
  assert.match(await refused, /^script-src/);
  assert.equal(await page.run("window.ran"), undefined);
  await page.close();
});
