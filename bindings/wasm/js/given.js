// Files as callers give them.
import { FlashdeltaError } from "./errors.js";

/** The bytes of an ArrayBuffer or a view of one, without a copy. */
export function bytes(value, what) {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw FlashdeltaError.option(`${what}: bytes are expected, or { name, bytes }, or { files }`);
}

/** Bytes and name of a file, or a packed folder. */
export function file(value, what, pack) {
  if (value !== null && typeof value === "object" && value.files !== undefined) {
    const entries = Object.entries(value.files).map(([path, data]) => [path, bytes(data, path)]);
    return { name: value.name ?? "", bytes: pack(entries.map(([path]) => path), entries.map(([, data]) => data)) };
  }
  if (value !== null && typeof value === "object" && value.bytes !== undefined) {
    return { name: String(value.name ?? ""), bytes: bytes(value.bytes, what) };
  }
  return { name: "", bytes: bytes(value, what) };
}

/** The value of a hole: bytes, text, or text of the form `hex:0011`. */
export function value(given, name, parse) {
  return typeof given === "string" ? parse(given) : bytes(given, `the value for hole ${name}`);
}

/** Options without those that are no JSON. */
export function split(options, apart) {
  const rest = { ...options };
  const taken = apart.map((name) => {
    const value = rest[name];
    delete rest[name];
    return value ?? undefined;
  });
  return [JSON.stringify(rest), ...taken];
}
