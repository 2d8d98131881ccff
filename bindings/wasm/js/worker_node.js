// The API in a thread of its own, in Node.
import { Worker } from "node:worker_threads";

import { createApi } from "./calls.js";

export { FlashdeltaError } from "./errors.js";

function start(heard, died) {
  const worker = new Worker(new URL("./worker_node_main.js", import.meta.url));
  worker.on("message", (message) => {
    // A thread without work keeps nobody alive.
    if (!message.progress) worker.unref();
    heard(message);
  });
  worker.on("error", died);
  return {
    post(message) {
      worker.ref();
      worker.postMessage(message);
    },
    terminate: () => worker.terminate(),
  };
}

export const createWorker = () => createApi(start);
