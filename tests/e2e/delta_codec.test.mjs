// The server's delta codecs against the decoders that clients use, and against xdelta3.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import vcdiff from "@ably/vcdiff-decoder";
import { applyDelta, createDelta } from "fossil-delta";
import { codec, CORPORA, pairsOf } from "./support/delta_pairs.mjs";
import { BINARY, ROOT } from "./support/server.mjs";

const PROGRAM = path.join(path.dirname(BINARY), "delta_bench");
const HEAD = 5; // magic, version, header indicator
const SAMPLES = 15; // pairs of a corpus for which xdelta3 is started once each
// One thread, no server: the thread sanitizer's run of these suites has nothing to add.
const skip = process.env.MILLRACE_PRESET === "tsan" && "the codecs have one thread";

function varint(number) {
  const bytes = [number & 0x7f];
  for (let rest = number >>> 7; rest > 0; rest >>>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return Buffer.from(bytes);
}

/** One delta whose windows are those of all deltas, over the bases one after the other. */
function joined(pairs, deltas) {
  const windows = [deltas[0].subarray(0, HEAD)];
  let offset = 0;
  for (const [i, delta] of deltas.entries()) {
    const size = varint(pairs[i].base.length);
    assert.equal(delta[HEAD], 1, "the window is from the base");
    assert.deepEqual(delta.subarray(HEAD + 1, HEAD + 1 + size.length), size, "and over the whole of it");
    assert.equal(delta[HEAD + 1 + size.length], 0, "from its begin");
    windows.push(delta.subarray(HEAD, HEAD + 1 + size.length), varint(offset), delta.subarray(HEAD + 2 + size.length));
    offset += pairs[i].base.length;
  }
  return Buffer.concat(windows);
}

describe("delta codecs", { skip }, () => {
  let folder;
  before(() => {
    assert.ok(existsSync(PROGRAM), `${PROGRAM} is not there: ./dev build release makes it`);
    folder = mkdtempSync(path.join(os.tmpdir(), "millrace-delta-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function file(name, bytes) {
    const at = path.join(folder, name);
    if (bytes) writeFileSync(at, bytes);
    return at;
  }

  /** The output of xdelta3 with plain RFC 3284 on both sides. */
  function xdelta3(direction, base, input) {
    const out = file("out");
    const done = spawnSync("xdelta3", [direction, "-f", "-n", "-A", "-S", "none", "-s", file("base", base), file("in", input), out]);
    assert.equal(done.status, 0, `xdelta3: ${done.error ?? done.stderr}; ./dev setup test installs it`);
    return readFileSync(out);
  }

  for (const name of CORPORA) {
    describe(name, () => {
      let pairs;
      let sample;
      before(() => {
        pairs = pairsOf(ROOT, name).pairs;
        sample = pairs.filter((_, i) => i % Math.ceil(pairs.length / SAMPLES) === 0);
      });
      const encoded = (algorithm, some = pairs) =>
        codec(PROGRAM, ["encode", algorithm], some.map(({ base, target }) => [base, target]));
      const decoded = (algorithm, some, deltas) =>
        codec(PROGRAM, ["decode", algorithm], some.map(({ base }, i) => [base, deltas[i]]));
      const targets = (some) => some.map(({ target }) => target);

      test("npm fossil-delta decodes every delta, and its own are no shorter", () => {
        const deltas = encoded("fossil");
        let ours = 0;
        let theirs = 0;
        pairs.forEach(({ base, target }, i) => {
          assert.ok(target.equals(applyDelta(base, deltas[i])), `pair ${i}`);
          ours += deltas[i].length;
          theirs += createDelta(base, target).length;
        });
        assert.ok(ours <= theirs, `mean delta ${ours / pairs.length} against ${theirs / pairs.length}`);
      });

      test("@ably/vcdiff-decoder decodes every delta", () => {
        const deltas = encoded("vcdiff");
        pairs.forEach(({ base, target }, i) => {
          assert.ok(target.equals(vcdiff.decode(deltas[i], base)), `pair ${i}`);
        });
      });

      test("xdelta3 decodes every delta, as windows of one file", () => {
        const bases = Buffer.concat(pairs.map(({ base }) => base));
        const text = xdelta3("-d", bases, joined(pairs, encoded("vcdiff")));
        assert.ok(text.equals(Buffer.concat(targets(pairs))));
      });

      test("xdelta3 decodes deltas as they are", () => {
        encoded("vcdiff", sample).forEach((delta, i) => {
          assert.ok(sample[i].target.equals(xdelta3("-d", sample[i].base, delta)), `sample ${i}`);
        });
      });

      test("our decoders rebuild what the others make", () => {
        const fossil = pairs.map(({ base, target }) => Buffer.from(createDelta(base, target)));
        assert.deepEqual(decoded("fossil", pairs, fossil), targets(pairs));
        const plain = sample.map(({ base, target }) => xdelta3("-e", base, target));
        assert.deepEqual(decoded("vcdiff", sample, plain), targets(sample));
      });
    });
  }

  test("texts of any kind: empty, binary, without anything in common", () => {
    const bytes = Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff));
    const texts = [Buffer.from("a"), Buffer.from("€uro ".repeat(40)), bytes, bytes.subarray(700), Buffer.alloc(300, "ab")];
    const pairs = texts.flatMap((base) => texts.map((target) => ({ base, target })));
    const deltas = (algorithm) => codec(PROGRAM, ["encode", algorithm], pairs.map(({ base, target }) => [base, target]));
    deltas("fossil").forEach((delta, i) => assert.ok(pairs[i].target.equals(applyDelta(pairs[i].base, delta)), `${i}`));
    deltas("vcdiff").forEach((delta, i) => {
      assert.ok(pairs[i].target.equals(vcdiff.decode(delta, pairs[i].base)), `${i}`);
      assert.ok(pairs[i].target.equals(xdelta3("-d", pairs[i].base, delta)), `${i}`);
    });
  });
});
