// Full messages counted by all nodes together, over each broker: exactly one in N, the same ones
// on every node, with four publishers at a time; local counts while the broker is away.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { INTERVAL, enabled, event, fallbacksOf, listen, publish, publishFromAll, share, startNodes } from "./support/coordination.mjs";
import { BROKERS } from "./support/rig.mjs";
import { Server, freePorts, get, runToEnd, sample, until } from "./support/server.mjs";

const ports = async () => {
  const [port, metricsPort] = await freePorts(2);
  return { port, metrics: { enabled: true, host: "127.0.0.1", port: metricsPort } };
};

for (const [kind, start] of Object.entries(BROKERS)) {
  const title = kind === "redis" ? "Redis" : "NATS";
  describe(`four nodes that count together over ${kind}`, () => {
    let broker;
    let nodes = [];
    before(async () => {
      broker = await start();
      // Of a machine that does other things too: a late answer is a fallback, which is not meant here.
      nodes = await startNodes(broker, 4, { timeout: 2000 });
    });
    after(async () => {
      for (const node of nodes) await node?.stop();
      await broker?.stop();
    });

    test(`exactly one in N is full, the same on all nodes, over ${kind}`, async () => {
      const found = await share(nodes, "hot-exact", { each: 100, batch: 5, lanes: 2 });
      assert.deepEqual(found.statuses, [200]);
      assert.equal(found.fallbacks, 0);
      assert.equal(found.decisions, found.total);
      assert.ok(found.isWhole, JSON.stringify(found));
      assert.equal(found.fulls, found.total / INTERVAL);
      assert.equal(found.differing, 0, "messages that were full at some nodes only");
    });

    test(`each decision is a log line, and the counter a readable key, over ${kind}`, async () => {
      await publish(nodes[1], [event("hot-log", "m1", "A:B")]);
      const line = kind === "redis" ? "Cluster coordination: Delta message (count=1/10)" : "Cluster coordination (NATS): Delta message (count=1/10)";
      await until(() => nodes[1].output.includes(line), 5000, line);
      if (kind !== "redis") return;
      assert.match(await broker.ask("GET millrace:delta_count:main:hot-log:A%3AB"), /\r\n1\/10 n2\r\n/);
      const life = Number((await broker.ask("TTL millrace:delta_count:main:hot-log:A%3AB")).match(/^:(\d+)/)[1]);
      assert.ok(life > 290 && life <= 300, `lives ${life} s`);
    });

    test(`millrace cluster counters lists the counters, reads one, resets one, over ${kind}`, async () => {
      const ask = (args) => runToEnd(["cluster", "counters", "--metrics-port", String(nodes[2].metricsPort), ...args]);
      const told = async (...args) => {
        const { code, output } = await ask([...args, "--json"]);
        assert.equal(code, 0, output);
        return JSON.parse(output);
      };
      for (const symbol of ["A:B", "C", "C", "D"]) await publish(nodes[0], [event("hot-listed", "m1", symbol)]);
      const page = await told("--app-id", "main", "--channel", "hot-listed");
      assert.deepEqual(page.counters.map(({ key, count, interval, node }) => [key, count, interval, node]).sort(),
        [["A:B", 1, 10, "n1"], ["C", 2, 10, "n1"], ["D", 1, 10, "n1"]]);
      for (const counter of page.counters) {
        assert.match(counter.store_life, /^(?!0{16})[0-9a-f]{16}$/);
        assert.ok(counter.ends_in_ms > 290_000 && counter.ends_in_ms <= 300_000, `ends in ${counter.ends_in_ms} ms`);
      }
      assert.deepEqual([page.next, page.unnamed], ["", 0]);
      const one = ["--app-id", "main", "--channel", "hot-listed", "--conflation-key", "C"];
      assert.deepEqual((await told(...one)).counters.map((counter) => counter.count), [2]);
      assert.match((await ask(one)).output, /^APP +CHANNEL +KEY +COUNT +LAST BY.*\nmain +hot-listed +C +2\/10 +n1 /);

      assert.match((await ask([...one, "--reset"])).output, /^the counter begins anew\n$/);
      assert.deepEqual((await told(...one)).counters, []);
      assert.equal((await ask(one)).output, "no counters\n");
      await publish(nodes[3], [event("hot-listed", "m2", "C")]);
      assert.deepEqual((await told(...one)).counters.map(({ count, node }) => [count, node]), [[1, "n4"]]);

      const all = new Set();
      let cursor = [];
      for (let pages = 0; pages < 20; pages += 1) {
        const { counters, next } = await told("--limit", "1", ...cursor);
        for (const counter of counters) if (counter.channel === "hot-listed") all.add(counter.key);
        if (next === "") break;
        cursor = ["--cursor", next];
      }
      assert.deepEqual([...all].sort(), ["A:B", "C", "D"]);

      for (const [args, words] of [
        [["--cursor", "x"], /the cursor "x" leads nowhere/],
        [["--app-id", "main", "--channel", "hot-listed", "--conflation-key", 'C"'], /one counter is named by app, channel and key/],
      ]) {
        const wrong = await ask(args);
        assert.equal(wrong.code, 1);
        assert.match(wrong.output, words);
      }
      assert.equal((await ask(["--reset"])).code, 2, "of which one?");
      const path = `${nodes[2].metricsUrl}/admin/cluster/counters`;
      for (const method of ["GET", "POST"]) {
        assert.equal((await get(path, { method, headers: { "X-Forwarded-For": "1.2.3.4" } })).status, 403);
      }
      assert.equal((await get(`${path}?limit=1001`)).status, 409);
    });

    test(`while ${kind} is away messages are counted locally, at once, and soon after its return together again`, async () => {
      const marks = nodes.map((node) => node.output.length);
      await broker.kill();
      const asked = await runToEnd(["cluster", "counters", "--metrics-port", String(nodes[0].metricsPort)]);
      assert.equal(asked.code, 1, asked.output);
      assert.match(asked.output, /409: .*(Redis|NATS)/);
      await until(() => nodes[0].output.indexOf(`Failed to setup ${title} cluster coordination, falling back to node-local`, marks[0]) > 0, 8000, "the warning");
      const client = await listen(nodes[0], "hot-away");
      const before = await fallbacksOf(nodes);
      const begin = performance.now();
      for (let i = 1; i <= 25; i += 1) assert.equal(await publish(nodes[0], [event("hot-away", `m${i}`)]), 200);
      const each = (performance.now() - begin) / 25;
      assert.ok(each < 100, `${each} ms a message`);
      await until(() => client.kinds().size === 25, 5000, "25 messages");
      const fulls = [...client.kinds()].filter(([, isFull]) => isFull).map(([name]) => name);
      assert.ok(fulls.length >= 3 && fulls.length <= 4, `full: ${fulls}`);
      assert.equal(await fallbacksOf(nodes) - before, 25);
      client.close();
      const lines = nodes[0].output.slice(marks[0]).split("\n").filter((line) => line.includes("falling back to node-local"));
      assert.equal(lines.length, 1, "one warning");

      const returning = nodes.map((node) => node.output.length);
      await broker.run();
      const back = performance.now();
      // Real messages probe.
      let isOver = false;
      const probes = (async () => {
        for (let i = 1; !isOver; i += 1) await publishFromAll(nodes, "hot-back", { each: 1, prefix: `m${i}-` });
      })();
      await Promise.all(nodes.map((node, i) => enabled(node, returning[i], 4000)));
      isOver = true;
      await probes;
      assert.ok(performance.now() - back <= 2000 + 1000, `back after ${performance.now() - back} ms`);
    });
  });
}

