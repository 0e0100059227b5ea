// Faults against a loaded rig: each breaks something, mends it, and tells what nodes and clients
// made of it. Short in the suite, long in ./dev prove faults.
import net from "node:net";
import { RawClient } from "./raw.mjs";
import { channelAuth, signedRequest } from "./clients.mjs";
import { Rig, pause } from "./rig.mjs";
import { APPS, sample, until } from "./server.mjs";

const WARM_UP = 1000;

/**
 * `breakIt` under load, `seconds` of it, `mend`: how fast nodes said so and served again, what was
 * missed and counted. `places`: the nodes that must notice.
 */
async function outage(rig, { seconds, breakIt, mend, places }) {
  rig.publishAll();
  await rig.isLive(performance.now());
  await pause(WARM_UP);
  const readiness = rig.watchReadiness();
  try {
    const begin = performance.now();
    await breakIt();
    const told = await readiness.first(begin, 503, 20_000, places);
    await pause(Math.max(0, seconds * 1000 - (performance.now() - begin)));
    await mend();
    const back = performance.now();
    const [ready, live] = await Promise.all([readiness.first(back, 200, 20_000, places), rig.isLive(back, 20_000)]);
    await pause(WARM_UP);
    await rig.settle();
    return { told, ready, live, ...await rig.check() };
  } finally {
    await readiness.stop();
  }
}

/**
 * F05: the primary is killed and Sentinel names another, `times` times; the slowest of each figure:
 * the new primary writable and named since the kill, ready and live since it was named.
 */
export const failovers = ({ times, ...options }) => withRig({ broker: "sentinel", ...options }, async (rig) => {
  rig.publishAll();
  await rig.isLive(performance.now());
  await pause(WARM_UP);
  const readiness = rig.watchReadiness();
  const slowest = { told: 0, promoted: 0, named: 0, ready: 0, live: 0 };
  try {
    for (let time = 0; time < times; time += 1) {
      if (time > 0) await rig.broker.rejoin();
      const begin = performance.now();
      await rig.broker.primary.kill();
      const [told, { promoted, named }] = await Promise.all([readiness.first(begin, 503, 20_000), rig.broker.isReplaced()]);
      const [ready, live] = await Promise.all([readiness.first(named, 200, 20_000), rig.isLive(named, 20_000)]);
      const found = { told, promoted: promoted - begin, named: named - begin, ready, live };
      for (const [name, ms] of Object.entries(found)) slowest[name] = Math.max(slowest[name], ms);
    }
    await rig.settle();
    return { times, ...slowest, ...await rig.check() };
  } finally {
    await readiness.stop();
  }
});

async function withRig(options, use) {
  const rig = await Rig.start(options);
  let isGood = false;
  try {
    const found = await use(rig);
    isGood = true;
    return found;
  } finally {
    // After a failure its reason is what matters, not how nodes end.
    await (isGood ? rig.stop() : rig.kill());
  }
}

/** F02, F03: the broker dies and comes back, with what it had stored or empty. */
export const brokerKilled = ({ seconds, isDurable = false, ...options }) =>
  withRig({ ...options, brokerOptions: { isDurable } }, (rig) => outage(rig, {
    seconds, breakIt: () => rig.broker.kill(), mend: () => rig.broker.run(),
  }));

/** F04: it hangs, with all connections open. */
export const brokerHangs = ({ seconds, ...options }) => withRig(options, (rig) => outage(rig, {
  seconds, breakIt: () => rig.broker.signal("SIGSTOP"), mend: () => rig.broker.signal("SIGCONT"),
}));

/** F09: one node is cut off from the broker, both ways or one. */
export const nodeCutOff = ({ seconds, way, ...options }) => withRig({ ...options, isProxied: true }, (rig) => outage(rig, {
  seconds, places: [0], breakIt: () => rig.proxies[0].cut(way), mend: () => rig.proxies[0].heal(),
}));

/** F31: everything that the broker sends comes late. */
export const brokerSlow = ({ seconds, delay = 500, ...options }) => withRig({ ...options, isProxied: true }, async (rig) => {
  rig.publishAll();
  await rig.isLive(performance.now());
  for (const proxy of rig.proxies) proxy.delay(delay);
  await pause(seconds * 1000);
  await rig.settle();
  const late = rig.listeners.flatMap((listener) => listener.latencies).sort((a, b) => a - b);
  return { p50: late[late.length >> 1], ...await rig.check() };
});

