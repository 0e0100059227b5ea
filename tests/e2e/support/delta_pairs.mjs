// Pairs of consecutive messages of one key, as frames of protocol 7, and the program that encodes
// and decodes them with the server's own codecs.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

export const CORPORA = ["tickers", "books_snapshot", "trades"];

/** A small generator (mulberry32): the same pairs for one seed. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Records like the recorded ones, for a machine that does not have them. */
function synthetic(name) {
  const next = random(CORPORA.indexOf(name) + 1);
  const price = () => (0.35 + next() / 100).toFixed(8);
  const size = () => (next() * 5000).toFixed(8);
  const side = () => Array.from({ length: 20 }, () => [price(), size()]);
  let book = { bids: side(), asks: side() };
  return Array.from({ length: 1000 }, (_, i) => {
    const symbol = `SYM${i % 5}`;
    let data = { symbol, bid: price(), bidSize: size(), ask: price(), askSize: size(), ts: 1633998513377 + i };
    if (name === "trades") data = { symbol, id: 15683430 + i, price: price(), size: size(), side: next() < 0.5 ? "buy" : "sell" };
    if (name === "books_snapshot") {
      const asks = [...book.asks];
      asks[i % 20] = [price(), size()];
      book = { bids: [...book.bids.slice(1), [price(), size()]], asks };
      data = { symbol, lastUpdateId: i, ...book };
    }
    return { channel: name, event: name, key: symbol, data: JSON.stringify(data) };
  });
}

/** {source, records: [{channel, event, key, data}]}; recorded data when the machine has it. */
export function recordsOf(root, name) {
  const file = path.resolve(root, `../shared/data/${name}.ndjson`);
  if (!existsSync(file)) return { source: "synthetic", records: synthetic(name) };
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return { source: "recorded", records: lines.map((line) => JSON.parse(line)) };
}

/** {source, pairs: [{base, target}]} as Buffers. */
export function pairsOf(root, name) {
  const { source, records } = recordsOf(root, name);
  const last = new Map();
  const pairs = [];
  for (const { channel, event, key, data } of records) {
    const chain = `${channel}\n${key}`;
    const target = Buffer.from(JSON.stringify({ event, channel, data }));
    if (last.has(chain)) pairs.push({ base: last.get(chain), target });
    last.set(chain, target);
  }
  return { source, pairs };
}

function sized(texts) {
  const parts = [];
  for (const text of texts) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(text.length);
    parts.push(head, text);
  }
  return Buffer.concat(parts);
}

/** The Buffers that `program` (delta_bench) answers to pairs of Buffers. */
export function codec(program, args, pairs) {
  const done = spawnSync(program, args, { input: sized(pairs.flat()), maxBuffer: 1 << 30 });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.error ?? done.stderr}`);
  if (args[0] === "time") return JSON.parse(done.stdout);
  const answers = [];
  for (let at = 0; at < done.stdout.length;) {
    const bytes = done.stdout.readUInt32LE(at);
    answers.push(done.stdout.subarray(at + 4, at + 4 + bytes));
    at += 4 + bytes;
  }
  return answers;
}
