// What runs in the thread: one call after the other.
import { FlashdeltaError } from "./errors.js";

/** Answers a message `{ name, values }` by `post`. */
export async function serve(ready, api, { name, values }, post) {
  try {
    await ready;
    const [group, member] = name.split(".");
    const call = member ? api[group][member] : api[group];
    const last = values[values.length - 1];
    if (last !== null && typeof last === "object" && "wantsProgress" in last) {
      const { wantsProgress, ...rest } = last;
      const progress = (at) => post({ progress: at });
      values = [...values.slice(0, -1), wantsProgress ? { ...rest, progress } : rest];
    }
    post({ result: call(...values) });
  } catch (error) {
    const known = error instanceof FlashdeltaError;
    post({
      error: known
        ? error.fields()
        : { message: String(error?.message ?? error), code: "internal", class: "internal" },
    });
  }
}
