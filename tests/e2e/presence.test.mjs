import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  channelAuth, connect, connected, dataOf, disconnectAll, joined, present, received, sdk, settle,
} from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, until } from "./support/server.mjs";

describe("presence", () => {
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

  const tab = async (user, app) => connected(connect(server, app, { user }));
  const usersOf = async (name) => (await (await backend.get({ path: `/channels/${name}/users` })).json()).users;

  test("two users see each other come and go, once each", async () => {
    const name = "presence-pair";
    const a = await tab({ id: "a", info: { name: "Anvil" } });
    const seenByA = await present(backend, a, name);
    assert.equal(seenByA.members.count, 1);
    assert.deepEqual(seenByA.members.me, { id: "a", info: { name: "Anvil" } });

    const b = await tab({ id: "b", info: { name: "Bellows" } });
    const seenByB = await joined(b, name);
    assert.equal(seenByB.members.count, 2);
    assert.deepEqual(seenByB.members.get("a"), { id: "a", info: { name: "Anvil" } });
    assert.deepEqual(await received(seenByA, "pusher:member_added"), [{ id: "b", info: { name: "Bellows" } }]);
    assert.equal(seenByA.members.count, 2);

    b.unsubscribe(name);
    const [gone] = await received(seenByA, "pusher:member_removed");
    assert.equal(gone.id, "b");
    assert.equal(seenByA.members.count, 1);
    await settle(backend, seenByA);
    assert.equal(dataOf(seenByA, "pusher:member_added").length, 1);
    assert.equal(dataOf(seenByA, "pusher:member_removed").length, 1);
    assert.deepEqual(dataOf(seenByB, "pusher:member_added"), []);
  });

  test("who subscribes again with the same data does not go and come for the others", async () => {
    const name = "presence-again";
    const witness = await present(backend, await tab({ id: "witness" }), name);
    const raw = await RawClient.open(server);
    const subscribe = (info) => {
      const data = JSON.stringify({ user_id: "again", user_info: info });
      raw.subscribe(name, { auth: channelAuth(APPS.main, raw.socketId, name, data), channel_data: data });
      return raw.next("pusher_internal:subscription_succeeded");
    };
    await subscribe({ n: 1 });
    for (let i = 0; i < 3; i += 1) {
      assert.equal(JSON.parse((await subscribe({ n: 1 })).data).presence.count, 2);
    }
    await settle(backend, witness);
    assert.equal(dataOf(witness, "pusher:member_added").length, 1);
    assert.deepEqual(dataOf(witness, "pusher:member_removed"), []);
    await raw.roundTrip();
    assert.equal(raw.frames.filter((frame) => /^marker-\d+$/.test(frame.event)).length, 1, "heard once");
    await subscribe({ n: 2 });
    await received(witness, "pusher:member_added", 2);
    assert.deepEqual(witness.members.get("again").info, { n: 2 }, "other data is news");
    raw.close();
    await received(witness, "pusher:member_removed", 2);
    await settle(backend, witness);
    assert.equal(witness.members.count, 1);
  });

  test("a second subscribe with a wrong signature leaves the first in place", async () => {
    const raw = await RawClient.open(server);
    const name = "private-kept";
    raw.subscribe(name, { auth: channelAuth(APPS.main, raw.socketId, name) });
    await raw.next("pusher_internal:subscription_succeeded");
    raw.subscribe(name, { auth: `${APPS.main.key}:0000` });
    await raw.next("pusher:subscription_error");
    await (await backend.trigger(name, "still", "here")).text();
    await raw.next("still");
    raw.close();
  });

  test("several tabs are one member: the first adds, the last removes", async () => {
    const name = "presence-tabs";
    const witness = await present(backend, await tab({ id: "witness" }), name);
    const tabs = [];
    for (let i = 0; i < 3; i += 1) {
      const client = await tab({ id: "tabs" });
      tabs.push(client);
      const own = await joined(client, name);
      assert.equal(own.members.count, 2);
    }
    await settle(backend, witness);
    assert.equal(dataOf(witness, "pusher:member_added").length, 1);
    tabs[0].disconnect();
    tabs[1].unsubscribe(name);
    const counted = await until(async () => {
      const state = await (await backend.get({ path: `/channels/${name}`, params: { info: "subscription_count,user_count" } })).json();
      return state.subscription_count === 2 && state;
    }, 5000, "two subscriptions left");
    assert.equal(counted.user_count, 2);
    await settle(backend, witness);
    assert.deepEqual(dataOf(witness, "pusher:member_removed"), []);
    tabs[2].disconnect();
    await received(witness, "pusher:member_removed");
    await settle(backend, witness);
    assert.equal(dataOf(witness, "pusher:member_removed").length, 1);
    assert.equal(witness.members.count, 1);
  });

  test("a dropped TCP connection removes its member", async () => {
    const name = "presence-dropped";
    const witness = await present(backend, await tab({ id: "witness" }), name);
    const raw = await RawClient.open(server);
    const data = JSON.stringify({ user_id: "drop" });
    raw.subscribe(name, { auth: channelAuth(APPS.main, raw.socketId, name, data), channel_data: data });
    await received(witness, "pusher:member_added");
    raw.close();
    const [gone] = await received(witness, "pusher:member_removed");
    assert.equal(gone.id, "drop");
  });

  test("numeric user ids work as Laravel sends them", async () => {
    const name = "presence-numbers";
    const seven = await joined(await tab({ id: 7, info: { name: "Seven" } }), name);
    assert.equal(seven.members.count, 1);
    assert.equal(seven.members.me.id, 7);
    assert.deepEqual(seven.members.me.info, { name: "Seven" });
    const eight = await tab({ id: 8 });
    await joined(eight, name);
    const [added] = await received(seven, "pusher:member_added");
    assert.equal(added.id, 8);
    eight.disconnect();
    const [removed] = await received(seven, "pusher:member_removed");
    assert.equal(removed.id, 8);
    assert.equal(seven.members.count, 1);
  });

  test("the wire form: ids, hash and count in a string", async () => {
    const name = "presence-wire";
    const raw = await RawClient.open(server);
    const data = "{\"user_id\":\"w\",\"user_info\":{\"b\":1.50,\"a\":\"ž\"}}";
    raw.subscribe(name, { auth: channelAuth(APPS.main, raw.socketId, name, data), channel_data: data });
    const yes = await raw.next("pusher_internal:subscription_succeeded");
    assert.equal(typeof yes.data, "string");
    assert.deepEqual(JSON.parse(yes.data), { presence: { ids: ["w"], hash: { w: { b: 1.5, a: "ž" } }, count: 1 } });
    raw.close();
  });

  test("channel_data that is missing, no JSON or without user_id is refused", async () => {
    const name = "presence-bad";
    const raw = await RawClient.open(server);
    for (const data of [undefined, "", "nonsense", "[]", "{}", "{\"user_id\":null}", "{\"user_id\":{}}", "{\"user_id\":\"\"}"]) {
      raw.subscribe(name, { auth: channelAuth(APPS.main, raw.socketId, name, data), channel_data: data });
      const refusal = await raw.next("pusher:subscription_error");
      assert.equal(refusal.channel, name, String(data));
    }
    await raw.roundTrip();
    assert.equal(raw.closed, null);
    assert.deepEqual(await usersOf(name), []);
    raw.close();
  });

  test("a full channel and a large user_info are refused", async () => {
    const name = "presence-full";
    const members = [];
    for (const id of ["1", "2"]) members.push(await present(sdk(server, APPS.few), await tab({ id }, APPS.few), name));
    const [first] = members;
    const raw = await RawClient.open(server, { app: APPS.few });
    const third = JSON.stringify({ user_id: "3" });
    raw.subscribe(name, { auth: channelAuth(APPS.few, raw.socketId, name, third), channel_data: third });
    await raw.next("pusher:subscription_error");
    const second = JSON.stringify({ user_id: "2" });
    raw.subscribe(name, { auth: channelAuth(APPS.few, raw.socketId, name, second), channel_data: second });
    await raw.next("pusher_internal:subscription_succeeded");
    assert.equal(first.members.count, 2);
    raw.close();

    const large = await RawClient.open(server);
    const data = JSON.stringify({ user_id: "large", user_info: { text: "x".repeat(2100) } });
    large.subscribe("presence-large", { auth: channelAuth(APPS.main, large.socketId, "presence-large", data), channel_data: data });
    await large.next("pusher:subscription_error");
    assert.equal(large.closed, null);
    large.close();
  });

  test("REST tells the users and counts", async () => {
    const name = "presence-rest";
    const clients = [await tab({ id: "x" }), await tab({ id: "x" }), await tab({ id: "y" })];
    for (const client of clients) await joined(client, name);
    await until(async () => (await usersOf(name)).length === 2, 5000, "both users at the asked node");
    assert.deepEqual((await usersOf(name)).map((user) => user.id).sort(), ["x", "y"]);
    const all = await (await backend.get({ path: "/channels", params: { filter_by_prefix: "presence-rest", info: "user_count" } })).json();
    assert.deepEqual(all.channels, { [name]: { user_count: 2 } });
  });

  test("twenty users that join and leave at once leave nobody behind", async () => {
    const name = "presence-crowd";
    const witness = await present(backend, await tab({ id: "witness" }), name);
    const crowd = await Promise.all(Array.from({ length: 20 }, (_, i) => tab({ id: `c${i}` })));
    await Promise.all(crowd.map((client) => joined(client, name)));
    await until(() => witness.members.count === 21, 5000, "21 members");
    crowd.forEach((client) => client.disconnect());
    await until(() => witness.members.count === 1, 5000, "one member");
    assert.equal(dataOf(witness, "pusher:member_added").length, 20);
    assert.equal(dataOf(witness, "pusher:member_removed").length, 20);
    await until(async () => (await usersOf(name)).length === 1, 5000, "one user at the asked node");
    assert.deepEqual(await usersOf(name), [{ id: "witness" }]);
  });
});
