// A product with the data of one device in it.
import { flashdelta } from "./library.js";
import { nvsPartition } from "./nvs.js";
import { Region } from "./regions.js";

/** What is to be written: the parts with their holes filled, and NVS partitions. */
export async function regionsFor(product, build, values) {
  const given = product.identifiers.map((identifier, i) => ({ ...identifier, value: values[i] }));
  const regions = [];
  for (const { path, offset } of build.parts) {
    let bytes = await product.file(path);
    const holes = given.filter(({ part }) => part === path);
    if (holes.length > 0) {
      // A hole is told as `NAME=PLACE`: its value goes by that name.
      const named = holes.map(({ hole, type, value }) => [hole.split("=")[0], type === "hex" ? `hex:${value}` : value]);
      bytes = await flashdelta.personalize(bytes, holes.map(({ hole }) => hole), Object.fromEntries(named));
    }
    regions.push(new Region(path, offset, bytes));
  }
  const paths = new Set(build.parts.map(({ path }) => path));
  const lost = given.find(({ part }) => part !== undefined && !paths.has(part));
  if (lost) throw new Error(`The manifest is wrong: ${lost.part}, which ${lost.label} belongs to, is no part for this chip.`);
  return [...regions, ...nvsRegions(given)];
}

function nvsRegions(given) {
  const partitions = new Map();
  for (const { nvs, type, value } of given) {
    if (!nvs) continue;
    const { size, values } = partitions.get(nvs.offset) ?? { size: nvs.size, values: [] };
    if (size !== nvs.size) throw new Error("The manifest is wrong: an NVS partition has two sizes.");
    const bytes = () => Uint8Array.from(value.match(/../g), (digits) => Number.parseInt(digits, 16));
    values.push({ namespace: nvs.namespace, key: nvs.key, value: type === "hex" ? bytes() : value });
    partitions.set(nvs.offset, { size, values });
  }
  return [...partitions].map(([offset, { size, values }]) =>
    new Region("data of this device", offset, nvsPartition(size, values)));
}
