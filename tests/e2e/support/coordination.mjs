// Nodes that count full messages together: several publishers on one key, each through its own
// node, and which messages were full for the clients of each node.
import http from "node:http";
import { signedPath } from "./clients.mjs";
import { RawClient } from "./raw.mjs";
import { APPS, Server, request, sample, until } from "./server.mjs";

export const INTERVAL = 10;
const FILL = "the same in every message, so that a delta is short ".repeat(4);
const DECISIONS = "millrace_delta_cluster_coordination_decisions_total";
const FALLBACKS = "millrace_delta_cluster_coordination_fallbacks_total";

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** So many nodes over the broker. */
export async function startNodes(broker, count, { isOn = true, timeout = 50, ...more } = {}) {
  const settings = (number) => ({
    node: { name: `n${number}` },
    log: { format: "json", level: "info,delta=debug,cluster=debug" },
    delta_compression: { full_message_interval: INTERVAL, cluster_coordination: isOn, coordination_timeout_ms: timeout },
    channel_delta_compression: { "hot*": { conflation_key: "symbol" } },
    ...broker.settings(), ...more,
  });
  const nodes = await Promise.all(Array.from({ length: count }, (_, i) => Server.start(settings(i + 1))));
  for (const node of nodes) {
    await until(async () => await sample(node, "millrace_cluster_nodes") === count, 10_000, `${count} nodes`);
    if (isOn) await enabled(node);
  }
  return nodes;
}

export const enabled = (node, since = 0, ms = 5000) => until(
  () => node.output.indexOf("Delta compression cluster coordination enabled via", since) >= 0, ms,
  `coordination on ${node.settings.node.name}`);

const sumOf = async (nodes, name) =>
  (await Promise.all(nodes.map((node) => sample(node, name)))).reduce((total, one) => total + one, 0);
export const fallbacksOf = (nodes) => sumOf(nodes, FALLBACKS);
export const decisionsOf = (nodes) => sumOf(nodes, DECISIONS);

/** A client with deltas on the channel, and whether each message was full for it, by its name. */
export async function listen(node, channel) {
  const client = await RawClient.open(node);
  client.send({ event: "pusher:enable_delta_compression", data: { algorithms: ["fossil"] } });
  await client.next("pusher:delta_compression_enabled");
  client.subscribe(channel);
  await client.next("pusher_internal:subscription_succeeded");
  client.kinds = () => new Map(client.frames
    .filter((frame) => frame.channel === channel && /^m/.test(frame.event === "pusher:delta" ? frame.data.event : frame.event))
    .map((frame) => (frame.event === "pusher:delta" ? [frame.data.event, false] : [frame.event, "__delta_seq" in frame])));
  return client;
}

export const event = (channel, name, symbol = "A") =>
  ({ name, channel, data: JSON.stringify({ symbol, name, fill: FILL }) });

/** Publishes events in one request; the status. */
export async function publish(node, events, agent) {
  const path = `/apps/${APPS.main.id}/${events.length === 1 ? "events" : "batch_events"}`;
  const body = JSON.stringify(events.length === 1 ? events[0] : { batch: events });
  const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
  const signed = signedPath(APPS.main, "POST", path, { body, isKept: false });
  return (await request(node.url + signed, { method: "POST", headers, body, agent })).status;
}

/** Of one publisher per node, each `each` messages on one key, so many in a request. */
export async function publishFromAll(nodes, channel, { each, batch = 1, prefix = "m", lanes = 1 }) {
  const begin = performance.now();
  const statuses = new Set();
  await Promise.all(nodes.map(async (node, place) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: lanes });
    let next = 0;
    await Promise.all(Array.from({ length: lanes }, async () => {
      while (next < each) {
        const events = [];
        while (events.length < batch && next < each) events.push(event(channel, `${prefix}${place}-${next += 1}`));
        statuses.add(await publish(node, events, agent));
      }
    }));
    agent.destroy();
  }));
  return { seconds: (performance.now() - begin) / 1000, statuses: [...statuses] };
}

/** What the clients of all nodes say of each message. */
export function compare(clients, total) {
  const kinds = clients.map((client) => client.kinds());
  const all = [...kinds[0].keys()];
  return {
    heard: kinds.map((one) => one.size),
    isWhole: kinds.every((one) => one.size === total),
    fulls: all.filter((name) => kinds[0].get(name)).length,
    differing: all.filter((name) => kinds.some((one) => one.get(name) !== kinds[0].get(name))).length,
  };
}

/** Four publishers on one key, warmed up: the share of full messages, and what it cost. */
export async function share(nodes, channel, how) {
  const clients = await Promise.all(nodes.map((node) => listen(node, channel)));
  // The first message of a chain is full for another reason than its place.
  for (let i = 1; i <= INTERVAL; i += 1) await publish(nodes[0], [event(channel, `warm-${i}`)]);
  await until(() => clients.every((client) => client.frames.some(({ event: name, data }) => name === "warm-10" || data?.event === "warm-10")), 10_000, "the first ten messages");
  const before = { fallbacks: await fallbacksOf(nodes), decisions: await decisionsOf(nodes) };
  const { seconds, statuses } = await publishFromAll(nodes, channel, how);
  const total = nodes.length * how.each;
  await until(() => clients.every((client) => client.kinds().size >= total), 60_000, `${total} messages on every node`);
  const result = {
    total, seconds, statuses, rate: Math.round(total / seconds), ...compare(clients, total),
    fallbacks: await fallbacksOf(nodes) - before.fallbacks, decisions: await decisionsOf(nodes) - before.decisions,
  };
  for (const client of clients) client.close();
  return result;
}
