// Nodes over one broker under a steady load of numbered messages, and what clients got of it
// against what was acknowledged. For faults and races.
import { readFileSync } from "node:fs";
import http from "node:http";
import WebSocket from "ws";
import { signedPath } from "./clients.mjs";
import { Nats } from "./nats.mjs";
import { Proxy } from "./proxy.mjs";
import { Redis } from "./redis.mjs";
import { Sentinels } from "./sentinels.mjs";
import { APPS, Server, get, request, sample, until } from "./server.mjs";

export const BROKERS = {
  redis: (options) => Redis.start(options),
  nats: (options) => Nats.start({ jetStream: true, ...options }),
};

/** Those that replace a primary which dies. */
export const GROUPS = {
  sentinel: () => Sentinels.start({ downAfter: 1000 }),
};

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

/** One publish over REST: the status; 0 when no answer came. */
export async function publish(node, channel, data, agent) {
  const body = JSON.stringify({ name: "n", channel, data });
  const path = signedPath(APPS.main, "POST", `/apps/${APPS.main.id}/events`, { body, isKept: false });
  const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
  return request(node.url + path, { method: "POST", headers, body, agent }).then((answer) => answer.status, () => 0);
}

/** What one client got of one publisher on one channel. */
class Heard {
  constructor() { Object.assign(this, { last: 0, missing: new Set(), duplicates: 0, inversions: 0, end: 0, isBroken: false }); }

  take(number) {
    if (number > this.last) {
      for (let lost = this.last + 1; lost < number; lost += 1) this.missing.add(lost);
      this.last = number;
    } else if (this.missing.delete(number)) {
      this.inversions += 1;
    } else {
      this.duplicates += 1;
    }
  }
}

/** A client that is subscribed to all channels of the rig on one node. */
class Listener {
  constructor(rig, place) {
    this.place = place;
    this.rig = rig;
    this.heard = rig.nodes.map(() => rig.channels.map(() => new Heard()));
    this.newest = rig.nodes.map(() => 0);  // when the last message of a publisher was sent
    this.latencies = [];                   // of foreign messages, in ms
    this.joined = 0;
    this.isClosed = false;
  }

  async open() {
    this.socket = new WebSocket(`ws://127.0.0.1:${this.rig.nodes[this.place].port}/app/${APPS.main.key}?protocol=7`, { perMessageDeflate: false });
    this.socket.on("message", (bytes) => this.take(JSON.parse(bytes)));
    this.socket.on("close", () => { this.isClosed = true; });
    this.socket.on("error", () => {});
    await until(() => this.joined === this.rig.channels.length, 15_000, `subscriptions of the listener on node ${this.place}`);
  }

  take(frame) {
    if (frame.event === "n") {
      const [publisher, channel, number, sent] = frame.data.split(" ", 4).map(Number);
      this.heard[publisher][channel].take(number);
      this.newest[publisher] = sent;
      if (publisher !== this.place) this.latencies.push(performance.now() - sent);
    } else if (frame.event === "pusher:connection_established") {
      for (const channel of this.rig.channels) this.send("pusher:subscribe", { channel });
    } else if (frame.event === "pusher_internal:subscription_succeeded") {
      this.joined += 1;
    } else if (frame.event === "pusher:ping") {
      this.send("pusher:pong", {});
    }
  }

  send(event, data) { this.socket.send(JSON.stringify({ event, data })); }
}

/** Publishes numbered messages through one node, one after another, so their order is certain. */
class Publisher {
  constructor(rig, place) {
    Object.assign(this, { rig, place, acked: rig.channels.map(() => 0), untold: 0, published: 0, slowest: 0, isOver: true });
    this.numbers = rig.channels.map(() => 0);
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  }

  start() {
    this.isOver = false;
    this.work = this.run();
  }

