// Starts the server binary as a user would: a config file in a new folder, a process, SIGTERM.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const ROOT = path.resolve(HERE, "../../..");
export const BINARY = path.resolve(HERE, "..", process.env.MILLRACE_BIN || "../../build/release/millrace");
// The broker of the three nodes that stand for a server; empty: it is one node.
const CLUSTER = process.env.MILLRACE_E2E_CLUSTER || "";
// Sanitizer builds are slower; every deadline grows with this.
export const SLOW = /^(asan|tsan)$/.test(process.env.MILLRACE_PRESET || "") ? 4 : 1;

/** A test of what one node alone has or does; it is none where three nodes stand for a server. */
export const testOfOneNode = CLUSTER ? () => {} : test;

/** Calls `predicate` until it gives something true, which is returned; fails after `ms`. */
export async function until(predicate, ms = 5000, what = predicate.toString()) {
  const end = performance.now() + ms * SLOW;
  for (;;) {
    const value = await predicate();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${ms * SLOW} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The promise, or a failure after `ms` that says `what` was awaited. */
export function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms * SLOW} ms: ${what}`)), ms * SLOW);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// What no server may write down or say in an error: secrets, signatures, what users are told.
const confidential = new Set();

/** Remembers texts that no log, metric or error may hold; returns the first. */
export function keepSecret(...texts) {
  for (const text of texts) if (text.length >= 8) confidential.add(text);
  return texts[0];
}

/** Fails when `text` holds something of keepSecret(), as it is or as part of a JSON string. */
export function checkNoSecret(text, what) {
  for (const secret of confidential) {
    if (text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1))) {
      throw new Error(`${what} holds the confidential text ${secret}`);
    }
  }
}

export async function freePorts(count) {
  const holders = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const holder = net.createServer();
    holder.once("error", reject);
    holder.listen(0, "127.0.0.1", () => resolve(holder));
  })));
  const ports = holders.map((holder) => holder.address().port);
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}

function app(id, more = {}) {
  return { id, key: `${id}-key`, secret: keepSecret(`${id}-secret-3f9a`), ...more };
}

/** The applications of every suite, by name. */
export const APPS = {
  main: app("main", { enable_client_messages: true, enable_user_authentication: true }),
  plain: app("plain"),
  disabled: app("disabled", { enabled: false }),
  quota: app("quota", { max_connections: 1 }),
  origins: app("origins", { allowed_origins: ["https://good.example"] }),
  chatty: app("chatty", { enable_client_messages: true, max_client_events_per_second: 2 }),
  peruser: app("peruser", { enable_user_authentication: true, max_connections_per_user: 2 }),
  counts: app("counts", { enable_subscription_count: true, enable_user_authentication: true }),
  few: app("few", { max_subscriptions_per_connection: 5, max_presence_members_per_channel: 2 }),
  throttled: app("throttled", { max_backend_events_per_second: 3, max_read_requests_per_second: 3 }),
};

export class Server {
  constructor(settings, options) {
    this.settings = settings;
    this.options = options;
    this.folder = mkdtempSync(path.join(os.tmpdir(), "millrace-e2e-"));
    this.configFile = path.join(this.folder, "millrace.yaml");
    this.port = settings.port;
    this.metricsPort = settings.metrics.port;
    this.output = "";
    this.exited = null;
  }

  /** A production node with APPS, or three; `settings` are laid over the defaults. */
  static async start(settings = {}, options = {}) {
    if (!CLUSTER) return Server.startAlone(settings, options);
    const { ManyNodes } = await import("./many_nodes.mjs");
    return ManyNodes.start(CLUSTER, settings, options);
  }

  static async startAlone(settings, options) {
    for (let attempt = 0; ; attempt += 1) {
      const [port, metricsPort] = await freePorts(2);
      const server = new Server({
        host: "127.0.0.1", port, loops: 2, shutdown_grace_period: 0.2,
        metrics: { enabled: true, host: "127.0.0.1", port: metricsPort },
        log: { format: "json", level: "trace" },
        apps: Object.values(APPS), ...settings,
      }, options);
      try {
        await server.run();
        return server;
      } catch (error) {
        await server.kill();
        server.cleanUp();
        // Somebody else may have taken the port meanwhile.
        if (attempt >= 2 || !/port|address/i.test(error.message) || settings.port) throw error;
      }
    }
  }

  get url() { return `http://127.0.0.1:${this.port}`; }
  get metricsUrl() { return `http://127.0.0.1:${this.metricsPort}`; }
  get pid() { return this.process.pid; }
  // Where clients go, all ports, all metrics, and when limits hold: other where nodes are many.
  get clientPort() { return this.port; }
  get ports() { return [this.port]; }
  async metrics() { return (await get(`${this.metricsUrl}/metrics`)).body; }
  async limitsAreOpen() {}

  /** Starts the process (again, after it ended) and waits until it is ready. */
  async run() {
    writeFileSync(this.configFile, JSON.stringify(this.settings, null, 2));
    const args = this.options.args || ["--config", this.configFile];
    this.exited = null;
    this.process = spawn(BINARY, args, {
      cwd: this.folder, stdio: ["ignore", "pipe", this.options.stderr ?? "pipe"],
      env: { PATH: process.env.PATH, ...sanitizerEnv(), ...(this.options.env || {}) },
    });
    this.process.stdout.on("data", (bytes) => { this.output += bytes; });
    this.process.stderr?.on("data", (bytes) => { this.output += bytes; });
    this.ended = new Promise((resolve) => {
      this.process.once("error", (error) => {
        this.exited = { code: null, signal: null, error };
        resolve(this.exited);
      });
      this.process.once("close", (code, signal) => {
        this.exited ??= { code, signal };
        resolve(this.exited);
      });
    });
    await until(async () => {
      if (this.exited) throw new Error(`the server ended early (${describeExit(this.exited)}):\n${this.output}`);
      return await this.status("/health/ready") === 200;
    }, 15000, `readiness of ${BINARY}\n${this.output}`);
  }

  /** The configuration file holds other settings from now on; the process reads it on SIGHUP. */
  rewrite(settings) {
    writeFileSync(this.configFile, JSON.stringify(settings, null, 2));
  }

  /** The status of GET `path`, or 0 when nobody answers. */
  async status(target, base = this.url) {
    return (await get(base + target).catch(() => ({ status: 0 }))).status;
  }

  signal(name) {
    if (this.process && !this.exited) this.process.kill(name);
  }

  /** Asks for an orderly end and returns the exit; fails if it takes longer than `ms`. */
  async terminate(ms = 10000) {
    this.signal("SIGTERM");
    return within(this.ended, ms, `exit after SIGTERM\n${this.output.slice(-2000)}`);
  }

  async kill() {
    this.signal("SIGKILL");
    if (this.ended) await this.ended;
  }

  /** Nothing confidential in what it printed or logged. */
  checkLogs() {
    checkNoSecret(this.output, "the output of the server");
    for (const name of readdirSync(this.folder).filter((file) => /\.log/.test(file))) {
      checkNoSecret(readFileSync(path.join(this.folder, name), "utf8"), name);
    }
  }

  /** For after(): the server must obey SIGTERM with exit code 0. */
  async stop() {
    try {
      if (this.exited) throw new Error(`the server had ended (${describeExit(this.exited)}):\n${this.output.slice(-4000)}`);
      if (this.settings.metrics.enabled) checkNoSecret(await this.metrics(), "/metrics");
      const exit = await this.terminate();
      this.checkLogs();
      if (exit.code !== 0) throw new Error(`the server ended with ${describeExit(exit)}:\n${this.output.slice(-4000)}`);
    } finally {
      await this.kill();
      this.cleanUp();
    }
  }

  cleanUp() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function sanitizerEnv() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => /SAN_OPTIONS$/.test(name)));
}

