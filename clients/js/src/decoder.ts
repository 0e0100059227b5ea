import { Chains } from "./chains.js";
import { crc32 } from "./crc32.js";
import { DeltaError } from "./errors.js";
import { decodeFossil } from "./fossil.js";
import type { Algorithm, ChainedFrame, DeltaFrame, SyncFrame } from "./frames.js";
import { base64Bytes, parsed, readFrame } from "./frames.js";
import { decodeVcdiff } from "./vcdiff.js";

const RESYNC_REPEAT_MS = 5000; // an unanswered request is repeated, by a later failure, after this
const RESYNC_WINDOW_MS = 60000; // what `maxResyncs` counts over

export interface DecoderOptions {
  /** VCDIFF frames must carry `crc` (true). */
  crc?: boolean;
  /** Keys of a channel whose messages are kept (10,000); more than the server's chains. */
  maxKeys?: number;
  /** Messages kept for each key (1: what a server refers to). */
  maxMessagesPerKey?: number;
  /** Longest message that is kept or rebuilt, in bytes (1 MiB). */
  maxMessageBytes?: number;
  /** Resyncs of a channel within a minute before it goes on without deltas (10). */
  maxResyncs?: number;
}

/** What the decoder asks of its connection. */
export interface DecoderActions {
  /** Send `delta_sync_error` for this channel. */
  resync(channel: string): void;
  /** Subscribe to this channel again, without deltas. */
  giveUp(channel: string): void;
  /** A message was lost, or a frame made no sense. */
  failed(error: DeltaError): void;
}

export interface DeltaStats {
  /** Whole messages that deltas may refer to. */
  full: number;
  /** Messages rebuilt from a delta. */
  delta: number;
  /** Messages of subscribed channels that could not be rebuilt. */
  lost: number;
  /** Deltas for channels that are not, or not yet, subscribed. */
  dropped: number;
  /** Times a resync was asked for. */
  resyncs: number;
  /** Cache syncs received. */
  syncs: number;
  /** Bytes of the `full` and `delta` frames as received. */
  wireBytes: number;
  /** Bytes of the same messages without deltas. */
  textBytes: number;
  /** Keys and bytes kept now. */
  keys: number;
  baseBytes: number;
  /** What the server confirmed for this connection. */
  algorithm: Algorithm | undefined;
}

interface Subscription {
  succeeded: boolean;
  gaveUp: boolean;
  chains: Chains;
  askedAt: number | undefined; // a resync without an answer yet
  resyncs: number[]; // times, of the last minute
}

/**
 * The client's side of one delta stream, over any connection: takes each text frame and returns the
 * frame to read in its place. Never throws; returns no text that its sums do not vouch for.
 */
export class DeltaDecoder {
  private readonly options: Required<DecoderOptions>;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly encoder = new TextEncoder();
  private readonly texts = new TextDecoder("utf-8", { fatal: true });
  private algorithm: Algorithm | undefined;
  private counts = {
    full: 0,
    delta: 0,
    lost: 0,
    dropped: 0,
    resyncs: 0,
    syncs: 0,
    wireBytes: 0,
    textBytes: 0,
  };

  constructor(
    options: DecoderOptions,
    private readonly actions: DecoderActions,
    private readonly now: () => number = Date.now,
  ) {
    this.options = {
      crc: options.crc ?? true,
      maxKeys: options.maxKeys ?? 10000,
      maxMessagesPerKey: options.maxMessagesPerKey ?? 1,
      maxMessageBytes: options.maxMessageBytes ?? 1 << 20,
      maxResyncs: options.maxResyncs ?? 10,
    };
  }

  /** A new connection: nothing of the earlier one is kept. */
  reset(): void {
    this.subscriptions.clear();
    this.algorithm = undefined;
  }

  /** A request to subscribe is sent: first, or again with other options. */
  subscribing(channel: string): void {
    if (this.subscriptions.has(channel)) return;
    const { maxKeys, maxMessagesPerKey } = this.options;
    this.subscriptions.set(channel, {
      succeeded: false,
      gaveUp: false,
      chains: new Chains(maxKeys, maxMessagesPerKey),
      askedAt: undefined,
      resyncs: [],
    });
  }

  /** The server confirmed the subscription. */
  subscribed(channel: string): void {
    const subscription = this.subscriptions.get(channel);
    if (subscription) subscription.succeeded = true;
  }

  unsubscribed(channel: string): void {
    this.subscriptions.delete(channel);
  }

  knows(channel: string): boolean {
    return this.subscriptions.has(channel);
  }

  stats(): DeltaStats {
    let keys = 0;
    let baseBytes = 0;
    for (const { chains } of this.subscriptions.values()) {
      keys += chains.keys;
      baseBytes += chains.bytes;
    }
    return { ...this.counts, keys, baseBytes, algorithm: this.algorithm };
  }

