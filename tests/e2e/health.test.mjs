import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, get, request, until } from "./support/server.mjs";

describe("health and metrics", () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => server?.stop());

  for (const path of ["/health", "/health/live", "/health/ready", "/live", "/livez", "/ready", "/readyz", "/up"]) {
    test(`${path} is 200 on both ports, also by HEAD and with a slash`, async () => {
      for (const base of [server.url, server.metricsUrl]) {
        assert.equal((await get(base + path)).status, 200, base);
        assert.equal((await get(`${base + path}/`)).status, 200, base);
        const head = await request(base + path, { method: "HEAD" });
        assert.equal(head.status, 200);
        assert.equal(head.body, "");
      }
    });
  }

  test("/up/<app> knows the app, and its absence", async () => {
    assert.equal((await get(`${server.url}/up/${APPS.main.id}`)).status, 200);
    assert.equal((await get(`${server.url}/up/no-such-app`)).status, 404);
  });

  test("/metrics is text on the metrics port only", async () => {
    const answer = await get(`${server.metricsUrl}/metrics`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"], /^text\/plain/);
    assert.match(answer.body, /^millrace_/m);
    assert.match(answer.body, /^# TYPE /m);
    assert.equal((await get(`${server.url}/metrics`)).status, 404);
  });

  test("connection gauges follow, without channel names or secrets", async () => {
    const connections = async () => {
      const { body } = await get(`${server.metricsUrl}/metrics`);
      assert.ok(!body.includes("a-channel-name-that-is-not-a-label"));
      for (const app of Object.values(APPS)) assert.ok(!body.includes(app.secret));
      return [...body.matchAll(/^millrace_connections(?:_current|_open)?(?:\{[^}]*\})? (\d+)/gm)]
        .reduce((sum, [, count]) => sum + Number(count), 0);
    };
    assert.equal(await connections(), 0);
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(server)));
    clients[0].subscribe("a-channel-name-that-is-not-a-label");
    await clients[0].next("pusher_internal:subscription_succeeded");
    assert.ok(await connections() >= 5);
    clients.forEach((client) => client.close());
    await until(async () => await connections() === 0, 5000, "no connection left");
  });

  test("GET / says OK and /usage tells memory", async () => {
    const root = await get(`${server.url}/`);
    assert.equal(root.status, 200);
    assert.match(root.body, /OK/);
    const usage = await get(`${server.url}/usage`);
    assert.equal(usage.status, 200);
    assert.ok(JSON.parse(usage.body).memory, usage.body);
  });

  test("the log level changes while running, from loopback", async () => {
    const path = ["/admin/log", "/admin/log-level", "/admin/log_level", "/admin/log/level"];
    const statuses = await Promise.all(path.map(async (each) => (await get(server.metricsUrl + each)).status));
    assert.ok(statuses.includes(200), `none of ${path} answers: ${statuses}`);
    for (const each of path) assert.equal((await get(server.url + each)).status, 404);
  });
});
