// What deltas save on the wire: frames as they were sent, full ones included, against those that a
// client without deltas got in the same run.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CORPORA, random, recordsOf } from "../../../tests/e2e/support/delta_pairs.mjs";
import { BareSubscriber } from "./support/subscribers.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const SUITES = path.join(ROOT, "tests/e2e");
const BINARY = process.env.MILLRACE_BIN ?? path.join(ROOT, "build/release/millrace");
const missing = !existsSync(BINARY) ? `${BINARY} is not there: ./dev build release makes it`
  : !existsSync(path.join(SUITES, "node_modules")) && "tests/e2e is not installed: ./dev test does it";
const BATCH = 10;

// The least that Fossil saves, in percent; a negative number: how much worse it may be at most.
const BOUNDS = {
  10: { tickers: 25, books_snapshot: 69, trades: -2 },
  50: { tickers: 30, books_snapshot: 76, trades: -2 },
};

/** A subscriber of many channels that counts the bytes of event frames as they came. */
class Listener {
  static async open(server, key, channels, { asked, options = {} } = {}) {
    const one = new Listener();
    one.bare = await BareSubscriber.open(server, key, channels[0]);
    one.events = [];
    one.bytes = 0;
    const take = one.bare.take.bind(one.bare);
    one.bare.socket.removeAllListeners("message");
    one.bare.socket.on("message", (raw) => {
      const text = raw.toString("utf8");
      const { event } = JSON.parse(text);
      if (event === "pusher:delta" || !event.startsWith("pusher")) one.bytes += raw.length + (raw.length < 126 ? 2 : 4);
      take(text);
    });
    const read = one.bare.reader.read.bind(one.bare.reader);
    one.bare.reader.read = (text) => {
      const whole = read(text);
      if (whole !== undefined) {
        const { event, channel, data } = JSON.parse(whole);
        if (!event.startsWith("pusher")) one.events.push(`${channel} ${data}`);
      }
      return whole;
    };
    if (asked) await one.bare.enable(asked);
    for (const channel of channels) {
      one.bare.channel = channel;
      await one.bare.subscribe(options);
    }
    return one;
  }

  get counts() { return this.bare.reader.counts; }
}

const saved = (one, plain) => 100 * (1 - one.bytes / plain.bytes);

