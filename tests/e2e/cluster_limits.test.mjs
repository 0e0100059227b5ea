// Three processes and one Redis: a limit of an app's connections is one for all nodes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { codesOf, connect, disconnectAll } from "./support/clients.mjs";
import { Redis } from "./support/redis.mjs";
import { APPS, Server, sample, until } from "./support/server.mjs";

const LIMIT = 10;

describe("limits that three nodes over one Redis share", () => {
  let redis;
  let nodes = [];
  const app = { ...APPS.quota, max_connections: LIMIT };
  const settings = (number) => ({ node: { name: `n${number}` }, redis: { url: redis.url }, apps: [app] });
  const isOn = (client) => client.connection.state === "connected";
  const crowd = (node, count) => Array.from({ length: count }, () => connect(node, app));
  const isSettled = (client) => isOn(client) || codesOf(client).includes(4004);
  const settled = (clients) =>
    until(() => clients.every(isSettled), 8000, "an answer for each client");
  const count = (clients) => clients.filter(isOn).length;

  before(async () => {
    redis = await Redis.start();
    nodes = await Promise.all([1, 2, 3].map((number) => Server.start(settings(number))));
    // In a store that was not there before nobody is admitted until a node has watched it.
    await until(async () => {
      const [client] = crowd(nodes[0], 1);
      await settled([client]);
      const isAdmitted = isOn(client);
      client.disconnect();
      return isAdmitted;
    }, 12_000, "the first client");
  });
  after(async () => {
    disconnectAll();
    for (const node of nodes) await node?.stop();
    await redis?.stop();
  });

  test("all nodes together admit as many as the app may have; the share of one that is killed is free in 6 s", async () => {
    const crowds = nodes.map((node) => crowd(node, 5));
    await settled(crowds.flat());
    assert.equal(count(crowds.flat()), LIMIT);
    assert.ok(await sample(nodes[0], "millrace_registration_valid") === 1);

    const victim = [0, 1, 2].reduce((most, at) => (count(crowds[at]) > count(crowds[most]) ? at : most), 0);
    const lost = count(crowds[victim]);
    assert.ok(lost > 0);
    const since = Date.now();
    await nodes[victim].kill();
    crowds[victim].forEach((client) => client.disconnect());
    const stayed = crowds.filter((_, at) => at !== victim).flat();
    stayed.filter((client) => !isOn(client)).forEach((client) => client.disconnect());
    nodes.splice(victim, 1);
    let more = [];
    const staying = () => count(stayed) + count(more);
    while (staying() < LIMIT && Date.now() - since < 8000) {
      const tried = crowd(nodes[0], LIMIT - staying());
      await settled(tried);
      tried.filter((client) => !isOn(client)).forEach((client) => client.disconnect());
      more = [...more, ...tried.filter(isOn)];
    }
    assert.equal(staying(), LIMIT, `${lost} were lost`);
    assert.ok(Date.now() - since < 7500, `${Date.now() - since} ms`);
  });

  test("a node that takes the name of another gets one of its own, and says so", async () => {
    const twin = await Server.start({ ...settings(1), node: nodes[0].settings.node });
    await until(() => twin.output.includes("another node has this name"), 8000, "the warning");
    await twin.stop();
  });
});
