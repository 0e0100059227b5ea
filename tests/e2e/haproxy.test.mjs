// Three nodes behind HAProxy with the file that docs/deploy gives away.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { codesOf, connect, connected, dataOf, disconnectAll, joined, signedPath, watched } from "./support/clients.mjs";
import { HaProxy, keptAgent } from "./support/haproxy.mjs";
import { Redis } from "./support/redis.mjs";
import { APPS, ROOT, Server, request, runToEnd, sample, until } from "./support/server.mjs";

const PUBLISHES = Number(process.env.MILLRACE_HAPROXY_PUBLISHES || 1000);

describe("three nodes behind haproxy", () => {
  let redis;
  let proxy;
  let nodes = [];
  const agent = keptAgent();

  before(async () => {
    redis = await Redis.start();
    nodes = await Promise.all([1, 2, 3].map((number) => Server.start({
      node: { name: `n${number}` }, ordering: { broker: ["ordered-*"] }, ...redis.settings(), shutdown_grace_period: 4, log: { format: "json", level: "info" },
    })));
    for (const node of nodes) {
      await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "three nodes");
    }
    proxy = await HaProxy.start(nodes);
  });
  after(async () => {
    agent.destroy();
    disconnectAll();
    await proxy?.stop();
    for (const node of nodes) if (!node.exited) await node.stop();
    await redis?.stop();
  });

  /** One publish through haproxy; the name of the node that took it. */
  async function publish(channel, number) {
    const body = JSON.stringify({ name: "tick", channel, data: JSON.stringify({ number }) });
    const target = signedPath(APPS.main, "POST", `/apps/${APPS.main.id}/events`, { body, isKept: false });
    const answer = await request(proxy.url + target, {
      method: "POST", body, agent,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
    });
    assert.equal(answer.status, 200, answer.body);
    return answer.headers["x-entered"];
  }

  const numbersOf = (channel) => dataOf(channel, "tick").map((data) => data.number);
  /** How often a message came behind one that was published after it. */
  const inversionsOf = (numbers) => numbers.filter((number, i) => i > 0 && number < numbers[i - 1]).length;

  test("WebSockets come through, to all nodes", async () => {
    for (let i = 0; i < 6; i += 1) await connected(connect(proxy));
    const counts = [];
    for (const node of nodes) counts.push(await sample(node, "millrace_connections"));
    assert.deepEqual(counts, [2, 2, 2], "each to the node with the fewest");
    disconnectAll();
  });

  /** Publishes one after another; what each node's client got, and which node each entered at. */
  async function publishAll(name) {
    const channels = [];
    for (const node of nodes) channels.push(await joined(await connected(connect(node)), name));
    const entered = [];
    for (let i = 0; i < PUBLISHES; i += 1) entered.push(await publish(name, i));
    for (const node of ["node1", "node2", "node3"]) {
      const share = entered.filter((at) => at === node).length;
      assert.equal(Math.abs(share - PUBLISHES / 3) <= 2, true, `${share} of ${PUBLISHES} at ${node}`);
    }
    let inversions = 0;
    for (const channel of channels) {
      await until(() => numbersOf(channel).length >= PUBLISHES, 10_000, `all at a client (${numbersOf(channel).length})`);
      const numbers = numbersOf(channel);
      assert.equal(numbers.length, PUBLISHES, "none doubled");
      assert.equal(new Set(numbers).size, PUBLISHES, "none lost");
      for (const node of ["node1", "node2", "node3"]) {
        assert.equal(inversionsOf(numbers.filter((number) => entered[number] === node)), 0, `what entered at ${node} is in order`);
      }
      inversions += inversionsOf(numbers);
    }
    disconnectAll();
    return inversions;
  }

  test(`${PUBLISHES} sequential publishes, round robin: none lost, none doubled, those of one node in order`, async (t) => {
    const inversions = await publishAll("through-haproxy");
    t.diagnostic(`${PUBLISHES} publishes, 3 clients: 0 lost, 0 doubled, ${inversions} inversions between nodes`);
  });

  test(`${PUBLISHES} sequential publishes in the broker's order: no inversion`, async () => {
    assert.equal(await publishAll("ordered-through-haproxy"), 0);
  });

  test("a node that drains is taken out, its clients come back through another, nothing is lost", async () => {
    const name = "drained";
    for (const node of nodes) {
      await until(async () => await sample(node, "millrace_connections") === 0, 5000, "nobody is connected");
    }
    const client = await connected(connect(proxy));
    const moved = watched(client, name);
    await until(() => moved.subscribed, 5000, "subscribed through haproxy");
    let home;
    for (const node of nodes) {
      if (await sample(node, "millrace_connections") > 0) home = node;
    }
    const steady = await joined(await connected(connect(nodes.find((node) => node !== home))), name);
    const leaving = home.terminate(20_000);
    let sent = 0;
    let isOver = false;
    leaving.finally(() => { isOver = true; });
    const entered = [];
    while (!isOver) entered.push(await publish(name, sent++));
    for (let i = 0; i < 20; i += 1) entered.push(await publish(name, sent++));
    assert.equal((await leaving).code, 0);
    const gone = `node${nodes.indexOf(home) + 1}`;
    assert.equal(entered.slice(0, 3).includes(gone), true, "it served REST while it drained");
    assert.equal(entered.slice(-20).includes(gone), false, "and gets nothing now");
    await until(() => numbersOf(steady).length >= sent, 5000, "all at the client of another node");
    assert.deepEqual(numbersOf(steady).sort((a, b) => a - b), [...Array(sent).keys()]);
    assert.equal(codesOf(client).includes(4200), true, JSON.stringify(client.errors));
    await connected(client);
    await until(() => client.channel(name).subscribed, 5000, "subscribed again through haproxy");
    await publish(name, sent++);
    await until(() => numbersOf(moved).includes(sent - 1), 5000, "it hears again");
  });
});

test("the configuration and the environment of docs/deploy are accepted", async () => {
  const folder = path.join(ROOT, "docs/deploy");
  const lines = readFileSync(path.join(folder, "millrace.env"), "utf8").split("\n");
  const variables = (text) => Object.fromEntries(text.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
  const overRedis = variables(lines);
  const { REDIS_URL, ...rest } = overRedis;
  assert.match(REDIS_URL, /^redis:/);
  const overNats = { ...rest, ...variables(lines.map((line) => line.replace(/^# (ADAPTER|NATS)/, "$1"))), REDIS_URL: "" };
  for (const env of [overRedis, overNats]) {
    const { code, output } = await runToEnd(["check", path.join(folder, "millrace.yaml")], { env: { ...env, NODE_NAME: "n1" } });
    assert.equal(code, 0, output);
    assert.match(output, / 0 warning/);
  }
});