// What other programs, other releases and broken ones may publish.
function garbage() {
  const header = (bytes) => Buffer.concat([Buffer.from(bytes), Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])]);
  const data = [2, 1, 0x61, 3, 1, 0x63, 4, 1, 0x65];  // app a, channel c, event e
  return {
    magic: Buffer.from("hello"),
    version: header([0xc1, 9, 1, 1, 0, 1]),
    kind: header([0xc1, 1, 1, 250, 0, 1]),
    truncated: header([0xc1, 1, 1, 1, 0, 1]).subarray(0, 9),
    field: Buffer.concat([header([0xc1, 1, 1, 1, 0, 1]), Buffer.from([1, 1, 0])]),
    // This one can be read, by nodes without a secret.
    unknownApp: Buffer.concat([header([0xc1, 1, 1, 1, 0, 1]), Buffer.from([1, 1, 1, ...data])]),
  };
}

/** Publishes bytes on bus subjects past any node. */
class Intruder {
  constructor(rig) {
    this.isRedis = rig.broker.name === "redis";
    this.socket = net.connect(rig.broker.port, "127.0.0.1");
    this.heard = "";
    this.socket.on("data", (bytes) => { this.heard += bytes.toString("latin1"); });
    this.socket.on("error", (error) => { this.heard += error.message; });
    if (!this.isRedis) this.socket.write('CONNECT {"verbose":false}\r\n');
  }

  publish(place, payload) {
    if (this.isRedis) {
      const subject = `millrace:0:bus:${place}`;
      this.socket.write(`*3\r\n$7\r\nPUBLISH\r\n$${subject.length}\r\n${subject}\r\n$${payload.length}\r\n`);
    } else {
      this.socket.write(`PUB millrace.bus.${place} ${payload.length}\r\n`);
    }
    this.socket.write(payload);
    this.socket.write("\r\n");
  }

  async end() {
    this.socket.write("PING\r\n");
    await until(() => /PONG/.test(this.heard), 10_000, `the broker took everything: ${this.heard.slice(-300)}`);
    this.socket.destroy();
  }
}

const linesOf = (node) => node.output.split("\n").length;

/**
 * F32: envelopes that nobody can read, on every subject, `rounds` of each under load; then, on Redis,
 * one that is so long that nodes close their connections.
 */
export const poisoned = ({ rounds, ...options }) =>
  withRig({ ...options, settings: { cluster: { partitions: 1 } } }, async (rig) => {
    rig.publishAll();
    await rig.isLive(performance.now());
    const refused = () => Promise.all(rig.nodes.map((node) => sample(node, "millrace_bus_refused_total")));
    const [before, lines, begin] = [await refused(), rig.nodes.map(linesOf), performance.now()];
    const intruder = new Intruder(rig);
        const kinds = Object.entries(garbage());
    for (let round = 0; round < rounds; round += 1) {
      for (const [, bytes] of kinds) for (const place of ["control", 0]) intruder.publish(place, bytes);
      await pause(0);
    }
    const unreadable = rounds * (kinds.length - 1);
    await until(async () => (await refused()).every((now, i) => now - before[i] >= unreadable), 10_000, `${unreadable} refused envelopes on each node`);
    await rig.isLive(performance.now());
    // NATS takes no message above 1 MiB by itself.
    if (intruder.isRedis) intruder.publish(0, Buffer.alloc(17 << 20, 0xc1));
    await intruder.end();
    await rig.isLive(performance.now());
    await rig.settle();
    const seconds = (performance.now() - begin) / 1000;
    const logged = Math.max(...rig.nodes.map((node, i) => linesOf(node) - lines[i]));
    return { unreadable, reasons: kinds.length, seconds, logged, ...await rig.check() };
  });

// --- presence ------------------------------------------------------------------------------------

async function member(node, channel, id) {
  const client = await RawClient.open(node);
  const data = JSON.stringify({ user_id: id });
  client.subscribe(channel, { channel_data: data, auth: channelAuth(APPS.main, client.socketId, channel, data) });
  await client.next("pusher_internal:subscription_succeeded", 20_000);
  return client;
}

async function usersOf(node, channel) {
  const answer = await signedRequest(node, APPS.main, "GET", `/apps/${APPS.main.id}/channels/${channel}/users`);
  return JSON.parse(answer.body).users.map((user) => user.id).sort();
}

/**
 * F25: a node with `members` members is killed, `rounds` times. Watchers on the others must see each
 * come and go once; afterwards nobody is there who is not. Each second time it starts again at once,
 * before anybody can have missed it.
 */
