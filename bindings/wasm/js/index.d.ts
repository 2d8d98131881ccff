/**
 * Firmware delta updates: patches between firmware files of any format, made and applied here.
 *
 * In Node everything is ready when it is imported. In browsers `await init()` comes first. Calls
 * work until they are done: `flashdelta/worker` has the same ones in a thread of their own.
 */

/** Bytes: nothing of them is changed. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/**
 * A file: its bytes; its bytes with its name, by whose ending formats are guessed; or a folder, as
 * a map from paths (with `/`) to bytes.
 */
export type File = Bytes | { name?: string; bytes: Bytes } | { name?: string; files: Record<string, Bytes> };

/** Whose fault an error is, as the program's exit code says it. */
export type ErrorClass =
  | "internal" | "usage" | "bad-patch" | "wrong-base" | "wrong-device" | "does-not-fit" | "io"
  | "bad-file" | "not-authentic" | "interrupted";

/** Why something could not be done: a row of the table in docs/errors.md. */
export declare class FlashdeltaError extends Error {
  /** What happened, such as `old-mismatch`. It is stable. */
  readonly code: string;
  readonly class: ErrorClass;
  /** What to do about it, by its name in the table, such as `OtherBase`. */
  readonly remedy: string | null;
  /** The same in words; it ends the message, too. */
  readonly advice: string | null;
}

/** Starts WebAssembly, once. In Node it does nothing. `source`: where it is, if not beside index.js. */
export declare function init(
  source?: string | URL | Request | Response | Bytes | WebAssembly.Module,
): Promise<void>;

/** How far the work has come, 0 to 1. */
export interface Progress {
  phase: "match" | "parse" | "encode" | "apply";
  fraction: number;
}

export interface Watched {
  /** Called some hundred times; if it returns `false`, the work ends with the code `cancelled`. */
  progress?: (at: Progress) => boolean | void;
  /** Ends the work with the code `cancelled`: in a worker at once, else when progress is made. */
  signal?: AbortSignal;
}

export type Codec = "raw" | "lz4" | "zstd" | "model";
export type InstructionSet = "none" | "thumb" | "riscv" | "xtensa" | "tc32" | "mcs51" | "halves" | "bytes";
export type ProfileName = "tiny" | "small" | "esp32" | "micropython" | "linux";

/** What a device offers. What is not said is as in `like` (by default `esp32`). All sizes are in bytes. */
export interface Profile {
  like?: ProfileName;
  name?: string;
  ram?: number;
  sector?: number;
  page?: number;
  codecs?: Codec[];
  isas?: InstructionSet[];
}

/** For whom a patch is. A product is a number, or a name that is made into one. */
export interface Identity {
  product: number | string;
  /** First and last hardware revision; by default all. */
  hardware?: [from: number, to: number];
  /** By default 0. */
  securityCounter?: number;
}

/** What a device is. */
export interface Device {
  product: number | string;
  hardware?: number;
  securityCounter?: number;
}

/** How a file of records is read. */
export interface ReadOptions {
  strict?: boolean;
  overlap?: "refuse" | "accept-same" | "first-wins" | "last-wins";
  afterEnd?: "refuse" | "ignore" | "read";
  ignoreChecksums?: boolean;
  skipGarbage?: boolean;
  unknownRecords?: boolean;
  /** Which of several memories in one file is meant. */
  family?: number;
  board?: number;
  /** From 1. */
  image?: number;
  /** Address of a plain binary. */
  base?: number;
}

export interface MakeOptions extends Watched {
  /** By default `esp32`. */
  profile?: ProfileName | Profile;
  /** RAM of the device in bytes, in place of the profile's. */
  ram?: number;
  /** By default whichever is smallest. */
  codec?: Codec;
  /** By default what the file says. */
  isa?: InstructionSet;
  base?: number;
  identity?: Identity;
  /** By default `none`; a size is a power of two from 256 to 65536. */
  chunks?: "none" | "auto" | number;
  /** 1 to 9, by default 6. */
  effort?: number;
  /** Compares the files byte by byte, whatever they are. */
  verbatim?: boolean;
  read?: ReadOptions;
  acceptManifests?: boolean;
  /** What gaps of records are filled with, by default 255. */
  fill?: number;
  /** The addresses that a device holds: the first one, and one past the last one. */
  range?: [from: number, to: number];
  oldElf?: Bytes;
  newElf?: Bytes;
  /** Ranges that each device has for itself, as the program takes them: `serial=0x400-0x420`. */
  holes?: string[];
  allowEmpty?: boolean;
  /** Whether the patch is applied to see that it works: by default it is. */
  verify?: boolean;
}

/** What a patch says about itself: `$defs/facts` of docs/facts.schema.json. */
export interface PatchFacts {
  format_version: number;
  codec: Codec | "bundle";
  isa: string;
  write_unit: number;
  ram: number;
  workspace: number;
  old_size: number;
  old_sha256_prefix: string;
  new_size: number;
  new_sha256: string;
  patch_size: number;
  header_size: number;
  address_map_size: number;
  body_size: number;
  host_size: number;
  chunk_size: number;
  chunk_ram: number;
  signature_count: number;
  identity: null | {
    product: number;
    hardware_from: number;
    hardware_to: number;
    security_counter: number;
  };
  [more: string]: unknown;
}

export interface Warning {
  side: "old" | "new";
  code: string;
  message: string;
}

