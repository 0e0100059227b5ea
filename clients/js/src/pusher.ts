import type { DecoderOptions, DeltaStats } from "./decoder.js";
import { DeltaDecoder } from "./decoder.js";
import { DeltaError } from "./errors.js";
import type { Filter } from "./filter.js";
import type { Algorithm } from "./frames.js";
import { ALGORITHMS } from "./frames.js";

/** The parts of a pusher-js channel that are used. */
export interface ChannelLike {
  name: string;
  subscribed: boolean;
  subscriptionPending: boolean;
  authorize(socketId: string, callback: (error: Error | null, data: any) => void): void;
}

/** The parts of pusher-js 8 that are used. */
export interface PusherLike {
  connection: {
    state: string;
    socket_id: string;
    bind(event: string, callback: Function): unknown;
    unbind(event: string, callback: Function): unknown;
  };
  subscribe(channel: string): ChannelLike;
  allChannels(): ChannelLike[];
  send_event(name: string, data: any, channel?: string): boolean;
}

/** What a delta subscription begins with: the last message of each key, or nothing. */
export type CacheSync = "bases" | "empty";

/** What one channel asks for; `true` and `{}` leave the algorithm to the server. */
export type DeltaSetting =
  | boolean
  | Algorithm
  | { enabled?: boolean; algorithm?: Algorithm; cacheSync?: CacheSync };

export interface ChannelOptions {
  delta?: DeltaSetting;
  filter?: Filter;
}

export interface DeltaOptions extends DecoderOptions {
  /** Deltas on every channel (true); false: only on channels that ask for them. */
  enabled?: boolean;
  /** What the server may choose from (both). */
  algorithms?: Algorithm[];
  /** For channels that do not say it themselves (the server's setting). */
  cacheSync?: CacheSync;
  /** Prefix of the events sent ("pusher"); both are understood. */
  prefix?: "pusher" | "sockudo";
  /** Hears of every lost message and what was done about it. */
  onError?: (error: DeltaError) => void;
}

export interface DeltaClient<P extends PusherLike> {
  /** `pusher.subscribe` with options; a subscribed channel takes changed ones at once. */
  subscribe(channel: string, options?: ChannelOptions): ReturnType<P["subscribe"]>;
  /** The options of a channel that somebody else subscribes to; undefined takes them back. */
  configure(channel: string, options: ChannelOptions | undefined): void;
  stats(): DeltaStats;
  /** Takes the hooks out again, for a disconnected Pusher: deltas are not decoded any more. */
  detach(): void;
}

/** The part of pusher-js below its protocol: emits the frames as they came. */
interface Transport {
  emit(event: string, ...rest: unknown[]): unknown;
}

const hooked = new WeakSet<object>();

class PusherDelta<P extends PusherLike> implements DeltaClient<P> {
  private readonly decoder: DeltaDecoder;
  private readonly channels = new Map<string, ChannelOptions>();
  private readonly plain = new Set<string>(); // channels that gave up
  private readonly send: PusherLike["send_event"];
  private readonly prefix: string;
  private unhook: (() => void) | undefined; // there: frames of this connection are decoded

  constructor(
    private readonly pusher: P,
    private readonly options: DeltaOptions,
  ) {
    this.prefix = options.prefix ?? "pusher";
    this.decoder = new DeltaDecoder(options, {
      resync: (channel) => this.sendProtocol("delta_sync_error", { channel }),
      giveUp: (channel) => {
        this.plain.add(channel);
        this.subscribeAgain(channel);
      },
      failed: (error) => this.options.onError?.(error),
    });
    this.send = pusher.send_event;
    pusher.send_event = (name, data, channel) =>
      this.send.call(pusher, name, this.outgoing(name, data), channel);
    // state_change comes before "connected", on which pusher-js subscribes: we are first.
    pusher.connection.bind("state_change", this.stateChanged);
    if (pusher.connection.state === "connected") this.adopt();
  }

  subscribe(channel: string, options?: ChannelOptions): ReturnType<P["subscribe"]> {
    if (options) this.configure(channel, options);
    return this.pusher.subscribe(channel) as ReturnType<P["subscribe"]>;
  }

  configure(channel: string, options: ChannelOptions | undefined): void {
    const before = JSON.stringify(this.channels.get(channel) ?? {});
    if (options) this.channels.set(channel, options);
    else this.channels.delete(channel);
    if (JSON.stringify(options ?? {}) !== before) this.subscribeAgain(channel);
  }

  stats(): DeltaStats {
    return this.decoder.stats();
  }

  detach(): void {
    this.pusher.connection.unbind("state_change", this.stateChanged);
    this.release();
    this.pusher.send_event = this.send;
    hooked.delete(this.pusher);
  }

