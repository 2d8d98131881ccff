// The library, in a thread of its own: the page never waits for it.
import { createWorker, FlashdeltaError } from "./flashdelta/worker.js";

export const flashdelta = createWorker();
export { FlashdeltaError };
