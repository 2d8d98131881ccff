// Partitions of ESP-IDF's non-volatile storage, with data of one device in them.
//
// Source: the documentation of ESP-IDF, "Non-Volatile Storage Library", "Internals". What comes of
// it is, byte by byte, what Espressif's nvs_partition_gen writes.

const PAGE = 4096;
const ENTRY = 32;
/** Entries of a page. */
const MOST = 126;
const ACTIVE = 0xfffffffe;
const VERSION_2 = 0xfe;
const TYPE = { u8: 0x01, string: 0x21, blobData: 0x42, blobIndex: 0x48 };

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let i = 0; i < 8; i += 1) byte = (byte >>> 1) ^ (byte & 1 ? 0xedb88320 : 0);
  return byte >>> 0;
});

/** CRC-32 as the chip's ROM computes it from 0xffffffff: the register starts with 0. */
function crc32(...pieces) {
  let sum = 0;
  for (const piece of pieces) for (const byte of piece) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** A page that is written entry by entry. */
class Page {
  constructor() {
    this.bytes = new Uint8Array(PAGE).fill(0xff);
    this.view = new DataView(this.bytes.buffer);
    this.view.setUint32(0, ACTIVE, true);
    this.view.setUint32(4, 0, true);
    this.bytes[8] = VERSION_2;
    this.view.setUint32(28, crc32(this.bytes.subarray(4, 28)), true);
    this.used = 0;
  }

  /** An entry, and the data that follows it. `fill` writes its last 8 bytes. */
  entry(namespace, type, key, chunk, data, fill) {
    const span = 1 + Math.ceil(data.length / ENTRY);
    if (this.used + span > MOST) throw new Error("There is more data for this device than an NVS page holds.");
    const at = 64 + this.used * ENTRY;
    const bytes = this.bytes.subarray(at, at + ENTRY);
    bytes.set([namespace, type, span, chunk]);
    bytes.fill(0, 8, 24);
    bytes.set(new TextEncoder().encode(key), 8);
    fill(new DataView(this.bytes.buffer, at + 24, 8));
    new DataView(this.bytes.buffer, at).setUint32(4, crc32(bytes.subarray(0, 4), bytes.subarray(8)), true);
    this.bytes.set(data, at + ENTRY);
    for (let i = this.used; i < this.used + span; i += 1) this.bytes[32 + (i >> 2)] &= ~(1 << (2 * (i & 3)));
    this.used += span;
  }
}

/** Says how long data is, and its checksum. */
const sized = (data) => (view) => {
  view.setUint16(0, data.length, true);
  view.setUint32(4, crc32(data), true);
};

/**
 * A partition of this many bytes. `values`: `{ namespace, key, value }`, whose value is text or a
 * `Uint8Array`, which becomes a blob.
 */
export function nvsPartition(size, values) {
  const page = new Page();
  const namespaces = [];
  for (const { namespace, key, value } of values) {
    if (!namespaces.includes(namespace)) {
      namespaces.push(namespace);
      page.entry(0, TYPE.u8, namespace, 0xff, [], (view) => view.setUint8(0, namespaces.length));
    }
    const number = namespaces.indexOf(namespace) + 1;
    if (typeof value === "string") {
      const data = new TextEncoder().encode(`${value}\0`);
      page.entry(number, TYPE.string, key, 0xff, data, sized(data));
    } else {
      page.entry(number, TYPE.blobData, key, 0, value, sized(value));
      page.entry(number, TYPE.blobIndex, key, 0xff, [], (view) => {
        view.setUint32(0, value.length, true);
        view.setUint8(4, 1);
        view.setUint8(5, 0);
      });
    }
  }
  const bytes = new Uint8Array(size).fill(0xff);
  bytes.set(page.bytes);
  return bytes;
}