describe("savings on the wire", { skip: missing || false }, () => {
  async function withServer(settings, work) {
    const suite = { ...await import("../../../tests/e2e/support/clients.mjs"), ...await import("../../../tests/e2e/support/server.mjs") };
    const server = await suite.Server.start({
      log: { format: "json", level: "info" }, websocket: { max_bytes: 64 << 20, max_log_bytes: 64 << 20 }, ...settings,
    });
    try {
      await work(server, suite.sdk(server), suite.APPS.main.key);
    } finally {
      await server.stop();
    }
  }

  async function publish(backend, events) {
    for (let at = 0; at < events.length; at += BATCH) {
      const answer = await backend.post({ path: "/batch_events", body: { batch: events.slice(at, at + BATCH) } });
      assert.equal(answer.status, 200, await answer.text());
    }
  }

  async function finish(listeners) {
    for (const one of listeners) {
      await one.bare.barrier();
      assert.equal(one.bare.failure, undefined);
      one.bare.end();
    }
  }

  for (const corpus of CORPORA) {
    for (const interval of [10, 50]) {
      test(`${corpus}, every ${interval}th message full`, { timeout: 300_000 }, async (t) => {
        const { source, records } = recordsOf(ROOT, corpus);
        await withServer({
          delta_compression: { full_message_interval: interval, omit_delta_algorithm: interval === 50 },
          channel_delta_compression: { "*": { conflation_key: "symbol" } },
        }, async (server, backend, key) => {
          const channels = [...new Set(records.map(({ channel }) => channel))];
          const plain = await Listener.open(server, key, channels);
          const fossil = await Listener.open(server, key, channels, { asked: { algorithms: ["fossil"] } });
          const vcdiff = await Listener.open(server, key, channels, { asked: { algorithms: ["xdelta3"] } });
          await publish(backend, records.map(({ channel, event, data }) => ({ channel, name: event, data })));
          await finish([plain, fossil, vcdiff]);
          const expected = records.map(({ channel, data }) => `${channel} ${data}`);
          for (const one of [plain, fossil, vcdiff]) assert.deepEqual(sortedByChannel(one.events), sortedByChannel(expected));
          const figures = { fossil: saved(fossil, plain), xdelta3: saved(vcdiff, plain) };
          t.diagnostic(`${corpus} (${source}), interval ${interval}: fossil ${figures.fossil.toFixed(1)} %, xdelta3 ${figures.xdelta3.toFixed(1)} % saved of ${plain.bytes} bytes`);
          if (source !== "recorded") return;
          assert.ok(figures.fossil >= BOUNDS[interval][corpus], `fossil saves ${figures.fossil.toFixed(2)} %`);
        });
      });
    }
  }

  for (const isKeyed of [true, false]) {
    test(`1,000 symbols on one ${isKeyed ? "keyed" : "unkeyed"} channel: filters and exclusion keep the saving`, { timeout: 300_000 }, async (t) => {
      await withServer({
        channel_delta_compression: isKeyed ? { quotes: { conflation_key: "symbol" } } : {},
      }, async (server, backend, key) => {
        const asked = { algorithms: ["fossil"] };
        const all = await Listener.open(server, key, ["quotes"], { asked });
        const plain = await Listener.open(server, key, ["quotes"]);
        const excluded = await Listener.open(server, key, ["quotes"], { asked });
        const excludedPlain = await Listener.open(server, key, ["quotes"]);
        const filtered = [];
        for (let i = 0; i < 25; i += 1) {
          const options = { filter: { key: "symbol", cmp: "in", vals: [`SYM${i}`, `SYM${500 + i}`] } };
          filtered.push({
            delta: await Listener.open(server, key, ["quotes"], { asked, options }),
            plain: await Listener.open(server, key, ["quotes"], { options }),
          });
        }
        const events = quotes(40_000).map((event, i) => ({
          ...event, ...(i % 10 === 9 && { socket_id: (i % 20 === 9 ? excluded : excludedPlain).bare.socketId }),
        }));
        await publish(backend, events);
        const everybody = [all, plain, excluded, excludedPlain, ...filtered.flatMap((pair) => [pair.delta, pair.plain])];
        await finish(everybody);
        const sum = (kind) => ({ bytes: filtered.reduce((bytes, pair) => bytes + pair[kind].bytes, 0) });
        const figures = {
          all: saved(all, plain),
          filtered: saved(sum("delta"), sum("plain")),
          excluded: saved(excluded, excludedPlain),
        };
        t.diagnostic(`${isKeyed ? "keyed" : "unkeyed"}: ${JSON.stringify(figures)}`);
        for (const pair of filtered) assert.deepEqual(pair.delta.events, pair.plain.events);
        assert.ok(Math.abs(figures.filtered - figures.all) <= 3, JSON.stringify(figures));
        assert.ok(figures.excluded >= 0.75 * figures.all, JSON.stringify(figures));
      });
    });
  }
});

/** Channels in the order of their names, each with its messages in order. */
function sortedByChannel(events) {
  const lists = new Map();
  for (const event of events) {
    const channel = event.slice(0, event.indexOf(" "));
    lists.set(channel, [...(lists.get(channel) ?? []), event]);
  }
  return [...lists].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Quotes of 1,000 symbols in random order, with tags; prices walk. */
function quotes(count) {
  const next = random(7);
  const prices = Array.from({ length: 1000 }, () => 10 + next() * 1000);
  return Array.from({ length: count }, (_, i) => {
    const at = Math.floor(next() * 1000);
    prices[at] *= 1 + (next() - 0.5) / 1000;
    const symbol = `SYM${at}`;
    const data = JSON.stringify({
      symbol, bid: prices[at].toFixed(4), bidSize: (next() * 500).toFixed(4),
      ask: (prices[at] * 1.0001).toFixed(4), askSize: (next() * 500).toFixed(4),
      venue: "example-exchange", segment: "continuous-trading", currency: "USD", status: "open", lotSize: "0.00010000",
      description: `instrument number ${at} of the list of the example exchange, quoted in lots of its own`,
      updateId: 499869768 + i, ts: 1633998513377 + i,
    });
    return { channel: "quotes", name: "quote", data, tags: { symbol } };
  });
}
