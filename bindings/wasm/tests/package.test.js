// What is in the package that npm would publish.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("node_modules/flashdelta", import.meta.url));

test("the package has what it needs, and nothing else", () => {
  const files = readdirSync(FOLDER, { recursive: true }).filter((name) => statSync(join(FOLDER, name)).isFile()).sort();
  assert.deepEqual(files, [
    "LICENSE-APACHE", "LICENSE-MIT", "README.md", "api.js", "calls.js", "errors.js", "given.js", "index.d.ts", "index.js",
    "node.js", "package.json", "serve.js", "wasm/flashdelta_wasm.js", "wasm/flashdelta_wasm_bg.wasm", "worker.d.ts",
    "worker.js", "worker_main.js", "worker_node.js", "worker_node_main.js",
  ]);
  const { exports, dependencies, version } = JSON.parse(readFileSync(join(FOLDER, "package.json")));
  assert.equal(dependencies, undefined);
  for (const entry of Object.values(exports)) {
    for (const path of typeof entry === "string" ? [entry] : Object.values(entry)) assert.ok(files.includes(path.slice(2)), path);
  }
  assert.match(version, /^\d+\.\d+\.\d+$/);
});

test("no path of the machine that built it is in it", () => {
  const wasm = readFileSync(join(FOLDER, "wasm/flashdelta_wasm_bg.wasm"));
  for (const path of [process.env.HOME, process.env.FLASHDELTA_TESTDATA.replace(/\/testdata$/, "")]) {
    if (path && path.length > 1) assert.ok(!wasm.includes(path), path);
  }
});
