// NVS partitions are those of Espressif's generator.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

const { nvsPartition } = await import(pathToFileURL(join(process.env.FLASHDELTA_PAGE, "nvs.js")));

test("a partition is the generator's, byte by byte", () => {
  // nvs_device.bin: python -m esp_idf_nvs_partition_gen generate device.csv nvs_device.bin 0x4000, with the lines
  // device,namespace,, / serial,data,string,A-0001 / key,data,hex2bin,000102...27 / net,namespace,, / host,data,string,update...
  const made = nvsPartition(0x4000, [
    { namespace: "device", key: "serial", value: "A-0001" },
    { namespace: "device", key: "key", value: Uint8Array.from({ length: 40 }, (_, i) => i) },
    { namespace: "net", key: "host", value: "update.example with a name that takes more than one entry" },
  ]);
  assert.ok(Buffer.from(made).equals(readFileSync(new URL("nvs_device.bin", import.meta.url))));
});

test("what does not fit is an error", () => {
  const value = new Uint8Array(4000);
  assert.throws(() => nvsPartition(0x3000, [{ namespace: "a", key: "b", value }, { namespace: "a", key: "c", value }]), /more data/);
});
