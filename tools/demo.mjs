// ./dev demo: recorded market data through REST into an unmodified pusher-js, every message compared.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const RECORDING = path.resolve(ROOT, "../shared/data/tickers.ndjson");
const READY_MS = 15000;
const READER_BYTES = 64 << 20;  // with --max the client reads far behind the server
const QUIET_MS = 5000;  // nothing has come for so long after the last publish: it is lost

const USAGE = `usage: ./dev demo [FILE] [options]
  FILE            a recording, one {"ts", "channel", "event", "data"} a line
                  (../shared/data/tickers.ndjson; without it a simulated market)
  --simulated     the simulated market, though there is a recording
  --speed N       times as fast as it was recorded (20); pauses over 1 s are cut to 1 s
  --max           as fast as the server answers
  --port N        of the node (a free one)
  --quiet         only the summary
  --bin PATH      the server (build/release/millrace)`;

class Wrong extends Error {}

function options() {
  let parsed;
  try {
    parsed = parseArgs({ allowPositionals: true, options: {
      speed: { type: "string" }, max: { type: "boolean" }, port: { type: "string" },
      simulated: { type: "boolean" }, quiet: { type: "boolean" }, bin: { type: "string" }, help: { type: "boolean", short: "h" },
    } });
  } catch (error) {
    throw new Wrong(error.message);
  }
  const { values, positionals } = parsed;
  if (positionals.length > 1) throw new Wrong(`one recording at a time, not ${positionals.join(" ")}`);
  if (positionals.length && values.simulated) throw new Wrong("say FILE or --simulated, not both");
  if (values.speed !== undefined && values.max) throw new Wrong("say --speed or --max, not both");
  const speed = Number(values.speed ?? 20);
  if (!(speed > 0 && speed < Infinity)) throw new Wrong(`--speed '${values.speed}' is not a number above 0`);
  const port = Number(values.port ?? 0);
  if (!(Number.isInteger(port) && port >= 0 && port < 65536)) throw new Wrong(`--port '${values.port}' is not a port`);
  const bin = path.resolve(values.bin ?? path.join(ROOT, "build/release/millrace"));
  if (!existsSync(bin)) throw new Wrong(`there is no server '${bin}'; build it with ./dev build release`);
  if (positionals[0] && !existsSync(positionals[0])) throw new Wrong(`there is no recording '${positionals[0]}'`);
  return { ...values, speed, port, bin, file: positionals[0] && path.resolve(positionals[0]) };
}

/** pusher-js as npm has it, from where the project's scripts install it. */
function pusherJs() {
  for (const folder of ["tests/e2e", "web"]) {
    try {
      const load = createRequire(path.join(ROOT, folder, "package.json"));
      return { Pusher: load("pusher-js"), version: load("pusher-js/package.json").version };
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new Wrong("pusher-js is not installed; `npm ci --prefix web` installs it");
}

/** A market that never was, in the shape of a recording: one walk per symbol, the same each time. */
function simulatedRecording() {
  const lines = [];
  const market = ["ALMUSDT", "BRYUSDT", "CORUSDT", "DUNUSDT"].map((symbol, i) => ({ symbol, mid: 1e5 * (i + 1) }));
  let state = 1;
  const random = () => { state = (state * 48271) % 2147483647; return state / 2147483647; };
  for (let i = 0; i < 3000; i += 1) {
    const one = market[Math.floor(random() * market.length)];
    one.mid += Math.round((random() - 0.5) * 100);
    const data = JSON.stringify({ symbol: one.symbol, bid: ((one.mid - 5) / 100).toFixed(2), ask: ((one.mid + 5) / 100).toFixed(2), n: i });
    lines.push(JSON.stringify({ ts: i * 0.05, channel: `ticker-simulated-${i % 3}`, event: "ticker", data }));
  }
  return lines.join("\n") + "\n";
}

/** The recording's events by channel, and when each is due (ms), as `millrace replay` plays them. */
function readRecording(file, speed) {
  const channels = new Map();
  let at = 0;
  let last;
  let count = 0;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (!line.trim()) continue;
    let record;
    try {
      record = JSON.parse(line);
    } catch {
      throw new Wrong(`${file}: event ${count + 1} is not JSON`);
    }
    at += 1000 * Math.min(1, Math.max(0, record.ts - (last ?? record.ts))) || 0;
    last = record.ts ?? last;
    const data = typeof record.data === "string" ? record.data : JSON.stringify(record.data);
    if (!channels.has(record.channel)) channels.set(record.channel, []);
    channels.get(record.channel).push({ event: record.event, data, due: at / speed });
    count += 1;
  }
  return { channels, count };
}

let interrupted = false;
const children = new Set();
const cleanUps = [];

/** A child that ends with this process; `ended` is { code, output }. */
function start(bin, args) {
  const child = spawn(bin, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { child.output += bytes; });
  child.ended = new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: 1, output: error.message }));
    child.once("close", (code) => { children.delete(child); resolve({ code, output: child.output }); });
  });
  children.add(child);
  return child;
}

