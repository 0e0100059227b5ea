// The decoder alone: what it makes of frames, and what it never does.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeltaDecoder } from "../dist/index.mjs";
import { DeltaChannel } from "./support/delta_channel.mjs";
import { Random, SEED } from "./support/random.mjs";
import { encodeVcdiff } from "./support/vcdiff_encoder.mjs";

const TEXTS = ["plain", "€uro 😀 \u0000\u001f", 'quote " backslash \\ slash /', '","__delta_seq":7}', "\u2028\ufeff", '"__conflation_key":"x"'];
const KEYS = ["AAPL", "_", "%5F", "Ünï", "__proto__", "a%22b"];

/** A decoder and what it did. `clock.ms` is its time. */
function listening(options = {}) {
  const heard = { resyncs: [], gaveUp: [], errors: [], clock: { ms: 1 } };
  heard.decoder = new DeltaDecoder(options, {
    resync: (channel) => heard.resyncs.push(channel),
    giveUp: (channel) => heard.gaveUp.push(channel),
    failed: (error) => heard.errors.push(error.code),
  }, () => heard.clock.ms);
  return heard;
}

const succeeded = (channel) => JSON.stringify({ event: "pusher_internal:subscription_succeeded", channel, data: "{}" });

/** A subscribed decoder on one channel; `frames` are those sent and not yet heard. */
function subscribed({ channel = {}, subscriber = {}, options = {} } = {}) {
  const heard = listening(options);
  const frames = [];
  const server = new DeltaChannel("ticker", channel);
  const member = { send: (text) => frames.push(text), algorithm: "fossil", ...subscriber };
  heard.decoder.subscribing("ticker");
  heard.decoder.receive(succeeded("ticker"));
  server.join(member);
  const next = () => heard.decoder.receive(frames.shift());
  assert.equal(next(), null);
  return { ...heard, frames, server, member, next };
}

const withData = (frame, change) => {
  const envelope = JSON.parse(frame);
  Object.assign(envelope.data, change);
  return JSON.stringify(envelope);
};

