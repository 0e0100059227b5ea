// Reads the frames of one connection with the decoders that other clients use: npm fossil-delta and
// @ably/vcdiff-decoder. A delta is taken only on the message that it names, and that must be the
// last one of its key.
import vcdiff from "@ably/vcdiff-decoder";
import { applyDelta } from "fossil-delta";

const NUMBERED = /,"__delta_seq":(\d+)(?:,"__conflation_key":"([^"]*)")?\}$/;

const DECODERS = {
  fossil: (base, delta) => Buffer.from(applyDelta([...base], [...delta])),
  xdelta3: (base, delta) => Buffer.from(vcdiff.decode(delta, base)),
};

export class NpmReader {
  constructor() {
    this.channels = new Map();  // channel -> key -> {number, text}
    this.algorithm = undefined;
    this.counts = { full: 0, delta: 0, plain: 0, wireBytes: 0, textBytes: 0 };
  }

  /** The text of the whole message, or undefined for frames of the delta protocol. */
  read(text) {
    const frame = JSON.parse(text);
    switch (frame.event) {
      case "pusher:delta_compression_enabled":
        this.algorithm = frame.data.algorithm ?? this.algorithm;
        return undefined;
      case "pusher:delta_cache_sync":
        this.start(frame.channel, frame.data.states);
        return undefined;
      case "pusher:delta":
        return this.rebuild(text, frame);
      default:
        return this.keep(text, frame);
    }
  }

  start(channel, states) {
    const bases = new Map();
    for (const [key, list] of Object.entries(states)) {
      for (const { content, seq } of list) bases.set(key, { number: seq, text: content });
    }
    this.channels.set(channel, bases);
  }

  forget(channel) {
    this.channels.delete(channel);
  }

  keep(text, frame) {
    const numbered = NUMBERED.exec(text);
    if (!numbered) {
      if (frame.channel && !frame.event.startsWith("pusher")) this.count("plain", text, text);
      return text;
    }
    const whole = `${text.slice(0, numbered.index)}}`;
    this.bases(frame.channel).set(numbered[2] ?? "", { number: Number(numbered[1]), text: whole });
    this.count("full", text, whole);
    return whole;
  }

  rebuild(text, { channel, data }) {
    const key = data.conflation_key ?? "";
    const base = this.bases(channel).get(key);
    if (base?.number !== data.base_index) {
      throw new Error(`${channel} ${key}: a delta on ${data.base_index}, the last message is ${base?.number}`);
    }
    const decode = DECODERS[data.algorithm ?? this.algorithm];
    const whole = decode(Buffer.from(base.text), Buffer.from(data.delta, "base64")).toString();
    if (JSON.parse(whole).event !== data.event) throw new Error(`${channel}: the event's name differs`);
    this.bases(channel).set(key, { number: data.seq, text: whole });
    this.count("delta", text, whole);
    return whole;
  }

  bases(channel) {
    if (!this.channels.has(channel)) throw new Error(`${channel}: numbered before its start`);
    return this.channels.get(channel);
  }

  count(kind, wire, whole) {
    this.counts[kind] += 1;
    this.counts.wireBytes += Buffer.byteLength(wire);
    this.counts.textBytes += Buffer.byteLength(whole);
  }
}
