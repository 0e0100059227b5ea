// Three processes and one Redis: channels in the broker's order, and nodes that refuse without it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, connected, dataOf, disconnectAll, joined, received, sdk, watched } from "./support/clients.mjs";
import { Redis } from "./support/redis.mjs";
import { Server, get, sample, until } from "./support/server.mjs";

describe("the broker's order over one Redis", () => {
  let redis;
  let nodes = [];

  before(async () => {
    redis = await Redis.start();
    nodes = await Promise.all([1, 2, 3].map((number) => Server.start({
      node: { name: `n${number}` }, redis: { url: redis.url }, ordering: { broker: ["ordered-*"] },
      cluster: { on_broker_loss: number === 3 ? "refuse" : "local" },
    })));
    for (const node of nodes) {
      await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "three nodes");
    }
  });
  after(async () => {
    disconnectAll();
    for (const node of nodes) await node?.stop();
    await redis?.stop();
  });

  const publish = (node, channel, data, info) =>
    sdk(node).post({ path: "/events", body: { name: "e", channel, data: JSON.stringify(data), info } })
      .then(async (response) => ({ status: response.status, body: await response.json() }),
        async (error) => ({ status: error.status, body: JSON.parse(error.body) }));

  test("messages that enter at all nodes at once come to all clients in one order", async () => {
    const channels = await Promise.all(nodes.map(async (node) => joined(await connected(connect(node)), "ordered-a")));
    for (let round = 0; round < 100; round += 1) {
      await Promise.all(nodes.map((node, number) => publish(node, "ordered-a", { number, round })));
    }
    const first = await received(channels[0], "e", 300, 10_000);
    for (const channel of channels) assert.deepEqual(await received(channel, "e", 300, 10_000), first);
  });

  test("without the broker they are refused, others are not, and a node that refuses says so", async () => {
    const here = await joined(await connected(connect(nodes[0])), "plain");
    assert.deepEqual(await publish(nodes[0], "plain", 0, "level"), { status: 200, body: { level: "cluster" } });
    await redis.kill();
    await until(async () => await nodes[0].status("/ready?strict=1") === 503, 3000, "strict readiness of a node that serves");
    await until(async () => await nodes[2].status("/ready") === 503, 3000, "readiness of a node that refuses");
    assert.match(JSON.parse((await get(`${nodes[2].url}/ready`)).body).reason, /refused/);
    assert.equal((await publish(nodes[0], "ordered-a", 1)).body.code, "broker_unavailable");
    assert.deepEqual(await publish(nodes[0], "plain", 1, "level"), { status: 200, body: { level: "local" } });
    assert.deepEqual(await received(here, "e", 2), [0, 1]);
    const refused = await publish(nodes[2], "plain", 2);
    assert.deepEqual([refused.status, refused.body.code], [503, "broker_unavailable"]);
    const late = watched(await connected(connect(nodes[2])), "plain");
    await until(() => late.refusal, 5000, "a refused subscription");
    assert.equal(late.refusal.status, 503);
    await redis.run();
    for (const node of nodes) await until(async () => await node.status("/ready?strict=1") === 200, 4000, "readiness");
    assert.equal((await publish(nodes[2], "ordered-a", 3)).status, 200);
    assert.equal((await publish(nodes[2], "plain", 4)).status, 200);
    await until(() => dataOf(here, "e").includes(4), 5000, "service again");
  });
});
