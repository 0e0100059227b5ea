// The script-tag and the ESM build in Chromium, beside an unmodified pusher-js from a script tag.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { CASES } from "./support/scenario.mjs";
import { TestServer } from "./support/test_server.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const missing = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not there`;
const CHANNELS = { keyed: { keyed: true }, plain: {} };

const page = (...scripts) => `<!doctype html><meta charset="utf-8"><script src="/pusher.js"></script>${scripts.join("")}`;
const script = (file) => `<script src="/${file}"></script>`;
const FILES = {
  "/millrace.js": ["text/javascript", path.join(ROOT, "dist/millrace.js")],
  "/millrace.min.js": ["text/javascript", path.join(ROOT, "dist/millrace.min.js")],
  "/index.mjs": ["text/javascript", path.join(ROOT, "dist/index.mjs")],
  "/scenario.mjs": ["text/javascript", path.join(ROOT, "tests/support/scenario.mjs")],
  "/pusher.js": ["text/javascript", path.join(ROOT, "node_modules/pusher-js/dist/web/pusher.min.js")],
  "/script": ["text/html", page(script("millrace.js"))],
  "/minified": ["text/html", page(script("millrace.min.js"))],
  "/module": ["text/html", page('<script type="module">import * as Millrace from "/index.mjs"; window.Millrace = Millrace;</script>')],
  "/favicon.ico": ["text/html", "<p>"],
};

/** Runs in the page: two clients, one with deltas, subscribed to all channels. */
async function connectBoth({ port, channels }) {
  const { record } = await import("/scenario.mjs");
  const connect = async (name, hook) => {
    const pusher = new window.Pusher("app-key", { cluster: "none", wsHost: "127.0.0.1", wsPort: port, forceTLS: false, enabledTransports: ["ws"], enableStats: false });
    const client = { pusher, events: record(pusher), delta: hook(pusher), errors: [] };
    for (const channel of channels) {
      await new Promise((done) => { client.events.of(pusher.subscribe(channel)).bind("pusher:subscription_succeeded", done); });
    }
    window[name] = client;
  };
  await connect("plain", () => undefined);
  await connect("ours", (pusher) => window.Millrace.withDelta(pusher, { onError: ({ code }) => window.ours.errors.push(code) }));
}

/** Runs in the page: what both clients recorded, after all that was sent to them. */
async function recorded() {
  for (const { pusher } of [window.plain, window.ours]) {
    await new Promise((done) => {
      pusher.bind("test:echo", done);
      pusher.send_event("test:echo", {});
    });
  }
  const list = ({ events }) => events.list.filter(([, event]) => !event.startsWith("pusher:") && event !== "test:echo");
  return { ours: list(window.ours), plain: list(window.plain), stats: window.ours.delta.stats(), errors: window.ours.errors };
}

describe("in Chromium", { skip: missing }, () => {
  let browser;
  before(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
    });
  });
  after(() => browser?.close());

  for (const [build, prefer] of [["script", "fossil"], ["minified", "xdelta3"], ["module", "xdelta3"]]) {
    test(`the ${build} build gives handlers the same arguments from deltas (${prefer})`, async () => {
      const server = await TestServer.start({ channels: CHANNELS, files: FILES, prefer });
      const context = await browser.newContext();
      const problems = [];
      try {
        const tab = await context.newPage();
        tab.on("pageerror", (error) => problems.push(String(error)));
        tab.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
        await tab.goto(`http://127.0.0.1:${server.port}/${build}`);
        await tab.waitForFunction(() => window.Millrace && window.Pusher);
        await tab.evaluate(connectBoth, { port: server.port, channels: Object.keys(CHANNELS) });
        for (const [name, event, data, options] of CASES(Object.keys(CHANNELS))) server.publish(name, event, data, options);
        const { ours, plain, stats, errors } = await tab.evaluate(recorded);
        assert.deepEqual(ours, plain);
        assert.ok(ours.length > 1000 && stats.delta > 100, `${ours.length} calls, ${stats.delta} deltas`);
        assert.deepEqual([stats.lost, stats.resyncs, stats.algorithm, errors, problems], [0, 0, prefer, [], []]);
      } finally {
        await context.close();
        await server.stop();
      }
    });
  }
});
