import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { channelAuth, sdk, signedPath, signedRequest, userAuth } from "./support/clients.mjs";
import { RawClient, RawSocket } from "./support/raw.mjs";
import { APPS, SLOW, Server, get, request, testOfOneNode, until } from "./support/server.mjs";

// Each value differs from its default, so that a key that is ignored fails its test. Keys that
// other suites set (time-outs of connections, drain, replay cache, quotas of apps) are not here.
const SETTINGS = {
  loops: 3,
  websocket_max_payload_kb: 2,
  cors: { origin: ["https://a.example"], methods: ["GET"], allowed_headers: ["X-One"], credentials: false },
  http_api: { request_limit_in_mb: 1, usage_enabled: false },
  idempotency: { ttl_seconds: 1, max_key_length: 10 },
  http: { max_header_bytes: 2048, body_timeout: 1, keep_alive_timeout: 1, max_connections: 20 },
  channel_limits: { max_name_length: 10, cache_ttl: 1 },
  event_limits: { max_channels_at_once: 2, max_name_length: 5, max_payload_in_kb: 1, max_batch_size: 2 },
  presence: { max_members_per_channel: 1, max_member_size_in_kb: 1 },
  cluster: { connection_limits: { per_user: 1 } },
  admin: { token: "token-of-test" },
};

describe("settings have their effect", () => {
  let server;
  before(async () => { server = await Server.start(SETTINGS); });
  after(async () => server?.stop());

  const app = APPS.main;
  const post = (path, value, headers = {}) => signedRequest(server, app, "POST", `/apps/main/${path}`, { body: JSON.stringify(value), headers });
  const event = { name: "e", channel: "c", data: "d" };

  testOfOneNode("loops: so many threads serve", async () => {
    const threads = ({ pid }) => readdirSync(`/proc/${pid}/task`).length;
    const other = await Server.start({ loops: 1 });
    const more = threads(server) - threads(other);
    await other.stop();
    assert.equal(more, SETTINGS.loops - 1);
  });

  test("websocket_max_payload_kb", async () => {
    const raw = await RawClient.open(server);
    raw.send("x".repeat(2048));
    await raw.next("pusher:error");
    raw.send("x".repeat(2049));
    assert.equal((await raw.end()).code, 1009);
  });

  test("cors.*", async () => {
    const headers = { Origin: "https://a.example", "Access-Control-Request-Method": "GET" };
    const told = await request(`${server.url}/apps/main/channels`, { method: "OPTIONS", headers });
    assert.equal(told.headers["access-control-allow-origin"], "https://a.example");
    assert.equal(told.headers["access-control-allow-methods"], "GET");
    assert.equal(told.headers["access-control-allow-headers"], "X-One");
    assert.equal(told.headers["access-control-allow-credentials"], undefined);
    const other = await get(`${server.url}/apps/main/channels`, { headers: { Origin: "https://b.example" } });
    assert.equal(other.headers["access-control-allow-origin"], undefined);
  });

  test("http_api.request_limit_in_mb and http_api.usage_enabled", async () => {
    const raw = await RawSocket.open(server.port);
    raw.write(`POST /apps/main/events HTTP/1.1\r\nHost: x\r\nContent-Length: ${(1 << 20) + 1}\r\n\r\n`);
    await raw.has(/^HTTP\/1\.1 413 /);
    assert.equal((await get(`${server.url}/usage`)).status, 404);
  });

  test("idempotency.ttl_seconds and idempotency.max_key_length", async () => {
    const heard = await RawClient.open(server);
    heard.subscribe("c");
    await heard.next("pusher_internal:subscription_succeeded");
    const publish = (key) => post("events", event, { "X-Idempotency-Key": key });
    assert.equal((await publish("k".repeat(11))).status, 400);
    await publish("k".repeat(10));
    await publish("k".repeat(10));
    await sdk(server).trigger("c", "m", "");
    await heard.next("m");
    assert.equal(heard.of("e").length, 1);
    await until(async () => {
      await publish("k".repeat(10));
      return heard.of("e").length === 2;
    }, 5000, "the key forgotten");
    heard.close();
  });

  test("http.max_header_bytes", async () => {
    assert.equal((await get(server.url, { headers: { "X-Big": "x".repeat(1500) } })).status, 200);
    assert.equal((await get(server.url, { headers: { "X-Big": "x".repeat(2100) } })).status, 431);
  });

  test("http.body_timeout and http.keep_alive_timeout", async () => {
    const [body, idle] = await Promise.all([RawSocket.open(server.port), RawSocket.open(server.port)]);
    body.write("POST /apps/main/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");
    idle.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await body.has(/^HTTP\/1\.1 408 /);
    await idle.closed(5000);
    assert.match(idle.text, /^HTTP\/1\.1 200 /);
  });

  testOfOneNode("http.max_connections, of each loop", async () => {
    const many = await Promise.all(Array.from({ length: 100 }, () => RawSocket.open(server.port)));
    await until(() => many.filter((raw) => /^HTTP\/1\.1 503 /.test(raw.text)).length >= 100 - 3 * 20, 5000, "503 beyond the limit");
    assert.ok(many.filter((raw) => !raw.ended).length >= 20);
    many.forEach((raw) => raw.destroy());
    await until(async () => await server.status("/") === 200, 5000, "room again");
  });

  test("channel_limits.max_name_length and channel_limits.cache_ttl", async () => {
    assert.equal((await post("events", { ...event, channel: "c".repeat(10) })).status, 200);
    assert.equal((await post("events", { ...event, channel: "c".repeat(11) })).status, 400);
    assert.equal((await post("events", { ...event, channel: "cache-x" })).status, 200);
    const raw = await RawClient.open(server);
    raw.subscribe("cache-x");
    await raw.next("e");
    await until(async () => {
      raw.send({ event: "pusher:unsubscribe", data: { channel: "cache-x" } });
      raw.subscribe("cache-x");
      await raw.roundTrip();
      return raw.of("pusher:cache_miss").length > 0;
    }, 5000, "the event forgotten");
    raw.close();
  });

  test("event_limits.*", async () => {
    const status = async (change) => (await post("events", { ...event, ...change })).status;
    assert.equal(await status({ channel: undefined, channels: ["a", "b"] }), 200);
    assert.equal(await status({ channel: undefined, channels: ["a", "b", "d"] }), 400);
    assert.equal(await status({ name: "e".repeat(5) }), 200);
    assert.equal(await status({ name: "e".repeat(6) }), 400);
    assert.equal(await status({ data: "x".repeat(1024) }), 200);
    assert.equal(await status({ data: "x".repeat(1025) }), 413);
    assert.equal((await post("batch_events", { batch: [event, event] })).status, 200);
    assert.equal((await post("batch_events", { batch: [event, event, event] })).status, 400);
  });

  test("presence.*", async () => {
    const join = async (id, info) => {
      const raw = await RawClient.open(server);
      const data = JSON.stringify({ user_id: id, user_info: info });
      raw.subscribe("presence-x", { auth: channelAuth(app, raw.socketId, "presence-x", data), channel_data: data });
      await until(() => raw.frames.some((frame) => /subscription_/.test(frame.event)), 5000, "an answer");
      return raw;
    };
    const large = await join("large", "x".repeat(1100));
    assert.equal(large.of("pusher:subscription_error").length, 1);
    const first = await join("first", "x");
    assert.equal(first.of("pusher_internal:subscription_succeeded").length, 1);
    const path = "/apps/main/channels/presence-x/users";
    for (const port of server.ports) {
      const isThere = async () => (await get(`http://127.0.0.1:${port}${signedPath(app, "GET", path)}`)).body.includes("first");
      await until(isThere, 5000, `the member at port ${port}`);
    }
    const second = await join("second", "x");
    assert.match(JSON.stringify(second.of("pusher:subscription_error")), /channel is full/);
    [large, first, second].forEach((raw) => raw.close());
  });

  test("cluster.connection_limits.per_user", async () => {
    await server.limitsAreOpen();
    const signIn = async () => {
      const raw = await RawClient.open(server);
      const user = JSON.stringify({ id: "one-user" });
      raw.send({ event: "pusher:signin", data: { auth: userAuth(app, raw.socketId, user), user_data: user } });
      return raw;
    };
    const first = await signIn();
    await first.next("pusher:signin_success");
    const second = await signIn();
    await second.next("pusher:error");
    assert.equal(second.of("pusher:signin_success").length, 0);
    [first, second].forEach((raw) => raw.close());
  });

  test("admin.token", async () => {
    const level = (headers) => get(`${server.metricsUrl}/admin/log-level`, { headers });
    assert.equal((await level({ Authorization: "Bearer wrong-token" })).status, 401);
    assert.notEqual((await level({ Authorization: "Bearer token-of-test" })).status, 401);
  });
});