  /** The frame to read in place of `text`: itself, a rebuilt message, or none. */
  receive(text: string): string | null {
    try {
      const frame = readFrame(text);
      switch (frame.kind) {
        case "delta":
          return this.rebuilt(frame, text);
        case "chained":
          this.keep(frame, text);
          return text;
        case "sync":
          this.sync(frame);
          return null;
        case "enabled":
          this.algorithm = frame.algorithm;
          return null;
        case "succeeded":
          this.subscribed(frame.channel);
          return text;
        default:
          return text;
      }
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error;
      this.fail(error);
      return null;
    }
  }

  private active(channel: string): Subscription | undefined {
    const subscription = this.subscriptions.get(channel);
    return subscription?.succeeded && !subscription.gaveUp ? subscription : undefined;
  }

  private keep(frame: ChainedFrame, received: string): void {
    const subscription = this.active(frame.channel);
    if (!subscription) return;
    const bytes = this.encoder.encode(frame.text);
    this.counts.full++;
    this.counts.textBytes += bytes.length;
    const tail = received.slice(frame.text.length - 1); // with the brace
    this.counts.wireBytes += bytes.length - 1 + this.encoder.encode(tail).length;
    this.put(subscription, frame, bytes);
  }

  private put(
    { chains }: Subscription,
    { key, number }: { key: string; number: number },
    bytes: Uint8Array,
  ): void {
    if (bytes.length > this.options.maxMessageBytes) chains.drop(key);
    else chains.put(key, number, bytes);
  }

  private sync({ channel, entries }: SyncFrame): void {
    const subscription = this.active(channel);
    if (!subscription) return;
    this.counts.syncs++;
    subscription.askedAt = undefined;
    subscription.chains.clear();
    for (const entry of entries) {
      this.put(subscription, entry, this.encoder.encode(entry.text));
    }
  }

  private rebuilt(frame: DeltaFrame, received: string): string | null {
    const subscription = this.active(frame.channel);
    if (!subscription) {
      this.counts.dropped++;
      return null;
    }
    try {
      const bytes = this.decoded(frame, subscription.chains);
      const text = this.checked(frame, bytes);
      this.put(subscription, frame, bytes);
      this.counts.delta++;
      this.counts.textBytes += bytes.length;
      this.counts.wireBytes += this.encoder.encode(received).length;
      return text;
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error;
      error.channel = frame.channel;
      this.fail(error);
      return null;
    }
  }

  private decoded(frame: DeltaFrame, chains: Chains): Uint8Array {
    const algorithm = frame.algorithm ?? this.algorithm;
    if (!algorithm) {
      throw new DeltaError(
        "algorithm",
        `a delta of the channel '${frame.channel}' names no algorithm, and none was confirmed`,
      );
    }
    const base = chains.find(frame.key, frame.base);
    if (!base) {
      throw new DeltaError(
        "missing_base",
        `a delta of the channel '${frame.channel}' is against message ${frame.base} of the key ` +
          `'${frame.key}', which is not there; a resync is asked for`,
      );
    }
    if (algorithm === "xdelta3" && this.options.crc && frame.crc === undefined) {
      throw new DeltaError(
        "no_checksum",
        `a VCDIFF delta of the channel '${frame.channel}' has no crc; with crc: false it is taken`,
      );
    }
    const decode = algorithm === "fossil" ? decodeFossil : decodeVcdiff;
    return decode(base, base64Bytes(frame.delta), this.options.maxMessageBytes);
  }

  private checked(frame: DeltaFrame, bytes: Uint8Array): string {
    if (frame.crc !== undefined && crc32(bytes) !== frame.crc) {
      throw new DeltaError(
        "checksum",
        `a delta of the channel '${frame.channel}' rebuilds a text whose crc is not ${frame.crc}`,
      );
    }
    let text: string | undefined;
    try {
      text = this.texts.decode(bytes);
    } catch {
      // not UTF-8: reported below
    }
    const envelope = text === undefined ? undefined : parsed(text);
    if (envelope?.event !== frame.event || envelope.channel !== frame.channel) {
      throw new DeltaError(
        "text",
        `a delta of the channel '${frame.channel}' rebuilds a text that is no '${frame.event}'`,
      );
    }
    return text!;
  }

  private fail(error: DeltaError): void {
    const subscription = this.active(error.channel ?? "");
    if (subscription) {
      this.counts.lost++;
      this.askForResync(subscription, error.channel!);
    }
    this.actions.failed(error);
  }

  private askForResync(subscription: Subscription, channel: string): void {
    const now = this.now();
    const { askedAt } = subscription;
    if (askedAt !== undefined && now - askedAt < RESYNC_REPEAT_MS) return;
    subscription.resyncs = subscription.resyncs.filter((at) => now - at < RESYNC_WINDOW_MS);
    if (subscription.resyncs.length >= this.options.maxResyncs) {
      subscription.gaveUp = true;
      subscription.chains.clear();
      this.actions.giveUp(channel);
      this.actions.failed(
        new DeltaError(
          "gave_up",
          `the channel '${channel}' needed ${subscription.resyncs.length} resyncs within a ` +
            "minute and goes on without deltas; the other errors say why",
          channel,
        ),
      );
      return;
    }
    subscription.askedAt = now;
    subscription.resyncs.push(now);
    this.counts.resyncs++;
    this.actions.resync(channel);
  }
}
