// Writing to the flash of a chip, by way of esptool-js.
import { ESPLoader, Transport } from "./vendor/esptool.js";

import { flashdelta } from "./library.js";
import { checkRegions, differing } from "./regions.js";

/** Something that a person can do something about. */
export class FlashError extends Error {}

const GONE = "The device is gone: its cable, or its power. Connect it and write again: what is written already is kept.";
const LOG_BAUD = 115200;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Restarts a chip into its application, by the lines that its serial adapter has. */
async function restart(port) {
  await port.setSignals({ dataTerminalReady: false, requestToSend: true });
  await sleep(100);
  await port.setSignals({ dataTerminalReady: false, requestToSend: false });
}

/** A chip at a port, from its connection on. */
export class Flasher {
  #port;
  #loader;
  /** Fails when there is no use in waiting any longer. */
  #gone;
  #end;
  #lost = () => this.#end(new FlashError(GONE));

  /**
   * @param {SerialPort} port
   * @param {{ baud: number, say: (text: string) => void }} options `say`: what the tool says
   */
  constructor(port, { baud, say }) {
    this.#port = port;
    this.#gone = new Promise((_, reject) => (this.#end = reject));
    // Nobody may be waiting when it goes.
    this.#gone.catch(() => {});
    port.addEventListener("disconnect", this.#lost);
    const transport = new Transport(port, false);
    transport.trace = say;
    const terminal = { clean: () => {}, writeLine: say, write: say };
    this.#loader = new ESPLoader({ transport, baudrate: baud, terminal });
  }

  /** Ends what is at work. */
  stop() {
    this.#end(new FlashError("Stopped. What is written already is kept: write again to go on."));
  }

  #unlessGone(work) {
    return Promise.race([work, this.#gone]);
  }

  /** Starts the chip's loader and the stub; gives the name of the chip. */
  async connect() {
    try {
      await this.#unlessGone(this.#loader.main());
    } catch (error) {
      if (error instanceof FlashError) throw error;
      if (/Unexpected (chip ID|CHIP magic)/.test(error.message)) {
        throw new FlashError(`This chip is not known: ${error.message}`);
      }
      throw new FlashError(
        `The device does not answer. Hold its BOOT button while connecting, or use another cable. (${error.message})`);
    }
    return this.#loader.chip.CHIP_NAME;
  }

  /** Whether the chip tells what is in its flash: with the stub it does. */
  get tells() {
    return this.#loader.IS_STUB;
  }

  #digest(region) {
    return this.#unlessGone(this.#loader.flashMd5sum(region.offset, region.bytes.length));
  }

  /** Refuses what does not fit into the flash. */
  async #checkSize(regions) {
    const size = await this.#unlessGone(this.#loader.detectFlashSize());
    const bytes = size ? this.#loader.flashSizeBytes(size) : -1;
    for (const { name, end } of regions) {
      if (bytes > 0 && end > bytes) {
        throw new FlashError(`${name} ends at ${end}, but the flash of this device has ${size}.`);
      }
    }
  }

  /**
   * Writes what differs. `tell(what, fraction)`: how far it has come.
   *
   * @returns {Promise<{ total: number, written: number, compared: boolean }>}
   */
  async write(regions, { all, tell }) {
    checkRegions(regions);
    await this.#checkSize(regions);
    const total = regions.reduce((sum, { bytes }) => sum + bytes.length, 0);
    let wanted = regions;
    if (!all && this.tells) {
      wanted = [];
      const isThere = async (region) => (await flashdelta.images.md5(region.bytes)) === (await this.#digest(region));
      for (const [i, region] of regions.entries()) {
        const found = await differing(region, isThere, (fraction) =>
          tell(`Comparing ${region.name}`, (i + fraction) / regions.length));
        wanted.push(...found);
      }
    }
    const written = wanted.reduce((sum, { bytes }) => sum + bytes.length, 0);
    let done = 0;
    for (const region of wanted) {
      tell(`Writing ${region.name}`, written === 0 ? 1 : done / written);
      await this.#writeOne(region, (fraction) =>
        tell(`Writing ${region.name}`, (done + fraction * region.bytes.length) / written));
      done += region.bytes.length;
    }
    return { total, written, compared: !all && this.tells };
  }

  async #writeOne(region, tell) {
    const { loader, digest } = { loader: this.#loader, digest: await flashdelta.images.md5(region.bytes) };
    const options = {
      fileArray: [{ data: region.bytes, address: region.offset }],
      flashSize: "keep",
      flashMode: "keep",
      flashFreq: "keep",
      eraseAll: false,
      compress: true,
      reportProgress: (_, sent, total) => tell(total === 0 ? 1 : sent / total),
    };
    try {
      await this.#unlessGone(loader.writeFlash(options));
    } catch (error) {
      if (error instanceof FlashError) throw error;
      throw new FlashError(`${region.name} could not be written at 0x${region.offset.toString(16)}: ${error.message}`);
    }
    if (!this.tells) return;
    if ((await this.#digest(region)) !== digest) {
      throw new FlashError(`What is at 0x${region.offset.toString(16)} is not what was written (its MD5 is another): the flash may be worn out, or the supply weak. Write again, perhaps at a lower baud rate.`);
    }
  }

  /** Starts the application, and lets go of the port. */
  async finish() {
    await this.#unlessGone(restart(this.#port));
    await this.close();
  }

  async close() {
    this.#port.removeEventListener("disconnect", this.#lost);
    try {
      await Promise.race([this.#loader.transport.disconnect(), sleep(2000)]);
    } catch {
      // It is gone already.
    }
  }
}

/** Restarts a device, and shows what it says, until `signal`, or until it is gone. */
export async function readLog(port, { signal, show }) {
  if (!port.readable) await port.open({ baudRate: LOG_BAUD });
  await restart(port);
  const decoder = new TextDecoder();
  const reader = port.readable.getReader();
  const cancel = () => reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  try {
    while (!signal.aborted) {
      const { value, done } = await reader.read();
      if (done) break;
      // Colours of a terminal are left out.
      show(decoder.decode(value, { stream: true }).replace(/\x1b\[[0-9;]*m/g, ""));
    }
  } catch {
    show("\n(the device is gone)\n");
  } finally {
    signal.removeEventListener("abort", cancel);
    reader.releaseLock();
    await port.close().catch(() => {});
  }
}
