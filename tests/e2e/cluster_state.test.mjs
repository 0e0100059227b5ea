// What three processes share in the store of a real broker: cached events, commands, keys.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { codesOf, connect, connected, dataOf, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { Nats } from "./support/nats.mjs";
import { Redis } from "./support/redis.mjs";
import { RedisCluster } from "./support/redis_cluster.mjs";
import { Server, sample, until } from "./support/server.mjs";

const brokers = {
  Redis: { start: () => Redis.start(), settings: (broker) => ({ redis: { url: broker.url } }) },
  "Redis Cluster": {
    start: () => RedisCluster.start(),
    settings: (broker) => ({ adapter: { driver: "redis-cluster", cluster: { nodes: broker.nodes } } }),
  },
  NATS: {
    start: () => Nats.start({ jetStream: true }),
    settings: (broker) => ({ adapter: { driver: "nats", nats: { servers: [`nats://${broker.address}`] } } }),
  },
};

for (const [broker, { start, settings }] of Object.entries(brokers)) {
  describe(`three nodes that share the store of one ${broker}`, () => {
    let running;
    let nodes = [];
    let serial = 0;
    const channelName = (text) => `${text}-${serial += 1}`;
    const startAll = async () => {
      nodes = await Promise.all([1, 2, 3].map((number) =>
        Server.start({ node: { name: `n${number}` }, ...settings(running) })));
      for (const node of nodes) {
        await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 20_000, "three nodes");
      }
    };
    const stopAll = () => Promise.all(nodes.map((node) => node?.stop()));
    const written = (count) => until(async () => {
      let sum = 0;
      for (const node of nodes) sum += await sample(node, 'millrace_cache_writes_total{result="written"}');
      return sum >= count;
    }, 5000, "the cached event in the store");
    const cachedOf = async (node, name) => {
      const channel = await joined(await connected(connect(node)), name);
      return (await received(channel, "tick"))[0];
    };

    before(async () => {
      running = await start();
      await startAll();
    });
    after(async () => {
      disconnectAll();
      await stopAll();
      await running?.stop();
    });

    test(`over ${broker} a user is terminated on all nodes`, async () => {
      const name = channelName("presence-room");
      const clients = [];
      for (const node of nodes) {
        const client = await connected(connect(node, undefined, { user: { id: "ann" } }));
        await joined(client, name);
        clients.push(client);
      }
      const other = await connected(connect(nodes[1], undefined, { user: { id: "bea" } }));
      await joined(other, name);
      await sdk(nodes[0]).terminateUserConnections("ann");
      for (const client of clients) {
        await until(() => codesOf(client).includes(4009), 3000, "the end of a connection");
      }
      assert.equal(other.connection.state, "connected");
    });

    test(`over ${broker} one key at three nodes at once is published once and answered alike`, async () => {
      const name = channelName("once");
      const channel = await joined(await connected(connect(nodes[2])), name);
      const order = (node, key) => sdk(node).post({
        path: "/events",
        body: { name: "tick", channel: name, data: JSON.stringify(key), info: "subscription_count", idempotency_key: key },
      }).then(async (response) => ({ status: response.status, body: await response.text() }));
      for (let i = 0; i < 30; i += 1) {
        const answers = await Promise.all(nodes.map((node) => order(node, `key-${i}`)));
        for (const answer of answers) assert.deepEqual(answer, answers[0]);
        assert.equal(answers[0].status, 200);
      }
      await sdk(nodes[0]).trigger(name, "end", {});
      await received(channel, "end");
      assert.deepEqual([...dataOf(channel, "tick")].sort(), [...Array(30).keys()].map((i) => `key-${i}`).sort());
    });

    test(`over ${broker} a cached event is there on nodes that did not hear it, and after a restart of all`, async () => {
      const name = channelName("cache-prices");
      const before = await sample(nodes[0], 'millrace_cache_writes_total{result="written"}');
      await sdk(nodes[0]).trigger(name, "tick", { price: 1 });
      await sdk(nodes[1]).trigger(name, "tick", { price: 2 });
      await written(before + 2);
      for (const node of nodes) assert.deepEqual(await cachedOf(node, name), { price: 2 });
      const asked = await sdk(nodes[2]).get({ path: `/channels/${name}`, params: { info: "cache" } });
      assert.match((await asked.json()).cache.data, /"price":2/);
      disconnectAll();
      await stopAll();
      await startAll();
      assert.deepEqual(await cachedOf(nodes[2], name), { price: 2 });
    });
  });
}
