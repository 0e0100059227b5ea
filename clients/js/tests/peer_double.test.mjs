// Clients whose decoders keep state over reconnects get the right data all the same, whatever they
// still hold: a start clears it, and numbers lead nowhere else.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { PeerDouble } from "./support/peer_double.mjs";
import { Random, SEED } from "./support/random.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const BINARY = process.env.MILLRACE_BIN ?? path.join(ROOT, "build/release/millrace");
const missing = !existsSync(BINARY) ? `${BINARY} is not there: ./dev build release makes it`
  : !existsSync(path.join(ROOT, "tests/e2e/node_modules")) && "tests/e2e is not installed: ./dev test does it";
const CHANNELS = ["keyed-a", "keyed-b", "plain-a"];
const ROUNDS = 100;
const FILL = "the same in every message ".repeat(6);

describe("decoders that keep their state over reconnects", { skip: missing || false }, () => {
  for (const [protocol, prefix] of [[7, "pusher"], [2, "sockudo"]]) {
    for (const algorithm of ["fossil", "xdelta3"]) {
      test(`protocol ${protocol}, ${algorithm}: right data across ${ROUNDS} reconnects and restarts`, { timeout: 120_000 }, async (t) => {
        t.diagnostic(`SEED=${SEED}`);
        const suite = { ...await import("../../../tests/e2e/support/clients.mjs"), ...await import("../../../tests/e2e/support/server.mjs") };
        const server = await suite.Server.start({
          log: { format: "json", level: "info" },
          delta_compression: { full_message_interval: 20, omit_delta_algorithm: true },
          channel_delta_compression: { "keyed*": { conflation_key: "symbol" } },
        });
        try {
          await run({ suite, server, protocol, prefix, algorithm });
        } finally {
          await server.stop();
        }
      });
    }
  }

  async function run({ suite, server, protocol, prefix, algorithm }) {
    const random = new Random(SEED);
    const double = new PeerDouble(prefix);
    const backend = suite.sdk(server);
    const url = `ws://127.0.0.1:${server.port}/app/${suite.APPS.main.key}?protocol=${protocol}`;
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round % 25 === 24) {
        await server.terminate();
        await server.run();
      }
      const heard = [];
      const socket = await connect(url, double, [...CHANNELS].sort(() => random.fraction() - 0.5), algorithm, heard, suite);
      const sent = [];
      for (let i = 0; i < 8; i += 1) {
        const event = { channel: random.pick(CHANNELS), name: random.pick(["price", "trade"]),
          data: JSON.stringify({ symbol: `S${random.below(3)}`, round, i, value: random.below(1e6), fill: FILL }) };
        sent.push(event);
        assert.equal((await backend.post({ path: "/events", body: event })).status, 200);
      }
      await suite.until(() => heard.length >= sent.length, 5000, `round ${round}: ${heard.length} of ${sent.length}`);
      for (const channel of CHANNELS) {
        assert.deepEqual(heard.filter((one) => one.channel === channel).map(({ event, data }) => [event, data]),
          sent.filter((one) => one.channel === channel).map(({ name, data }) => [name, data]), `round ${round}`);
      }
      socket.terminate();
    }
    assert.ok(double.counts.delta > ROUNDS, JSON.stringify(double.counts));
    assert.deepEqual([double.counts.resyncs, double.counts.ignored], [0, 0]);
  }

  /** Connects as that client does and waits until deltas of all channels have started. */
  async function connect(url, double, channels, algorithm, heard, suite) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const names = [];
    socket.on("message", (bytes) => {
      const text = bytes.toString("utf8");
      const { event } = JSON.parse(text);
      names.push(event);
      if (event === `${double.prefix}:connection_established`) {
        for (const frame of double.greeting(channels, [algorithm])) socket.send(JSON.stringify(frame));
      }
      const taken = double.take(text);
      if (taken?.send) socket.send(JSON.stringify(taken.send));
      else if (taken) heard.push(taken);
    });
    await suite.until(() => names.filter((name) => name.endsWith(":delta_cache_sync")).length === channels.length,
      5000, `starts of ${channels}, got ${names}`);
    return socket;
  }
});
