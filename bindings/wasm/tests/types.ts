// What a user of TypeScript writes; `tsc` is the test.
import { apply, build, convert, FlashdeltaError, images, info, init, make, personalize, sets, verify } from "flashdelta";
import type { Info, Made, Profile } from "flashdelta";
import { createWorker } from "flashdelta/worker";

export async function everything(old: Uint8Array, new_: ArrayBuffer, file: Blob): Promise<void> {
  await init();
  const profile: Profile = { like: "small", ram: 12 << 10, codecs: ["raw", "lz4"] };
  const made: Made = make(old, { name: "new.hex", bytes: new_ }, {
    profile,
    identity: { product: "heron", hardware: [1, 3] },
    progress: ({ phase, fraction }) => phase !== "encode" || fraction < 2,
    signal: new AbortController().signal,
  });
  made.warnings.map(({ side, code, message }) => `${side} ${code} ${message}`);
  const applied = apply({ files: { "a.bin": old } }, made.bytes, { format: "raw", values: { serial: "A-042" } });
  const size: number = applied.bytes.length + verify(old, made.bytes, { keys: [""], device: { product: 7 } }).newSize;
  const facts: Info = info(made.bytes, { old });
  if (facts.kind === "patch") facts.breakdown.map(({ part, bytes }) => `${part} ${bytes + size}`);
  convert(old, "ihex", { recordLength: 32, read: { base: 0x8000 } });
  const image = images.parse(old);
  images.write(image, "srec");
  images.write({ segments: [{ address: 0, data: new_ }] }, "raw", { fill: 0 });
  personalize(old, ["serial=0x400-0x420"], { serial: old });
  const keyId: string | null = sets.verify(old).keyId;
  const worker = createWorker();
  const later: Made = await worker.make(old, file, { effort: 9 });
  const map = await worker.images.addressMap(file);
  map.segments.map(({ address }) => address + later.bytes.length + (keyId?.length ?? 0));
  worker.terminate();
  try {
    build();
  } catch (error) {
    if (error instanceof FlashdeltaError && error.class === "bad-patch") console.log(error.code, error.remedy);
  }
  // @ts-expect-error: no such option
  make(old, new_, { efort: 9 });
  // @ts-expect-error: no such format
  convert(old, "elf");
  // @ts-expect-error: text is no file
  info("text");
  // @ts-expect-error: a Blob is read in a worker only
  info(file);
}
