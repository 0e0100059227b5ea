import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  channelAuth, connect, connected, dataOf, disconnectAll, joined, received, sdk, settle, signedRequest, watched,
} from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, until } from "./support/server.mjs";

describe("channels", () => {
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

  const payloads = [
    "text", "", "{\"a\":1}", { nested: { list: [1, 2.5, -3e10, null, true] } }, [], 0, "\u0000\u001f\"\\/",
    "žluťoučký \u{1F34E} \u2028", "x".repeat(9000),
  ];
  // pusher-js parses data that is JSON text and leaves any other text alone; the SDK puts the data
  // of encrypted channels through JSON once more.
  const asClientSeesIt = (payload, name) => {
    if (name.startsWith("private-encrypted-")) return payload;
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    try { return JSON.parse(text); } catch { return text; }
  };

  // The SDK refuses a ':' in names before it sends anything; other SDKs do not.
  async function publish(channel, name, payload) {
    if (!channel.includes(":")) return backend.trigger(channel, name, payload);
    const data = typeof payload === "string" ? payload : JSON.stringify(payload);
    const answer = await signedRequest(server, APPS.main, "POST", "/apps/main/events", { body: JSON.stringify({ channel, name, data }) });
    return assert.equal(answer.status, 200, answer.body);
  }

  for (const name of ["news", "private-news", "presence-news", "private-encrypted-news",
    "ticker:BTC-USD", "private-a_b=c@d,e;f.g", "cache-news", "x".repeat(164)]) {
    test(`events arrive in order and unchanged on ${name.slice(0, 40)}`, async () => {
      const client = await connected(connect(server, APPS.main, { user: { id: "reader" } }));
      const channel = await joined(client, name);
      for (const payload of payloads) await publish(name, "update", payload);
      const got = await received(channel, "update", payloads.length);
      assert.deepEqual(got, payloads.map((payload) => asClientSeesIt(payload, name)));
    });
  }

  test("the frame of an event has event, channel and data as the publisher's string", async () => {
    const client = await RawClient.open(server);
    client.subscribe("wire");
    const yes = await client.next("pusher_internal:subscription_succeeded");
    assert.deepEqual(yes, { event: "pusher_internal:subscription_succeeded", channel: "wire", data: "{}" });
    await backend.trigger("wire", "e", { a: "b" });
    const frame = await client.next("e");
    assert.deepEqual(Object.keys(frame), ["event", "channel", "data"]);
    assert.equal(frame.data, "{\"a\":\"b\"}");
    client.close();
  });

  test("an unsubscribed channel is quiet, and can be joined again", async () => {
    const client = await connected(connect(server));
    const other = await connected(connect(server));
    const first = await joined(client, "comes-and-goes");
    const witness = await joined(other, "comes-and-goes");
    client.unsubscribe("comes-and-goes");
    const guard = await joined(client, "guard");
    await backend.trigger("comes-and-goes", "while-away", 1);
    await received(witness, "while-away");
    await settle(backend, guard);
    assert.deepEqual(dataOf(first, "while-away"), []);
    const second = await joined(client, "comes-and-goes");
    await backend.trigger("comes-and-goes", "back", 2);
    assert.deepEqual(await received(second, "back"), [2]);
  });

  test("a bare string unsubscribes too", async () => {
    const client = await RawClient.open(server);
    client.subscribe("bare");
    await client.next("pusher_internal:subscription_succeeded");
    client.send({ event: "pusher:unsubscribe", data: "bare" });
    await client.roundTrip();
    await until(async () => !(await (await backend.get({ path: "/channels" })).json()).channels.bare, 5000, "vacated");
    client.close();
  });

  test("a second subscription to one channel is refused and delivers nothing twice", async () => {
    const client = await RawClient.open(server);
    client.subscribe("twice");
    await client.next("pusher_internal:subscription_succeeded");
    client.subscribe("twice");
    await client.roundTrip();
    await backend.trigger("twice", "once", 1);
    await backend.trigger("twice", "last", 1);
    await client.next("last");
    assert.equal(client.of("once").length, 1);
    assert.equal(client.closed, null);
    client.close();
  });

  for (const name of ["private-safe", "private-encrypted-safe", "presence-safe", "private-cache-safe",
    "presence-cache-safe", "private-encrypted-cache-safe"]) {
    test(`${name} is refused with no, a wrong and somebody else's signature`, async () => {
      const client = await RawClient.open(server);
      const channelData = name.startsWith("presence-") ? JSON.stringify({ user_id: "u1" }) : undefined;
      const good = channelAuth(APPS.main, client.socketId, name, channelData);
      const wrong = [
        undefined, "", "nonsense", `${APPS.main.key}:`, good.slice(0, -1) + (good.endsWith("0") ? "1" : "0"),
        channelAuth(APPS.main, "1.2", name, channelData), channelAuth(APPS.plain, client.socketId, name, channelData),
        channelAuth(APPS.main, client.socketId, `${name}x`, channelData),
        good.replace(APPS.main.key, APPS.plain.key),
      ];
      for (const auth of wrong) {
        client.subscribe(name, { auth, channel_data: channelData });
        const refusal = await client.next("pusher:subscription_error");
        assert.equal(refusal.channel, name);
        const data = typeof refusal.data === "string" ? JSON.parse(refusal.data) : refusal.data;
        assert.equal(data.type, "AuthError");
        assert.equal(data.status, 401);
        assert.equal(typeof data.error, "string");
      }
      await backend.trigger(name, "secret", "s");
      await client.roundTrip();
      assert.deepEqual(client.of("secret"), []);
      assert.equal(client.closed, null);
      client.subscribe(name, { auth: good, channel_data: channelData });
      await client.next("pusher_internal:subscription_succeeded");
      client.close();
    });
  }

  test("pusher-js reports a refused subscription as pusher:subscription_error and stays connected", async () => {
    const client = await connected(connect(server, APPS.main, {
      channelAuthorization: { customHandler: (_, done) => done(null, { auth: `${APPS.main.key}:${"0".repeat(64)}` }) },
    }));
    const channel = watched(client, "private-cache-refused");
    await until(() => channel.refusal, 5000, "a refusal");
    assert.equal(channel.refusal.status, 401);
    assert.equal(client.connection.state, "connected");
  });

  for (const name of ["cache-last", "private-cache-last", "presence-cache-last", "private-encrypted-cache-last"]) {
    test(`${name} gives the last event, or a miss`, async () => {
      const first = await connected(connect(server, APPS.main, { user: { id: "first" } }));
      const early = await joined(first, name);
      await received(early, "pusher:cache_miss");
      await backend.trigger(name, "older", { n: 1 });
      await backend.trigger(name, "newer", { n: 2 });
      await received(early, "newer");
      const second = await connected(connect(server, APPS.main, { user: { id: "second" } }));
      const late = await joined(second, name);
      assert.deepEqual(await received(late, "newer"), [{ n: 2 }]);
      await settle(backend, late);
      assert.deepEqual(dataOf(late, "older"), []);
      assert.deepEqual(dataOf(late, "pusher:cache_miss"), []);
      assert.equal(dataOf(late, "newer").length, 1);
    });
  }

  test("the cached event comes after subscription_succeeded", async () => {
    await backend.trigger("cache-order", "kept", "v");
    const client = await RawClient.open(server);
    client.subscribe("cache-order");
    await client.next("kept");
    assert.deepEqual(client.frames.map((frame) => frame.event),
      ["pusher:connection_established", "pusher_internal:subscription_succeeded", "kept"]);
    client.close();
  });

  test("a name that only contains cache- is an ordinary channel", async () => {
    const client = await connected(connect(server));
    const channel = await joined(client, "my-cache-room");
    await backend.trigger("my-cache-room", "event", 1);
    await received(channel, "event");
    assert.deepEqual(dataOf(channel, "pusher:cache_miss"), []);
    const later = await joined(await connected(connect(server)), "my-cache-room");
    await settle(backend, later);
    assert.deepEqual(dataOf(later, "event"), []);
  });

  test("impossible names are refused and named, and the connection lives", async () => {
    const client = await RawClient.open(server);
    for (const name of ["", "with space", "sl/ash", "ž", "x".repeat(201), "#private", "a\nb", "br{ace}"]) {
      client.subscribe(name);
      const refusal = await until(() => client.frames.find((frame) =>
        /error/.test(frame.event) && !client.taken?.has(frame)), 5000, `an answer to ${JSON.stringify(name)}`);
      client.taken.add(refusal);
      assert.ok(["pusher:subscription_error", "pusher:error"].includes(refusal.event), name);
    }
    await client.roundTrip();
    assert.equal(client.closed, null);
    client.close();
  });

  test("apps do not hear each other", async () => {
    const mine = await joined(await connected(connect(server, APPS.main)), "shared-name");
    const theirs = await joined(await connected(connect(server, APPS.plain)), "shared-name");
    await backend.trigger("shared-name", "for-main", 1);
    await received(mine, "for-main");
    await settle(sdk(server, APPS.plain), theirs);
    assert.deepEqual(dataOf(theirs, "for-main"), []);
  });
});
