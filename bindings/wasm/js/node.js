// flashdelta in Node: ready when it is imported.
import { readFileSync } from "node:fs";

import { initSync } from "./wasm/flashdelta_wasm.js";

export * from "./api.js";

initSync({ module: readFileSync(new URL("./wasm/flashdelta_wasm_bg.wasm", import.meta.url)) });

export async function init() {}
