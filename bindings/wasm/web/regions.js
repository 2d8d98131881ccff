// Which sectors of a flash are to be written.

export const SECTOR = 4096;
/** So much is compared at once, before its sectors are. */
const BLOCK = 16 * SECTOR;

/** What is written to a place of the flash. */
export class Region {
  constructor(name, offset, bytes) {
    Object.assign(this, { name, offset, bytes });
  }

  get end() {
    return this.offset + this.bytes.length;
  }

  part(start, end) {
    return new Region(this.name, this.offset + start, this.bytes.subarray(start, end));
  }
}

/** Refuses what would erase a part of something else, as sectors are erased whole. */
export function checkRegions(regions) {
  const sorted = [...regions].sort((a, b) => a.offset - b.offset);
  for (const [i, region] of sorted.entries()) {
    if (region.offset % SECTOR !== 0) {
      throw new Error(`${region.name} is to go to ${region.offset}, which is not the start of a sector.`);
    }
    const next = sorted[i + 1];
    if (next && Math.ceil(region.end / SECTOR) * SECTOR > next.offset) {
      throw new Error(`${region.name} and ${next.name} overlap, or share a sector.`);
    }
  }
}

/** Pieces of a region of this many bytes, and what is left over. */
function pieces(region, size) {
  const list = [];
  for (let at = 0; at < region.bytes.length; at += size) {
    list.push(region.part(at, Math.min(at + size, region.bytes.length)));
  }
  return list;
}

/**
 * The pieces that differ from what is in the flash, joined where they touch.
 *
 * @param {(region: Region) => Promise<boolean>} isThere whether the flash holds a region, by its digest
 */
export async function differing(region, isThere, tell = () => {}) {
  if (await isThere(region)) return [];
  const found = [];
  const blocks = pieces(region, BLOCK);
  for (const [i, block] of blocks.entries()) {
    tell(i / blocks.length);
    // Of a single block it is known already.
    if (blocks.length > 1 && (await isThere(block))) continue;
    const sectors = pieces(block, SECTOR);
    for (const sector of sectors) {
      if (sectors.length === 1 || !(await isThere(sector))) found.push(sector);
    }
  }
  return join(region, found);
}

function join(region, found) {
  const joined = [];
  for (const { offset, end } of found) {
    const last = joined[joined.length - 1];
    if (last && last.end === offset) last.end = end;
    else joined.push({ offset, end });
  }
  return joined.map(({ offset, end }) => region.part(offset - region.offset, end - region.offset));
}
