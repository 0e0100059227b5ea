// What operators see of a cluster: `millrace cluster ...`, `millrace bus tail`, health and logs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll, joined, sdk } from "./support/clients.mjs";
import { Redis } from "./support/redis.mjs";
import { BINARY, Server, get, runToEnd, sample, until } from "./support/server.mjs";

describe("operators of three nodes over one Redis", () => {
  let redis;
  let nodes = [];
  const settings = (number) => ({
    node: { name: `n${number}`, region: "eu", address: `10.0.0.${number}` },
    max_connections: 5000, redis: { url: redis.url }, shutdown_grace_period: 0.5,
  });
  const ask = (node, ...args) => runToEnd([...args, "--metrics-port", String(node.metricsPort)], { ms: 20000 });
  const told = async (node, ...args) => {
    const { code, output } = await ask(node, ...args, "--json");
    assert.equal(code, 0, output);
    return JSON.parse(output);
  };

  before(async () => {
    redis = await Redis.start();
    nodes = await Promise.all([1, 2, 3].map((number) => Server.start(settings(number))));
    for (const node of nodes) {
      await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "three nodes");
    }
  });
  after(async () => {
    disconnectAll();
    for (const node of nodes) await node?.stop();
    await redis?.stop();
  });

  test("cluster nodes: who is there, where, how busy", async () => {
    for (let i = 0; i < 3; i += 1) await connected(connect(nodes[1]));
    const lines = await until(async () => {
      const answer = await told(nodes[0], "cluster", "nodes");
      const second = answer.nodes.find((line) => line.name === "n2");
      return second?.load.connections === 3 && second.load.resident_bytes > 0 && answer.nodes;
    }, 5000, "what the second node measured");
    assert.deepEqual(lines.map((line) => line.name).sort(), ["n1", "n2", "n3"]);
    const second = lines.find((line) => line.name === "n2");
    assert.deepEqual(
      [second.status, second.address, second.port, second.region, second.capacity, second.is_self],
      ["healthy", "10.0.0.2", nodes[1].port, "eu", 5000, false]);
    assert.match(second.version, /^\d+\.\d+/);
    assert.match(second.boot, /^[0-9a-f]{16}$/);
    assert.equal(second.heard_ms_ago < 3000, true, `${second.heard_ms_ago} ms`);
    assert.equal(lines.find((line) => line.name === "n1").is_self, true);
    const { output } = await ask(nodes[0], "cluster", "nodes");
    assert.match(output, /^NAME +STATUS +ADDRESS/);
    assert.match(output, /^n1 \* +healthy +10\.0\.0\.1:\d+ +eu /m);
  });

  test("cluster nodes: messages and bytes a second are measured", async () => {
    const client = await connected(connect(nodes[1]));
    await joined(client, "measured");
    const backend = sdk(nodes[1]);
    await until(async () => {
      await backend.trigger("measured", "tick", "x".repeat(1000));
      const answer = await told(nodes[2], "cluster", "nodes");
      const { load } = answer.nodes.find((line) => line.name === "n2");
      return load.messages_per_second > 0 && load.bytes_per_second > 500;
    }, 8000, "rates of the second node at the third");
  });

  test("cluster status and bus", async () => {
    const status = await told(nodes[0], "cluster", "status");
    assert.deepEqual([status.node, status.driver, status.problem, status.nodes], ["n1", "redis", "", { healthy: 3 }]);
    const bus = await told(nodes[0], "cluster", "bus");
    assert.equal(bus.loops.length, 2);
    assert.deepEqual(bus.loops.map((loop) => [loop.is_up, loop.is_deaf]), [[true, false], [true, false]]);
    assert.match((await ask(nodes[0], "cluster", "status")).output, /^state +the cluster is whole$/m);
    assert.match((await ask(nodes[0], "cluster", "bus")).output, /^0 +up /m);
  });

  test("cluster probe: a message through each sampled bus partition comes back", async () => {
    const answer = await told(nodes[0], "cluster", "probe", "--partitions", "5");
    assert.deepEqual(answer.results.map((result) => result.subject), ["control", "0", "204", "409", "614", "819"]);
    assert.equal(answer.answered, 6);
    assert.equal(answer.round_trip_us.min > 0 && answer.round_trip_us.max < 1e6, true);
    const { code, output } = await ask(nodes[0], "cluster", "probe");
    assert.equal(code, 0, output);
    assert.match(output, /^17 of 17 came back: min [\d.]+ ms/m);
    const wrong = await ask(nodes[0], "cluster", "probe", "--partitions", "x");
    assert.equal(wrong.code, 1);
    assert.match(wrong.output, /partitions must be a number from 1, or "all"/);
  });

  test("/health and /ready say which node it is, how long it runs, and how its broker is", async () => {
    for (const path of ["/health", "/ready"]) {
      const body = JSON.parse((await get(nodes[0].url + path)).body);
      assert.deepEqual([body.status, body.node_id, body.checks], ["ready", "n1", { redis: "ok", cluster_mode: true }]);
      assert.equal(Number.isInteger(body.uptime_seconds), true);
    }
    for (const name of ["reconnects", "publish_errors", "queue_full", "overruns"]) {
      assert.match((await get(`${nodes[0].metricsUrl}/metrics`)).body, new RegExp(`^millrace_broker_${name}_total 0$`, "m"));
    }
  });

  const tail = (node, args) => {
    const child = spawn(BINARY, ["bus", "tail", "--metrics-port", String(node.metricsPort), ...args]);
    const shown = { child, output: "" };
    child.stdout.on("data", (bytes) => { shown.output += bytes; });
    shown.ended = new Promise((resolve) => child.once("close", resolve));
    shown.lines = () => shown.output.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    return shown;
  };

  test("bus tail: decoded envelopes, filtered, payloads only when asked for", async () => {
    await joined(await connected(connect(nodes[0])), "tailed-1");
    const backend = sdk(nodes[1]);
    const plain = tail(nodes[0], ["--channel", "tailed-*", "--app-id", "main", "--count", "2"]);
    const whole = tail(nodes[1], ["--channel", "tailed-1", "--payloads", "--count", "1"]);
    try {
      await until(async () => {
        await backend.trigger("tailed-1", "tick", { price: 42 });
        await backend.trigger("other", "tick", 1);
        return plain.lines().length === 2 && whole.lines().length === 1;
      }, 10000, "two lines at one node and one at the other");
      assert.equal(await plain.ended, 0);
      assert.equal(await whole.ended, 0);
      for (const line of plain.lines()) {
        assert.deepEqual([line.kind, line.app, line.channel, line.event, line.direction], ["data", "main", "tailed-1", "tick", "in"]);
        assert.equal("data" in line, false);
        assert.equal(line.data_bytes > 0 && line.sequence > 0, true);
      }
      const [sent] = whole.lines();
      assert.deepEqual([sent.direction, JSON.parse(JSON.parse(sent.data))], ["out", { price: 42 }]);
    } finally {
      plain.child.kill();
      whole.child.kill();
    }
  });

  test("bus tail: by kind", async () => {
    const beats = tail(nodes[2], ["--kind", "beat", "--count", "3"]);
    assert.equal(await beats.ended, 0);
    assert.deepEqual([...new Set(beats.lines().map((line) => line.kind))], ["beat"]);
    assert.deepEqual([...new Set(beats.lines().map((line) => line.subject))], ["control"]);
  });

  test("a node alone, one that is not there, a strange topic: a sentence and exit code 1", async () => {
    const alone = await Server.start({ node: { name: "alone" } });
    try {
      const refused = await ask(alone, "cluster", "nodes");
      assert.equal(refused.code, 1);
      assert.match(refused.output, /409: this node is alone: no broker is configured; set redis\.url or adapter\.driver/);
      assert.equal((await get(`${nodes[0].metricsUrl}/admin/cluster/nonsense`)).status, 404);
      assert.equal((await get(`${nodes[0].metricsUrl}/admin/cluster/nodes`, { headers: { "X-Forwarded-For": "1.2.3.4" } })).status, 403);
      assert.equal((await get(`${nodes[0].url}/admin/cluster/nodes`)).status, 404, "not on the public port");
    } finally {
      await alone.stop();
    }
    const gone = await ask({ metricsPort: alone.metricsPort }, "cluster", "status");
    assert.equal(gone.code, 1);
    assert.match(gone.output, /--metrics-port/);
    assert.equal((await runToEnd(["cluster", "nonsense"])).code, 2);
  });

  test("while the broker is away: what is wrong, and the last that is known", async () => {
    redis.signal("SIGSTOP");
    try {
      const status = await until(async () => {
        const now = await told(nodes[0], "cluster", "status");
        return /the broker does not answer/.test(now.problem) && now;
      }, 8000, "the problem in the status");
      assert.notEqual(status.reason, "");
      const own = (await told(nodes[0], "cluster", "nodes")).nodes.find((line) => line.is_self);
      assert.equal(own.status, "degraded");
      const ready = await get(`${nodes[0].url}/ready`);
      assert.equal(ready.status, 200);
      assert.deepEqual(JSON.parse(ready.body).checks, { redis: "away", cluster_mode: true });
      const probe = await ask(nodes[0], "cluster", "probe");
      assert.equal(probe.code, 1);
    } finally {
      redis.signal("SIGCONT");
    }
    await until(async () => (await told(nodes[0], "cluster", "status")).problem === "", 8000, "whole again");
    assert.equal(await sample(nodes[0], "millrace_broker_reconnects_total") > 0, true);
  });
});