export const presenceGhosts = ({ members, rounds, cluster = {}, ...options }) => withRig({
  ...options, channels: 1, rate: 1,
  settings: { cluster, presence: { max_members_per_channel: 10_000 } },
}, async (rig) => {
  const channel = "presence-ghosts";
  const victim = rig.nodes.at(-1);
  const watchers = await Promise.all(rig.nodes.slice(0, -1).map((node, i) => member(node, channel, `watcher-${i}`)));
  const there = watchers.map((_, i) => `watcher-${i}`);
  let slowest = 0;
  let wrong = 0;
  for (let round = 0; round < rounds; round += 1) {
    const ids = Array.from({ length: members }, (_, i) => `user-${round}-${i}`);
    for (let i = 0; i < ids.length; i += 50) await Promise.all(ids.slice(i, i + 50).map((id) => member(victim, channel, id)));
    const counts = (event) => watchers.map((watcher) => {
      const seen = watcher.of(event, channel).map((frame) => JSON.parse(frame.data).user_id).filter((id) => id.startsWith(`user-${round}-`));
      return { all: seen.length, different: new Set(seen).size };
    });
    const areAll = (event) => counts(event).every((one) => one.different === members);
    await until(() => areAll("pusher_internal:member_added"), 20_000, `${members} additions`);
    const begin = performance.now();
    await victim.kill();
    if (round % 2 === 1) await victim.run();
    await until(() => areAll("pusher_internal:member_removed"), 20_000, `${members} removals in round ${round}, got ${JSON.stringify(counts("pusher_internal:member_removed"))}`);
    slowest = Math.max(slowest, performance.now() - begin);
    if (round % 2 === 0) await victim.run();
    await rig.isWhole();
    for (const event of ["pusher_internal:member_added", "pusher_internal:member_removed"]) {
      wrong += counts(event).filter((one) => one.all !== members).length;
    }
    for (const node of rig.nodes) {
      await until(async () => (await usersOf(node, channel)).join() === there.join(), 5000, `no ghosts on ${node.settings.node.name}`);
    }
    for (const watcher of watchers) watcher.frames.length = 0;
  }
  watchers.forEach((watcher) => watcher.close());
  return { rounds, members, slowest, wrong };
});

// --- limits --------------------------------------------------------------------------------------

const isAdmitted = (client) => !client.closed && client.of("pusher:connection_established").length > 0;

async function tryAll(node, app, count) {
  const clients = Array.from({ length: count }, () => new RawClient(node, { app }));
  await until(() => clients.every((client) => client.closed || isAdmitted(client)), 5000, `an answer for each of ${count} clients`);
  return clients.filter(isAdmitted);
}

/** So many clients of the app on this node, which may refuse some at first. */
async function crowd(node, app, count) {
  const clients = await tryAll(node, app, count);
  const end = performance.now() + 20_000;
  while (clients.length < count && performance.now() < end) {
    await pause(20);
    clients.push(...await tryAll(node, app, count - clients.length));
  }
  if (clients.length < count) throw new Error(`${node.settings.node.name} admitted ${clients.length} of ${count} clients in 20 s`);
  return clients;
}

/**
 * F25-quota: the nodes together hold as many connections as their app may have, and one of them is
 * killed, `rounds` times: how long until another has admitted as many as it had, and how many were
 * admitted beyond the limit. The first time, and each second one
 * after it, the killed one starts again at once.
 */
export const quotaAfterKill = ({ share, rounds, cluster = {}, ...options }) => {
  const app = { ...APPS.quota, max_connections: 3 * share };
  return withRig({ ...options, channels: 1, rate: 1, settings: { cluster, apps: [APPS.main, app] } }, async (rig) => {
    const victim = rig.nodes.at(-1);
    let slowest = 0;
    let excess = 0;
    const tryBeyond = async () => {
      const more = (await Promise.all(rig.nodes.map((node) => tryAll(node, app, 1)))).flat();
      excess += more.length;
      more.forEach((client) => client.close());
    };
    for (let round = 0; round < rounds; round += 1) {
      const crowds = await Promise.all(rig.nodes.map((node) => crowd(node, app, share)));
      await tryBeyond();
      const begin = performance.now();
      await victim.kill();
      const running = round % 2 === 0 ? victim.run() : undefined;
      const [more] = await Promise.all([crowd(rig.nodes[0], app, share), running]);
      slowest = Math.max(slowest, performance.now() - begin);
      if (!running) await victim.run();
      await rig.isWhole();
      await tryBeyond();
      for (const client of [...crowds.flat(), ...more]) client.close();
    }
    return { rounds, limit: 3 * share, slowest, excess };
  });
};
