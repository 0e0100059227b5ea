// The decoders against those that other clients use, and against deltas of the server's encoders.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";
import vcdiff from "@ably/vcdiff-decoder";
import { applyDelta, createDelta } from "fossil-delta";
import { codec, CORPORA, pairsOf } from "../../../tests/e2e/support/delta_pairs.mjs";
import { crc32, decodeFossil, decodeVcdiff, DeltaError, fossilChecksum } from "../dist/index.mjs";
import { Random, SEED } from "./support/random.mjs";
import { encodeVcdiff, varint, VCDIFF_HEAD, vcdiffWindow } from "./support/vcdiff_encoder.mjs";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const BINARY = process.env.MILLRACE_BIN ?? path.join(ROOT, "build/release/millrace");
const PROGRAM = path.join(path.dirname(BINARY), "delta_bench");
const withoutServer = existsSync(PROGRAM) ? false : `${PROGRAM} is not there: ./dev build release makes it`;
const LIMIT = 1 << 20;
const DECODERS = { fossil: decodeFossil, vcdiff: decodeVcdiff };
const bytes = (text) => Buffer.from(text);
const same = (found, expected, what) => assert.ok(Buffer.from(found).equals(Buffer.from(expected)), what);

/** The code of the DeltaError that `decode` throws, or undefined. */
function refusal(decode, ...args) {
  try {
    decode(...args);
    return undefined;
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error;
    return error.code;
  }
}

describe("delta decoders", () => {
  console.log(`SEED=${SEED}`);

  for (const corpus of CORPORA) {
    test(`${corpus}: the server's deltas and those of npm`, { skip: withoutServer }, () => {
      const { pairs } = pairsOf(ROOT, corpus);
      const some = pairs.slice(0, 2000);
      for (const algorithm of ["fossil", "vcdiff"]) {
        const deltas = codec(PROGRAM, ["encode", algorithm], some.map(({ base, target }) => [base, target]));
        const decode = DECODERS[algorithm];
        some.forEach(({ base, target }, i) => same(decode(base, deltas[i], LIMIT), target, `${algorithm} ${i}`));
      }
      some.slice(0, 300).forEach(({ base, target }, i) => {
        same(decodeFossil(base, Uint8Array.from(createDelta(base, target)), LIMIT), target, `npm fossil ${i}`);
        same(decodeVcdiff(base, encodeVcdiff(base, target), LIMIT), target, `prefix and suffix ${i}`);
      });
    });
  }

  test("texts of any kind: empty, binary, repetitive, without anything in common", () => {
    const random = new Random(SEED);
    const texts = [bytes(""), bytes("a"), bytes("€uro ".repeat(40)), Buffer.from(random.bytes(2000)), Buffer.alloc(300, "ab")];
    for (const base of texts) {
      for (const target of texts) {
        same(decodeFossil(base, Uint8Array.from(createDelta(base, target)), LIMIT), target);
        same(decodeVcdiff(base, encodeVcdiff(base, target), LIMIT), target);
      }
    }
  });

  test("every VCDIFF code and address mode, as the other decoder reads it", () => {
    const random = new Random(SEED);
    const codes = codeTable();
    const used = new Set();
    for (let i = 0; i < 4000; i++) {
      const source = random.bytes(400);
      const { delta, ours } = randomWindow(random, codes, source);
      let found;
      if (refusal(() => { found = decodeVcdiff(source, delta, LIMIT); }) !== undefined) continue;
      same(found, vcdiff.decode(delta, source), `window ${i}`);
      for (const code of ours) used.add(code);
    }
    assert.equal(used.size, 256, "every code was in a window that both decode");
  });

  test("a damaged delta is refused by name, or makes what the other decoder makes", () => {
    const random = new Random(SEED);
    const base = bytes(JSON.stringify(Array.from({ length: 30 }, (_, i) => ({ symbol: `S${i}`, price: i * 1.37 }))));
    const target = bytes(base.toString().replaceAll("1.37", "2.74").replace("S7", "SEVEN"));
    const fossil = Uint8Array.from(createDelta(base, target));
    const plain = encodeVcdiff(base, target);
    for (let i = 0; i < 20000; i++) {
      const [decode, delta, other] = random.chance(0.5)
        ? [decodeFossil, random.damaged(fossil), (bad) => applyDelta(base, bad)]
        : [decodeVcdiff, random.damaged(plain), (bad) => vcdiff.decode(bad, base)];
      let found;
      if (refusal(() => { found = decode(base, delta, LIMIT); }) === undefined) same(found, Uint8Array.from(other(delta)), `damage ${i}`);
    }
    for (let i = 0; i < 5000; i++) {
      const noise = random.bytes(random.below(60));
      refusal(decodeFossil, base, noise, LIMIT);
      refusal(decodeVcdiff, base, Uint8Array.from([...VCDIFF_HEAD, ...noise]), LIMIT);
    }
  });

  test("every error of a Fossil delta has its name", () => {
    const base = bytes("abcdef");
    const cases = {
      truncated: ["", "6", "6\n", "6\n6@0", "6\n5:ab"],
      syntax: ["!\n", "6 6@0,;", "6\n6@0;", "6\n6!", "6\n@0,", "zzzzzzz\n"],
      out_of_bounds: ["7\n7@0,0;", "1\n1@6,0;"],
      too_large: ["~~~~\n"],
      size: ["6\n7@0,0;", "6\n5@0,0;"],
      checksum: ["6\n6@0,1;"],
    };
    for (const [code, deltas] of Object.entries(cases)) {
      for (const delta of deltas) assert.equal(refusal(decodeFossil, base, bytes(delta), 1000), code, delta);
    }
    const good = createDelta(base, bytes("abcdefabc"));
    assert.equal(refusal(decodeFossil, base, Uint8Array.from([...good, 65]), LIMIT), "trailing");
    const copy = bytes(`6\n6@0,${fossilNumber(fossilChecksum(base))};`);
    assert.deepEqual([refusal(decodeFossil, base, copy, LIMIT), refusal(decodeFossil, bytes("abcdeg"), copy, LIMIT)], [undefined, "checksum"]);
  });

  test("every error of a VCDIFF delta has its name", () => {
    const base = bytes("abcdef");
    const window = (targetBytes, literals, instructions, addresses) =>
      [...VCDIFF_HEAD, ...vcdiffWindow(base, targetBytes, { literals, instructions, addresses })];
    const cases = {
      truncated: [[], [0xd6, 0xc3], VCDIFF_HEAD.slice(0, 4), [...VCDIFF_HEAD, 1, 6], [...VCDIFF_HEAD, 0, 9, 1],
        window(6, [], [1], []), window(6, [], [7], []), window(6, [], [22], [])],
      syntax: [[1, 2, 3, 4, 5], [...VCDIFF_HEAD, 0, 0x9f, 0xff, 0xff, 0xff, 0xff, 0x7f]],
      unsupported: [[0xd6, 0xc3, 0xc4, 0, 1], [...VCDIFF_HEAD, 3], [...VCDIFF_HEAD, 5], [...VCDIFF_HEAD, 0, 5, 0, 1, 0, 0, 0]],
      out_of_bounds: [[...VCDIFF_HEAD, 1, 7, 0], [...VCDIFF_HEAD, 1, 6, 1], [...VCDIFF_HEAD, 2, 1, 0],
        window(4, [], [20], [6]), window(4, [], [36], [7])],
      too_large: [window(1001, [], [], [])],
      size: [window(6, [], [20], [0]), window(3, [], [20], [0])],
      trailing: [window(1, [65, 66], [2], []), window(4, [], [20], [0, 0]), [...VCDIFF_HEAD, 0, 6, 0, 0, 0, 0, 0, 9]],
    };
    for (const [code, deltas] of Object.entries(cases)) {
      deltas.forEach((delta, i) => assert.equal(refusal(decodeVcdiff, base, Uint8Array.from(delta), 1000), code, `${code} ${i}`));
    }
    assert.equal(Buffer.from(decodeVcdiff(base, Uint8Array.from(window(6, [], [22], [0])), 1000)).toString(), "abcdef");
  });

  test("windows that copy from the target", () => {
    const first = [0, 8, 2, 0, 2, 1, 0, 65, 66, 3];
    const second = [2, 2, 0, 7, 4, 0, 0, 1, 1, 20, 0];
    const decoded = decodeVcdiff(bytes(""), Uint8Array.from([...VCDIFF_HEAD, ...first, ...second]), LIMIT);
    assert.equal(Buffer.from(decoded).toString(), "ABABAB");
  });

  test("sums are those of the formats", () => {
    assert.equal(crc32(bytes("123456789")), 0xcbf43926);
    const random = new Random(SEED);
    for (let i = 0; i < 300; i++) {
      const text = random.bytes(random.below(50));
      if (zlib.crc32) assert.equal(crc32(text), zlib.crc32(text));
      const size = fossilNumber(text.length);
      const delta = bytes(`${size}\n${size}@0,${fossilNumber(fossilChecksum(text))};`);
      assert.deepEqual(Uint8Array.from(applyDelta(text, delta)), text);
    }
  });
});