export function describeExit(exit) {
  return exit.error ? exit.error.message : exit.signal ? `signal ${exit.signal}` : `exit code ${exit.code}`;
}

/** Runs the binary to its end: { code, signal, output }. */
export async function runToEnd(args, { cwd = os.tmpdir(), env = {}, ms = 10000 } = {}) {
  const child = spawn(BINARY, args, {
    cwd, stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, ...sanitizerEnv(), ...env },
  });
  let output = "";
  child.stdout.on("data", (bytes) => { output += bytes; });
  child.stderr.on("data", (bytes) => { output += bytes; });
  const ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, output }));
  });
  try {
    return await within(ended, ms, `the end of millrace ${args.join(" ")}`);
  } finally {
    child.kill("SIGKILL");
  }
}

/** One request with node's own client: { status, headers, body }. */
export function request(url, { method = "GET", headers = {}, body, agent = false } = {}) {
  return new Promise((resolve, reject) => {
    const sent = http.request(url, { method, headers, agent }, (answer) => {
      const parts = [];
      answer.on("data", (bytes) => parts.push(bytes));
      answer.once("error", reject);
      answer.once("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        try {
          if (answer.statusCode >= 400) checkNoSecret(text, `the answer to ${method} ${url}`);
          resolve({ status: answer.statusCode, headers: answer.headers, body: text });
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.once("error", reject);
    sent.setTimeout(10000 * SLOW, () => sent.destroy(new Error(`no answer from ${url}`)));
    sent.end(body);
  });
}

export const get = (url, options) => request(url, options);

/** The sum of a metric's samples on a node. */
export const sample = async (server, name) => {
  const { body } = await get(`${server.metricsUrl}/metrics`);
  let sum = 0;
  for (const [, value] of body.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, "gm"))) sum += Number(value);
  return sum;
};
