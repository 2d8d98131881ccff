// Inputs of every kind: `testdata/inputs/table.tsv`, as for the library, the program, C and Python.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { apply, convert, FlashdeltaError, make, verify } from "flashdelta";

import { folder, given, rows, TESTDATA } from "./testdata.js";

/** A file of the test data, or a patch that was made: `@NAME`, `@NAME-3` without its last 3 bytes, `@NAME+1`, `@NAME^12` with another byte. */
function file(name, made) {
  if (!name.startsWith("@")) return join(TESTDATA, name);
  const [, kept, how, digits] = /^@(.*?)(?:([-+^])(\d+))?$/.exec(name);
  if (!how) return join(made, kept);
  let [data, count] = [readFileSync(join(made, kept)), Number(digits)];
  if (how === "-") data = data.subarray(0, data.length - count);
  else if (how === "+") data = Buffer.concat([data, Buffer.alloc(count)]);
  else data[count] ^= 1;
  writeFileSync(join(made, "changed"), data);
  return join(made, "changed");
}

const words = (text) => text.split(" ").filter(Boolean).map((word) => /^([^=]*)=?(.*)$/.exec(word).slice(1));

/** A profile in a file, whose lines are a key and a value that is JSON, too. */
function profile(name) {
  const lines = readFileSync(join(TESTDATA, name), "utf8").split("\n").filter((line) => /^\w/.test(line));
  return Object.fromEntries(lines.map((line) => {
    const [key, value] = line.split(/ = (.*)/);
    return [key, JSON.parse(value)];
  }));
}

function makeOptions(text) {
  const [options, readOptions] = [{}, {}];
  for (const [name, value] of words(text)) {
    if (name === "verbatim") options.verbatim = true;
    else if (name === "allow-empty") options.allowEmpty = true;
    else if (name === "strict") readOptions.strict = true;
    else if (name === "in-memory") continue;
    else if (name === "profile-file") options.profile = profile(value);
    else if (name === "accept" && value === "manifest") options.acceptManifests = true;
    else if (name === "accept") readOptions.ignoreChecksums = value === "checksum";
    else if (name === "family") readOptions.family = Number(value);
    else if (["fill", "base", "ram"].includes(name)) options[name] = Number(value);
    else if (name === "range") options.range = value.split("-").map(Number);
    else if (name === "hole") options.holes = [value];
    else if (name === "new-elf") options.newElf = readFileSync(join(TESTDATA, value));
    else if (name === "product") options.identity = { product: Number(value) };
    else options[name] = value;
  }
  return { ...options, read: readOptions };
}

function applyOptions(text) {
  const options = {};
  for (const [name, value] of words(text)) {
    if (name === "output") options.format = value;
    else if (name === "product") options.device = { product: Number(value) };
    else options[name] = Number(value);
  }
  return options;
}

function convertOptions(text) {
  const [options, readOptions] = [{}, {}];
  for (const [name, value] of words(text)) {
    if (name === "strict") readOptions.strict = true;
    else if (name === "range") options.range = value.split("-").map(Number);
    else readOptions[name] = Number(value);
  }
  return { ...options, read: readOptions };
}

/** Rows about what only a file system has: a manifest that is read with the parts that it names, and files that are not there. */
const isOfFileSystems = ({ old, new: new_, options, result }) =>
  ([old, new_].some((name) => name.endsWith(".json")) && !options.includes("in-memory")) || result === "read";

test("what comes of each input", (t) => {
  const made = folder(t);
  const all = rows("inputs/table.tsv");
  assert.ok(all.length > 60);
  const wrong = [];
  let count = 0;
  for (const row of all) {
    if (isOfFileSystems(row)) continue;
    count += 1;
    const [old, new_] = [file(row.old, made), file(row.new, made)];
    let [found, told] = [undefined, []];
    try {
      if (row.do === "diff") {
        const patch = make(given(old), given(new_), makeOptions(row.options));
        writeFileSync(join(made, row.name), patch.bytes);
        found = patch.info.codec === "bundle" ? "bundle" : "patch";
        told = patch.warnings.map(({ side, code }) => `${side}:${code}`);
      } else if (row.do === "verify") {
        verify(given(old), readFileSync(new_), applyOptions(row.options));
        found = "ok";
      } else {
        const bytes = row.do === "convert"
          ? convert(given(old), row.new, convertOptions(row.options))
          : apply(given(old), readFileSync(new_), applyOptions(row.options)).bytes;
        const expected = join(TESTDATA, row.result);
        const isFile = statSync(expected, { throwIfNoEntry: false })?.isFile();
        found = isFile && readFileSync(expected).equals(bytes) ? row.result : "another file";
      }
    } catch (error) {
      if (!(error instanceof FlashdeltaError)) throw error;
      found = error.code;
    }
    if (found !== row.result) wrong.push(`${row.name}: ${row.result} was expected, ${found}`);
    const expected = (row.warnings ?? "").split(" ").filter(Boolean).sort().join(" ");
    if (told.sort().join(" ") !== expected) {
      wrong.push(`${row.name}: warnings ${expected}, ${told}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(count > 50, `${count} rows`);
});