  async run() {
    let due = performance.now();
    for (let turn = 0; !this.isOver; turn += 1) {
      await this.send(turn % this.rig.channels.length);
      due = Math.max(due + 1000 / this.rig.rate, performance.now() - 1000);
      const left = due - performance.now();
      if (left > 0) await pause(left);
    }
  }

  async send(channel) {
    const number = (this.numbers[channel] += 1);
    const begin = performance.now();
    const data = `${this.place} ${channel} ${number} ${begin.toFixed(3)} `;
    const status = await publish(this.rig.nodes[this.place], this.rig.channels[channel], data.padEnd(this.rig.size, "x"), this.agent);
    this.slowest = Math.max(this.slowest, performance.now() - begin);
    this.published += 1;
    if (status === 200) this.acked[channel] = number;
    else this.untold += 1;
  }

  async stop() {
    this.isOver = true;
    await this.work;
  }

  end() { this.agent.destroy(); }
}

/** The resident memory of a process and its highest value so far, in MiB. */
export function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)[1]) / 1024;
  return { now: of("VmRSS"), highest: of("VmHWM") };
}

export class Rig {
  /** Nodes over a new broker, a listener on each, publishers at rest. `rate` is that of each publisher. */
  static async start({ broker = "redis", brokerOptions = {}, nodes = 3, channels = 12, rate = 100, size = 200,
    settings = {}, isProxied = false } = {}) {
    const rig = new Rig();
    Object.assign(rig, { rate, size, nodes: [], proxies: [], listeners: [], publishers: [] });
    rig.channels = Array.from({ length: channels }, (_, i) => `load-${i}`);
    try {
      rig.broker = await { ...BROKERS, ...GROUPS }[broker](brokerOptions);
      if (isProxied) {
        rig.proxies = await Promise.all(Array.from({ length: nodes }, () => Proxy.start({ port: rig.broker.port })));
      }
      const starting = Array.from({ length: nodes }, (_, i) => Server.start({
        node: { name: `n${i}` }, log: { format: "json", level: "info" }, ...rig.broker.settings(rig.proxies[i]?.port), ...settings,
      }));
      rig.nodes = (await Promise.allSettled(starting)).map((one) => one.value).filter(Boolean);
      await Promise.all(starting);
      await rig.isWhole();
      rig.publishers = rig.nodes.map((_, place) => new Publisher(rig, place));
      rig.listeners = rig.nodes.map((_, place) => new Listener(rig, place));
      await Promise.all(rig.listeners.map((one) => one.open()));
      rig.before = await rig.counters();
      rig.brokenBefore = rig.nodes.map((node) => memoryOf(node.pid).now);
      return rig;
    } catch (error) {
      await rig.kill();
      throw error;
    }
  }

  async isWhole() {
    for (const node of this.nodes) {
      await until(async () => await sample(node, "millrace_cluster_nodes") === this.nodes.length, 15_000, `${this.nodes.length} nodes`);
    }
  }

  publishAll() { this.publishers.forEach((one) => one.start()); }

  counters() {
    return Promise.all(this.nodes.map(async (node) => ({
      missed: await sample(node, "millrace_bus_missed_total"),
      unknown: await sample(node, "millrace_bus_gaps_unknown_total"),
    })));
  }

  /** Waits until every listener has a foreign message of every publisher that was sent after `since`. */
  async isLive(since, ms = 15_000) {
    await until(() => this.listeners.every((listener) => listener.newest.every((sent) => sent >= since)), ms,
      `messages of every node on every node; sent at ${JSON.stringify(this.listeners.map((one) => one.newest))}, awaited ${since}`);
    return performance.now() - since;
  }

  /** Ends the load and waits until every listener has the last message of each publisher. */
  async settle() {
    await Promise.all(this.publishers.map((one) => one.stop()));
    const isThere = () => this.listeners.every((listener) => this.publishers.every((publisher, p) =>
      publisher.numbers.every((number, c) => listener.heard[p][c].last === number)));
    for (let attempt = 1; ; attempt += 1) {
      await Promise.all(this.publishers.map(async (publisher) => {
        for (let channel = 0; channel < this.channels.length; channel += 1) await publisher.send(channel);
      }));
      try {
        return await until(isThere, 4000, "the last message of every publisher on every node");
      } catch (error) {
        if (attempt === 3) throw error;
      }
    }
  }

