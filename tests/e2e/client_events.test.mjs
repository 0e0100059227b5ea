import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  channelAuth, codesOf, connect, connected, dataOf, disconnectAll, joined, received, sdk, settle,
} from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, until } from "./support/server.mjs";

describe("client events", () => {
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

  const member = async (id, app) => connected(connect(server, app, { user: { id } }));
  async function rawOn(name, app = APPS.main) {
    const raw = await RawClient.open(server, { app });
    raw.subscribe(name, { auth: channelAuth(app, raw.socketId, name) });
    await raw.next("pusher_internal:subscription_succeeded");
    return raw;
  }

  test("others get them, the sender does not", async () => {
    const name = "private-room";
    const [a, b] = [await member("a"), await member("b")];
    const [own, other] = [await joined(a, name), await joined(b, name)];
    assert.equal(own.trigger("client-said", { text: "hello", n: [1, 2] }), true);
    assert.deepEqual(await received(other, "client-said"), [{ text: "hello", n: [1, 2] }]);
    await settle(backend, own, other);
    assert.deepEqual(dataOf(own, "client-said"), []);
  });

  test("on presence channels they carry the sender's user_id, text or number", async () => {
    const name = "presence-room";
    for (const id of ["alice", 42]) {
      const sender = await joined(await member(id), name);
      const listener = await joined(await member("listener"), name);
      const seen = [];
      listener.bind("client-said", (data, metadata) => seen.push([data, metadata.user_id]));
      sender.trigger("client-said", { x: 1 });
      await until(() => seen.length, 5000, "a client event");
      assert.deepEqual(seen, [[{ x: 1 }, id]]);
      disconnectAll();
    }
  });

  test("a private channel's client event has no user_id", async () => {
    const [sender, listener] = [await rawOn("private-wire"), await rawOn("private-wire")];
    sender.send({ event: "client-e", channel: "private-wire", data: { a: 1 }, user_id: "forged" });
    const frame = await listener.next("client-e");
    assert.deepEqual(Object.keys(frame), ["event", "channel", "data"]);
    assert.deepEqual(typeof frame.data === "string" ? JSON.parse(frame.data) : frame.data, { a: 1 });
    sender.close();
    listener.close();
  });

  test("too many in a second: 4301, the connection stays, the first ones arrive", async () => {
    const name = "private-fast";
    const sender = await rawOn(name, APPS.chatty);
    const listener = await rawOn(name, APPS.chatty);
    for (let i = 0; i < 8; i += 1) sender.send({ event: "client-tick", channel: name, data: { i } });
    const error = await sender.next("pusher:error");
    assert.equal(error.data.code, 4301);
    assert.match(error.data.message, /rate|limit|per second/i);
    await sender.roundTrip();
    assert.equal(sender.closed, null);
    await until(() => listener.of("client-tick").length >= 2, 5000, "the allowed events");
    // A new second, new allowance.
    await until(() => {
      sender.send({ event: "client-later", channel: name, data: {} });
      return listener.of("client-later").length > 0;
    }, 5000, "an event of a later second");
    sender.close();
    listener.close();
  });

  test("pusher-js shows 4301 as an error and stays connected", async () => {
    const name = "private-fast-js";
    const client = await member("fast", APPS.chatty);
    const channel = await joined(client, name);
    for (let i = 0; i < 8; i += 1) channel.trigger("client-tick", { i });
    await until(() => client.errors.length > 0, 5000, "an error");
    assert.equal(codesOf(client)[0], 4301);
    assert.equal(client.connection.state, "connected");
    assert.deepEqual(client.states.slice(-1), ["connected"]);
  });

  const refused = [
    ["the app has them disabled", APPS.plain, "private-off", true],
    ["the channel is public", APPS.main, "public-room", true],
    ["the channel is encrypted", APPS.main, "private-encrypted-room", true],
    ["the connection is not subscribed", APPS.main, "private-elsewhere", false],
  ];
  for (const [why, app, name, subscribes] of refused) {
    test(`refused with a 43xx frame when ${why}`, async () => {
      const raw = await RawClient.open(server, { app });
      const listener = await RawClient.open(server, { app });
      for (const client of subscribes ? [raw, listener] : [listener]) {
        client.subscribe(name, { auth: channelAuth(app, client.socketId, name) });
        await client.next("pusher_internal:subscription_succeeded");
      }
      raw.send({ event: "client-no", channel: name, data: {} });
      const error = await raw.next("pusher:error");
      assert.ok(error.data.code >= 4300 && error.data.code <= 4399, JSON.stringify(error));
      await raw.roundTrip();
      assert.equal(raw.closed, null);
      await sdk(server, app).trigger(name, "marker", "");
      await listener.next("marker");
      assert.deepEqual(listener.of("client-no"), []);
      raw.close();
      listener.close();
    });
  }

  test("names without client- and protocol names are not passed on", async () => {
    const name = "private-names";
    const [raw, listener] = [await rawOn(name), await rawOn(name)];
    for (const event of ["server-like", "pusher:member_added", "pusher_internal:member_added", "client_x", "CLIENT-x"]) {
      raw.send({ event, channel: name, data: {} });
    }
    await raw.roundTrip();
    await backend.trigger(name, "marker", "");
    await listener.next("marker");
    assert.deepEqual(listener.frames.map((frame) => frame.event),
      ["pusher:connection_established", "pusher_internal:subscription_succeeded", "marker"]);
    assert.equal(raw.closed, null);
    raw.close();
    listener.close();
  });

  test("an event that is too long or too large is refused", async () => {
    const name = "private-large";
    const [raw, listener] = [await rawOn(name), await rawOn(name)];
    raw.send({ event: `client-${"x".repeat(200)}`, channel: name, data: {} });
    const error = await raw.next("pusher:error");
    assert.ok(error.data.code >= 4300 && error.data.code <= 4399, JSON.stringify(error));
    raw.send({ event: "client-fits", channel: name, data: "y".repeat(9000) });
    const frame = await listener.next("client-fits");
    assert.equal(frame.data, "y".repeat(9000));
    raw.close();
    listener.close();
  });

  test("client events are not kept by cache channels", async () => {
    const name = "private-cache-room";
    const [sender, listener] = [await rawOn(name), await rawOn(name)];
    sender.send({ event: "client-e", channel: name, data: {} });
    await listener.next("client-e");
    const late = await rawOn(name);
    await late.next("pusher:cache_miss");
    assert.deepEqual(late.of("client-e"), []);
    [sender, listener, late].forEach((client) => client.close());
  });
});
