// Subscribers that come while other nodes publish, and nodes that start together: what is owed to a
// client begins with its pusher_internal:subscription_succeeded.
import http from "node:http";
import WebSocket from "ws";
import { BROKERS, pause, publish } from "./rig.mjs";
import { APPS, Server, freePorts, sample, until } from "./server.mjs";

/** A client that calls `heard` for each message and keeps which subscriptions succeeded. */
class Subscriber {
  constructor(port, heard) {
    this.joined = new Set();
    this.isOpen = false;
    this.isClosed = false;
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/app/${APPS.main.key}?protocol=7`, { perMessageDeflate: false });
    this.socket.on("message", (bytes) => {
      const frame = JSON.parse(bytes);
      if (frame.event === "n") heard(frame.channel, frame.data);
      else if (frame.event === "pusher:connection_established") this.isOpen = true;
      else if (frame.event === "pusher_internal:subscription_succeeded") this.onJoined(frame.channel);
      else if (frame.event === "pusher:ping") this.send("pusher:pong", {});
    });
    this.socket.on("close", () => { this.isClosed = true; });
    this.socket.on("error", () => {});
  }

  onJoined(channel) { this.joined.add(channel); }
  send(event, data) { this.socket.send(JSON.stringify({ event, data })); }
}

const newAgent = () => new http.Agent({ keepAlive: true, maxSockets: 1 });

// One race: numbers go out through one node, one after another, while `subscriber` joins on another.
async function race({ entry, subscriber, numbers, channel, agent, early }) {
  let sent = 0;
  let refused = 0;
  let owed = 0;
  let isOver = false;
  subscriber.onJoined = () => { owed = sent + 1; };
  const publishing = (async () => {
    while (!isOver) if (await publish(entry, channel, String(sent += 1), agent) !== 200) refused += 1;
  })();
  await until(() => sent > early, 10_000, "a publish");
  subscriber.send("pusher:subscribe", { channel });
  try {
    await until(() => owed > 0, 10_000, `the subscription to ${channel}`);
    await until(() => sent > owed + 2, 10_000, "some more publishes");
  } finally {
    isOver = true;
    await publishing;
  }
  await until(() => numbers.at(-1) >= sent, 3000, "the last number").catch(() => {});
  subscriber.send("pusher:unsubscribe", { channel });
  const isGapless = numbers.every((number, i) => number === numbers[0] + i);
  return { isGood: refused === 0 && numbers[0] <= owed && numbers.at(-1) === sent && isGapless, owed, sent, refused, numbers };
}

/** `count` first subscriptions, each of a channel of its own, while another node publishes there. */
export async function firstSubscriptions({ broker: kind, count, atOnce = 10, partitions = 16_384 }) {
  const broker = await BROKERS[kind]();
  const nodes = [];
  const result = { races: 0, wrong: [], published: 0 };
  try {
    const settings = { log: { format: "json", level: "info" }, cluster: { partitions }, ...broker.settings() };
    nodes.push(...await Promise.all([0, 1, 2].map((i) => Server.start({ node: { name: `n${i}` }, ...settings }))));
    for (const node of nodes) await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 15_000, "three nodes");
    const work = Array.from({ length: atOnce }, async (_, worker) => {
      const agent = newAgent();
      const numbers = new Map();
      const subscriber = new Subscriber(nodes[(worker + 1) % 3].port, (channel, data) => numbers.get(channel)?.push(Number(data)));
      await until(() => subscriber.isOpen, 10_000, "a connection");
      while (result.races < count) {
        const channel = `race-${result.races += 1}`;
        numbers.clear();
        numbers.set(channel, []);
        const found = await race({ entry: nodes[worker % 3], subscriber, numbers: numbers.get(channel), channel, agent, early: result.races % 3 });
        result.published += found.sent;
        if (!found.isGood) result.wrong.push({ channel, ...found });
      }
      subscriber.socket.terminate();
      agent.destroy();
    });
    await Promise.all(work);
    return result;
  } finally {
    for (const node of nodes) await node.kill().then(() => node.cleanUp());
    await broker.stop();
  }
}

// A publisher and a client of a node that begin before it listens.
class Early {
  constructor(place, port) {
    Object.assign(this, { place, port, sent: 0, accepted: [], isOver: false, agent: newAgent() });
    this.got = new Map();
    this.owed = null;  // of each publisher, the first number that this client must get
  }

  publishTo(channel) {
    this.publishing = (async () => {
      const node = { url: `http://127.0.0.1:${this.port}` };
      while (!this.isOver) {
        const number = this.sent += 1;
        if (await publish(node, channel, `${this.place} ${number}`, this.agent) === 200) this.accepted.push(number);
        // Slower than clients of the same process can read.
        await pause(2);
      }
    })();
  }

  async subscribeTo(channel, all) {
    while (!this.isOver) {
      this.client = new Subscriber(this.port, (_, data) => {
        const [place, number] = data.split(" ").map(Number);
        if (!this.got.has(place)) this.got.set(place, []);
        this.got.get(place).push(number);
      });
      this.client.onJoined = () => { this.owed = all.map((one) => one.sent + 1); };
      await until(() => this.client.isOpen || this.client.isClosed, 5000, "an answer");
      if (this.client.isOpen) return this.client.send("pusher:subscribe", { channel });
      await pause(2);
    }
  }

  missed(all) {
    return all.flatMap((other) => {
      const got = new Set(this.got.get(other.place));
      return other.accepted.filter((number) => number >= this.owed[other.place] && !got.has(number))
        .map((number) => ({ of: other.place, on: this.place, number }));
    });
  }

  // What came twice, or behind a later one of its publisher.
  disorder() {
    return [...this.got].flatMap(([of, numbers]) => numbers.filter((number, i) => number <= numbers[i - 1])
      .map((number) => ({ of, on: this.place, number, isAgain: true })));
  }

  async end() {
    this.isOver = true;
    await this.publishing;
    this.client?.socket.terminate();
    this.agent.destroy();
  }
}

