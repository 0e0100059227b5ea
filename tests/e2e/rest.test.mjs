import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  connect, connected, dataOf, disconnectAll, joined, received, sdk, settle, signedPath, signedRequest,
} from "./support/clients.mjs";
import { APPS, Server, get, request, until } from "./support/server.mjs";

const EVENTS = "/apps/main/events";

describe("REST API", () => {
  let server;
  let backend;
  before(async () => {
    server = await Server.start();
    backend = sdk(server);
  });
  after(async () => {
    disconnectAll();
    await server?.stop();
  });

  const reader = async (name, app = APPS.main) => joined(await connected(connect(server, app, { user: { id: "r" } })), name);
  const query = async (path, params) => (await backend.get({ path, params })).json();
  /** The node that is asked knows of the subscribers that another one has. */
  const known = (...names) => until(async () => {
    const { channels } = await query("/channels");
    return names.every((name) => channels[name]);
  }, 5000, `${names} at the asked node`);
  const post = (path, body, how = {}) =>
    signedRequest(server, how.app ?? APPS.main, "POST", path, { body: typeof body === "string" ? body : JSON.stringify(body), ...how });

  test("a trigger answers {}", async () => {
    const answer = await backend.trigger("nobody-there", "e", {});
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), "{}");
    assert.match(answer.headers.get("content-type"), /^application\/json/);
  });

  test("one trigger reaches several channels", async () => {
    const names = ["multi-1", "multi-2", "private-multi-3", "presence-multi-4"];
    const channels = await Promise.all(names.map((name) => reader(name)));
    await backend.trigger(names, "e", { all: true });
    for (const channel of channels) assert.deepEqual(await received(channel, "e"), [{ all: true }]);
  });

  test("a hundred channels at once, a hundred and one are refused", async () => {
    const names = Array.from({ length: 101 }, (_, i) => `wide-${i}`);
    assert.equal((await post(EVENTS, { name: "e", channels: names.slice(1), data: "d" })).status, 200);
    const refused = await post(EVENTS, { name: "e", channels: names, data: "d" });
    assert.equal(refused.status, 400);
    assert.match(JSON.parse(refused.body).error, /100/);
  });

  test("socket_id leaves out one connection", async () => {
    const [one, two] = [await connected(connect(server)), await connected(connect(server))];
    const [first, second] = [await joined(one, "except"), await joined(two, "except")];
    await backend.trigger("except", "e", 1, { socket_id: one.connection.socket_id });
    await backend.triggerBatch([{ channel: "except", name: "b", data: "2", socket_id: one.connection.socket_id }]);
    await received(second, "b");
    assert.deepEqual(dataOf(second, "e"), [1]);
    await settle(backend, first);
    assert.deepEqual([...dataOf(first, "e"), ...dataOf(first, "b")], []);
  });

  test("a batch keeps its order", async () => {
    const channel = await reader("batch");
    const batch = Array.from({ length: 10 }, (_, i) => ({ channel: "batch", name: "e", data: { i } }));
    const answer = await backend.triggerBatch(batch);
    assert.equal(await answer.text(), "{}");
    assert.deepEqual(await received(channel, "e", 10), Array.from({ length: 10 }, (_, i) => ({ i })));
    const refused = await post("/apps/main/batch_events", { batch: [...batch, batch[0]].map((each) => ({ ...each, data: "d" })) });
    assert.equal(refused.status, 400);
    assert.match(JSON.parse(refused.body).error, /10/);
  });

  test("info answers with counts, per channel and per event of a batch", async () => {
    await reader("presence-info");
    await reader("info");
    await known("presence-info", "info");
    const one = await (await backend.trigger(["presence-info", "info"], "e", 1, { info: "subscription_count" })).json();
    assert.deepEqual(one, { channels: { "presence-info": { subscription_count: 1 }, info: { subscription_count: 1 } } });
    const users = await (await backend.trigger("presence-info", "e", 1, { info: "user_count,subscription_count" })).json();
    assert.deepEqual(users.channels["presence-info"], { user_count: 1, subscription_count: 1 });
    const batch = await (await backend.triggerBatch([
      { channel: "presence-info", name: "e", data: "1", info: "user_count" }, { channel: "info", name: "e", data: "1" }])).json();
    assert.deepEqual(batch, { batch: [{ user_count: 1 }, {}] });
  });

  test("channels: all, by prefix, with counts; empty ones are not listed", async () => {
    await reader("list-a");
    await reader("list-b");
    await reader("presence-list");
    await known("list-a", "list-b", "presence-list");
    await backend.trigger("list-empty", "e", 1);
    const all = (await query("/channels")).channels;
    assert.deepEqual([all["list-a"], all["list-b"], all["presence-list"], all["list-empty"]], [{}, {}, {}, undefined]);
    assert.deepEqual(await query("/channels", { filter_by_prefix: "list-", info: "subscription_count" }),
      { channels: { "list-a": { subscription_count: 1 }, "list-b": { subscription_count: 1 } } });
    assert.deepEqual(await query("/channels", { filter_by_prefix: "presence-list", info: "user_count" }),
      { channels: { "presence-list": { user_count: 1 } } });
    await assert.rejects(backend.get({ path: "/channels", params: { info: "user_count" } }), { status: 400 });
  });

  test("one channel: occupied, counts, cache", async () => {
    await reader("single:x");
    await known("single:x");
    assert.deepEqual(await query("/channels/single:x", { info: "subscription_count" }), { occupied: true, subscription_count: 1 });
    assert.deepEqual(await query("/channels/vacant"), { occupied: false });
    await reader("presence-single");
    await known("presence-single");
    assert.deepEqual(await query("/channels/presence-single", { info: "user_count,subscription_count" }),
      { occupied: true, user_count: 1, subscription_count: 1 });
    await backend.trigger("cache-single", "e", "kept");
    const cached = await query("/channels/cache-single", { info: "cache" });
    assert.match(JSON.stringify(cached.cache), /kept/);
    await assert.rejects(backend.get({ path: "/channels/single:x", params: { info: "user_count" } }), { status: 400 });
    await assert.rejects(backend.get({ path: "/channels/single:x/users" }), { status: 400 });
    assert.equal((await signedRequest(server, APPS.main, "GET", "/apps/main/channels/single%3Ax")).status, 200);
  });

  test("byte-identical triggers within a second are both delivered", async () => {
    const channel = await reader("identical");
    const body = JSON.stringify({ name: "e", channels: ["identical"], data: "same" });
    const url = server.url + signedPath(APPS.main, "POST", EVENTS, { body });
    for (let i = 0; i < 2; i += 1) assert.equal((await request(url, { method: "POST", body })).status, 200);
    assert.deepEqual(await received(channel, "e", 2), ["same", "same"]);
  });

  test("with the replay cache a repeated request is not delivered again", async () => {
    const strict = await Server.start({ http_api: { replay_cache: true } });
    try {
      const channel = await joined(await connected(connect(strict)), "replayed");
      const body = JSON.stringify({ name: "e", channels: ["replayed"], data: "same" });
      const url = strict.url + signedPath(APPS.main, "POST", EVENTS, { body });
      assert.equal((await request(url, { method: "POST", body })).status, 200);
      const again = await request(url, { method: "POST", body });
      assert.ok(again.status === 200 || (again.status >= 400 && again.status < 500), String(again.status));
      await settle(sdk(strict), channel);
      assert.equal(dataOf(channel, "e").length, 1);
    } finally {
      await strict.stop();
    }
  });

  test("an idempotency key delivers once and gives the same answer", async () => {
    const channel = await reader("idempotent");
    await known("idempotent");
    const body = { name: "e", channel: "idempotent", data: "d", info: "subscription_count" };
    const inBody = [];
    for (let i = 0; i < 3; i += 1) inBody.push(await post(EVENTS, { ...body, idempotency_key: "key-1", attempt: i }));
    const racing = await Promise.all(Array.from({ length: 4 }, () =>
      post(EVENTS, { ...body, name: "h" }, { headers: { "X-Idempotency-Key": "key-2" } })));
    for (const answer of [...inBody, ...racing]) {
      assert.equal(answer.status, 200, answer.body);
      assert.equal(answer.body, inBody[0].body);
    }
    await settle(backend, channel);
    assert.equal(dataOf(channel, "e").length, 1);
    assert.equal(dataOf(channel, "h").length, 1);
    assert.equal((await post(EVENTS, { ...body, idempotency_key: "k".repeat(129) })).status, 400);
  });

  test("data may be any JSON; it arrives as its text", async () => {
    const channel = await reader("any-json");
    await post(EVENTS, "{\"name\":\"e\",\"channel\":\"any-json\",\"data\":{\"n\":1.50,\"big\":12345678901234567890}}");
    assert.deepEqual(await received(channel, "e"), [{ n: 1.5, big: 12345678901234567890 }]);
  });

  test("limits: names, data and required members", async () => {
    const event = { name: "e", channel: "limits", data: "d" };
    const bad = [
      [{ ...event, name: undefined }, 400, /name/], [{ ...event, channel: undefined }, 400, /channel/],
      [{ ...event, name: "n".repeat(201) }, 400, /200|name/], [{ ...event, channel: "c".repeat(201) }, 400, /channel/],
      [{ ...event, channel: "a b" }, 400, /channel/], [{ ...event, channels: [], channel: undefined }, 400, /channel/],
      [{ ...event, socket_id: "nonsense" }, 400, /socket_id/], [{ ...event, data: undefined }, 400, /data/],
      [{ ...event, data: "x".repeat(101 * 1024) }, 413, /100|data/], [[], 400, /object|name/], ["text", 400, /./], ["", 400, /./],
      ["{\"name\":", 400, /JSON/i], [{ ...event, channel: 5 }, 400, /channel/], [{ ...event, channels: [5], channel: undefined }, 400, /channel/],
    ];
    for (const [body, status, text] of bad) {
      const answer = await post(EVENTS, body);
      assert.equal(answer.status, status, `${JSON.stringify(body).slice(0, 80)} -> ${answer.status} ${answer.body}`);
      assert.match(JSON.parse(answer.body).error, text);
    }
    assert.equal((await post(EVENTS, { ...event, name: "n".repeat(200), data: "x".repeat(9999) })).status, 200);
  });

  test("limits per second answer 429 with Retry-After", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) =>
      post("/apps/throttled/events", { name: "e", channel: "c", data: String(i) }, { app: APPS.throttled })));
    const refused = answers.filter((answer) => answer.status === 429);
    assert.ok(refused.length >= 4 && refused.length < 12, `${refused.length} of 12 refused`);
    assert.ok(Number(refused[0].headers["retry-after"]) >= 1);
    const reads = await Promise.all(Array.from({ length: 12 }, () => signedRequest(server, APPS.throttled, "GET", "/apps/throttled/channels")));
    assert.ok(reads.some((answer) => answer.status === 429));
    assert.ok(reads.some((answer) => answer.status === 200));
  });

  test("CORS: preflight and answers", async () => {
    const preflight = await request(server.url + EVENTS, {
      method: "OPTIONS", headers: { Origin: "https://page.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" },
    });
    assert.ok([200, 204].includes(preflight.status), String(preflight.status));
    assert.ok(["*", "https://page.example"].includes(preflight.headers["access-control-allow-origin"]));
    assert.match(preflight.headers["access-control-allow-methods"], /POST/);
    assert.match(preflight.headers["access-control-allow-headers"], /content-type/i);
    const answer = await post(EVENTS, { name: "e", channel: "c", data: "d" }, { headers: { Origin: "https://page.example" } });
    assert.ok(["*", "https://page.example"].includes(answer.headers["access-control-allow-origin"]));
  });

  test("unknown paths, methods and old clients' transports are told clearly", async () => {
    for (const path of ["/nowhere", "/apps", "/apps/main/nothing", "/pusher/app/main-key/1/abc/xhr_streaming", "/sockjs/info", "/timeline/v2/jsonp/1"]) {
      const answer = await get(server.url + path);
      assert.equal(answer.status, 404, path);
      assert.ok(answer.body.length > 3, path);
    }
    const wrong = await get(server.url + EVENTS);
    assert.equal(wrong.status, 405);
    assert.match(wrong.headers.allow, /POST/);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      assert.equal((await request(server.url + EVENTS, { method })).status, 405, method);
    }
    assert.ok([405, 501].includes((await request(server.url + EVENTS, { method: "PROPFIND" })).status));
  });

  test("a disabled app's REST is refused with 403", async () => {
    assert.equal((await post("/apps/disabled/events", { name: "e", channel: "c", data: "d" }, { app: APPS.disabled })).status, 403);
  });
});