describe("the delta decoder", () => {
  console.log(`SEED=${SEED}`);

  for (const algorithm of ["fossil", "xdelta3"]) {
    for (const keyed of [false, true]) {
      test(`${algorithm}, ${keyed ? "keyed" : "unkeyed"}: every text as it was published`, () => {
        const at = subscribed({ channel: { keyed }, subscriber: { algorithm, crc: true } });
        for (let i = 0; i < 200; i++) {
          const text = at.server.publish(`e${i % 3}`, { i, text: TEXTS[i % TEXTS.length] }, { key: KEYS[i % KEYS.length], user: i % 2 && "u1" });
          const frame = at.frames.at(-1);
          const read = at.next();
          if (frame.includes(":delta\"")) assert.equal(read, text);
          else assert.deepEqual([read, JSON.parse(read).data], [frame, JSON.parse(text).data]);
        }
        const { full, delta, lost, wireBytes, textBytes, keys } = at.decoder.stats();
        assert.deepEqual([full + delta, lost, keys], [200, 0, keyed ? KEYS.length : 1]);
        assert.ok(delta > 100 && wireBytes > 0 && textBytes > 0);
        assert.deepEqual(at.errors, []);
      });
    }
  }

  test("the counts of bytes are those of the frames", () => {
    const at = subscribed({ channel: { keyed: true } });
    let wire = 0;
    let whole = 0;
    for (let i = 0; i < 30; i++) {
      whole += Buffer.byteLength(at.server.publish("é", { i, text: "€" }, { key: "Ünï" }));
      wire += Buffer.byteLength(at.frames[0]);
      at.next();
    }
    const { wireBytes, textBytes, baseBytes } = at.decoder.stats();
    assert.deepEqual([wireBytes, textBytes], [wire, whole]);
    assert.ok(baseBytes > 0 && baseBytes < 100);
  });

  test("other frames pass untouched, whatever they look like", () => {
    const { decoder, errors } = subscribed();
    const frames = ["", "{", "null", "7", "[]", '"pusher:delta"', '{"event":7}', '{"event":"pusher:deltas","channel":"ticker"}',
      '{"event":"x","channel":"ticker","data":":delta"}', '{"event":"x","channel":"ticker","data":{"a":1,"__delta_seq":5}}',
      '{"event":"x","channel":"ticker","data":"x","__delta_seq":99999999999}', '{"event":"x","data":"x","__delta_seq":5}',
      '{"event":"x","channel":"ticker","data":"\\",\\"__delta_seq\\":5}"}', '{"a":"b","__delta_seq":5}', '[1,"__delta_seq":5}'];
    for (const frame of frames) assert.equal(decoder.receive(frame), frame);
    assert.deepEqual([errors, decoder.stats().keys], [[], 0]);
  });

  test("broken delta frames and syncs are named, swallowed, and lead to a resync", () => {
    const good = { event: "e", delta: "", seq: 2, base_index: 1 };
    const broken = [{ ...good, event: 7 }, { ...good, event: "" }, { ...good, delta: null }, { ...good, seq: -1 }, { ...good, seq: "2" },
      { ...good, base_index: undefined }, { ...good, base_index: 2 ** 32 }, { ...good, conflation_key: 7 }, { ...good, algorithm: "zip" },
      { ...good, crc: "1" }, "{", null, 7];
    for (const data of broken) {
      const at = subscribed();
      assert.equal(at.decoder.receive(JSON.stringify({ event: "pusher:delta", channel: "ticker", data })), null);
      assert.deepEqual([at.errors, at.resyncs], [["frame"], ["ticker"]], JSON.stringify(data));
    }
    for (const data of [null, {}, { states: [] , x: 1 }, { states: { a: 7 } }, { states: { a: [{ content: 7, seq: 1 }] } }, { states: { a: [{ content: "{}" }] } }]) {
      const at = subscribed();
      at.decoder.receive(JSON.stringify({ event: "pusher:delta_cache_sync", channel: "ticker", data }));
      assert.deepEqual(at.errors, Array.isArray(data?.states) ? [] : ["frame"], JSON.stringify(data));
    }
    const at = subscribed();
    assert.equal(at.decoder.receive('{"event":"pusher:delta","data":{}}'), null);
    assert.deepEqual([at.errors, at.resyncs], [["frame"], []]);
  });

  test("a frame with any byte changed is passed on, swallowed, or makes the published text", () => {
    const random = new Random(SEED);
    const read = { same: 0, none: 0, rebuilt: 0 };
    for (const algorithm of ["fossil", "xdelta3"]) {
      for (let run = 0; run < 3000; run++) {
        const at = subscribed({ channel: { keyed: run % 2 === 0 }, subscriber: { algorithm, crc: true } });
        at.server.publish("price", { i: 0, text: TEXTS[run % TEXTS.length] });
        at.next();
        const text = at.server.publish("price", { i: run, text: TEXTS[run % TEXTS.length] });
        at.server.join(at.member);
        const frame = Buffer.from(random.damaged(Buffer.from(random.pick(at.frames)))).toString();
        const found = at.decoder.receive(frame);
        assert.ok(found === frame || found === null || found === text, `${frame} made ${found}`);
        read[found === frame ? "same" : found === null ? "none" : "rebuilt"]++;
      }
    }
    assert.ok(read.same > 100 && read.none > 100, JSON.stringify(read));
  });

  test("a delta whose base is missing is dropped, and a resync asked for once", () => {
    const at = subscribed({ channel: { interval: 100 } });
    at.server.publish("e", { i: 0 });
    at.frames.length = 0; // lost on the way
    for (let i = 1; i < 4; i++) at.server.publish("e", { i });
    while (at.frames.length) assert.equal(at.next(), null);
    assert.deepEqual([at.resyncs, at.errors, at.decoder.stats().lost], [["ticker"], Array(3).fill("missing_base"), 3]);
    at.server.join(at.member);
    const text = [at.server.publish("e", { i: 5 }), at.server.publish("e", { i: 6 })];
    assert.equal(at.next(), null);
    assert.notEqual(at.next(), null);
    assert.equal(at.next(), text[1]);
    assert.equal(at.resyncs.length, 1);
  });

  test("a resync that nobody answers is asked for again after 5 seconds", () => {
    const at = subscribed({ channel: { interval: 100 } });
    at.server.publish("e", { i: 0 });
    at.frames.length = 0;
    const fails = (ms) => {
      at.clock.ms += ms;
      at.server.publish("e", { i: ms });
      assert.equal(at.next(), null);
      return at.resyncs.length;
    };
    assert.deepEqual([fails(0), fails(4999), fails(1), fails(4999), fails(1)], [1, 1, 2, 2, 3]);
  });

  for (const [name, subscriber, change, code] of [
    ["a wrong sum in a Fossil delta", {}, { delta: Buffer.from("3\n3:abc0;").toString("base64") }, "checksum"],
    ["a wrong crc", { algorithm: "xdelta3", crc: true }, { crc: 1 }, "checksum"],
    ["a VCDIFF delta without crc", { algorithm: "xdelta3" }, {}, "no_checksum"],
    ["a delta that is not base64", {}, { delta: "!" }, "base64"],
    ["a damaged delta", {}, { delta: "" }, "truncated"],
    ["another event than announced", {}, { event: "other" }, "text"],
    ["no algorithm, and none confirmed", { named: false }, {}, "algorithm"],
  ]) {
    test(`${name} leads to a resync, never to wrong data`, () => {
      const at = subscribed({ subscriber });
      at.server.publish("e", { i: 0 });
      at.next();
      at.server.publish("e", { i: 1 });
      assert.equal(at.decoder.receive(withData(at.frames.shift(), change)), null);
      assert.deepEqual([at.errors, at.resyncs], [[code], ["ticker"]]);
      at.server.publish("e", { i: 2 });
      assert.equal(at.next(), null, "what was against the lost text is lost too");
    });
  }

  test("a delta against another number than the one kept is refused", () => {
    const at = subscribed({ subscriber: { algorithm: "xdelta3" }, options: { crc: false } });
    at.server.publish("e", { i: 0 });
    at.next();
    at.server.publish("e", { i: 1 });
    assert.equal(at.decoder.receive(withData(at.frames[0], { base_index: 7 })), null);
    assert.deepEqual(at.errors, ["missing_base"]);
  });

  test("a rebuilt text that is not UTF-8 is refused", () => {
    const at = subscribed({ subscriber: { algorithm: "xdelta3" }, options: { crc: false } });
    at.server.publish("e", { i: 0 });
    at.next();
    const text = Buffer.from('{"event":"e","channel":"ticker","data":"\xff"}', "latin1");
    at.server.publish("e", { i: 1 });
    const delta = encodeVcdiff(Buffer.from(""), text).toString("base64");
    assert.equal(at.decoder.receive(withData(at.frames[0], { delta })), null);
    assert.deepEqual(at.errors, ["text"]);
  });

  test("the key that was unused for longest makes room", () => {
    const at = subscribed({ channel: { keyed: true, interval: 100 }, options: { maxKeys: 2 } });
    for (const key of ["a", "b", "a", "c", "a"]) {
      const text = at.server.publish("e", { key, i: at.server.sequence }, { key });
      const frame = at.frames[0];
      assert.equal(at.next(), frame.includes(":delta") ? text : frame);
    }
    at.server.publish("e", {}, { key: "b" });
    assert.equal(at.next(), null);
    assert.deepEqual(at.errors, ["missing_base"]);
  });

  test("with crc: false a VCDIFF delta without crc is taken", () => {
    const at = subscribed({ subscriber: { algorithm: "xdelta3" }, options: { crc: false } });
    const texts = [0, 1, 2].map((i) => at.server.publish("e", { i }));
    at.next();
    assert.deepEqual([at.next(), at.next()], texts.slice(1));
  });

  test("the algorithm left out is the one confirmed on this connection", () => {
    const at = subscribed({ subscriber: { named: false }, channel: { interval: 100 } });
    const confirm = (data) => assert.equal(at.decoder.receive(JSON.stringify({ event: "sockudo:delta_compression_enabled", data })), null);
    confirm({ enabled: true, algorithm: "fossil" });
    at.server.publish("e", { i: 0 });
    at.next();
    assert.equal(at.server.publish("e", { i: 1 }), at.next());
    confirm({ enabled: false, algorithm: "fossil" });
    at.server.publish("e", { i: 2 });
    assert.equal(at.next(), null);
    at.decoder.reset();
    assert.equal(at.decoder.stats().algorithm, undefined);
  });

  test("a cache sync clears the bases and brings others, under either prefix", () => {
    for (const prefix of ["pusher", "sockudo"]) {
      const at = subscribed({ channel: { keyed: true, interval: 100 }, subscriber: { prefix } });
      for (const key of ["a", "b"]) at.server.publish("e", { key }, { key });
      at.next();
      at.next();
      at.member.bases.delete("b");
      at.server.join(at.member, { bases: true });
      at.next();
      assert.equal(at.decoder.stats().keys, 1);
      const text = at.server.publish("e", { i: 1 }, { key: "a" });
      assert.ok(at.frames[0].includes(`${prefix}:delta"`));
      assert.equal(at.next(), text);
    }
  });

  test("deltas for a channel that is not, or not yet, subscribed are dropped without a resync", () => {
    const at = subscribed({ channel: { interval: 100 } });
    const lost = () => {
      at.server.publish("e", { i: at.server.sequence });
      return at.next();
    };
    lost();
    at.decoder.unsubscribed("ticker");
    assert.equal(lost(), null);
    at.decoder.subscribing("ticker");
    assert.equal(lost(), null);
    assert.deepEqual([at.resyncs, at.errors, at.decoder.stats().dropped], [[], [], 2]);
    at.decoder.receive(succeeded("ticker"));
    at.server.join(at.member);
    at.next();
    lost();
    assert.notEqual(lost(), null);
  });

  test("a base of an earlier connection is never used, even when its number comes again", () => {
    const at = subscribed({ channel: { interval: 100 }, options: { crc: false }, subscriber: { algorithm: "xdelta3" } });
    at.server.publish("e", { i: "old" });
    at.next();
    at.decoder.reset();
    at.decoder.subscribing("ticker");
    at.decoder.receive(succeeded("ticker"));
    at.server.publish("e", { i: "new" });
    assert.equal(at.next(), null);
    assert.deepEqual(at.errors, ["missing_base"]);
  });

  test("memory is bounded by keys, messages and bytes", () => {
    const at = subscribed({ channel: { keyed: true, interval: 1 }, options: { maxKeys: 3, maxMessagesPerKey: 2, maxMessageBytes: 100 } });
    for (let i = 0; i < 40; i++) {
      at.server.publish("e", { text: "x".repeat(i < 30 ? 10 : 100) }, { key: `k${i % 7}` });
      at.next();
    }
    assert.deepEqual([at.decoder.stats().keys, at.decoder.stats().baseBytes], [0, 0], "what is too long is not kept");
    for (let i = 0; i < 30; i++) {
      at.server.publish("e", {}, { key: `k${i % 7}` });
      at.next();
    }
    const { keys, baseBytes } = at.decoder.stats();
    assert.deepEqual([keys, baseBytes], [3, 3 * Buffer.byteLength('{"event":"e","channel":"ticker","data":"{}"}')]);
    at.decoder.unsubscribed("ticker");
    assert.equal(at.decoder.stats().baseBytes, 0);
  });

  test("a channel that needs too many resyncs goes on without deltas", () => {
    const at = subscribed({ channel: { interval: 100 }, options: { maxResyncs: 3 } });
    for (let i = 0; i < 4; i++) {
      at.server.publish("e", { i });
      at.frames.length = 0;
      at.server.publish("e", { i });
      at.next();
      if (i === 3) break;
      at.server.join(at.member);
      at.next();
    }
    assert.deepEqual([at.resyncs.length, at.gaveUp, at.errors.slice(-2)], [3, ["ticker"], ["gave_up", "missing_base"]]);
    at.server.publish("e", { i: 9 });
    assert.equal(at.next(), null);
    assert.deepEqual([at.resyncs.length, at.decoder.stats().dropped], [3, 1]);
  });

  for (const damage of [false, true]) {
    test(`random lives of two channels${damage ? " on a line that damages frames" : ""}`, () => {
      for (let run = 0; run < 300; run++) randomLife(new Random(SEED + run), damage, `SEED=${SEED + run}`);
    });
  }
});

