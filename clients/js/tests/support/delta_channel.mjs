// A channel as a server keeps it: one sequence, a chain for each key, deltas against the last
// chained message that a subscriber was sent.
import zlib from "node:zlib";
import { createDelta } from "fossil-delta";
import { crc32 } from "../../dist/index.mjs";
import { encodeVcdiff } from "./vcdiff_encoder.mjs";

const checksum = zlib.crc32 ?? crc32;

export class DeltaChannel {
  /** `interval` N: every N-th message of a chain is full. `keyed`: every message has a key. */
  constructor(name, { interval = 5, keyed = false } = {}) {
    Object.assign(this, { name, interval, keyed, sequence: 0, counts: new Map(), subscribers: new Set() });
  }

  /**
   * `subscriber`: { send(text), algorithm ("fossil", "xdelta3" or none: plain), crc, named, prefix }.
   * Begins with a cache sync when there is an algorithm.
   */
  join(subscriber, { bases = false } = {}) {
    const states = {};
    if (!bases || !subscriber.bases) subscriber.bases = new Map();
    for (const [key, { number, text }] of subscriber.bases) states[key] = [{ content: text, seq: number }];
    this.subscribers.add(subscriber);
    if (!subscriber.algorithm) return;
    const data = { ...(this.keyed && { conflation_key: "symbol" }), max_messages_per_key: 10, states };
    subscriber.send(JSON.stringify({ event: `${subscriber.prefix ?? "pusher"}:delta_cache_sync`, channel: this.name, data }));
  }

  leave(subscriber) {
    this.subscribers.delete(subscriber);
  }

  /** The text that a client without deltas is sent. A string is the data as it is. */
  publish(event, data, { key = "_", full = false, except, user } = {}) {
    const text = JSON.stringify({ event, channel: this.name, data: typeof data === "string" ? data : JSON.stringify(data), ...(user && { user_id: user }) });
    const number = ++this.sequence;
    const chain = this.keyed ? key : "";
    const count = this.counts.get(chain) ?? 0;
    this.counts.set(chain, count + 1);
    const due = full || count % this.interval === 0;
    for (const subscriber of this.subscribers) {
      if (subscriber !== except) subscriber.send(this.frame(subscriber, { event, text, number, chain, due }));
    }
    return text;
  }

  frame(subscriber, { event, text, number, chain, due }) {
    if (!subscriber.algorithm) return text;
    const base = subscriber.bases.get(chain);
    subscriber.bases.set(chain, { number, text });
    if (due || !base) {
      const key = this.keyed ? `,"__conflation_key":${JSON.stringify(chain)}` : "";
      return `${text.slice(0, -1)},"__delta_seq":${number}${key}}`;
    }
    const [from, to] = [Buffer.from(base.text), Buffer.from(text)];
    const { algorithm, crc, named = true, prefix = "pusher" } = subscriber;
    const delta = algorithm === "fossil" ? Buffer.from(createDelta(from, to)) : encodeVcdiff(from, to);
    return JSON.stringify({
      event: `${prefix}:delta`,
      channel: this.name,
      data: {
        event,
        delta: delta.toString("base64"),
        seq: number,
        ...(named && { algorithm }),
        ...(this.keyed && { conflation_key: chain }),
        base_index: base.number,
        ...(crc && algorithm === "xdelta3" && { crc: checksum(to) >>> 0 }),
      },
    });
  }
}
