// What runs in a thread of Node.
import { parentPort } from "node:worker_threads";

import * as api from "./node.js";
import { serve } from "./serve.js";

parentPort.on("message", (data) =>
  serve(api.init(), api, data, (message) => parentPort.postMessage(message)));