/** One client of two channels, with frames under way; what it reads is compared with what was sent. */
function randomLife(random, damage, seed) {
  const options = { maxResyncs: 1e9, crc: true, maxMessagesPerKey: 1 + random.below(3) };
  const line = []; // { text, whole } under way to the client
  const uplink = []; // what the client asked of the server
  const clock = { ms: 0 };
  const decoder = new DeltaDecoder(options, {
    resync: (channel) => uplink.push(() => servers.get(channel).resync()),
    giveUp: () => assert.fail(seed),
    failed: () => {},
  }, () => clock.ms);
  let delivered = 0;
  const servers = new Map(["keyed", "plain"].map((name) => [name, new Life(name, name === "keyed", random, line)]));

  const read = () => {
    const { text, whole, member, starts } = line.shift();
    const found = decoder.receive(text);
    if (starts) member.heard = true;
    if (whole === undefined) return; // a control frame or noise
    if (found === null) assert.ok(damage || !member.heard || member.ended, `lost without damage, ${seed}`);
    else {
      delivered++;
      assert.equal(found.replace(/,"__delta_seq":\d+(,"__conflation_key":"[^"]*")?\}$/, "}"), whole, seed);
    }
  };
  const settle = () => {
    while (line.length + uplink.length > 0) {
      uplink.splice(0).forEach((request) => request());
      while (line.length > 0) read();
    }
  };
  for (let step = 0; step < 120; step++) {
    const server = random.pick([...servers.values()]);
    const what = random.below(20);
    clock.ms += random.below(2000);
    if (what < 10) server.publish();
    else if (what < 14) for (let n = random.below(6); n > 0 && line.length > 0; n--) read();
    else if (what === 14) server.toggle(decoder, uplink);
    else if (what === 15) uplink.splice(0).forEach((request) => request());
    else if (what === 16) reconnect();
    else if (what === 17) line.push({ text: random.pick(["garbage", '{"event":"pusher:delta"}', "{}", "null", '{"event":"e","channel":"plain","data":1}']) });
    else if (damage && line.length > 0) spoil(random, line);
  }
  function reconnect() {
    line.length = 0;
    uplink.length = 0;
    decoder.reset();
    for (const server of servers.values()) server.reconnect(decoder, uplink);
  }
  settle();
  clock.ms += 10000;
  for (const server of servers.values()) {
    if (!server.wanted) continue;
    for (let i = 0; i < 40; i++) server.publish();
    settle();
    const before = delivered;
    server.publish();
    settle();
    assert.equal(delivered, before + 1, `not in step again, ${seed}`);
  }
  const { lost, resyncs } = decoder.stats();
  if (!damage) assert.deepEqual([lost, resyncs], [0, 0], seed);
}

/** The server's side of one channel in a random life. */
class Life {
  constructor(name, keyed, random, line) {
    Object.assign(this, { name, random, line, wanted: false, member: undefined });
    this.channel = new DeltaChannel(name, { keyed, interval: 2 + random.below(9) });
  }

  publish() {
    const data = { text: this.random.pick(TEXTS), n: this.random.below(1000), same: "the same in every message" };
    const before = this.line.length;
    const whole = this.channel.publish(this.random.pick(["e", "é"]), data, { key: this.random.pick(["A", "B", "C"]) });
    for (const frame of this.line.slice(before)) frame.whole = whole;
  }

  subscribe(decoder, uplink) {
    this.wanted = true;
    decoder.subscribing(this.name);
    uplink.push(() => {
      const { line } = this;
      const algorithm = this.random.pick(["fossil", "xdelta3"]);
      const member = { send: (text) => line.push({ text, member }), algorithm, crc: true };
      this.member = member;
      line.push({ text: succeeded(this.name), member, starts: true });
      this.channel.join(member);
    });
  }

  toggle(decoder, uplink) {
    if (!this.wanted) return this.subscribe(decoder, uplink);
    if (!this.member?.heard) return; // pending: pusher-js only cancels
    this.wanted = false;
    this.member.ended = true;
    decoder.unsubscribed(this.name);
    uplink.push(() => this.stop());
  }

  stop() {
    this.channel.leave(this.member);
    this.member = undefined;
  }

  resync() {
    if (this.member) this.channel.join(this.member);
  }

  reconnect(decoder, uplink) {
    if (this.member) this.stop();
    if (this.random.chance(0.3)) Object.assign(this.channel, { sequence: 0, counts: new Map() });
    if (this.wanted) this.subscribe(decoder, uplink);
  }
}

/** Loses a message, or changes a delta: its bytes, its base, its sum. */
function spoil(random, line) {
  const at = random.below(line.length);
  const { text, whole } = line[at];
  if (whole === undefined) return;
  if (!text.includes('"pusher:delta"')) {
    line.splice(at, 1);
    return;
  }
  const { data } = JSON.parse(text);
  const delta = Buffer.from(random.damaged(Buffer.from(data.delta, "base64"))).toString("base64");
  const change = random.pick([{ delta }, { base_index: data.base_index - 1 }, { crc: 12345 }, { algorithm: "fossil" }, { event: "other" }, { seq: "x" }]);
  line[at] = { ...line[at], text: withData(text, change) };
}
