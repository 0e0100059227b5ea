// Three processes and one Redis Cluster: what enters at one node reaches the clients of all.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { diesAndComesBack, hangs } from "./support/outages.mjs";
import { RedisCluster } from "./support/redis_cluster.mjs";
import { Server, freePorts, sample, until } from "./support/server.mjs";

const nodesOf = (node, count, limit = 8000) =>
  until(async () => await sample(node, "millrace_cluster_nodes") === count, limit, `${count} nodes`);

describe("three nodes over one Redis Cluster", () => {
  let redis;
  let nodes = [];
  const settings = (number) => ({
    node: { name: `n${number}` },
    adapter: { driver: "redis-cluster", cluster: { nodes: redis.nodes.slice(0, 2) } },
  });
  const on = (node) => connected(connect(node));

  before(async () => {
    redis = await RedisCluster.start();
    nodes = await Promise.all([1, 2, 3].map((number) => Server.start(settings(number))));
    for (const node of nodes) await nodesOf(node, 3);
  });
  after(async () => {
    disconnectAll();
    for (const node of nodes) await node?.stop();
    await redis?.stop();
  });

  test("over a Redis Cluster publishes that enter anywhere come to clients everywhere, once, each node's in order", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `prices-${i}`);
    const backends = nodes.map((node) => sdk(node));
    const clients = await Promise.all(nodes.map((node) => on(node)));
    const channels = await Promise.all(clients.flatMap((client) => names.map((name) => joined(client, name))));
    for (let i = 0; i < 20; i += 1) {
      await Promise.all(backends.map((backend, node) => backend.trigger(names, "tick", { node, i })));
    }
    for (const channel of channels) {
      const ticks = await received(channel, "tick", 60, 10_000);
      assert.equal(ticks.length, 60);
      for (const node of [0, 1, 2]) {
        assert.deepEqual(ticks.filter((tick) => tick.node === node).map((tick) => tick.i), [...Array(20).keys()]);
      }
    }
  });

  test("the primary of a shard dies: its channels come back with its replica, the others go on", async () => {
    const client = await on(nodes[0]);
    const names = Array.from({ length: 12 }, (_, i) => `shards-${i}`);
    const channels = await Promise.all(names.map((name) => joined(client, name)));
    await redis.members[0].kill();
    const backend = sdk(nodes[1]);
    let round = 0;
    // Each channel hears of a round that began after the loss.
    await until(async () => {
      round += 1;
      await backend.trigger(names, `round-${round}`, {});
      const heard = await Promise.all(channels.map((channel) => received(channel, `round-${round}`, 1, 1500).catch(() => [])));
      return heard.every((events) => events.length === 1);
    }, 20_000, "all channels hear again");
    for (const node of nodes) {
      await until(async () => await node.status("/ready?strict=1") === 200, 5000, "readiness");
    }
    await redis.members[0].run();
    await redis.isWhole();
  });

  test("a Redis Cluster that dies and comes back is found again", () =>
    diesAndComesBack({ broker: redis, nodes, name: "outage", back: 8000 }));

  test("a Redis Cluster that hangs is noticed too, and publishers do not wait for it", () =>
    hangs({ broker: redis, nodes, name: "hang" }));

  test("the environment alone makes a node of a Redis Cluster", async () => {
    const [port] = await freePorts(1);
    const env = { ADAPTER_DRIVER: "redis-cluster", REDIS_CLUSTER_NODES: redis.nodes.join(), NODE_NAME: "by-environment" };
    const extra = await Server.start({ port }, { env });
    await nodesOf(nodes[0], 4);
    await extra.stop();
    await nodesOf(nodes[0], 3, 1500);
  });
});
