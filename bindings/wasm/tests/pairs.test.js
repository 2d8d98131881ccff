// Patches are the program's, byte by byte, and give the new file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { apply, build, FlashdeltaError, info, make, verify } from "flashdelta";

import { folder, program, read, rows, TESTDATA } from "./testdata.js";

/** The program's patch. */
function native(t, old, new_, ...options) {
  const out = join(folder(t), "patch.fdp");
  program("diff", join(TESTDATA, old), join(TESTDATA, new_), "-o", out, "--quiet", ...options);
  return readFileSync(out);
}

test("pairs", (t) => {
  for (const pair of rows("pairs.tsv")) {
    // What is written by hand, whatever it is: the program takes its name for its format, too.
    const options = { allowEmpty: true };
    const made = make(read(pair.old), read(pair.new), options);
    assert.deepEqual(apply(read(pair.old), made.bytes).bytes, new Uint8Array(read(pair.new)), pair.name);
    const expected = native(t, pair.old, pair.new, "--allow-empty");
    assert.ok(expected.equals(made.bytes), `${pair.name}: ${expected.length}, ${made.bytes.length}`);
  }
});

test("profiles, codecs, chunks and identities", (t) => {
  const [old, new_] = ["firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"];
  for (const [options, words] of [
    [{ profile: "tiny" }, ["--profile", "tiny"]],
    [{ profile: "small", codec: "lz4" }, ["--profile", "small", "--codec", "lz4"]],
    [{ ram: 12 << 10, isa: "none" }, ["--ram", "12KiB", "--isa", "none"]],
    [{ chunks: "auto" }, ["--chunks", "auto"]],
    [{ identity: { product: "heron", hardware: [1, 3], securityCounter: 4 } },
      ["--product", "heron", "--hardware-from", "1", "--hardware-to", "3", "--security-counter", "4"]],
    [{ holes: ["serial=0x400-0x410"] }, ["--hole", "serial=0x400-0x410"]],
  ]) {
    const made = make(read(old), read(new_), options);
    const name = JSON.stringify(options);
    assert.ok(native(t, old, new_, ...words).equals(made.bytes), name);
    assert.ok(made.verified, name);
  }
});

test("records keep their form", (t) => {
  const [old, new_] = ["firmware/cortex-m-1.0.s19", "firmware/cortex-m-1.1.hex"];
  const made = make({ name: "a.s19", bytes: read(old) }, { name: "a.hex", bytes: read(new_) });
  assert.ok(native(t, old, new_).equals(made.bytes));
  assert.deepEqual(apply(read(old), made.bytes).bytes, new Uint8Array(read(new_)));
  const image = apply(read(old), made.bytes, { format: "raw" }).bytes;
  assert.equal(image.length, made.info.new_size);
});

test("archives", (t) => {
  const [old, new_] = ["archives/heron-1.0.zip", "archives/heron-1.1.zip"];
  const made = make({ name: "old.zip", bytes: read(old) }, { name: "new.zip", bytes: read(new_) });
  assert.equal(made.info.codec, "bundle");
  assert.ok(native(t, old, new_).equals(made.bytes));
  assert.deepEqual(apply(read(old), made.bytes).bytes, new Uint8Array(read(new_)));
});

test("what zstd has coded is refused by name", (t) => {
  const [old, new_] = ["firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"];
  const patch = native(t, old, new_, "--profile", "linux", "--codec", "zstd");
  const refused = (error) => {
    assert.ok(error instanceof FlashdeltaError);
    assert.deepEqual([error.code, error.class], ["codec-not-built", "does-not-fit"]);
    return true;
  };
  assert.throws(() => apply(read(old), patch), refused);
  assert.throws(() => make(read(old), read(new_), { profile: "linux", codec: "zstd" }), FlashdeltaError);
  assert.ok(!build().codecs.includes("zstd"));
  assert.equal(info(patch).codec, "zstd");
});

test("signatures", () => {
  const [old, signed] = [read("signed/chunks.old"), read("signed/signed-ed25519-cryptography.patch")];
  const pem = (name) => [read(`signed/${name}.pub.pem`).toString()];
  const { keyId } = verify(old, signed, { keys: pem("ed25519") });
  assert.equal(keyId, info(signed).signatures[0].key_id);
  const refused = (patch, keys, code) =>
    assert.throws(() => apply(old, patch, { keys }), { code, class: "not-authentic" });
  refused(signed, pem("other-ed25519"), "unknown-key");
  refused(read("signed/bad-signature.patch"), pem("ed25519"), "wrong-signature");
  refused(read("signed/chunks.patch"), pem("ed25519"), "unsigned");
});
