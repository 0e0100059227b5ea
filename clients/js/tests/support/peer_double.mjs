// A decoder that behaves as the JavaScript client of another server does: it keeps what it holds
// over reconnects, per channel and key; the oldest message with a number wins; on channels without
// keys it takes the last message whatever the delta names; one default algorithm for all; deltas of
// channels that it holds nothing of are dropped in silence.
import vcdiff from "@ably/vcdiff-decoder";
import { applyDelta } from "fossil-delta";

const KEPT_MIN = 30;
const MEMBERS = [
  /,"__delta_seq":\d+/, /"__delta_seq":\d+,/, /,"__conflation_key":"[^"]*"/, /"__conflation_key":"[^"]*",/,
];

export class PeerDouble {
  constructor(prefix = "pusher") {
    this.prefix = prefix;
    this.channels = new Map();
    this.algorithm = "fossil";
    this.counts = { full: 0, delta: 0, resyncs: 0, ignored: 0 };
  }

  /** Frames that it sends after connecting: first its channels, then the switch. */
  greeting(channels, algorithms) {
    return [
      ...channels.map((channel) => ({ event: `${this.prefix}:subscribe`, data: { channel } })),
      { event: `${this.prefix}:enable_delta_compression`, data: { algorithms } },
    ];
  }

  /** {channel, event, data} for a handler, {send} for the server, or undefined. */
  take(raw) {
    const frame = JSON.parse(raw);
    const is = (name) => frame.event === `${this.prefix}:${name}`;
    if (is("delta_compression_enabled")) {
      if (frame.data.algorithm) this.algorithm = frame.data.algorithm;
      return undefined;
    }
    if (is("delta_cache_sync")) return this.sync(frame.channel, frame.data);
    if (is("delta")) return this.delta(frame.channel, frame.data);
    if (frame.event.startsWith(`${this.prefix}:`) || frame.event.startsWith(`${this.prefix}_internal:`)) return undefined;
    if ("__delta_seq" in frame) this.full(raw, frame);
    return { channel: frame.channel, event: frame.event, data: frame.data };
  }

  left(channel) {
    this.channels.delete(channel);
  }

  state(channel) {
    if (!this.channels.has(channel)) this.channels.set(channel, { isKeyed: false, max: KEPT_MIN, kept: new Map(), last: undefined });
    return this.channels.get(channel);
  }

  sync(channel, data) {
    const state = this.state(channel);
    state.isKeyed = data.conflation_key !== undefined;
    state.max = Math.max(KEPT_MIN, data.max_messages_per_key ?? 0);
    state.kept = new Map(Object.entries(data.states ?? {})
      .map(([key, list]) => [key, list.map(({ content, seq }) => ({ content, sequence: seq }))]));
    state.last = undefined;
    return undefined;
  }

  full(raw, frame) {
    const state = this.state(frame.channel);
    const content = MEMBERS.reduce((text, member) => text.replace(member, ""), raw);
    this.counts.full += 1;
    if (frame.__conflation_key !== undefined) state.isKeyed = true;
    if (state.isKeyed && frame.__conflation_key !== undefined) {
      this.push(state, frame.__conflation_key, content, frame.__delta_seq);
    } else {
      state.last = content;
    }
  }

  push(state, key, content, sequence) {
    const list = state.kept.get(key) ?? [];
    list.push({ content, sequence });
    if (list.length > state.max) list.shift();
    state.kept.set(key, list);
  }

  delta(channel, data) {
    const state = this.channels.get(channel);
    if (!state) {
      this.counts.ignored += 1;
      return undefined;
    }
    const key = data.conflation_key ?? "";
    const base = state.isKeyed
      ? state.kept.get(key)?.find(({ sequence }) => sequence === data.base_index)?.content
      : state.last;
    if (base === undefined) {
      this.counts.resyncs += 1;
      this.channels.delete(channel);
      return { send: { event: `${this.prefix}:delta_sync_error`, data: { channel } } };
    }
    const bytes = Buffer.from(data.delta, "base64");
    const content = (data.algorithm ?? this.algorithm) === "fossil"
      ? Buffer.from(applyDelta([...Buffer.from(base)], [...bytes])).toString()
      : Buffer.from(vcdiff.decode(bytes, Buffer.from(base))).toString();
    this.counts.delta += 1;
    if (state.isKeyed) {
      this.push(state, key, content, data.seq);
    } else {
      state.last = content;
    }
    const parsed = JSON.parse(content);
    return { channel, event: data.event, data: parsed.data || parsed };
  }
}