async function startTogether(broker, round) {
  const ports = await freePorts(6);
  const all = [0, 1, 2].map((place) => new Early(place, ports[place]));
  const channel = `together-${round}`;
  all.forEach((one) => one.publishTo(channel));
  const subscribing = all.map((one) => one.subscribeTo(channel, all));
  const starting = [0, 1, 2].map((place) => Server.start({
    port: ports[place], metrics: { enabled: true, host: "127.0.0.1", port: ports[3 + place] },
    log: { format: "json", level: "info" }, node: { name: `n${place}-${round}` }, ...broker.settings(),
  }));
  let nodes = [];
  try {
    nodes = await Promise.all(starting);
    await Promise.all(subscribing);
    await until(() => all.every((one) => one.owed), 15_000, "every subscription");
    // Long enough for what a node may hold back at its start.
    const enough = all.map((one) => one.accepted.length + 100);
    await until(() => all.every((one, i) => one.accepted.length >= enough[i]), 15_000, "publishes after it");
    for (const one of all) {
      one.isOver = true;
      await one.publishing;
    }
    const closed = all.filter((one) => one.client.isClosed);
    if (closed.length > 0) throw new Error(`the clients of nodes ${closed.map((one) => one.place)} were closed`);
    const isLast = () => all.every((one) => all.every((other) => one.got.get(other.place)?.at(-1) === other.accepted.at(-1)));
    await until(isLast, 3000, "the last numbers").catch(() => {});
    return { accepted: all.reduce((sum, one) => sum + one.accepted.length, 0), missed: all.flatMap((one) => [...one.missed(all), ...one.disorder()]) };
  } finally {
    for (const one of all) await one.end();
    // In order, so that those of the next round need not wait for them to be missed.
    for (const node of nodes) await node.stop();
  }
}

/** Three nodes that start in the same moment, `rounds` times: what any accepted reaches who is owed it. */
export async function simultaneousStarts({ broker: kind, rounds }) {
  const broker = await BROKERS[kind]();
  const result = { rounds, accepted: 0, missed: [] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      const found = await startTogether(broker, round);
      result.accepted += found.accepted;
      result.missed.push(...found.missed);
    }
    return result;
  } finally {
    await broker.stop();
  }
}
