// Recorded market data through the server to subscribers that join, leave, switch deltas, filter,
// are excluded and stall at random: everybody gets exactly what is theirs, in order, byte for byte,
// and what a stalled reader did not get is what the server counted as dropped.
//
// MILLRACE_DELTA_SUBSCRIBERS (20), MILLRACE_DELTA_MESSAGES (1000 of each corpus), SEED.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CORPORA, recordsOf } from "../../../tests/e2e/support/delta_pairs.mjs";
import { Random, SEED } from "./support/random.mjs";
import { BareSubscriber, PackageSubscriber } from "./support/subscribers.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const SUITES = path.join(ROOT, "tests/e2e");
const BINARY = process.env.MILLRACE_BIN ?? path.join(ROOT, "build/release/millrace");
const missing = !existsSync(BINARY) ? `${BINARY} is not there: ./dev build release makes it`
  : !existsSync(path.join(SUITES, "node_modules")) && "tests/e2e is not installed: ./dev test does it";
const SUBSCRIBERS = Number(process.env.MILLRACE_DELTA_SUBSCRIBERS ?? 20);
const MESSAGES = Number(process.env.MILLRACE_DELTA_MESSAGES ?? 1000);
const CHANNEL = "market";
const BATCH = 10;

/** One subscriber and what it must get. */
class Life {
  constructor(one, random, symbols) {
    this.one = one;
    this.random = random;
    this.symbols = symbols;
    this.expected = [];
    this.isSubscribed = false;
    this.isStalled = false;
    this.wanted = null;  // symbols of the filter; null: all
  }

  expects(record) {
    return this.isSubscribed && (!this.wanted || this.wanted.has(record.key));
  }
  chooseFilter() {
    const before = this.filterKey();
    this.wanted = this.random.chance(0.4) ? null
      : new Set(Array.from({ length: 1 + this.random.below(3) }, () => this.random.pick(this.symbols)));
    return this.filterKey() !== before;
  }
  filterKey() {
    return this.wanted ? [...this.wanted].sort().join() : "";
  }
  options(more) {
    return this.wanted ? { ...more, filter: { key: "symbol", cmp: "in", vals: [...this.wanted].sort() } } : { ...more };
  }

  /** One confirmed step of its life. */
  async step() {
    if (this.isStalled) {
      if (this.random.chance(0.5)) return;
      this.isStalled = false;
      this.one.resume();
      await this.one.barrier();
      return;
    }
    if (!this.isSubscribed) {
      this.chooseFilter();
      await this.one.subscribe(this.options());
      this.isSubscribed = true;
      return;
    }
    await this.random.pick([this.leave, this.refilter, this.refilter, this.switchDelta, this.resync, this.stall]).call(this);
  }
  async leave() {
    // What is on its way when somebody leaves is nobody's.
    await this.one.barrier();
    await this.one.unsubscribe();
    this.isSubscribed = false;
  }
  async refilter() {
    if (this.chooseFilter()) await this.one.subscribe(this.options());
  }
  async switchDelta() {
    if (this.one.enable) {
      await this.one.enable({ ...this.asked, enabled: this.random.chance(0.7) });
    } else {
      this.isPlain = !this.isPlain;
      await this.one.subscribe(this.options({ delta: !this.isPlain }));
    }
  }
  async resync() {
    if (this.one.resync) await this.one.resync();
  }
  async stall() {
    if (!this.one.canStall) return;
    this.isStalled = true;
    this.one.stall();
  }
}

/** Of how many messages `got` falls short; fails when it is not `expected` with some left out. */
function missed(expected, got, who) {
  let at = 0;
  for (const text of got) {
    const found = expected.indexOf(text, at);
    assert.ok(found >= 0, `${who} got a message that is not its own, or out of order: ${text.slice(0, 200)}`);
    at = found + 1;
  }
  return expected.length - got.length;
}