describe("settings that switch off or away", () => {
  let server;
  before(async () => {
    server = await Server.start({ idempotency: { enabled: false }, log: { format: "json", level: "error" } });
  });
  after(async () => server?.stop());

  test("idempotency.enabled: false publishes each time", async () => {
    const heard = await RawClient.open(server);
    heard.subscribe("c");
    await heard.next("pusher_internal:subscription_succeeded");
    const body = JSON.stringify({ name: "e", channel: "c", data: "d" });
    for (let i = 0; i < 2; i += 1) {
      await signedRequest(server, APPS.main, "POST", "/apps/main/events", { body, headers: { "X-Idempotency-Key": "same" } });
    }
    await sdk(server).trigger("c", "last", "");
    await heard.next("last");
    assert.equal(heard.of("e").length, 2);
  });

  test("log.level: errors only", () => assert.ok(!/"level":"(info|debug|trace)"/.test(server.output), server.output));

  testOfOneNode("metrics.host and metrics.enabled", async () => {
    await server.terminate();
    server.settings.metrics = { ...server.settings.metrics, host: "127.0.0.2" };
    await server.run();
    assert.equal(await server.status("/metrics", `http://127.0.0.2:${server.metricsPort}`), 200);
    assert.equal(await server.status("/metrics", server.metricsUrl), 0);
    await server.terminate(5000 * SLOW);
    server.settings.metrics = { enabled: false };
    await server.run();
    assert.equal(await server.status("/metrics", server.metricsUrl), 0);
  });
});
