// Nodes that batch, compress, or do neither hear each other, over each broker; what each key does
// is seen at the broker.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { Nats } from "./support/nats.mjs";
import { Redis } from "./support/redis.mjs";
import { BINARY, Server, get, sample, until } from "./support/server.mjs";

// What a broker has taken: messages, and bytes of everything.
const TAKEN = {
  Redis: {
    start: () => Redis.start(),
    taken: async (redis) => {
      const messages = /cmdstat_publish:calls=(\d+)/.exec(await redis.ask("INFO commandstats"));
      const bytes = /total_net_input_bytes:(\d+)/.exec(await redis.ask("INFO stats"));
      return { messages: Number(messages[1]), bytes: Number(bytes[1]) };
    },
  },
  NATS: { start: () => Nats.start({ jetStream: true }), taken: null },
};

for (const [brand, { start, taken }] of Object.entries(TAKEN)) {
  describe(`batches and compression over ${brand}`, () => {
    let broker;
    let nodes = [];
    let serial = 0;
    // The second writes format 1 alone, as a node before batches did.
    const batching = [
      { batch_interval_ms: 50, enable_compression: true },
      { enable_batching: false },
      { batch_interval_ms: 50, max_batch_size: 5 },
    ];
    const settings = (number) => ({
      ...broker.settings(), node: { name: `n${number}` },
      cluster: { secret: "batch-secret", ...batching[number - 1] },
    });
    const channelName = (text) => `${text}-${serial += 1}`;
    const sent = async (node) => {
      const [messages, envelopes, bytes, plain] = await Promise.all(
        ["messages", "envelopes", "bytes", "plain_bytes"].map((what) => sample(node, `millrace_bus_sent_${what}_total`)));
      return { messages, envelopes, bytes, plain };
    };
    // Ten requests of ten events each through one node, until a client of another has them.
    const publish = async (from, to, text) => {
      const name = channelName("many");
      const channel = await joined(await connected(connect(to)), name);
      const [before, brokerBefore] = [await sent(from), taken && await taken(broker)];
      const backend = sdk(from);
      await Promise.all([...Array(10).keys()].map((request) => backend.triggerBatch(
        [...Array(10).keys()].map((i) => ({ channel: name, name: "tick", data: { request, i, text } })))));
      const ticks = await received(channel, "tick", 100, 10_000);
      assert.equal(ticks.length, 100);
      for (let request = 0; request < 10; request += 1) {
        assert.deepEqual(ticks.filter((tick) => tick.request === request).map((tick) => tick.i), [...Array(10).keys()]);
      }
      const now = await until(async () => {
        const seen = await sent(from);
        return seen.envelopes - before.envelopes >= 100 && seen;
      }, 5000, "the counters of the node");
      const brokerNow = taken && await taken(broker);
      return {
        messages: now.messages - before.messages, envelopes: now.envelopes - before.envelopes,
        bytes: now.bytes - before.bytes, plain: now.plain - before.plain,
        broker: taken && { messages: brokerNow.messages - brokerBefore.messages, bytes: brokerNow.bytes - brokerBefore.bytes },
      };
    };

    before(async () => {
      broker = await start();
      nodes = await Promise.all([1, 2, 3].map((number) => Server.start(settings(number))));
      for (const node of nodes) {
        await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "three nodes");
      }
    });
    after(async () => {
      disconnectAll();
      for (const node of nodes) await node?.stop();
      await broker?.stop();
    });

    test("batches: nodes with different settings hear each other, once, each node's in order", async () => {
      const name = channelName("prices");
      const channels = await Promise.all(nodes.map(async (node) => joined(await connected(connect(node)), name)));
      const backends = nodes.map((node) => sdk(node));
      for (let i = 0; i < 50; i += 1) {
        await Promise.all(backends.map((backend, node) => backend.trigger(name, "tick", { node, i, text: "x".repeat(i * 20) })));
      }
      for (const channel of channels) {
        const ticks = await received(channel, "tick", 150, 10_000);
        assert.equal(ticks.length, 150);
        for (const node of [0, 1, 2]) {
          assert.deepEqual(ticks.filter((tick) => tick.node === node).map((tick) => tick.i), [...Array(50).keys()]);
        }
      }
      for (const node of nodes) {
        assert.equal(await sample(node, "millrace_bus_missed_total"), 0);
        assert.doesNotMatch((await get(`${node.metricsUrl}/metrics`)).body, /^millrace_bus_refused_total\{.*\} [^0]/m);
      }
    });

    test("batches: enable_batching, batch_interval and max_batch_size: fewer messages", async () => {
      const batched = await publish(nodes[0], nodes[1], "x");
      const plain = await publish(nodes[1], nodes[0], "x");
      const inFives = await publish(nodes[2], nodes[1], "x");
      assert.equal(plain.messages, plain.envelopes, "the node that does not batch");
      assert.equal(plain.bytes, plain.plain);
      assert.equal(batched.messages <= 40, true, `${batched.messages} messages of the node that batches`);
      assert.equal(inFives.messages >= 20 && inFives.messages <= 60, true, `${inFives.messages} messages of batches of five`);
      if (taken === null) return;
      assert.equal(plain.broker.messages >= 100, true, `${plain.broker.messages} at the broker`);
      assert.equal(batched.broker.messages <= 60, true, `${batched.broker.messages} at the broker`);
    });

    test("batches: enable_compression: fewer bytes", async () => {
      const text = "all work and no play makes a long message ".repeat(25);
      const compressed = await publish(nodes[0], nodes[1], text);
      const plain = await publish(nodes[1], nodes[0], text);
      assert.equal(plain.bytes >= 100_000, true, `${plain.bytes} bytes`);
      assert.equal(compressed.plain >= 100_000 && compressed.bytes <= 20_000, true, `${compressed.bytes} of ${compressed.plain} bytes`);
      if (taken === null) return;
      assert.equal(compressed.broker.bytes * 2 < plain.broker.bytes, true, `${compressed.broker.bytes} and ${plain.broker.bytes} at the broker`);
    });

    test("batches: bus tail shows the envelopes in a batch", async () => {
      const name = channelName("tailed");
      const channel = await joined(await connected(connect(nodes[1])), name);
      const child = spawn(BINARY, ["bus", "tail", "--metrics-port", String(nodes[1].metricsPort), "--channel", name, "--count", "10"]);
      let output = "";
      child.stdout.on("data", (text) => { output += text; });
      const ended = new Promise((resolve) => { child.on("exit", resolve); });
      await until(async () => {
        await sdk(nodes[0]).triggerBatch([...Array(10).keys()].map((i) => ({ channel: name, name: "tick", data: { i } })));
        return output.trim().split("\n").length >= 10;
      }, 10_000, "ten lines");
      assert.equal(await ended, 0);
      const lines = output.trim().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual([...new Set(lines.map((line) => `${line.kind} ${line.direction} ${line.event}`))], ["data in tick"]);
      for (let i = 1; i < lines.length; i += 1) assert.equal(lines[i].sequence > lines[i - 1].sequence, true);
      assert.equal(channel.seen.length > 0, true);
    });
  });
}
