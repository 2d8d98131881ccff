// Chromium without a window, driven by the DevTools protocol through a pipe; and a web server.
import { spawn } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm", ".json": "application/json" };

/** Serves a folder, and `more` (paths to bytes), on a free port of this machine. */
export async function serve(folder, more = {}) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    const name = path === "/" ? "/index.html" : path;
    const headers = { "content-type": TYPES[extname(name)] ?? "application/octet-stream", "cache-control": "no-store" };
    if (name in more) return response.writeHead(200, headers).end(more[name]);
    const file = join(folder, name);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, headers);
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** A browser; its pipe carries messages that end with a zero byte. */
export class Browser {
  #process;
  #profile;
  #waiting = new Map();
  #listeners = [];
  #next = 1;

  constructor(program) {
    this.#profile = mkdtempSync(join(tmpdir(), "flashdelta-chromium-"));
    const words = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
      "--disable-dev-shm-usage", "--disable-background-networking", `--user-data-dir=${this.#profile}`, "about:blank"];
    this.#process = spawn(program, words, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    let rest = "";
    this.#process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      for (const message of messages) this.#heard(JSON.parse(message));
    });
    this.#process.on("exit", (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`Chromium has ended (${code})`));
    });
  }

  #heard({ id, result, error, method, params, sessionId }) {
    if (id === undefined) return this.#listeners.forEach((listener) => listener(method, params, sessionId));
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  send(method, params = {}, sessionId) {
    const id = this.#next++;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  listen(listener) {
    this.#listeners.push(listener);
  }

  /** A new page with this size, in which `scripts` run before its own. */
  async page(address, { width = 1000, height = 900, dark = false, scripts = [] } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    this.listen((method, params, session) => session === sessionId && page.heard(method, params));
    for (const domain of ["Page", "Runtime", "Log", "DOM"]) await page.send(`${domain}.enable`);
    await page.look({ width, height, dark });
    for (const source of scripts) await page.send("Page.addScriptToEvaluateOnNewDocument", { source });
    await page.send("Page.navigate", { url: address });
    await page.until("document.readyState === 'complete'");
    return page;
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill();
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Page {
  /** Errors in the console, exceptions, and what the content policy refused. */
  errors = [];

  constructor(browser, session, target) {
    Object.assign(this, { browser, session, target });
  }

  heard(method, params) {
    if (method === "Runtime.exceptionThrown") {
      const { text, exception } = params.exceptionDetails;
      this.errors.push(`${text} ${exception?.description ?? ""}`);
    }
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) {
      this.errors.push(`${params.entry.text} ${params.entry.url ?? ""}`);
    }
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) {
      this.errors.push(params.args.map(({ value, description }) => value ?? description).join(" "));
    }
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  /** What an expression of the page gives. */
  async run(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(expression, seconds = 60) {
    const end = Date.now() + 1000 * seconds;
    while (Date.now() < end) {
      // While a page loads there may be nothing to ask.
      const value = await this.run(expression).catch(() => false);
      if (value) return value;
      await sleep(50);
    }
    const said = await this.run("document.body.innerText.slice(0, 1500)").catch(() => "");
    throw new Error(`not within ${seconds} s: ${expression}\n${said}\n${this.errors.join("\n")}`);
  }

  text(id) {
    return this.run(`document.getElementById(${JSON.stringify(id)}).textContent`);
  }

  click(id) {
    return this.run(`document.getElementById(${JSON.stringify(id)}).click()`);
  }

  /** Presses a key where the focus is. */
  async key(key) {
    const codes = { Tab: 9, Enter: 13, " ": 32, ArrowLeft: 37, ArrowRight: 39 };
    const params = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: codes[key], text: key === "Enter" ? "\r" : key === " " ? " " : undefined };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...params });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...params });
  }

  /** Gives files of this computer to an input. */
  async choose(selector, files) {
    const { root } = await this.send("DOM.getDocument");
    const { nodeId } = await this.send("DOM.querySelector", { nodeId: root.nodeId, selector });
    await this.send("DOM.setFileInputFiles", { nodeId, files });
  }

  /** How it is looked at. */
  async look({ width, height, dark }) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  }

  /** A picture of all of it. */
  async picture() {
    const { cssContentSize } = await this.send("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
    const { data } = await this.send("Page.captureScreenshot", { clip, captureBeyondViewport: true });
    return Buffer.from(data, "base64");
  }

  close() {
    return this.browser.send("Target.closeTarget", { targetId: this.target });
  }
}
