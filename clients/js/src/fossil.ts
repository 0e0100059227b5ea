import { DeltaError } from "./errors.js";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
const DIGIT_VALUES = new Int8Array(256).fill(-1);
for (let i = 0; i < DIGITS.length; i++) DIGIT_VALUES[DIGITS.charCodeAt(i)] = i;

const LINE_FEED = 10;
const COMMA = 44;
const LITERAL = 58; // ':'
const END = 59; // ';'
const COPY = 64; // '@'

/** The sum at the end of a Fossil delta: big-endian words of 32 bits, added. */
export function fossilChecksum(bytes: Uint8Array): number {
  let sum = 0;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    sum +=
      (bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!;
    sum |= 0;
  }
  for (let i = whole, shift = 24; i < bytes.length; i++, shift -= 8) sum += bytes[i]! << shift;
  return sum >>> 0;
}

class FossilReader {
  at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** The digits before the next command, of at most 32 bits. */
  number(): number {
    const begin = this.at;
    let value = 0;
    for (; this.at < this.bytes.length; this.at++) {
      const digit = DIGIT_VALUES[this.bytes[this.at]!]!;
      if (digit < 0) break;
      value = value * 64 + digit;
      if (value > 0xffffffff) throw this.error("syntax", "has a number of over 32 bits");
    }
    if (this.left === 0) throw this.error("truncated", "ends without ';'");
    if (this.at === begin) throw this.error("syntax", "has no number");
    return value;
  }

  byte(): number {
    if (this.left === 0) throw this.error("truncated", "ends without ';'");
    return this.bytes[this.at++]!;
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw this.error("truncated", `ends within a literal of ${count} bytes`);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  error(code: "syntax" | "truncated" | "trailing", what: string): DeltaError {
    return new DeltaError(code, `the Fossil delta ${what} at byte ${this.at}`);
  }
}

/** The text of `limit` bytes at most that `delta` makes of `base`; throws DeltaError. */
export function decodeFossil(base: Uint8Array, delta: Uint8Array, limit: number): Uint8Array {
  const reader = new FossilReader(delta);
  const announced = reader.number();
  if (reader.byte() !== LINE_FEED) throw reader.error("syntax", "has no line feed after its size");
  if (announced > limit) {
    throw new DeltaError(
      "too_large",
      `the Fossil delta announces a text of ${announced} bytes; maxMessageBytes is ${limit}`,
    );
  }
  const target = new Uint8Array(announced);
  let filled = 0;
  for (;;) {
    const argument = reader.number();
    const command = reader.byte();
    if (command === END) return finished(target, filled, argument, reader);
    if (command !== COPY && command !== LITERAL) {
      throw reader.error("syntax", "has an unknown command before");
    }
    if (argument > announced - filled) {
      throw new DeltaError("size", `the Fossil delta makes more than its ${announced} bytes`);
    }
    target.set(command === COPY ? copied(base, argument, reader) : reader.take(argument), filled);
    filled += argument;
  }
}

function copied(base: Uint8Array, bytes: number, reader: FossilReader): Uint8Array {
  const from = reader.number();
  if (reader.byte() !== COMMA) throw reader.error("syntax", "has no ',' after a copy, before");
  if (from + bytes > base.length) {
    throw new DeltaError(
      "out_of_bounds",
      `the Fossil delta copies past the end of its base of ${base.length} bytes`,
    );
  }
  return base.subarray(from, from + bytes);
}

function finished(
  target: Uint8Array,
  filled: number,
  sum: number,
  reader: FossilReader,
): Uint8Array {
  if (filled !== target.length) {
    throw new DeltaError("size", `the Fossil delta makes ${filled} of ${target.length} bytes`);
  }
  if (fossilChecksum(target) !== sum) {
    throw new DeltaError("checksum", `the Fossil delta rebuilds a text whose sum is not ${sum}`);
  }
  if (reader.left > 0) throw reader.error("trailing", "goes on after ';'");
  return target;
}
