// Which sectors are written.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

const { Region, checkRegions, differing, SECTOR } = await import(pathToFileURL(join(process.env.FLASHDELTA_PAGE, "regions.js")));

const digest = (bytes) => createHash("md5").update(bytes).digest("hex");

/** What is to be written where the flash has `flash`, and how often it was asked. */
async function compare(flash, offset, bytes) {
  let asked = 0;
  const isThere = async (region) => {
    asked += 1;
    return digest(flash.subarray(region.offset, region.end)) === digest(region.bytes);
  };
  const found = await differing(new Region("x", offset, bytes), isThere);
  return { ranges: found.map(({ offset, end }) => [offset, end]), found, asked };
}

const content = (length, seed) => Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2_654_435_761) >>> 13) & 0xff);

test("what is there already is asked for once", async () => {
  const bytes = content(50 * SECTOR + 100, 1);
  const flash = new Uint8Array(80 * SECTOR).fill(0xff);
  flash.set(bytes, 8 * SECTOR);
  assert.deepEqual(await compare(flash, 8 * SECTOR, bytes), { ranges: [], found: [], asked: 1 });
});

test("any bytes that differ are in what is written, and little else", async () => {
  for (let seed = 1; seed < 40; seed += 1) {
    const offset = (seed % 5) * SECTOR;
    const length = 1 + ((seed * 7919) % (60 * SECTOR));
    const bytes = content(length, seed);
    const flash = new Uint8Array(80 * SECTOR).fill(0xff);
    flash.set(bytes, offset);
    const sectors = new Set();
    for (let i = 0; i < seed % 6; i += 1) {
      const at = (i * 104_729 * seed) % length;
      flash[offset + at] ^= 1;
      sectors.add(Math.floor(at / SECTOR));
    }
    const { found } = await compare(flash, offset, bytes);
    for (const region of found) {
      assert.equal(region.offset % SECTOR, 0);
      flash.set(region.bytes, region.offset);
    }
    assert.deepEqual(flash.subarray(offset, offset + length), bytes, `seed ${seed}`);
    const count = found.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / SECTOR), 0);
    assert.equal(count, sectors.size, `seed ${seed}`);
  }
});

test("an empty flash takes all in one piece", async () => {
  const bytes = content(40 * SECTOR + 7, 3);
  const { ranges } = await compare(new Uint8Array(64 * SECTOR).fill(0xff), SECTOR, bytes);
  assert.deepEqual(ranges, [[SECTOR, SECTOR + bytes.length]]);
});

test("regions do not share sectors", () => {
  const region = (name, offset, length) => new Region(name, offset, new Uint8Array(length));
  checkRegions([region("b", 0x2000, 10), region("a", 0x1000, 0x1000)]);
  assert.throws(() => checkRegions([region("a", 0x1000, 0x1001), region("b", 0x2000, 10)]), /a and b overlap/);
  assert.throws(() => checkRegions([region("a", 0x1010, 1)]), /not the start of a sector/);
});