describe("recorded market data to subscribers of every kind", { skip: missing || false }, () => {
  for (const corpus of CORPORA) {
    for (const algorithm of ["fossil", "xdelta3"]) {
      test(`${corpus}, ${algorithm}: everybody gets what is theirs`, { timeout: 3_600_000 }, async (t) => {
        t.diagnostic(`SEED=${SEED}`);
        const suite = { ...await import("../../../tests/e2e/support/clients.mjs"), ...await import("../../../tests/e2e/support/server.mjs") };
        const server = await suite.Server.start({
          log: { format: "json", level: "info" },
          websocket: { disconnect_on_buffer_full: false, max_bytes: 16384 },
          event_limits: { max_batch_size: BATCH },
          channel_delta_compression: { [CHANNEL]: { conflation_key: "symbol" } },
        });
        try {
          await run(t, suite, server, corpus, algorithm);
        } finally {
          suite.disconnectAll();
          await server.stop();
        }
      });
    }
  }

  async function run(t, suite, server, corpus, algorithm) {
    const random = new Random(SEED);
    const { source, records } = recordsOf(ROOT, corpus);
    const chosen = records.slice(0, MESSAGES);
    const symbols = [...new Set(chosen.map(({ key }) => key))];
    const backend = suite.sdk(server);
    const asked = { algorithms: [algorithm], crc: true };
    const lives = await open(suite, server, asked, random, symbols);
    for (const life of lives) await life.step();
    for (let at = 0; at < chosen.length; at += BATCH) {
      await publish(backend, chosen.slice(at, at + BATCH), lives, random);
      for (let i = 0; i < 1 + SUBSCRIBERS / 20; i += 1) await random.pick(lives).step();
    }
    for (const life of lives) if (life.isStalled) life.one.resume();
    for (const life of lives) await life.one.barrier();
    const dropped = Number(/^millrace_frames_dropped_total\{reason="slow_consumer"\} (\d+)$/m
      .exec((await suite.get(`${server.metricsUrl}/metrics`)).body)?.[1] ?? 0);
    const sums = { expected: 0, missed: 0, full: 0, delta: 0 };
    for (const [index, life] of lives.entries()) {
      const who = `subscriber ${index} (${life.one.constructor.name})`;
      assert.equal(life.one.failure, undefined, who);
      const gone = missed(life.expected, life.one.received, who);
      sums.expected += life.expected.length;
      sums.missed += gone;
      sums.full += life.one.stats().full;
      sums.delta += life.one.stats().delta;
      life.one.end();
    }
    assert.equal(sums.missed, dropped, "what is missing is what was dropped");
    // Trades, and the small messages of a machine without recorded ones, do not pay.
    if (corpus === "books_snapshot" || (corpus === "tickers" && source === "recorded")) {
      assert.ok(sums.delta > sums.full, JSON.stringify(sums));
    }
    t.diagnostic(`${chosen.length} ${source} messages, ${sums.expected} expected, ${sums.missed} dropped and counted, ${sums.delta} deltas, ${sums.full} full`);
  }

  async function open(suite, server, asked, random, symbols) {
    const lives = [];
    for (let i = 0; i < SUBSCRIBERS; i += 1) {
      const isBare = i % 4 !== 0;
      const one = isBare
        ? await BareSubscriber.open(server, suite.APPS.main.key, CHANNEL)
        : await PackageSubscriber.open(server, suite.APPS.main.key, CHANNEL, suite, { algorithms: asked.algorithms });
      const life = new Life(one, random, symbols);
      life.asked = asked;
      if (isBare && random.chance(0.9)) await one.enable(asked);
      lives.push(life);
    }
    return lives;
  }

  /** Publishes the records in order, some of them not to one of the subscribers. */
  async function publish(backend, records, lives, random) {
    const batch = records.map((record) => {
      const excluded = random.chance(0.2) ? random.pick(lives) : null;
      for (const life of lives) {
        if (life === excluded || !life.expects(record)) continue;
        life.expected.push(life.one.canStall ? record.data : JSON.stringify(JSON.parse(record.data)));
      }
      return {
        channel: CHANNEL, name: record.event, data: record.data, tags: { symbol: record.key },
        ...(excluded && { socket_id: excluded.one.socketId }),
        ...(random.chance(0.02) && { delta: false }),
      };
    });
    const answer = await backend.post({ path: "/batch_events", body: { batch } });
    assert.equal(answer.status, 200, await answer.text());
  }
});
