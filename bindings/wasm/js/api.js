// The API, the same in browsers and in Node: types and documentation are in index.d.ts.
import { FlashdeltaError } from "./errors.js";
import * as given from "./given.js";
import * as wasm from "./wasm/flashdelta_wasm.js";

export { FlashdeltaError };

/** Calls into WebAssembly; its errors become ours. */
function call(work) {
  try {
    return work();
  } catch (thrown) {
    throw FlashdeltaError.of(thrown);
  }
}

/** A callback for WebAssembly, by which a signal ends the work, too. */
function listener(progress, signal) {
  if (signal?.aborted) throw FlashdeltaError.cancelled();
  if (!progress && !signal) return undefined;
  return (phase, fraction) => {
    const answer = progress?.({ phase, fraction });
    return answer !== false && !signal?.aborted;
  };
}

const file = (value, what) =>
  given.file(value, what, (names, files) => call(() => wasm.folder_pack(names, files)));

const optional = (value, what) => (value === undefined || value === null ? undefined : given.bytes(value, what));

/** Names and values of holes. */
function holeValues(values) {
  const names = Object.keys(values ?? {});
  const parse = (text) => call(() => wasm.parse_value(text));
  return [names, names.map((name) => given.value(values[name], name, parse))];
}

export function make(old, new_, options = {}) {
  const [rest, oldElf, newElf, progress, signal] =
    given.split(options, ["oldElf", "newElf", "progress", "signal"]);
  const [before, after] = [file(old, "old"), file(new_, "new")];
  const elfs = [optional(oldElf, "oldElf"), optional(newElf, "newElf")];
  const told = listener(progress, signal);
  const made = call(() =>
    wasm.make(before.bytes, before.name, after.bytes, after.name, rest, ...elfs, told));
  return { bytes: made.bytes, ...JSON.parse(made.facts) };
}

export function apply(old, patch, options = {}) {
  const [rest, values, progress, signal] = given.split(options, ["values", "progress", "signal"]);
  const before = file(old, "old");
  const [names, list] = holeValues(values);
  const told = listener(progress, signal);
  const made = call(() =>
    wasm.apply(before.bytes, before.name, given.bytes(patch, "patch"), rest, names, list, told));
  const { isFolder, ...facts } = JSON.parse(made.facts);
  return { bytes: made.bytes, ...facts, files: isFolder ? unpack(made.bytes) : null };
}

function unpack(packed) {
  const list = call(() => wasm.folder_unpack(packed)) ?? [];
  const files = {};
  for (let i = 0; i < list.length; i += 2) files[list[i]] = list[i + 1];
  return files;
}

export function verify(old, patch, options = {}) {
  const [rest, progress, signal] = given.split(options, ["progress", "signal"]);
  const before = file(old, "old");
  const told = listener(progress, signal);
  const made = call(() =>
    wasm.verify(before.bytes, before.name, given.bytes(patch, "patch"), rest, told));
  const { isFolder, ...facts } = JSON.parse(made.facts);
  return facts;
}

export function info(given_, options = {}) {
  const { name, bytes } = file(given_, "file");
  const old = options.old === undefined ? undefined : file(options.old, "old").bytes;
  return JSON.parse(call(() => wasm.info(bytes, name, old)));
}

export function personalize(image, holes, values, options = {}) {
  const [names, list] = holeValues(values);
  const elf = optional(options.elf, "elf");
  return call(() => wasm.personalize(given.bytes(image, "image"), holes, names, list, elf));
}

export function convert(given_, format, options = {}) {
  const { name, bytes } = file(given_, "file");
  const { read = {}, ...write } = options;
  return call(() => wasm.convert(bytes, name, format, JSON.stringify(read), JSON.stringify(write)));
}

export const images = {
  detect: (given_) => call(() => wasm.detect(file(given_, "file").bytes)),
  md5: (bytes) => call(() => wasm.md5(given.bytes(bytes, "bytes"))),
  addressMap: (given_) => JSON.parse(call(() => wasm.address_map(file(given_, "file").bytes))),
  parse(given_, options = {}) {
    const { name, bytes } = file(given_, "file");
    return call(() => wasm.image_parse(bytes, name, JSON.stringify(options)));
  },
  write(image, format, options = {}) {
    const addresses = Uint32Array.from(image.segments, ({ address }) => address);
    const data = image.segments.map((segment) => given.bytes(segment.data, "data"));
    const [entry, header] = [image.entry ?? undefined, optional(image.header, "header")];
    return call(() => wasm.image_write(addresses, data, entry, header, format, JSON.stringify(options)));
  },
};

export const sets = {
  info: (set) => JSON.parse(call(() => wasm.set_info(given.bytes(set, "set")))),
  verify: (set, { keys = [] } = {}) => ({
    keyId: call(() => wasm.set_verify(given.bytes(set, "set"), keys)) ?? null,
  }),
};

export const build = () => JSON.parse(call(() => wasm.build()));