test("coordination_timeout_ms is how long a message waits for the common count", async () => {
  const broker = await BROKERS.redis();
  const [node] = await startNodes(broker, 1, { timeout: 300 });
  assert.equal(await publish(node, [event("hot-wait", "m1")]), 200);
  broker.signal("SIGSTOP");
  const begin = performance.now();
  assert.equal(await publish(node, [event("hot-wait", "m2")]), 200);
  const waited = performance.now() - begin;
  broker.signal("SIGCONT");
  assert.ok(waited >= 290, `${waited} ms`);
  assert.equal(await sample(node, 'millrace_delta_cluster_coordination_fallbacks_total'), 1);
  await node.stop();
  await broker.stop();
});

test("nodes with another interval are named", async () => {
  const broker = await BROKERS.redis();
  const nodes = await startNodes(broker, 1);
  nodes.push(await Server.start({ ...nodes[0].settings, ...(await ports()), node: { name: "odd" },
    delta_compression: { cluster_coordination: true, full_message_interval: 7 } }));
  await enabled(nodes[1]);
  for (let i = 0; i < 4; i += 1) {
    for (const node of nodes) await publish(node, [event("hot-odd", `m${i}`)]);
  }
  const named = (node) => node.output.split("\n").filter((line) => line.includes("another node has another full_message_interval"));
  await until(() => named(nodes[0]).length > 0 && named(nodes[1]).length > 0, 3000, "the warnings");
  assert.equal(named(nodes[0]).length, 1);
  assert.match(named(nodes[0])[0], /"other_node":"odd".*"its_interval":7.*"interval":10/);
  for (const node of nodes) await node.stop();
  await broker.stop();
});

describe("coordination that cannot work is refused", () => {
  const check = (settings) => {
    const env = { MILLRACE__APPS: JSON.stringify([{ id: "a", key: "k", secret: "s" }]), ...settings };
    return runToEnd(["check"], { env });
  };

  test("with the driver local, and without any conflation key; channels without one are listed", async () => {
    const on = { MILLRACE__DELTA_COMPRESSION__CLUSTER_COORDINATION: "true" };
    const keyed = { MILLRACE__CHANNEL_DELTA_COMPRESSION: JSON.stringify({ "hot*": { conflation_key: "symbol" }, "cold*": { enabled: true } }) };
    const local = await check({ ...on, ...keyed });
    assert.notEqual(local.code, 0);
    assert.match(local.output, /"delta_compression.cluster_coordination" needs a store that all nodes share, and "adapter.driver" is local/);
    const unkeyed = await check({ ...on, ADAPTER_DRIVER: "redis" });
    assert.notEqual(unkeyed.code, 0);
    assert.match(unkeyed.output, /no channel has one; set "conflation_key"/);
    const good = await check({ ...on, ...keyed, ADAPTER_DRIVER: "redis" });
    assert.equal(good.code, 0, JSON.stringify(good));
    assert.match(good.output, /channel_delta_compression\["cold\*"\] has no conflation_key/);
  });
});
