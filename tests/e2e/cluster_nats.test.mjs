// Three processes and one NATS: what enters at one node reaches the clients of all.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { Nats } from "./support/nats.mjs";
import { diesAndComesBack, hangs } from "./support/outages.mjs";
import { Server, freePorts, sample, until } from "./support/server.mjs";

const nodesOf = (node, count, limit = 8000) =>
  until(async () => await sample(node, "millrace_cluster_nodes") === count, limit, `${count} nodes`);

for (const jetStream of [true, false]) {
  describe(`three nodes over one NATS ${jetStream ? "with" : "without"} JetStream`, () => {
    let nats;
    let nodes = [];
    let serial = 0;
    const settings = (number) => ({
      node: { name: `n${number}` },
      adapter: { driver: "nats", nats: { servers: [`nats://${nats.address}`] } },
    });
    const channelName = (text) => `${text}-${serial += 1}`;
    const on = (node) => connected(connect(node));

    before(async () => {
      nats = await Nats.start({ jetStream });
      nodes = await Promise.all([1, 2, 3].map((number) => Server.start(settings(number))));
      for (const node of nodes) await nodesOf(node, 3);
    });
    after(async () => {
      disconnectAll();
      for (const node of nodes) await node?.stop();
      await nats?.stop();
    });

    test("over NATS publishes that enter anywhere come to clients everywhere, once, each node's in order", async () => {
      const name = channelName("prices");
      const channels = await Promise.all(nodes.map(async (node) => joined(await on(node), name)));
      const backends = nodes.map((node) => sdk(node));
      for (let i = 0; i < 50; i += 1) {
        await Promise.all(backends.map((backend, node) => backend.trigger(name, "tick", { node, i })));
      }
      for (const channel of channels) {
        const ticks = await received(channel, "tick", 150, 10_000);
        assert.equal(ticks.length, 150);
        for (const node of [0, 1, 2]) {
          assert.deepEqual(ticks.filter((tick) => tick.node === node).map((tick) => tick.i), [...Array(50).keys()]);
        }
      }
    });

    test("over NATS client events cross nodes", async () => {
      const name = channelName("private-room");
      const [own, other] = [await joined(await on(nodes[0]), name), await joined(await on(nodes[1]), name)];
      own.trigger("client-said", { text: "hello" });
      assert.deepEqual(await received(other, "client-said"), [{ text: "hello" }]);
    });

    test("NATS dies and comes back: local service goes on, /ready tells, and nodes meet again", () => diesAndComesBack({ broker: nats, nodes, name: channelName("outage") }));

    test("a NATS that hangs is noticed too, and publishers do not wait for it", () => hangs({ broker: nats, nodes, name: channelName("hang") }));

    test("over NATS a node that is killed is missed, and one that ends in order is gone at once", async () => {
      await nodes[2].kill();
      await nodesOf(nodes[0], 2);
      await nodes[2].run();
      await nodesOf(nodes[0], 3);
      const [port] = await freePorts(1);
      const extra = await Server.start({ port }, { env: { ADAPTER_DRIVER: "nats", NATS_SERVERS: nats.address, NODE_NAME: "by-environment" } });
      await nodesOf(nodes[0], 4);
      await extra.stop();
      await nodesOf(nodes[0], 3, 1500);
    });
  });
}
