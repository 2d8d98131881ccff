// flashdelta in browsers: call init() once, then everything else.
import start from "./wasm/flashdelta_wasm.js";

export * from "./api.js";

let started;

export function init(source) {
  started ??= start(source === undefined ? undefined : { module_or_path: source }).then(
    () => undefined,
    (error) => {
      started = undefined;
      throw error;
    },
  );
  return started;
}