function fossilNumber(value) {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
  return (value >= 64 ? fossilNumber(Math.floor(value / 64)) : "") + alphabet[value % 64];
}

/** RFC 3284, 5.6: [kind, size, mode] once or twice a code. */
function codeTable() {
  const codes = [[["run", 0]]];
  for (let size = 0; size <= 17; size++) codes.push([["add", size]]);
  for (let mode = 0; mode < 9; mode++) {
    for (const size of [0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]) codes.push([["copy", size, mode]]);
  }
  for (let mode = 0; mode < 6; mode++) {
    for (let added = 1; added <= 4; added++) for (let size = 4; size <= 6; size++) codes.push([["add", added], ["copy", size, mode]]);
  }
  for (let mode = 6; mode < 9; mode++) for (let added = 1; added <= 4; added++) codes.push([["add", added], ["copy", 4, mode]]);
  for (let mode = 0; mode < 9; mode++) codes.push([["copy", 4, mode], ["add", 1]]);
  return codes;
}

/** A window of a few random codes, most of whose copies are from places that exist. */
function randomWindow(random, codes, source) {
  const parts = { literals: [], instructions: [], addresses: [] };
  const ours = [];
  let target = 0;
  for (let n = 1 + random.below(8); n > 0; n--) {
    const code = random.below(256);
    ours.push(code);
    parts.instructions.push(code);
    for (const [kind, fixed, mode] of codes[code]) {
      const size = fixed || 1 + random.below(40);
      if (!fixed) parts.instructions.push(...varint(size));
      if (kind === "add") parts.literals.push(...random.bytes(size));
      if (kind === "run") parts.literals.push(random.below(256));
      if (kind === "copy" && mode < 2) parts.addresses.push(...varint(1 + random.below(source.length + target - 1)));
      if (kind === "copy" && mode >= 2) parts.addresses.push(random.below(mode < 6 ? 100 : 256) & (mode < 6 ? 127 : 255));
      target += size;
    }
  }
  return { ours, delta: Uint8Array.from([...VCDIFF_HEAD, ...vcdiffWindow(source, target, parts)]) };
}
