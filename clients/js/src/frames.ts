// The frames of a delta stream as they come over the wire, under either prefix.
import { DeltaError } from "./errors.js";

export const ALGORITHMS = ["fossil", "xdelta3"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

const UINT32_MAX = 0xffffffff;
const NUMBER_MEMBER = ',"__delta_seq":';
const TAIL = /,"__delta_seq":(\d{1,10})(?:,"__conflation_key":("(?:[^"\\]|\\.)*"))?\}$/y;

type Json = Record<string, unknown>;

/** A frame with a delta in place of the message. */
export interface DeltaFrame {
  kind: "delta";
  channel: string;
  event: string;
  delta: string;
  number: number;
  base: number;
  key: string;
  algorithm: Algorithm | undefined;
  crc: number | undefined;
}

/** An ordinary message that later deltas may refer to; `text` is without its two members. */
export interface ChainedFrame {
  kind: "chained";
  channel: string;
  number: number;
  key: string;
  text: string;
}

export interface SyncFrame {
  kind: "sync";
  channel: string;
  entries: { key: string; number: number; text: string }[];
}

export type Frame =
  | DeltaFrame
  | ChainedFrame
  | SyncFrame
  | { kind: "enabled"; algorithm: Algorithm | undefined }
  | { kind: "succeeded"; channel: string }
  | { kind: "other" };

const OTHER: Frame = { kind: "other" };

function objectOf(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null ? (value as Json) : undefined;
}

export function parsed(text: string): Json | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isNumber(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= UINT32_MAX;
}

function algorithmOf(name: unknown): Algorithm | undefined {
  if (name === "vcdiff") return "xdelta3";
  return ALGORITHMS.find((algorithm) => algorithm === name);
}

/** What a text frame is; throws DeltaError for a broken frame of the delta protocol. */
export function readFrame(text: string): Frame {
  if (text.includes(":delta") || text.includes("subscription_succeeded")) {
    const envelope = parsed(text);
    const frame = envelope && readControl(envelope);
    if (frame) return frame;
  }
  return readChained(text);
}

function readControl(envelope: Json): Frame | undefined {
  const { event } = envelope;
  const channel = typeof envelope.channel === "string" ? envelope.channel : "";
  switch (typeof event === "string" ? event.replace(/^sockudo/, "pusher") : "") {
    case "pusher:delta":
      return readDelta(channel, dataOf(envelope));
    case "pusher:delta_cache_sync":
      return readSync(channel, dataOf(envelope));
    case "pusher:delta_compression_enabled": {
      const { enabled, algorithm } = dataOf(envelope) ?? {};
      return { kind: "enabled", algorithm: enabled === true ? algorithmOf(algorithm) : undefined };
    }
    case "pusher_internal:subscription_succeeded":
      return { kind: "succeeded", channel };
    default:
      return undefined;
  }
}

function dataOf({ data }: Json): Json | undefined {
  return typeof data === "string" ? parsed(data) : objectOf(data);
}

function readDelta(channel: string, data: Json | undefined): DeltaFrame {
  const broken = (member: string): DeltaError =>
    new DeltaError("frame", `a delta of the channel '${channel}' has no valid ${member}`, channel);
  if (channel === "") throw broken("channel");
  if (!data) throw broken("data");
  const { event, delta, seq, base_index: base, conflation_key: key = "", algorithm, crc } = data;
  if (typeof event !== "string" || event === "") throw broken("event");
  if (typeof delta !== "string") throw broken("delta");
  if (!isNumber(seq)) throw broken("seq");
  if (!isNumber(base)) throw broken("base_index");
  if (typeof key !== "string") throw broken("conflation_key");
  if (crc !== undefined && !isNumber(crc)) throw broken("crc");
  const named = algorithmOf(algorithm);
  if (algorithm !== undefined && !named) throw broken("algorithm");
  return { kind: "delta", channel, event, delta, number: seq, base, key, algorithm: named, crc };
}

function readSync(channel: string, data: Json | undefined): SyncFrame {
  const broken = (): DeltaError =>
    new DeltaError("frame", `a sync of the channel '${channel}' has no valid states`, channel);
  const states = objectOf(data?.states);
  if (channel === "" || !states) throw broken();
  const entries: SyncFrame["entries"] = [];
  for (const [key, list] of Object.entries(states)) {
    if (!Array.isArray(list)) throw broken();
    for (const entry of list) {
      const { content, seq } = objectOf(entry) ?? {};
      if (typeof content !== "string" || !isNumber(seq)) throw broken();
      entries.push({ key, number: seq, text: content });
    }
  }
  return { kind: "sync", channel, entries };
}

// The two members are the last ones of the frame. A `data` string cannot look like them: its quotes
// are escaped. That they are members of the envelope and of no inner object, the parser says.
function readChained(text: string): Frame {
  const at = text.lastIndexOf(NUMBER_MEMBER);
  if (at < 0) return OTHER;
  TAIL.lastIndex = at;
  const tail = TAIL.exec(text);
  const envelope = tail && parsed(text);
  if (!envelope || typeof envelope.channel !== "string") return OTHER;
  const { channel, __delta_seq: number, __conflation_key: key = "" } = envelope;
  if (!isNumber(number) || typeof key !== "string") return OTHER;
  return { kind: "chained", channel, number, key, text: text.slice(0, at) + "}" };
}

/** Throws DeltaError when the text is not base64. */
export function base64Bytes(text: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new DeltaError("base64", "the member 'delta' is not base64");
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