  /**
   * Clients against publishers and metrics, after settle(): totals, and for each node what its
   * client missed of others and what its metrics say.
   */
  async check() {
    const missedOn = this.listeners.map((listener) => sum(listener.heard.flatMap((channels, p) =>
      p === listener.place ? [] : channels.map((heard) => heard.missing.size))));
    let nodes = [];
    const compare = async () => {
      const now = await this.counters();
      nodes = now.map((one, i) => ({ missed: missedOn[i], counted: one.missed - this.before[i].missed, unknown: one.unknown - this.before[i].unknown }));
      return nodes.every((one) => one.missed === one.counted || one.unknown > 0);
    };
    // Origins are asked again with each heartbeat.
    await until(compare, 8000, "counts").catch(() => {});
    const heard = this.listeners.flatMap((listener) => listener.heard.flat());
    return {
      published: sum(this.publishers.map((one) => one.published)),
      untold: sum(this.publishers.map((one) => one.untold)),
      slowestRest: Math.max(...this.publishers.map((one) => one.slowest)),
      missed: sum(missedOn),
      missedAtHome: sum(this.listeners.flatMap((listener) => listener.heard[listener.place].map((one) => one.missing.size))),
      counted: sum(nodes.map((one) => one.counted)),
      unknown: sum(nodes.map((one) => one.unknown)),
      isAccountedFor: nodes.every((one) => one.missed === one.counted || (one.unknown > 0 && one.missed > one.counted)),
      duplicates: sum(heard.map((one) => one.duplicates)),
      inversions: sum(heard.map((one) => one.inversions)),
      grownMiB: Math.max(...this.nodes.map((node, i) => memoryOf(node.pid).highest - this.brokenBefore[i])),
      nodes,
    };
  }

  /** Looks at the strict readiness of each node until stop(): { since(t, status): ms of the last node }. */
  watchReadiness() {
    const agents = this.nodes.map(() => new http.Agent({ keepAlive: true, maxSockets: 1 }));
    const changes = this.nodes.map(() => []);
    let isOver = false;
    const looks = this.nodes.map(async (node, i) => {
      while (!isOver) {
        const { status } = await get(`${node.url}/ready?strict=1`, { agent: agents[i] }).catch(() => ({ status: 0 }));
        if (changes[i].at(-1)?.status !== status) changes[i].push({ at: performance.now(), status });
        await pause(20);
      }
    });
    return {
      changes,
      /** Waits until all these nodes had `status` at some time after `begin`; how long the last took. */
      async first(begin, status, ms, places = changes.keys()) {
        let last = 0;
        for (const i of places) {
          const found = await until(() => changes[i].find((change, k) => change.status === status &&
            (change.at >= begin || !(changes[i][k + 1]?.at < begin))), ms, `status ${status} of node ${i}, had ${JSON.stringify(changes[i])}`);
          last = Math.max(last, found.at - begin);
        }
        return Math.max(0, last);
      },
      async stop() {
        isOver = true;
        await Promise.all(looks);
        agents.forEach((agent) => agent.destroy());
      },
    };
  }

  async stop() {
    await this.end(async (node) => node.stop());
  }

  async kill() {
    await this.end(async (node) => {
      await node.kill();
      node.cleanUp();
    });
  }

  async end(stopNode) {
    for (const publisher of this.publishers) {
      await publisher.stop();
      publisher.end();
    }
    for (const listener of this.listeners) listener.socket?.terminate();
    try {
      for (const node of this.nodes) await stopNode(node);
    } finally {
      for (const proxy of this.proxies) await proxy.stop();
      await this.broker?.stop();
    }
  }
}
