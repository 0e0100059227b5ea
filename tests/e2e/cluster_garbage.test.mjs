// Bytes of strangers on the bus of a real Redis and a real NATS: counted, and no harm.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { Nats } from "./support/nats.mjs";
import { Redis } from "./support/redis.mjs";
import { Server, sample, until } from "./support/server.mjs";

const COUNT = 2000;

/** A header that is right, and behind it or in it something that is not. */
function strange(i) {
  const header = Buffer.from([0xc1, 1, 1, 1 + (i % 20), 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]);
  if (i % 5 === 0) return crypto.randomBytes(1 + (i % 200));
  if (i % 5 === 1) return Buffer.concat([header, crypto.randomBytes(i % 300)]);
  if (i % 5 === 2) return header.subarray(0, i % 14);
  if (i % 5 === 3) header[1] = 2 + (i % 200);
  if (i % 5 === 4) header[5] = 4 + (i % 200);
  return Buffer.concat([header, Buffer.from([1, 1, 1])]);
}

const DIALECTS = {
  redis: {
    publish(subject, bytes) {
      const head = `*3\r\n$7\r\nPUBLISH\r\n$${subject.length}\r\n${subject}\r\n$${bytes.length}\r\n`;
      return Buffer.concat([Buffer.from(head), bytes, Buffer.from("\r\n")]);
    },
    hello: "", end: "QUIT\r\n", subject: (name) => `millrace:0:bus:${name}`,
  },
  nats: {
    publish: (subject, bytes) => Buffer.concat([Buffer.from(`PUB ${subject} ${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]),
    hello: 'CONNECT {"verbose":false}\r\n', end: "PING\r\n", subject: (name) => `millrace.bus.${name}`,
  },
};

/** Publishes all of it, and returns when the broker has taken it. */
function publishAll(broker, dialect, subjects) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(broker.port, "127.0.0.1", () => {
      socket.write(dialect.hello);
      for (let i = 0; i < COUNT; i += 1) socket.write(dialect.publish(dialect.subject(subjects[i % subjects.length]), strange(i)));
      socket.write(dialect.end);
    });
    let answer = "";
    socket.on("data", (bytes) => {
      answer = (answer + bytes.toString("latin1")).slice(-64);
      if (answer.includes("PONG")) socket.end();
    });
    socket.on("close", resolve);
    socket.on("error", reject);
  });
}

for (const [name, Broker] of [["redis", Redis], ["nats", Nats]]) {
  describe(`garbage over ${name}`, () => {
    let broker;
    let nodes = [];
    before(async () => {
      broker = await Broker.start();
      nodes = await Promise.all([1, 2].map((number) => Server.start({
        node: { name: `n${number}` }, ...broker.settings(), cluster: { partitions: 2 }, log: { level: "info", format: "json" },
      })));
      for (const node of nodes) await until(async () => await sample(node, "millrace_cluster_nodes") === 2, 8000, "two nodes");
    });
    after(async () => {
      disconnectAll();
      for (const node of nodes) await node?.stop();
      await broker?.stop();
    });

    test("no crash, every one counted, a line of the log a second at most, and service goes on", async () => {
      const channels = await Promise.all(nodes.map(async (node) => joined(await connected(connect(node)), "a")));
      const printed = nodes.map((node) => node.output.length);
      const began = performance.now();
      await publishAll(broker, DIALECTS[name], ["control", "0", "1"]);
      const counted = async (node) => await sample(node, "millrace_cluster_refused_total") + await sample(node, "millrace_bus_refused_total");
      await sdk(nodes[0]).trigger("a", "e", 1);
      for (const channel of channels) assert.deepEqual(await received(channel, "e"), [1]);
      for (const [i, node] of nodes.entries()) {
        await until(async () => await counted(node) >= COUNT / 4, 5000, "refusals that are counted");
        const lines = node.output.slice(printed[i]).split("\n").filter((line) => line.includes("an envelope was refused"));
        const seconds = Math.ceil((performance.now() - began) / 1000) + 1;
        assert.ok(lines.length > 0 && lines.length <= seconds, `${lines.length} lines in ${seconds} s`);
        assert.equal(node.process.exitCode, null);
      }
    });
  });
}
