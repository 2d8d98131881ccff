// The API in a thread of its own: calls give promises, and a signal ends the work at once.
import { FlashdeltaError } from "./errors.js";

const NAMES = [
  "make", "apply", "verify", "info", "convert", "personalize", "build", "images.detect",
  "images.md5", "images.addressMap",
  "images.parse", "images.write", "sets.info", "sets.verify",
];

class Thread {
  #start;
  #thread = null;
  /** The calls that wait, the first of which is at work. */
  #calls = [];

  constructor(start) {
    this.#start = start;
  }

  call(name, values) {
    const [last] = values.slice(-1);
    const isOptions = last !== null && typeof last === "object" && ("signal" in last || "progress" in last);
    const { signal, progress, ...rest } = isOptions ? last : {};
    const sent = isOptions ? [...values.slice(0, -1), { ...rest, wantsProgress: Boolean(progress) }] : values;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(FlashdeltaError.cancelled());
      const call = { name, values: sent, progress, resolve, reject };
      call.abort = () => this.#abort(call);
      signal?.addEventListener("abort", call.abort);
      call.end = () => signal?.removeEventListener("abort", call.abort);
      this.#calls.push(call);
      if (this.#calls.length === 1) this.#next();
    });
  }

  terminate() {
    this.#thread?.terminate();
    this.#thread = null;
    for (const call of this.#calls.splice(0)) {
      call.end();
      call.reject(FlashdeltaError.cancelled());
    }
  }

  async #next() {
    const [call] = this.#calls;
    if (!call) return;
    try {
      this.#thread ??= this.#start((message) => this.#heard(message), (error) => this.#died(error));
      const values = await Promise.all(call.values.map(readable));
      // It may have been given up meanwhile.
      if (call === this.#calls[0]) this.#thread.post({ name: call.name, values });
    } catch (error) {
      this.#finish(call, () => call.reject(error));
    }
  }

  #heard(message) {
    const [call] = this.#calls;
    if (!call) return;
    if (message.progress) {
      try {
        if (call.progress?.(message.progress) === false) this.#abort(call);
      } catch (thrown) {
        this.#abort(call, thrown);
      }
      return;
    }
    this.#finish(call, () =>
      message.error ? call.reject(new FlashdeltaError(message.error)) : call.resolve(message.result));
    // After a trap nothing in there is to be relied on.
    if (message.error?.class === "internal") this.#restart();
  }

  #abort(call, reason = FlashdeltaError.cancelled()) {
    if (this.#calls[0] === call) this.#restart();
    this.#finish(call, () => call.reject(reason));
  }

  #died(error) {
    this.#restart();
    const [call] = this.#calls;
    if (call) this.#finish(call, () => call.reject(error));
  }

  #restart() {
    this.#thread?.terminate();
    this.#thread = null;
  }

  #finish(call, settle) {
    const at = this.#calls.indexOf(call);
    if (at < 0) return;
    this.#calls.splice(at, 1);
    call.end();
    settle();
    if (at === 0) this.#next();
  }
}

/** A Blob is read here: a File has a name, too. */
async function readable(value) {
  if (typeof Blob === "undefined" || !(value instanceof Blob)) return value;
  return { name: value.name ?? "", bytes: new Uint8Array(await value.arrayBuffer()) };
}

/** The API in threads that `start` starts. */
export function createApi(start) {
  const thread = new Thread(start);
  const api = { terminate: () => thread.terminate(), images: {}, sets: {} };
  for (const name of NAMES) {
    const [group, member] = name.split(".");
    const call = (...values) => thread.call(name, values);
    if (member) api[group][member] = call;
    else api[group] = call;
  }
  return api;
}
