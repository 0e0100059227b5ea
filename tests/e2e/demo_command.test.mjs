// `./dev demo` after its build: tools/demo.mjs with the binary under test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { BINARY, ROOT, get, until, within } from "./support/server.mjs";

const RECORDING = path.resolve(ROOT, "../shared/data/tickers.ndjson");
const missing = existsSync(RECORDING) ? false : `${path.relative(ROOT, RECORDING)} is not there`;

function demo(...args) {
  const child = spawn(process.execPath, [path.join(ROOT, "tools/demo.mjs"), "--bin", BINARY, ...args],
    { stdio: ["ignore", "pipe", "pipe"] });
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { child.output += bytes; });
  child.ended = new Promise((resolve) => child.once("close", (code) => resolve(code)));
  return child;
}

async function toEnd(ms, ...args) {
  const child = demo(...args);
  try {
    return { code: await within(child.ended, ms, `the end of the demo\n${child.output}`), output: child.output };
  } finally {
    child.kill("SIGTERM");
  }
}

describe("./dev demo", () => {
  let folder;
  before(() => { folder = mkdtempSync(path.join(os.tmpdir(), "millrace-demo-test-")); });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function recording(name, records) {
    const file = path.join(folder, name);
    writeFileSync(file, records.map((record) => JSON.stringify(record)).join("\n"));
    return file;
  }

  test("7,288 recorded messages through REST reach a pusher-js, all in order", { skip: missing }, async () => {
    const end = await toEnd(60000, "--speed", "60", "--quiet");
    assert.equal(end.code, 0, end.output);
    assert.match(end.output, /published 7,288 of 7,288 events .* 0 errors/);
    assert.match(end.output, /received {2}7,288 of 7,288 in order by pusher-js/);
    assert.match(end.output, /lag .* p50 [\d.]+ ms, p99 [\d.]+ ms/);
  });

  test("without a recording a simulated market is replayed", async () => {
    const end = await toEnd(60000, "--simulated", "--max");
    assert.equal(end.code, 0, end.output);
    assert.match(end.output, /a simulated market: 3,000 events/);
    assert.match(end.output, /received {2}3,000 of 3,000 in order/);
  });

  test("a recording that cannot be published whole fails it", async () => {
    const file = recording("refused.ndjson", [
      { ts: 1, channel: "a", event: "e", data: "1" }, { ts: 1.01, channel: "not a channel", event: "e", data: "2" }]);
    const end = await toEnd(30000, file);
    assert.equal(end.code, 1, end.output);
    assert.match(end.output, /not a channel/);
  });

  test("wrong arguments are named", async () => {
    for (const [args, text] of [[["--speed", "fast"], /--speed 'fast' is not a number/], [["nowhere.ndjson"], /no recording 'nowhere.ndjson'/],
      [["--bogus"], /bogus/], [["--bin", "/nowhere/millrace"], /no server '\/nowhere\/millrace'/]]) {
      const end = await toEnd(10000, ...args);
      assert.equal(end.code, 2, end.output);
      assert.match(end.output, text);
    }
  });

  test("Ctrl-C stops the node and the replay", async () => {
    const file = recording("long.ndjson", Array.from({ length: 600 }, (_, i) => ({ ts: i, channel: "a", event: "e", data: String(i) })));
    const child = demo(file, "--speed", "1");
    const url = (await until(() => child.output.match(/node {6}(http:\S+)/), 20000, `the node's address\n${child.output}`))[1];
    assert.equal((await get(`${url}/health`)).status, 200);
    child.kill("SIGINT");
    assert.equal(await within(child.ended, 10000, `the end of the demo\n${child.output}`), 1);
    assert.match(child.output, /interrupted/);
    await assert.rejects(get(`${url}/health`));
  });
});
