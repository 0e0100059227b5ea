import { DeltaError } from "./errors.js";
import { CODES, COPY, FIRST_SAME, RUN, VcdiffAddresses } from "./vcdiff_codes.js";

const MAGIC = [0xd6, 0xc3, 0xc4, 0x00];
const CACHES = new VcdiffAddresses(); // of the window that is being decoded: made once, it is large
const FROM_BASE = 1; // VCD_SOURCE
const FROM_TARGET = 2; // VCD_TARGET

/** Bytes that are taken from the front. */
class Section {
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly name: string,
  ) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    if (this.left === 0) throw this.truncated();
    return this.bytes[this.at++]!;
  }

  /** Of at most 32 bits. */
  number(): number {
    let value = 0;
    for (;;) {
      const next = this.byte();
      value = value * 128 + (next & 0x7f);
      if (value > 0xffffffff) {
        throw new DeltaError("syntax", `the VCDIFF delta has over 32 bits in ${this.name}`);
      }
      if (next < 0x80) return value;
    }
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw this.truncated();
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  private truncated(): DeltaError {
    return new DeltaError("truncated", `the VCDIFF delta ends within ${this.name}`);
  }
}

interface Window {
  source: Uint8Array;
  targetBytes: number;
  literals: Section;
  instructions: Section;
  addresses: Section;
}

class VcdiffDecoder {
  private target: Uint8Array = new Uint8Array(0);
  private filled = 0;
  private begin = 0; // of the window, in the target

  constructor(
    private readonly base: Uint8Array,
    private readonly delta: Section,
    private readonly limit: number,
  ) {}

  run(): Uint8Array {
    for (const expected of MAGIC) {
      if (this.delta.byte() !== expected) {
        throw new DeltaError("syntax", "the VCDIFF delta does not begin with D6 C3 C4 00");
      }
    }
    const indicator = this.delta.byte();
    if (indicator !== 0) throw unsupported("header indicator", indicator);
    while (this.delta.left > 0) this.rebuild(this.window());
    return this.target.subarray(0, this.filled);
  }

  private window(): Window {
    const indicator = this.delta.byte();
    if (indicator > FROM_TARGET) throw unsupported("window indicator", indicator);
    let source: Uint8Array = new Uint8Array(0);
    if (indicator !== 0) {
      const bytes = this.delta.number();
      const from = this.delta.number();
      const text = indicator === FROM_BASE ? this.base : this.target.subarray(0, this.filled);
      if (from + bytes > text.length) {
        throw new DeltaError(
          "out_of_bounds",
          `the VCDIFF delta has a window over the end of its base of ${text.length} bytes`,
        );
      }
      source = text.subarray(from, from + bytes);
    }
    return { source, ...this.sections() };
  }

  private sections(): Omit<Window, "source"> {
    const rest = new Section(this.delta.take(this.delta.number()), "the head of a window");
    const targetBytes = rest.number();
    const indicator = rest.byte();
    if (indicator !== 0) throw unsupported("delta indicator", indicator);
    const sizes = [rest.number(), rest.number(), rest.number()] as const;
    if (sizes[0] + sizes[1] + sizes[2] < rest.left) {
      throw new DeltaError("trailing", "the VCDIFF delta has bytes after the sections of a window");
    }
    if (targetBytes > this.limit - this.filled) {
      throw new DeltaError(
        "too_large",
        `the VCDIFF delta announces a text of ${this.filled + targetBytes} bytes; ` +
          `maxMessageBytes is ${this.limit}`,
      );
    }
    return {
      targetBytes,
      literals: new Section(rest.take(sizes[0]), "the literals"),
      instructions: new Section(rest.take(sizes[1]), "the instructions"),
      addresses: new Section(rest.take(sizes[2]), "the addresses"),
    };
  }

  private rebuild(window: Window): void {
    CACHES.clear();
    this.begin = this.filled;
    const grown = new Uint8Array(this.filled + window.targetBytes);
    grown.set(this.target);
    this.target = grown;
    while (window.instructions.left > 0) {
      const code = window.instructions.byte() * 6;
      for (let i = code; i < code + 6; i += 3) {
        if (CODES[i] !== 0) this.execute(window, CODES[i]!, CODES[i + 1]!, CODES[i + 2]!);
      }
    }
    if (this.filled !== grown.length) {
      throw new DeltaError(
        "size",
        `the VCDIFF delta makes ${this.filled - this.begin} of ${window.targetBytes} bytes`,
      );
    }
    if (window.literals.left + window.addresses.left > 0) {
      throw new DeltaError("trailing", "the VCDIFF delta has a window with unused bytes");
    }
  }

  private execute(window: Window, kind: number, size: number, mode: number): void {
    const bytes = size === 0 ? window.instructions.number() : size;
    if (bytes > this.target.length - this.filled) {
      throw new DeltaError(
        "size",
        `the VCDIFF delta makes more than the announced ${window.targetBytes} bytes`,
      );
    }
    const end = this.filled + bytes;
    if (kind === COPY) this.copy(window, mode, bytes);
    else if (kind === RUN) this.target.fill(window.literals.byte(), this.filled, end);
    else this.target.set(window.literals.take(bytes), this.filled);
    this.filled = end;
  }

  private copy(window: Window, mode: number, bytes: number): void {
    const { source, addresses } = window;
    const here = source.length + this.filled - this.begin;
    const value = mode >= FIRST_SAME ? addresses.byte() : addresses.number();
    const address = CACHES.read(mode, value, here);
    if (address < 0 || address >= here) {
      throw new DeltaError(
        "out_of_bounds",
        `the VCDIFF delta copies from ${address}, which is not there yet`,
      );
    }
    CACHES.remember(address);
    let to = this.filled;
    const end = to + bytes;
    const fromSource = Math.min(bytes, source.length - address);
    if (fromSource > 0) {
      this.target.set(source.subarray(address, address + fromSource), to);
      to += fromSource;
    }
    // A copy may read what it writes: that is how a pattern is repeated.
    let at = this.begin + Math.max(0, address - source.length);
    while (to < end) this.target[to++] = this.target[at++]!;
  }
}

function unsupported(what: string, value: number): DeltaError {
  return new DeltaError(
    "unsupported",
    `the VCDIFF delta has the ${what} ${value}: only plain RFC 3284 is decoded`,
  );
}

/** The text of `limit` bytes at most that `delta` makes of `base`; throws DeltaError. */
export function decodeVcdiff(base: Uint8Array, delta: Uint8Array, limit: number): Uint8Array {
  return new VcdiffDecoder(base, new Section(delta, "its header or a window"), limit).run();
}