export interface Made {
  /** The patch. */
  bytes: Uint8Array;
  info: PatchFacts | null;
  warnings: Warning[];
  /** Whether it was applied, and gave the new file. */
  verified: boolean;
}

/** Makes a patch: the same bytes as the program makes. */
export declare function make(old: File, new_: File, options?: MakeOptions): Made;

export interface VerifyOptions extends Watched {
  /** Refuses patches that are not for this device. */
  device?: Device;
  /** Refuses patches that need more RAM than this many bytes. */
  ram?: number;
  /** The largest new file, in bytes. */
  limit?: number;
  /** Public keys in PEM, one of which must have signed the patch. */
  keys?: string[];
}

export interface ApplyOptions extends VerifyOptions {
  /** By default the identical file. */
  format?: "same" | "raw" | "ihex" | "srec" | "ti-txt" | "uf2";
  /** Values for holes: bytes, text, or text of the form `hex:0011`. */
  values?: Record<string, Bytes | string>;
}

export interface Verified {
  info: PatchFacts | null;
  newSize: number;
  /** The key that has signed it, in hexadecimal digits, if keys were given. */
  keyId: string | null;
}

export interface Applied extends Verified {
  /** The new file; of a folder all of it, packed. */
  bytes: Uint8Array;
  /** The files of a folder by their paths. */
  files: Record<string, Uint8Array> | null;
}

/** Applies a patch. */
export declare function apply(old: File, patch: Bytes, options?: ApplyOptions): Applied;

/** Applies a patch as a device does, in the RAM that it asks for; nothing comes of it but facts. */
export declare function verify(old: File, patch: Bytes, options?: VerifyOptions): Verified;

/** What a file is: a document of docs/facts.schema.json without `file`; of a set `kind: "set"`. */
export type Info =
  | (PatchFacts & {
      kind: "patch";
      breakdown: { part: string; bytes: number }[];
      content: null | Record<"copies_from_old" | "bytes_from_old" | "copies_from_new" | "bytes_from_new" | "literals", number>;
      applies: true | null;
      signatures?: { algorithm: string; key_id: string }[];
      holes?: { name: string; length: number; old: number | null; new: number | null; source: string; fill: number }[];
      in_place?: Record<"sector" | "slot" | "scratch" | "journal" | "moved_by" | "stretch" | "stretches" | "slot_erases" | "scratch_erases" | "journal_erases", number>;
    })
  | (PatchFacts & { kind: "bundle"; applies?: true })
  | { kind: "archive"; size: number; format: string; members: { path: string; [more: string]: unknown }[]; [more: string]: unknown }
  | (AddressMap & { kind: "firmware"; size: number; sha256: string; versions: string[]; entropy: number; [more: string]: unknown })
  | (SetInfo & { kind: "set" });

/** What a file is; with `old`, what a patch does with that. */
export declare function info(file: File, options?: { old?: File }): Info;

/** The image with the values of a device in its holes (`serial=0x400-0x420`), checksums put right. */
export declare function personalize(
  image: Bytes,
  holes: string[],
  values: Record<string, Bytes | string>,
  options?: { elf?: Bytes },
): Uint8Array;

export type WritableFormat = "raw" | "ihex" | "srec" | "ti-txt" | "uf2";

export interface WriteOptions {
  fill?: number;
  range?: [from: number, to: number];
  /** Bytes in each record. */
  recordLength?: number;
  crlf?: boolean;
  lowerCase?: boolean;
  /** Bytes of address in S-records, 2 to 4. */
  addressLength?: number;
  /** The family of UF2. */
  family?: number;
}

/** A firmware file in another format. */
export declare function convert(
  file: File,
  format: WritableFormat,
  options?: WriteOptions & { read?: ReadOptions },
): Uint8Array;

/** Bytes in memory. */
export interface Image {
  format: string;
  segments: { address: number; data: Uint8Array }[];
  entry: number | null;
  header: Uint8Array | null;
}

export interface AddressMap {
  format: string;
  architecture: string | null;
  segments: { offset: number; size: number; address: number; kind: string; entropy?: number | null }[];
  reserved: { start: number; end: number }[];
}

/** Firmware files. */
export declare const images: {
  /** The name of the format. */
  detect(file: File): string;
  /** The MD5 in hexadecimal digits: by it the chips of Espressif tell what is in their flash. */
  md5(bytes: Bytes): string;
  /** Which bytes of a file are at which addresses. */
  addressMap(file: File): AddressMap;
  /** The bytes in memory that a file stands for. */
  parse(file: File, options?: ReadOptions): Image;
  /** Bytes in memory as a file. */
  write(
    image: { segments: { address: number; data: Bytes }[]; entry?: number | null; header?: Bytes | null },
    format: WritableFormat,
    options?: WriteOptions,
  ): Uint8Array;
};

/** What a component set says about itself. */
export interface SetInfo {
  set_size: number;
  signatures: { algorithm: string; key_id: string }[];
  ram: number;
  components: { kind: string; new_size: number; [more: string]: unknown }[];
  [more: string]: unknown;
}

/** Component sets. */
export declare const sets: {
  info(set: Bytes): SetInfo;
  /** Checks a set against its digests and, with keys (PEM), for who made it. */
  verify(set: Bytes, options?: { keys?: string[] }): { keyId: string | null };
};

/** What this build is. `zstd` is not among its codecs: it is C, for which WebAssembly has no library. */
export declare function build(): {
  version: string;
  profiles: ProfileName[];
  codecs: Codec[];
  isas: InstructionSet[];
};
