// `millrace bench` counts right: what it says is what was delivered.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Redis } from "./support/redis.mjs";
import { APPS, BINARY, Server, runToEnd, sample, until, within } from "./support/server.mjs";

describe("the load generator", () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(() => server?.stop());

  const args = (...more) => ["bench", "--port", String(server.port), "--app-id", APPS.main.id,
    ...(more.includes("--key") ? [] : ["--key", APPS.main.key]), "--warm-up", "0", ...(more.includes("--secret") ? [] : ["--secret", APPS.main.secret]), ...more];

  async function report(...more) {
    const { code, output } = await runToEnd(args("--json", ...more), { ms: 30_000 });
    assert.equal(code, 0, output);
    const figures = JSON.parse(output.match(/^\{.*\}$/m)[0]);
    assert.equal(figures.lost, 0);
    assert.equal(figures.duplicates, 0);
    assert.equal(figures.delivered, figures.expected);
    const { p50, p99, p999, max } = figures.latency_us;
    assert.ok(p50 > 0 && p50 <= p99 && p99 <= p999 && p999 <= max, JSON.stringify(figures.latency_us));
    return figures;
  }

  test("closed loop: so many publishes, each to all, with the server's CPU and memory", async () => {
    const figures = await report("-c", "50", "--publishes", "40", "--in-flight", "4", "--server-pid", String(server.pid));
    assert.equal(figures.publishes, 40);
    assert.equal(figures.delivered, 40 * 50);
    assert.ok(figures.server_cpu_us_per_delivery > 0);
    assert.ok(figures.server_rss_start > 0);
  });

  test("open loop: the rate is kept", async () => {
    const figures = await report("-c", "10", "--rate", "200", "--seconds", "1");
    assert.ok(figures.publishes >= 150 && figures.publishes <= 210, `${figures.publishes} publishes in a second`);
  });

  test("--poll: it never sleeps under load; without it, it does", async () => {
    async function sleeps(...more) {
      const child = spawn(BINARY, args("-c", "5", "--rate", "200", "--seconds", "60", ...more), { stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { output += bytes; });
      const ended = new Promise((resolve) => child.once("close", resolve));
      const switches = () => Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]);
      await until(() => /measuring/.test(output), 10_000, "the measurement");
      const before = switches();
      await until(() => /measuring {3}[2-9] s/.test(output), 10_000, "two seconds of it");
      const count = switches() - before;
      child.kill("SIGINT");
      await within(ended, 5000, "its end");
      return count;
    }
    const polling = await sleeps("--poll"), sleeping = await sleeps();
    assert.ok(polling < sleeping / 4, `${polling} sleeps with --poll, ${sleeping} without`);
    const { code, output } = await runToEnd(args("-c", "4", "--poll", "--processes", "2"), { ms: 5000 });
    assert.equal(code, 2);
    assert.match(output, /--poll is for one process, and these would be 2/);
  });

  test("several processes, channels of their own, signed", async () => {
    const figures = await report("-c", "60", "--processes", "3", "--own-channels", "--private", "--publishes", "60");
    assert.equal(figures.channels, 60);
    assert.equal(figures.delivered, 60);
  });

  test("several nodes: the subscribers of a channel are on all, and what crosses is told apart", async () => {
    const redis = await Redis.start();
    const nodes = await Promise.all([1, 2, 3].map((number) => Server.start({ node: { name: `n${number}` }, ...redis.settings() })));
    try {
      for (const node of nodes) await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "three nodes");
      const figures = await report("--ports", nodes.map((node) => node.port).join(), "--server-pid",
        nodes.map((node) => node.pid).join(), "-c", "30", "--channels", "5", "--publishes", "100");
      assert.equal(figures.delivered, 100 * 6);
      assert.deepEqual([figures.local_latency_us.count, figures.remote_latency_us.count], [200, 400]);
      for (const node of nodes) assert.ok(await sample(node, "millrace_bus_published_total") >= 20);
    } finally {
      for (const node of nodes) await node.stop();
      await redis.stop();
    }
  });

  test("a text for people, and lines of progress meanwhile", async () => {
    const { code, output } = await runToEnd(args("-c", "5", "--seconds", "1.5"), { ms: 30_000 });
    assert.equal(code, 0, output);
    for (const line of [/^measuring {3}\d+ s {2}[\d,]+ delivered\/s/m, /^delivered\/s {7}[\d,]+$/m, /^latency ms .*p50 .*p99\.9 .*max/m, /^lost {14}0 of/m]) {
      assert.match(output, line);
    }
  });

  test("a wrong secret: every publish is refused, and it says so", async () => {
    const { code, output } = await runToEnd(args("-c", "2", "--secret", "wrong-secret"), { ms: 5000 });
    assert.equal(code, 1);
    assert.match(output, /first publish error: the server answered 401/);
  });

  test("a wrong key: the reason and no table of zeros", async () => {
    const { code, output } = await runToEnd(args("-c", "2", "--key", "no-such-key"), { ms: 5000 });
    assert.equal(code, 1);
    assert.match(output, /2 of 2 connections failed, the first: .*4001/);
    assert.doesNotMatch(output, /^delivered\/s/m);
  });

  test("an interrupt ends it with the report so far", async () => {
    const child = spawn(BINARY, args("-c", "5", "--seconds", "60"), { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { output += bytes; });
    const ended = new Promise((resolve) => child.once("close", resolve));
    await until(() => /measuring/.test(output), 10_000, "the measurement");
    child.kill("SIGINT");
    await within(ended, 5000, "its end");
    assert.match(output, /^delivered\/s/m);
  });
});
