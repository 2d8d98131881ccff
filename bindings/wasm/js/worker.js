// The API in a thread of its own, in browsers.
import { createApi } from "./calls.js";

export { FlashdeltaError } from "./errors.js";

function start(heard, died) {
  const worker = new Worker(new URL("./worker_main.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => heard(data));
  worker.addEventListener("error", (event) => died(new Error(event.message || "the worker cannot start")));
  return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
}

export const createWorker = () => createApi(start);
