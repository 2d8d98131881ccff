// The rest of the API: errors, giving up, threads, files, holes, sets.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import * as api from "flashdelta";
import { createWorker } from "flashdelta/worker";

import { folder, program, read, TESTDATA } from "./testdata.js";

const { FlashdeltaError, images, sets } = api;
const [OLD, NEW] = ["firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"];
const thrown = (work) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return assert.fail("it did not throw");
};

test("errors say what, whose fault and what to do", () => {
  const { bytes: patch } = api.make(read(OLD), read(NEW));
  let error = thrown(() => api.apply(read(NEW).subarray(4), patch));
  assert.ok(error instanceof FlashdeltaError && error instanceof Error);
  assert.deepEqual([error.name, error.class], ["FlashdeltaError", "wrong-base"]);
  assert.equal(error.remedy, "OtherBase");
  assert.ok(error.message.endsWith(error.advice), error.message);
  error = thrown(() => api.make(read(OLD), read(NEW), { ram: 100 }));
  assert.deepEqual([error.code, error.class, error.remedy], ["profile-too-small", "does-not-fit", "MoreRam"]);
  assert.match(error.advice, /^ram: \d+ is enough/);
});

test("options that are not possible", () => {
  for (const [options, code] of [
    [{ effrot: 9 }, "option"],
    [{ profile: "huge" }, "unknown-profile"],
    [{ profile: { like: "huge" } }, "profile-description"],
    [{ codec: "zip" }, "codec-name"],
    [{ isa: "z80" }, "isa-name"],
    [{ chunks: 100 }, "option"],
    [{ holes: ["x"] }, "hole-syntax"],
    [{ fill: 256 }, "option"],
  ]) {
    const error = thrown(() => api.make(read(OLD), read(NEW), options));
    assert.deepEqual([error.code, error.class], [code, "usage"], JSON.stringify(options));
  }
  for (const file of ["text", 7, null, undefined, {}]) {
    assert.equal(thrown(() => api.make(file, read(NEW))).code, "option");
  }
});

test("progress rises, and gives up the work", () => {
  const at = [];
  api.make(read(OLD), read(NEW), { progress: (news) => void at.push(news) });
  assert.ok(at.length > 5 && at.length <= 200, `${at.length} calls`);
  assert.ok(at.every(({ fraction }, i) => fraction <= 1 && fraction > (at[i - 1]?.fraction ?? 0)));
  const stopped = { progress: () => false };
  const cancelled = { code: "cancelled", class: "interrupted" };
  assert.throws(() => api.make(read(OLD), read(NEW), stopped), cancelled);
  assert.throws(() => api.make(read(OLD), read(NEW), { signal: AbortSignal.abort() }), cancelled);
  const controller = new AbortController();
  const options = { signal: controller.signal, progress: () => controller.abort() };
  assert.throws(() => api.make(read(OLD), read(NEW), options), cancelled);
  const mine = new Error("mine");
  const throws = { progress: () => { throw mine; } };
  assert.equal(thrown(() => api.make(read(OLD), read(NEW), throws)), mine);
  assert.ok(api.make(read(OLD), read(NEW)).verified, "it works afterwards");
});

test("a thread gives the same, and ends when it is told to", { timeout: 120_000 }, async () => {
  const worker = createWorker();
  try {
    const here = api.make(read(OLD), read(NEW));
    const at = [];
    const made = await worker.make(read(OLD), new Blob([read(NEW)]), { progress: (news) => void at.push(news) });
    assert.deepEqual(made, here);
    assert.ok(at.length > 5);
    assert.deepEqual((await worker.apply(read(OLD), made.bytes)).bytes, new Uint8Array(read(NEW)));
    assert.equal(await worker.images.detect(read("firmware/cortex-m-1.1.hex")), "ihex");
    const error = await worker.apply(read(NEW), made.bytes).catch((reason) => reason);
    assert.ok(error instanceof FlashdeltaError);
    assert.deepEqual({ ...error }, { ...thrown(() => api.apply(read(NEW), made.bytes)) });

    // Long work ends at once, and what waits behind it goes on in a new thread.
    const [big, other] = [new Uint8Array(2 << 20), new Uint8Array(2 << 20)];
    for (let i = 0, x = 1; i < big.length; i += 1) {
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
      big[i] = x >>> 24;
      other[(i + 5000) % big.length] = (x >>> 24) ^ (i % 37 === 0);
    }
    const controller = new AbortController();
    const work = worker.make(big, other, { signal: controller.signal, effort: 9 });
    setTimeout(() => controller.abort(), 200);
    const next = worker.make(read(OLD), read(NEW));
    await assert.rejects(work, { code: "cancelled" });
    assert.deepEqual(await next, here);
    await assert.rejects(worker.make(read(OLD), read(NEW), { signal: AbortSignal.abort() }), { code: "cancelled" });
  } finally {
    worker.terminate();
  }
});

