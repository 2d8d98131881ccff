// The test data of the repository, and the program that everything is compared with.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

export const TESTDATA = join(process.env.FLASHDELTA_TESTDATA ?? "testdata", "/");

/** The program, which must be there: without it nothing would be compared. */
export const PROGRAM = process.env.FLASHDELTA_BINARY;
if (!PROGRAM || !existsSync(PROGRAM)) throw new Error("FLASHDELTA_BINARY does not name the program");

/** What the program prints; an error of it as `{ error }`. */
export function program(...words) {
  try {
    return execFileSync(PROGRAM, words, { stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 26 });
  } catch (error) {
    throw new Error(`flashdelta ${words.join(" ")}: ${error.stderr}`);
  }
}

export const read = (name) => readFileSync(join(TESTDATA, name));

/** A file of the test data as the API takes it: a folder, or a JSON with its neighbours, as a folder. */
export function given(path) {
  if (!statSync(path).isDirectory()) return { name: basename(path), bytes: readFileSync(path) };
  const files = {};
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath ?? entry.path, entry.name);
    files[full.slice(path.length + 1)] = readFileSync(full);
  }
  return { name: basename(path), files };
}

export const rows = (name) => {
  const [head, ...lines] = readFileSync(join(TESTDATA, name), "utf8").trimEnd().split("\n");
  const names = head.split("\t");
  return lines.map((line) => Object.fromEntries(line.split("\t").map((cell, i) => [names[i], cell])));
};

/** A folder that is gone after the test. */
export function folder(test) {
  const path = mkdtempSync(join(tmpdir(), "flashdelta-wasm-"));
  test.after(() => rmSync(path, { recursive: true }));
  return path;
}