async function stopAll() {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  for (const child of children) child.kill("SIGTERM");
  await Promise.all([...children].map((child) => child.ended));
}

function freePort() {
  return new Promise((resolve, reject) => {
    const holder = net.createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = holder.address();
      holder.close(() => resolve(port));
    });
  });
}

async function startNode({ bin, port }) {
  const main = port || await freePort();
  const node = start(bin, ["--port", String(main), "--metrics-port", String(await freePort()),
    "--set", "shutdown_grace_period=0.2", "--set", `websocket.max_bytes=${READER_BYTES}`]);
  const end = performance.now() + READY_MS;
  let gone = false;
  node.ended.then(() => { gone = true; });
  while (!(await fetch(`http://127.0.0.1:${main}/health/ready`).then((answer) => answer.ok, () => false))) {
    if (gone || performance.now() > end) throw new Wrong(`the node did not start:\n${node.output}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return main;
}

/** Subscribes to every channel of the recording and holds what comes against it. */
class Watcher {
  constructor(recording, port) {
    this.recording = recording;
    this.received = 0;
    this.inOrder = 0;
    this.delays = [];
    this.latest = "";
    this.lastAt = performance.now();
    const { Pusher, version } = pusherJs();
    this.version = version;
    this.client = new Pusher("app-key", {
      wsHost: "127.0.0.1", wsPort: port, forceTLS: false, enabledTransports: ["ws"], enableStats: false, cluster: "none",
    });
  }

  async subscribe() {
    this.client.connection.bind("error", (problem) => {
      this.firstWrong ??= `the connection: ${JSON.stringify((problem.error ?? problem).data ?? problem.type)}`;
    });
    await Promise.all([...this.recording.channels].map(([name, wanted]) => new Promise((resolve, reject) => {
      const channel = this.client.subscribe(name);
      channel.bind("pusher:subscription_succeeded", resolve);
      channel.bind("pusher:subscription_error", (why) => reject(new Error(`${name}: ${JSON.stringify(why)}`)));
      let next = 0;
      channel.bind_global((event, data) => {
        if (event.startsWith("pusher:")) return;
        this.take(name, wanted[next], event, data);
        next += 1;
      });
    })));
  }

  take(channel, wanted, event, data) {
    this.lastAt = performance.now();
    this.received += 1;
    // pusher-js hands over parsed JSON.
    const text = typeof data === "string" ? data : JSON.stringify(data);
    const good = wanted !== undefined && event === wanted.event && (text === wanted.data || text === reparsed(wanted.data));
    if (good) {
      this.inOrder += 1;
      this.delays.push(this.lastAt - wanted.due);
    } else {
      this.firstWrong ??= `${channel}: got ${event} ${text}, wanted ${wanted ? `${wanted.event} ${wanted.data}` : "nothing more"}`;
    }
    this.latest = `${channel}  ${data?.symbol ?? event}  ${data?.bid ?? ""} ${data?.ask ?? ""}`;
  }

  get isComplete() { return this.inOrder === this.recording.count; }

  /** How far messages came behind the recording's own times, relative to the most punctual one. */
  lag() {
    const sorted = [...this.delays].sort((a, b) => a - b);
    const at = (share) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) - (sorted[0] ?? 0);
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}

const reparsed = (text) => {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
};
const commas = (value) => value.toLocaleString("en-US");

/** A live line on a terminal; elsewhere a line a second. */
function showProgress(watcher, count, quiet) {
  if (quiet) return () => {};
  const live = process.stdout.isTTY;
  const draw = () => {
    const share = watcher.received / count;
    const bar = "#".repeat(Math.floor(20 * Math.min(1, share))).padEnd(20, ".");
    const text = `[${bar}] ${commas(watcher.received)} of ${commas(count)}  ${watcher.latest}`;
    process.stdout.write(live ? `\r\x1b[K${text.slice(0, (process.stdout.columns || 80) - 1)}` : `${text}\n`);
  };
  const timer = setInterval(draw, live ? 100 : 1000);
  return () => {
    clearInterval(timer);
    draw();
    if (live) process.stdout.write("\n");
  };
}

async function demo() {
  const how = options();
  if (how.help) {
    console.log(USAGE);
    return 0;
  }
  let file = how.file ?? RECORDING;
  let name = path.basename(file);
  if (how.simulated || !existsSync(file)) {
    const folder = mkdtempSync(path.join(os.tmpdir(), "millrace-demo-"));
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    file = path.join(folder, "simulated.ndjson");
    writeFileSync(file, simulatedRecording());
    name = "a simulated market";
  }
  const recording = readRecording(file, how.max ? Infinity : how.speed);
  const port = await startNode(how);
  const watcher = new Watcher(recording, port);
  cleanUps.push(() => watcher.client.disconnect());
  await watcher.subscribe();
  if (!how.quiet) {
    console.log(`node      http://127.0.0.1:${port}  (the page: http://127.0.0.1:${port}/demo)`);
    console.log(`client    pusher-js ${watcher.version}, subscribed to ${recording.channels.size} channels`);
    console.log(`replaying ${name}: ${commas(recording.count)} events, ${how.max ? "as fast as the server answers" : `${how.speed} times as fast as recorded`}`);
  }
  const pace = how.max ? ["--max", "--in-flight", "1"] : ["--speed", String(how.speed), "--gap-max", "1"];
  const began = performance.now();
  const endProgress = showProgress(watcher, recording.count, how.quiet);
  const replay = await start(how.bin, ["replay", file, "--port", String(port), ...pace]).ended;
  while (!interrupted && !watcher.isComplete && !watcher.firstWrong && performance.now() - watcher.lastAt < QUIET_MS) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  endProgress();
  if (interrupted) return 1;
  const seconds = (performance.now() - began) / 1000;
  console.log(`published ${replay.output.trim().replace(/^published /, "")}`);
  console.log(`received  ${commas(watcher.inOrder)} of ${commas(recording.count)} in order by pusher-js, ${seconds.toFixed(1)} s`);
  if (!how.max) {
    const lag = watcher.lag();
    console.log(`lag       behind the recording: p50 ${lag.p50.toFixed(1)} ms, p99 ${lag.p99.toFixed(1)} ms, max ${lag.max.toFixed(1)} ms`);
  }
  if (watcher.firstWrong) console.log(`wrong     ${watcher.firstWrong}`);
  return replay.code === 0 && watcher.isComplete && watcher.received === recording.count ? 0 : 1;
}

const interruption = new Promise((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, resolve);
}).then(() => {
  interrupted = true;
  return 1;
});

let status = 1;
try {
  status = await Promise.race([demo(), interruption]);
} catch (error) {
  console.error(error instanceof Wrong ? `demo: ${error.message}\n(./dev demo --help lists the options)` : error);
  status = error instanceof Wrong ? 2 : 1;
}
await stopAll();
if (interrupted) console.log("\ninterrupted");
process.exit(status);
