// A simulated chip at a serial port, for the page: the protocol of the boot loader in its ROM, and
// that of the stub. It runs in the page, before all of the page's own scripts.
//
// Source: the documentation of esptool, "Serial Protocol".
(() => {
  const CHIPS = { "ESP32-C3": 5, "ESP32-S3": 9, "ESP32-C6": 13 };
  const [END, ESC, ESC_END, ESC_ESC] = [0xc0, 0xdb, 0xdc, 0xdd];
  const SECTOR = 4096;
  const OP = {
    flashBegin: 0x02, flashData: 0x03, flashEnd: 0x04, memBegin: 0x05, memEnd: 0x06, memData: 0x07, sync: 0x08, writeReg: 0x09,
    readReg: 0x0a, attach: 0x0d, baud: 0x0f, deflBegin: 0x10, deflData: 0x11, deflEnd: 0x12, md5: 0x13, security: 0x14,
  };

  /** RFC 1321, written for the test alone: the page's own comes from elsewhere. */
  function md5(bytes) {
    const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
    const padded = new Uint8Array(((bytes.length + 8) >> 6) * 64 + 64);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, bytes.length * 8, true);
    let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
    for (let at = 0; at < padded.length; at += 64) {
      let [a, b, c, d] = state;
      for (let i = 0; i < 64; i += 1) {
        const round = i >> 4;
        const f = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
        const g = [i, 5 * i + 1, 3 * i + 5, 7 * i][round] & 15;
        const sum = (a + f + Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))) + view.getUint32(at + 4 * g, true)) | 0;
        const shift = shifts[4 * round + (i & 3)];
        [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
      }
      state = [a, b, c, d].map((word, i) => (word + state[i]) | 0);
    }
    const digest = new DataView(new ArrayBuffer(16));
    state.forEach((word, i) => digest.setInt32(4 * i, word, true));
    return new Uint8Array(digest.buffer);
  }

  async function inflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  class Chip {
    flash = new Uint8Array(4 << 20).fill(0xff);
    /** What happened, for the test. */
    seen = { md5: 0, written: 0, erased: [], bauds: [], resets: 0, stubs: 0, opened: [] };
    /** What goes wrong: `vanish` after this many blocks of data, `wrongMd5`, `noAnswer`. */
    fault = {};
    log = "";
    #ram = new Map();
    #mode = "app";
    #isStub = false;
    #baud = 115200;
    #write = null;
    #lines = { dataTerminalReady: false, requestToSend: false };
    #out = null;
    #input = [];
    #isEscape = false;
    #blocks = 0;

    constructor(name) {
      this.name = name;
    }

    /** Lines of the serial adapter: RTS holds the chip in reset, DTR holds its boot pin. */
    signals(lines) {
      const before = this.#lines;
      this.#lines = { ...before, ...lines };
      if (!before.requestToSend || this.#lines.requestToSend) return;
      this.seen.resets += 1;
      this.#isStub = false;
      this.#baud = 115200;
      this.#mode = this.#lines.dataTerminalReady ? "loader" : "app";
      this.#say(new TextEncoder().encode(this.#mode === "app" ? this.log : "waiting for download\r\n"));
    }

    attach(out, baud) {
      this.#out = out;
      this.hostBaud = baud;
      this.seen.opened.push(baud);
    }

    detach() {
      this.#out = null;
      this.#input = [];
    }

    #say(bytes) {
      if (this.#out && this.hostBaud === this.#baud && !this.fault.noAnswer) this.#out(bytes);
    }

    hear(bytes) {
      if (this.#mode !== "loader" || this.hostBaud !== this.#baud) return;
      for (const byte of bytes) {
        if (byte === END) {
          if (this.#input.length > 0) this.#queue(Uint8Array.from(this.#input));
          this.#input = [];
        } else if (this.#isEscape) {
          this.#input.push(byte === ESC_END ? END : ESC);
          this.#isEscape = false;
        } else if (byte === ESC) this.#isEscape = true;
        else this.#input.push(byte);
      }
    }

    #last = Promise.resolve();
    #queue(packet) {
      this.#last = this.#last.then(() => this.#answer(packet));
    }

    #packet(bytes) {
      const out = [END];
      for (const byte of bytes) {
        if (byte === END) out.push(ESC, ESC_END);
        else if (byte === ESC) out.push(ESC, ESC_ESC);
        else out.push(byte);
      }
      out.push(END);
      this.#say(Uint8Array.from(out));
    }

    /** An answer: a value, data, and a status of 0, or an error. */
    #reply(op, { value = 0, data = [], error = 0 } = {}) {
      const status = this.#isStub ? [error ? 1 : 0, error] : [error ? 1 : 0, error, 0, 0];
      const bytes = new Uint8Array(8 + data.length + status.length);
      const view = new DataView(bytes.buffer);
      bytes.set([1, op]);
      view.setUint16(2, data.length + status.length, true);
      view.setUint32(4, value, true);
      bytes.set(data, 8);
      bytes.set(status, 8 + data.length);
      this.#packet(bytes);
    }

    async #answer(packet) {
      const view = new DataView(packet.buffer);
      const [op, body] = [packet[1], packet.subarray(8)];
      const word = (i) => view.getUint32(8 + 4 * i, true);
      const checked = () => body.subarray(16).reduce((sum, byte) => sum ^ byte, 0xef) === view.getUint32(4, true);
      switch (op) {
        case OP.sync:
          for (let i = 0; i < 8; i += 1) this.#reply(op, { value: this.#isStub ? 0 : 0x20120707 });
          return;
        case OP.readReg:
          return this.#reply(op, { value: this.#register(word(0)) });
        case OP.writeReg:
        case OP.attach:
          return this.#reply(op);
        case OP.security: {
          const data = new Uint8Array(20);
          new DataView(data.buffer).setUint32(12, CHIPS[this.name], true);
          return this.#reply(op, { data });
        }
        case OP.memBegin:
          this.#ram.set(word(3), []);
          this.ramAt = word(3);
          return this.#reply(op);
        case OP.memData:
          if (!checked()) return this.#reply(op, { error: 7 });
          this.#ram.get(this.ramAt).push(...body.subarray(16));
          return this.#reply(op);
        case OP.memEnd:
          this.#reply(op);
          if (this.#ram.size > 0) {
            this.#isStub = true;
            this.seen.stubs += 1;
            this.#packet(new TextEncoder().encode("OHAI"));
          }
          return;
        case OP.baud:
          this.#reply(op);
          this.#baud = word(0);
          this.seen.bauds.push(this.#baud);
          return;
        case OP.flashBegin:
        case OP.deflBegin:
          this.#write = { at: word(3), size: word(0), pieces: [], isDeflated: op === OP.deflBegin, blocks: word(1) };
          this.#erase(word(3), word(0));
          return this.#reply(op);
        case OP.flashData:
        case OP.deflData:
          if (!checked()) return this.#reply(op, { error: 7 });
          this.#blocks += 1;
          if (this.fault.vanish !== undefined && this.#blocks > this.fault.vanish) return this.vanish();
          await this.#take(body.slice(16));
          return this.#reply(op);
        case OP.flashEnd:
        case OP.deflEnd:
          return this.#reply(op);
        case OP.md5: {
          this.seen.md5 += 1;
          const digest = md5(this.flash.subarray(word(0), word(0) + word(1)));
          if (this.fault.wrongMd5 && this.seen.written > 0) digest[0] ^= 1;
          const text = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
          return this.#reply(op, { data: this.#isStub ? digest : new TextEncoder().encode(text) });
        }
        default:
          return this.#reply(op, { error: 5 });
      }
    }

    /** The identification of the flash (4 MiB) is in the data register of SPI; all else is 0. */
    #register(address) {
      return address === 0x60002058 ? 0x164020 : 0;
    }

    #erase(at, size) {
      const [start, end] = [Math.floor(at / SECTOR) * SECTOR, Math.ceil((at + size) / SECTOR) * SECTOR];
      this.flash.fill(0xff, start, end);
      this.seen.erased.push([start, end]);
    }

    async #take(block) {
      const write = this.#write;
      write.pieces.push(block);
      if (write.pieces.length < write.blocks) return;
      const all = new Uint8Array(await new Blob(write.pieces).arrayBuffer());
      const content = (write.isDeflated ? await inflate(all) : all).subarray(0, write.size);
      // Flash can but clear bits.
      content.forEach((byte, i) => (this.flash[write.at + i] &= byte));
      this.seen.written += content.length;
    }

    /** The cable is pulled. */
    vanish() {
      this.onvanish?.();
    }
  }

  class Port extends EventTarget {
    readable = null;
    writable = null;
    #controller = null;

    constructor(chip) {
      super();
      this.chip = chip;
      chip.onvanish = () => {
        chip.detach();
        this.#controller?.error(new DOMException("The device has been lost.", "NetworkError"));
        [this.readable, this.writable, this.#controller] = [null, null, null];
        this.dispatchEvent(new Event("disconnect"));
      };
    }

    getInfo() {
      return { usbVendorId: 0x10c4, usbProductId: 0xea60 };
    }

    async open({ baudRate }) {
      if (this.readable) throw new DOMException("The port is already open.", "InvalidStateError");
      this.readable = new ReadableStream({
        start: (controller) => (this.#controller = controller),
        cancel: () => (this.#controller = null),
      });
      this.writable = new WritableStream({ write: (bytes) => this.chip.hear(bytes) });
      this.chip.attach((bytes) => this.#controller?.enqueue(bytes), baudRate);
    }

    async close() {
      if (this.readable?.locked || this.writable?.locked) throw new TypeError("a stream is locked");
      this.chip.detach();
      [this.readable, this.writable, this.#controller] = [null, null, null];
    }

    async setSignals(lines) {
      if (!this.readable) throw new DOMException("The port is closed.", "InvalidStateError");
      this.chip.signals(lines);
    }
  }

  window.chip = new Chip("ESP32-C3");
  window.replaceChip = (name) => (window.chip = new Chip(name));
  window.chipMd5 = (bytes) => [...md5(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  let port = null;
  const requestPort = async () => {
    if (window.refusesPort) throw new DOMException("No port selected by the user.", "NotFoundError");
    if (port?.chip !== window.chip || window.chip.isNew) port = new Port(window.chip);
    return port;
  };
  Object.defineProperty(navigator, "serial", { value: { requestPort }, configurable: true });
})();
