// What three nodes do when their broker breaks; each suite of a broker runs these in its turn.
import assert from "node:assert/strict";
import { connect, connected, dataOf, joined, received, sdk } from "./clients.mjs";
import { get, sample, until } from "./server.mjs";

const on = (node) => connected(connect(node));
const isReady = async (node) => await node.status("/ready?strict=1") === 200;
const isDegraded = async (node) => await node.status("/ready?strict=1") === 503;

/** The broker dies and comes back: local service goes on, /ready tells, and nodes meet again. */
export async function diesAndComesBack({ broker, nodes, name, back = 3000 }) {
  const [here, there] = [await joined(await on(nodes[0]), name), await joined(await on(nodes[1]), name)];
  await broker.kill();
  await until(() => isDegraded(nodes[0]), 3000, "503 of strict readiness");
  assert.equal(await nodes[0].status("/ready"), 200);
  const health = JSON.parse((await get(`${nodes[0].url}/ready`)).body);
  assert.equal(health.status, "degraded");
  assert.match(health.reason ?? JSON.stringify(health), /broker/);
  await sdk(nodes[0]).trigger(name, "alone", 1);
  assert.deepEqual(await received(here, "alone"), [1]);
  const late = await joined(await on(nodes[0]), name, 3000);
  await broker.run();
  for (const node of nodes) await until(() => isReady(node), back, "readiness");
  await sdk(nodes[0]).trigger(name, "together", 2);
  for (const channel of [here, there, late]) assert.deepEqual(await received(channel, "together"), [2]);
  const missed = await sample(nodes[1], "millrace_bus_missed_total");
  const unknown = await sample(nodes[1], "millrace_bus_gaps_unknown_total");
  assert.ok(dataOf(there, "alone").length + missed + unknown >= 1, "what was lost meanwhile is counted");
}

/** A broker that hangs is noticed too, and publishers do not wait for it. */
export async function hangs({ broker, nodes, name }) {
  const here = await joined(await on(nodes[0]), name);
  broker.signal("SIGSTOP");
  try {
    await until(() => isDegraded(nodes[0]), 4000, "503 of strict readiness");
    const begin = performance.now();
    await sdk(nodes[0]).trigger(name, "alone", 1);
    assert.ok(performance.now() - begin < 1000, "the publisher waited");
    assert.deepEqual(await received(here, "alone"), [1]);
  } finally {
    broker.signal("SIGCONT");
  }
  for (const node of nodes) await until(() => isReady(node), 5000, "readiness");
}
