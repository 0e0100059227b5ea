// Three nodes over a real broker in the place of one server: the suites of one node run on them
// unchanged. MILLRACE_E2E_CLUSTER names the broker (docs/testing.md).
import assert from "node:assert/strict";
import WebSocket from "ws";
import { Nats } from "./nats.mjs";
import { Redis } from "./redis.mjs";
import { RedisCluster } from "./redis_cluster.mjs";
import { Sentinels } from "./sentinels.mjs";
import { APPS, Server, sample, until } from "./server.mjs";

const NODES = 3;

/** How each is started, and what a node needs to find it under a prefix. */
const BROKERS = {
  redis: {
    start: () => Redis.start(),
    settings: (broker, prefix) => ({ redis: { url: broker.url, key_prefix: prefix } }),
  },
  "redis-cluster": {
    start: () => RedisCluster.start(),
    settings: (broker, prefix) => ({
      adapter: { driver: "redis-cluster", cluster: { nodes: broker.nodes } }, redis: { key_prefix: prefix },
    }),
  },
  sentinel: {
    start: () => Sentinels.start(),
    settings: (broker, prefix) => ({ ...broker.settings(), redis: { key_prefix: prefix } }),
  },
  nats: {
    start: () => Nats.start({ jetStream: true }),
    settings: (broker, prefix) => ({
      adapter: { driver: "nats", nats: { servers: [`nats://${broker.address}`], prefix } },
    }),
  },
};

let starting;  // the broker of this process, which ends with it
let clusters = 0;

async function brokerOf(kind) {
  const broker = await BROKERS[kind].start();
  const members = broker.members ?? [broker];
  for (const member of members) member.process.unref();
  process.once("exit", () => members.forEach((member) => member.endNow()));
  return broker;
}

/** As support/server.mjs's Server: REST is of the first node, clients go to the others first. */
export class ManyNodes {
  static async start(kind, settings, options) {
    assert.ok(BROKERS[kind], `MILLRACE_E2E_CLUSTER is one of ${Object.keys(BROKERS).join(", ")}, not ${kind}`);
    starting ??= brokerOf(kind);
    const broker = await starting;
    clusters += 1;
    const found = BROKERS[kind].settings(broker, `suite${clusters}`);
    const many = new ManyNodes();
    many.turn = 0;
    const each = Array.from({ length: NODES }, (_, i) =>
      Server.startAlone({ ...settings, ...found, node: { name: `n${i}` } }, options));
    many.nodes = (await Promise.allSettled(each)).map((one) => one.value).filter(Boolean);
    try {
      await Promise.all(each);
      await many.isWhole();
      return many;
    } catch (error) {
      await many.kill();
      many.cleanUp();
      throw error;
    }
  }

  get front() { return this.nodes[0]; }
  get url() { return this.front.url; }
  get port() { return this.front.port; }
  get pid() { return this.front.pid; }
  get metricsUrl() { return this.front.metricsUrl; }
  get metricsPort() { return this.front.metricsPort; }
  get settings() { return this.front.settings; }
  get output() { return this.nodes.map((node) => node.output).join(""); }
  get exited() { return this.nodes.map((node) => node.exited).find(Boolean) ?? null; }
  get ports() { return this.nodes.map((node) => node.port); }
  /** Where the next client goes. */
  get clientPort() { return this.nodes[(this.turn += 1) % NODES].port; }

  status(target, base = this.url) { return this.front.status(target, base); }
  async metrics() { return (await Promise.all(this.nodes.map((node) => node.metrics()))).join(""); }

  async isWhole() {
    const seesAll = async (node) => await sample(node, "millrace_cluster_nodes") === NODES;
    await Promise.all(this.nodes.map((node) => until(() => seesAll(node), 15_000, `${NODES} nodes`)));
  }

  /** In a store that is new nobody is admitted under a limit until it was watched for a while. */
  async limitsAreOpen() {
    for (const port of this.ports) await until(() => isAdmitted(port), 15_000, "a client under a limit");
  }

  async run() {
    await Promise.all(this.nodes.map((node) => node.run()));
    await this.isWhole();
  }
  signal(name) { this.nodes.forEach((node) => node.signal(name)); }
  async terminate(ms) {
    const exits = await Promise.all(this.nodes.map((node) => node.terminate(ms)));
    return exits.find((exit) => exit.code !== 0) ?? exits[0];
  }
  kill() { return Promise.all(this.nodes.map((node) => node.kill())); }
  checkLogs() { this.nodes.forEach((node) => node.checkLogs()); }
  async stop() {
    const ends = await Promise.allSettled(this.nodes.map((node) => node.stop()));
    for (const end of ends) if (end.reason) throw end.reason;
  }
  cleanUp() { this.nodes.forEach((node) => node.cleanUp()); }
}

/** Whether a client of an app with a limit is let in now; it is gone when this returns. */
function isAdmitted(port) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${APPS.quota.key}?protocol=7`);
    let isIn = false;
    socket.on("message", (bytes) => {
      isIn = JSON.parse(bytes).event === "pusher:connection_established";
      socket.close();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(isIn));
  });
}
