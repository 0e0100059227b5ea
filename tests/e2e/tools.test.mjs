// trigger, subscribe and replay as a person at a terminal runs them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { APPS, BINARY, Server, freePorts, runToEnd, until, within } from "./support/server.mjs";

describe("the tools at a terminal", () => {
  let server;
  let folder;
  before(async () => {
    server = await Server.start();
    folder = mkdtempSync(path.join(os.tmpdir(), "millrace-tools-"));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server?.stop();
  });

  const target = ({ port = server.port, key = APPS.main.key, secret = APPS.main.secret } = {}) =>
    ["--port", String(port), "--key", key, "--secret", secret];
  const rest = (how) => [...target(how), "--app-id", APPS.main.id];

  /** A tool that runs on: `output` grows, `ended` is its exit code. */
  function running(args, stdout = "pipe") {
    const child = spawn(BINARY, args, { stdio: ["ignore", stdout, "pipe"], env: { PATH: process.env.PATH } });
    child.output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes) => { child.output += bytes; });
    child.ended = new Promise((resolve) => child.once("close", (code) => resolve(code)));
    return child;
  }

  function recording(name, lines) {
    const file = path.join(folder, name);
    writeFileSync(file, lines.join("\n"));
    return file;
  }
  const event = (ts, channel = "tools") => JSON.stringify({ ts, channel, event: "e", data: "x" });

  test("subscribe prints what trigger publishes, private channels too", async () => {
    const listener = running(["subscribe", "--count", "2", ...target(), "tools", "private-tools"]);
    await until(() => listener.output.match(/private-tools\tpusher_internal:subscription_succeeded/), 8000, "both subscriptions");
    const sent = await runToEnd(["trigger", ...rest(), "--channel", "tools", "--channel", "private-tools", "--event", "news", "--data", '{"n":1}']);
    assert.equal(sent.code, 0, sent.output);
    assert.equal(await within(listener.ended, 8000, "two events"), 0);
    assert.match(listener.output, /^tools\tnews\t\{"n":1\}$/m);
    assert.match(listener.output, /^private-tools\tnews\t\{"n":1\}$/m);
  });

  test("subscribe --delta, top deltas and bench --delta", async () => {
    const fill = "the same in every message ".repeat(8);
    for (const algorithm of ["fossil", "xdelta3"]) {
      const channel = `deltas-${algorithm}`;
      const listener = running(["subscribe", "--count", "5", "--delta", "--algorithm", algorithm, ...target(), channel]);
      await until(() => listener.output.includes("subscription_succeeded"), 8000, "the subscription");
      for (let i = 0; i < 5; i += 1) {
        await runToEnd(["trigger", ...rest(), "--channel", channel, "--event", "news", "--data", `${i} ${fill}`]);
      }
      assert.equal(await within(listener.ended, 8000, "five events"), 0);
      for (let i = 0; i < 5; i += 1) assert.ok(listener.output.includes(`${channel}\tnews\t${i} ${fill}\n`), listener.output);
      assert.match(listener.output, /^4 deltas, 1 full, 0 lost; [\d,]+ of [\d,]+ bytes came, [1-9]\d\.\d % saved$/m);
    }
    const filtered = running(["subscribe", "--filter", '{"key":"a","cmp":"ex"}', ...target(), "tools"]);
    await until(() => filtered.output.includes("subscription_succeeded"), 8000, "the subscription");
    filtered.kill("SIGTERM");
    await filtered.ended;
    const wrong = await runToEnd(["subscribe", "--filter", "{", ...target(), "tools"]);
    assert.deepEqual([wrong.code, /is not JSON/.test(wrong.output)], [2, true]);
    const bench = await runToEnd(["bench", ...rest(), "-c", "20", "--channels", "4", "--subscriptions", "3", "--keys", "5", "--delta",
      "--publishes", "200", "--warm-up", "0", "--json"], { ms: 30000 });
    assert.equal(bench.code, 0, bench.output);
    const report = JSON.parse(bench.output.slice(bench.output.indexOf("{")));
    assert.deepEqual([report.lost, report.undecodable, report.delivered], [0, 0, 200 * 15]);
    assert.ok(report.deltas > report.delivered / 2, bench.output);
    const top = await runToEnd(["top", "deltas", "--metrics-port", String(server.metricsPort)]);
    assert.equal(top.code, 0, top.output);
    assert.match(top.output, /^app +pattern +chains/);
    assert.match(top.output, /^main +\(none\) +\d+ .* \d+\.\d %$/m);
    const rows = JSON.parse((await runToEnd(["top", "deltas", "--json", "--metrics-port", String(server.metricsPort)])).output);
    assert.ok(rows[0].delta > 0 && rows[0].sent_bytes < rows[0].plain_bytes, JSON.stringify(rows));
    const lost = await runToEnd(["top", "deltas", "--metrics-port", String(server.port)]);
    assert.deepEqual([lost.code, /name the metrics port/.test(lost.output)], [1, true]);
  });

  test("a wrong key, a wrong secret and nobody there are named", async () => {
    const [nobody] = await freePorts(1);
    const publish = ["--channel", "c", "--event", "e", "--data", "1"];
    for (const [args, text] of [
      [["trigger", ...publish, ...rest({ secret: "no" })], /answered 401: auth_signature is not the signature/],
      [["trigger", ...publish, ...rest({ port: nobody })], new RegExp(`cannot connect to 127.0.0.1:${nobody}; does it listen there`)],
      [["subscribe", "c", ...target({ key: "no" })], /code 4001/],
      [["subscribe", "private-c", ...target({ secret: "no" })], /Invalid signature for channel private-c/],
      [["subscribe", "c", ...target({ port: nobody })], new RegExp(`cannot connect to 127.0.0.1:${nobody}; does it listen there`)],
      [["replay", recording("one.ndjson", [event(1)]), ...rest({ port: nobody })], /cannot connect/],
    ]) {
      const end = await runToEnd(args);
      assert.equal(end.code, 1, end.output);
      assert.match(end.output, text);
    }
  });

  test("bench says that nobody listens", async () => {
    const [nobody] = await freePorts(1);
    const end = await runToEnd(["bench", ...rest({ port: nobody }), "--connections", "2", "--seconds", "0"]);
    assert.equal(end.code, 1, end.output);
    assert.match(end.output, new RegExp(`cannot connect to 127.0.0.1:${nobody}; the connection was refused`));
  });

  test("subscribe refuses a negative count, and ends when every channel is refused", async () => {
    const negative = await runToEnd(["subscribe", "c", "--count", "-1", ...target()]);
    assert.equal(negative.code, 2, negative.output);
    const end = await runToEnd(["subscribe", "private-a", "private-b", ...target({ secret: "no" })]);
    assert.equal(end.code, 1, end.output);
  });

  test("a tool whose output cannot be written ends with 1", async () => {
    for (const args of [
      ["subscribe", "tools", ...target()],
      ["trigger", ...rest(), "--channel", "c", "--event", "e", "--data", "1"],
      ["bench", ...rest(), "--connections", "1", "--seconds", "0", "--idle", "0"],
      ["replay", recording("full.ndjson", [event(1)]), ...rest()],
      ["bench", "--help"],
    ]) {
      const full = openSync("/dev/full", "w");
      const child = running(args, full);
      closeSync(full);
      assert.equal(await within(child.ended, 8000, `the end of ${args[0]}`), 1, child.output);
      assert.match(child.output, /cannot write the output: No space left on device/);
    }
  });

  test("subscribe ends with Ctrl-C, and when nobody reads its output", async () => {
    const listener = running(["subscribe", ...target(), "tools"]);
    await until(() => listener.output.includes("subscription_succeeded"), 8000, "the subscription");
    listener.kill("SIGINT");
    assert.equal(await within(listener.ended, 5000, "the end after Ctrl-C"), 0);

    const unread = running(["subscribe", ...target(), "tools"]);
    await until(() => unread.output.includes("subscription_succeeded"), 8000, "the subscription");
    unread.stdout.destroy();
    await runToEnd(["trigger", ...rest(), "--channel", "tools", "--event", "e", "--data", "1"]);
    assert.equal(await within(unread.ended, 5000, "the end without a reader"), 0);
  });

  test("a replay ends at the first refusal, with the bad line, and with Ctrl-C", async () => {
    const many = recording("many.ndjson", Array.from({ length: 500 }, (_, i) => event(i / 10)));
    const wrong = await runToEnd(["replay", many, "--max", "--in-flight", "1", ...rest({ secret: "no" })]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.output, /published 0 of 500 events .* 1 requests/);
    assert.match(wrong.output, /given up; 490 events were not sent/);

    const bad = await runToEnd(["replay", recording("bad.ndjson", [event(1), "{oops"]), ...rest()]);
    assert.equal(bad.code, 2);
    assert.match(bad.output, /bad\.ndjson:2: not JSON/);

    const slow = running(["replay", many, ...rest()]);
    const listener = running(["subscribe", ...target(), "tools"]);
    await until(() => listener.output.includes("tools\te\tx"), 8000, "a replayed event");
    slow.kill("SIGINT");
    assert.equal(await within(slow.ended, 5000, "the end after Ctrl-C"), 1);
    assert.match(slow.output, /interrupted; 4\d\d events were not sent/);
    listener.kill("SIGINT");
    await listener.ended;
  });

  test("bash completes commands, their flags, keys and files", async () => {
    const script = `source <("$0" completion bash)
      complete_it() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _millrace; echo "\${COMPREPLY[*]}"; }
      complete_it "$0" repl; complete_it "$0" --set metrics.po; complete_it "$0" replay --sp
      complete_it "$0" bench --server; complete_it "$0" replay ${folder}/complete; complete_it "$0" --metrics-`;
    recording("complete.ndjson", [event(1)]);
    const shell = spawn("bash", ["-c", script, BINARY], { stdio: ["ignore", "pipe", "inherit"], env: { PATH: process.env.PATH } });
    let output = "";
    shell.stdout.on("data", (bytes) => { output += bytes; });
    await within(new Promise((resolve) => shell.once("close", resolve)), 10000, "the completions");
    assert.deepEqual(output.trim().split("\n"), ["replay", "metrics.port=", "--speed", "--server-pid",
      `${folder}/complete.ndjson`, "--metrics-port"]);
  });

  test("a replay says how far it came when the server goes away", async () => {
    const leaving = await Server.start();
    const many = recording("leaving.ndjson", Array.from({ length: 500 }, (_, i) => event(i / 10)));
    const listener = running(["subscribe", ...target(leaving), "tools"]);
    await until(() => listener.output.includes("subscription_succeeded"), 8000, "the subscription");
    const replay = running(["replay", many, ...rest(leaving)]);
    await until(() => listener.output.includes("tools\te\tx"), 8000, "a replayed event");
    await leaving.stop();
    assert.equal(await within(replay.ended, 10000, "the end of the replay"), 1);
    assert.match(replay.output, /published \d+ of 500 events/);
    assert.match(replay.output, /given up; 4\d\d events were not sent/);
    assert.equal(await within(listener.ended, 5000, "the end of the listener"), 1);
    assert.match(listener.output, /the connection ended with code 4200/);
  });
});
