// Starts that must be refused, and those that must not; what SIGHUP does.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { APPS, BINARY, Server, freePorts, get, runToEnd, until, within } from "./support/server.mjs";

const ROUNDS = 6;

function has(command) {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const hasIpv6 = await new Promise((resolve) => {
  const probe = net.createServer();
  probe.once("error", () => resolve(false));
  probe.listen(0, "::1", () => probe.close(() => resolve(true)));
});

describe("the start of a node", () => {
  let folder;
  before(() => { folder = mkdtempSync(path.join(os.tmpdir(), "millrace-start-")); });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const children = new Set();
  after(() => children.forEach((child) => child.kill("SIGKILL")));

  /** A node that runs on: `output` grows, `ended` is its exit. */
  function running(args, command = BINARY) {
    const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH } });
    children.add(child);
    child.output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { child.output += bytes; });
    child.ended = new Promise((resolve) => child.once("close", (code, signal) => { child.gone = { code, signal }; resolve(child.gone); }));
    return child;
  }

  async function config(name, more = {}) {
    const [port, metrics] = await freePorts(2);
    const file = path.join(folder, `${name}.json`);
    const settings = { host: "127.0.0.1", port, metrics: { host: "127.0.0.1", port: metrics }, loops: 1, shutdown_grace_period: 0, apps: [APPS.plain], ...more };
    writeFileSync(file, JSON.stringify(settings));
    return { file, port, metrics };
  }

  const isReady = async (port, host = "127.0.0.1") =>
    (await get(`http://${host}:${port}/health/ready`).catch(() => ({ status: 0 }))).status === 200;

  test("of two that start at once one has the port, the other names it and its owner", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { file, port } = await config(`twins-${round}`);
      const twins = [running(["--config", file]), running(["--config", file])];
      await until(() => twins.some((twin) => twin.gone), 10000, "the end of one");
      const [loser, winner] = twins[0].gone ? twins : [twins[1], twins[0]];
      assert.equal(loser.gone.code, 1, loser.output);
      assert.match(loser.output, new RegExp(`port ${port} is in use by \\S+ \\(pid ${winner.pid}\\)`), loser.output);
      await until(() => isReady(port), 10000, `readiness of the winner\n${winner.output}`);
      winner.kill("SIGTERM");
      assert.equal((await within(winner.ended, 8000, "the end")).code, 0, winner.output);
    }
  });

  test("too few descriptors are an error with the limit, not an abort", async () => {
    const { file } = await config("few");
    const child = running(["-c", `ulimit -n 10; exec "$0" --config "$1"`, BINARY, file], "bash");
    const end = await within(child.ended, 8000, "the end");
    assert.deepEqual(end, { code: 1, signal: null }, child.output);
    assert.match(child.output, /error: the limit of open files is 10, .*ulimit -n/);
  });

  test("check and start judge alike: host names, brackets, localhost, the folder of the log", async () => {
    const same = async (name, more, text) => {
      const { file } = await config(name, more);
      for (const args of [["check", file], ["--config", file]]) {
        const end = await runToEnd(args);
        assert.equal(end.code, 2, end.output);
        assert.equal(end.output.match(text)?.length, 1, end.output);
      }
    };
    await same("name", { host: "example.com" }, /is not a numeric address/g);
    await same("log", { log: { file: path.join(folder, "missing", "a.log") } }, /log\.file/g);
    const { file, port } = await config("local", { host: "localhost" });
    assert.equal((await runToEnd(["check", file])).code, 0);
    const child = running(["--config", file]);
    await until(() => isReady(port), 10000, `readiness\n${child.output}`);
    child.kill("SIGTERM");
    assert.equal((await within(child.ended, 8000, "the end")).code, 0);
  });

  test("the banner of a node on IPv6 works as it stands", { skip: !hasIpv6 || !has("curl") || !has("openssl") }, async () => {
    const [port, metrics] = await freePorts(2);
    const child = running(["--host", "[::1]", "--port", String(port), "--metrics-port", String(metrics)]);
    await until(() => child.output.includes("auth_signature"), 10000, `the banner\n${child.output}`);
    assert.match(child.output, new RegExp(`http://\\[::1\\]:${port}/demo`));
    const lines = child.output.match(/^ *B='[\s\S]*?auth_signature=\$S"$/m)[0];
    assert.equal(execFileSync("bash", ["-c", lines], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim(), "{}");
    child.kill("SIGTERM");
    await within(child.ended, 8000, "the end");
  });

  test("SIGHUP ends only a development node", async () => {
    const server = await Server.start();
    server.signal("SIGHUP");
    await until(() => server.output.includes("configuration reloaded"), 5000, "the line");
    assert.equal(await server.status("/health/ready"), 200);
    await server.stop();
    const [port, metrics] = await freePorts(2);
    const child = running(["--port", String(port), "--metrics-port", String(metrics)]);
    await until(() => isReady(port), 10000, "readiness");
    child.kill("SIGHUP");
    assert.deepEqual(await within(child.ended, 8000, "the end with its terminal"), { code: 0, signal: null });
  });

  test("--help is understood behind commands and flags", async () => {
    for (const args of [["start", "--help"], ["check", "--help"], ["config", "show", "--help"], ["--port", "6500", "--help"]]) {
      const end = await runToEnd(args);
      assert.equal(end.code, 0, end.output);
      assert.match(end.output, /--metrics-port/);
    }
  });
});
