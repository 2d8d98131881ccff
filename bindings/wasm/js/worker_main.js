// What runs in a thread of a browser.
import * as api from "./index.js";
import { serve } from "./serve.js";

const ready = api.init();
// Without anybody waiting a failure would be reported as one that nobody handles: the first call tells it.
ready.catch(() => {});
self.addEventListener("message", ({ data }) => serve(ready, api, data, (message) => self.postMessage(message)));