test("info is the program's", (t) => {
  const names = ["firmware/esp32-1.0.bin", "firmware/cortex-m-1.1.hex", "archives/heron-1.0.zip",
    "inputs/wrong-digest.bin", "signed/signed-ed25519-cryptography.patch", "vectors/in-place-both.patch",
    "vectors/holes-kept.patch"];
  const native = (path, ...words) => {
    const { file, ...facts } = JSON.parse(program("info", "--json", path, ...words));
    return facts;
  };
  for (const name of names) {
    assert.deepEqual(api.info(read(name)), native(join(TESTDATA, name)), name);
  }
  assert.equal(api.info(read("vectors/in-place-both.patch")).in_place.sector, 512);
  const path = join(folder(t), "patch.fdp");
  writeFileSync(path, api.make(read(OLD), read(NEW)).bytes);
  const facts = api.info(api.make(read(OLD), read(NEW)).bytes, { old: read(OLD) });
  assert.deepEqual(facts, native(path, "--old", join(TESTDATA, OLD)));
  assert.equal(api.info(read("inputs/release-1/manifest.json")).kind, "archive");
  assert.throws(() => api.info(api.make(read(OLD), read(NEW)).bytes.subarray(0, 100)), { code: "truncated" });
});

test("conversion is the program's", (t) => {
  const out = join(folder(t), "out");
  const made = (...words) => {
    program("convert", ...words, "-o", out, "--quiet");
    return new Uint8Array(program("convert", ...words, "-o", "-", "--quiet"));
  };
  const hex = join(TESTDATA, "firmware/cortex-m-1.1.hex");
  assert.deepEqual(api.convert(read("firmware/cortex-m-1.1.hex"), "srec"), made(hex, "--to", "srec"));
  const bin = join(TESTDATA, "inputs/code.bin");
  const options = { recordLength: 32, crlf: true, read: { base: 0x8000 } };
  assert.deepEqual(api.convert(read("inputs/code.bin"), "ihex", options),
    made(bin, "--to", "hex", "--record-length", "32", "--crlf", "--base", "0x8000"));
  const error = thrown(() => api.convert({ name: "x.hex", bytes: read("inputs/text.hex") }, "raw"));
  assert.deepEqual([error.code, error.class], ["no-record", "bad-file"]);
});

test("images", () => {
  const file = read("firmware/cortex-m-1.1.hex");
  const image = images.parse(file);
  assert.equal(image.format, "ihex");
  assert.ok(image.segments.length > 0 && image.segments[0].data instanceof Uint8Array);
  assert.deepEqual(images.write(image, "raw"), api.convert(file, "raw"));
  assert.equal(images.addressMap(read("firmware/esp32-1.0.bin")).architecture, "xtensa-windowed");
  assert.throws(() => images.write(image, "elf"), FlashdeltaError);
});

test("holes are filled", (t) => {
  const image = new Uint8Array(read("inputs/code.bin"));
  const path = join(folder(t), "image.bin");
  writeFileSync(path, image);
  const native = program("personalize", path, "--hole", "serial=0x20-0x30", "--hole", "key=0x40-0x44",
    "--set", "serial=A-042", "--set", "key=hex:01020304", "-o", "-", "--quiet");
  const holes = ["serial=0x20-0x30", "key=0x40-0x44"];
  const values = { serial: "A-042", key: Uint8Array.of(1, 2, 3, 4) };
  const filled = api.personalize(image, holes, values);
  assert.ok(native.equals(filled));
  assert.deepEqual(api.personalize(image, holes, { ...values, key: "hex:01020304" }), filled);
  assert.equal(thrown(() => api.personalize(image, holes, { serial: "A" })).code, "hole-value-missing");

  const changed = image.slice();
  changed[0x200] ^= 1;
  const { bytes: patch } = api.make(image, changed, { holes: ["serial=0x20-0x30,source=given"] });
  const made = api.apply(image, patch, { values: { serial: "B-043" } }).bytes;
  assert.equal(Buffer.from(made.subarray(0x20, 0x25)).toString(), "B-043");
});

test("sets", (t) => {
  const here = folder(t);
  const description = join(here, "set.toml");
  const path = (name) => JSON.stringify(join(TESTDATA, name));
  writeFileSync(description,
    `[[component]]\nkind = "application"\npartition = "app"\nold = ${path(OLD)}\nnew = ${path(NEW)}\n`);
  const set = join(here, "set.fds");
  program("set", "create", description, "-o", set, "--quiet");
  const bytes = Buffer.from(program("set", "create", description, "-o", "-", "--quiet"));
  const { set: _, ...facts } = JSON.parse(program("set", "info", set, "--json"));
  assert.deepEqual(sets.info(bytes), facts);
  assert.deepEqual(api.info(bytes), { kind: "set", ...facts });
  assert.deepEqual(sets.verify(bytes), { keyId: null });
  const keys = [read("signed/ed25519.pub.pem").toString()];
  assert.throws(() => sets.verify(bytes, { keys }), { code: "unsigned", class: "not-authentic" });
  bytes[20] ^= 1;
  assert.throws(() => sets.verify(bytes), FlashdeltaError);
});