  private readonly stateChanged = ({ current }: { current: string }): void => {
    this.release();
    if (current === "connected") this.attach();
  };

  /** A Pusher that is connected already, with its channels. */
  private adopt(): void {
    this.attach();
    for (const { name, subscribed, subscriptionPending } of this.pusher.allChannels()) {
      if (subscribed || subscriptionPending) this.decoder.subscribing(name);
      if (subscribed) this.decoder.subscribed(name);
    }
  }

  /** Puts itself between the socket and the protocol of the new connection. */
  private attach(): void {
    const transport = transportOf(this.pusher);
    if (!transport) {
      this.options.onError?.(
        new DeltaError(
          "unsupported_client",
          "this pusher-js has no connection.connection.transport; messages come without deltas",
        ),
      );
      return;
    }
    const { emit } = transport;
    this.unhook = () => {
      transport.emit = emit;
    };
    transport.emit = (event, ...rest) => {
      const text = event === "message" ? (rest[0] as { data?: unknown } | null)?.data : undefined;
      if (typeof text !== "string") return emit.call(transport, event, ...rest);
      const read = this.decoder.receive(text);
      if (read === text) return emit.call(transport, event, ...rest);
      // Nothing for the application; the connection is alive all the same.
      if (read === null) return emit.call(transport, "activity");
      return emit.call(transport, "message", { data: read });
    };
    if (this.options.enabled !== false) {
      const { algorithms = [...ALGORITHMS], cacheSync } = this.options;
      this.sendProtocol("enable_delta_compression", { algorithms, ...this.asked(cacheSync) });
    }
  }

  private release(): void {
    this.unhook?.();
    this.unhook = undefined;
    this.plain.clear();
    this.decoder.reset();
  }

  private sendProtocol(event: string, data: unknown): void {
    this.send.call(this.pusher, `${this.prefix}:${event}`, data);
  }

  /** What pusher-js sends, with the members that this channel asks for. */
  private outgoing(name: string, data: any): unknown {
    const channel: unknown = data?.channel;
    if (typeof channel !== "string") return data;
    if (name === "pusher:unsubscribe") {
      this.plain.delete(channel);
      this.decoder.unsubscribed(channel);
    }
    if (name !== "pusher:subscribe") return data;
    this.decoder.subscribing(channel);
    return { ...data, ...this.members(channel) };
  }

  private members(channel: string): Record<string, unknown> {
    const { delta, filter } = this.channels.get(channel) ?? {};
    const withFilter = filter !== undefined && { filter };
    if (this.plain.has(channel)) return { delta: false, ...withFilter };
    // Without the hook no delta could be read; a channel that says nothing is the connection's.
    if (!this.unhook || delta === undefined) return { ...withFilter };
    return { delta: this.wish(delta), ...withFilter };
  }

  private wish(setting: DeltaSetting): unknown {
    if (setting === false) return false;
    if (setting === true) return { enabled: true, ...this.asked(undefined) };
    if (typeof setting === "string") return { algorithm: setting, ...this.asked(undefined) };
    const { cacheSync, ...rest } = setting;
    return { ...rest, ...this.asked(cacheSync) };
  }

  private asked(cacheSync: CacheSync | undefined): Record<string, unknown> {
    const { crc = true } = this.options;
    return { ...(crc && { crc }), ...(cacheSync && { cache_sync: cacheSync }) };
  }

  /** Tells the server of changed options; the bases stay until it says otherwise. */
  private subscribeAgain(channel: string): void {
    if (!this.decoder.knows(channel)) return;
    const found = this.pusher.allChannels().find(({ name }) => name === channel);
    const socketId = this.pusher.connection.socket_id;
    found?.authorize(socketId, (error, data) => {
      if (error) {
        this.options.onError?.(
          new DeltaError("authorization", `the channel '${channel}': ${error.message}`, channel),
        );
      } else if (this.pusher.connection.socket_id === socketId && this.decoder.knows(channel)) {
        const { auth, channel_data } = data;
        this.pusher.send_event("pusher:subscribe", { auth, channel_data, channel });
      }
    });
  }
}

function transportOf(pusher: PusherLike): Transport | undefined {
  const { connection } = pusher.connection as { connection?: { transport?: Partial<Transport> } };
  const transport = connection?.transport;
  return typeof transport?.emit === "function" ? (transport as Transport) : undefined;
}

/**
 * Gives an unmodified pusher-js delta decoding, tag filters and delta options. Handlers get the
 * same arguments whether a message came whole or as a delta.
 */
export function withDelta<P extends PusherLike>(
  pusher: P,
  options: DeltaOptions = {},
): DeltaClient<P> {
  if (hooked.has(pusher)) {
    throw new Error("this Pusher has deltas already; use what withDelta returned the first time");
  }
  hooked.add(pusher);
  return new PusherDelta(pusher, options);
}
