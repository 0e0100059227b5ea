// Three processes and one Redis: events for everybody, for a user and for a channel.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, connected, dataOf, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { Redis } from "./support/redis.mjs";
import { Server, sample, until } from "./support/server.mjs";

describe("broadcasts over one Redis", () => {
  let redis;
  let nodes = [];
  let clients = [];
  let heard = [];

  before(async () => {
    redis = await Redis.start();
    nodes = await Promise.all([1, 2, 3].map((number) => Server.start({ node: { name: `n${number}` }, redis: { url: redis.url } })));
    for (const node of nodes) {
      await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "three nodes");
    }
    clients = await Promise.all(nodes.map(async (node, i) => connected(connect(node, undefined, { user: { id: `user-${i}` } }))));
    heard = clients.map(() => []);
    clients.forEach((client, i) => client.bind("news", (data) => heard[i].push(data)));
  });
  after(async () => {
    disconnectAll();
    for (const node of nodes) await node?.stop();
    await redis?.stop();
  });

  const broadcast = async (node, body) =>
    (await sdk(nodes[node]).post({ path: "/broadcast", body: { name: "news", ...body } })).json();
  const allHeard = (count, message) => until(() => heard.every((list) => list.length >= count), 5000, message);

  test("to all: every pusher-js of every node gets it once, without a channel", async () => {
    assert.deepEqual(await broadcast(0, { data: { price: 45000 }, priority: 3 }), {});
    await broadcast(2, { data: "second", to: "all" });
    await allHeard(2, "two broadcasts");
    for (const list of heard) assert.deepEqual([...list].sort((a) => (a === "second" ? 1 : -1)), [{ price: 45000 }, "second"]);
  });

  test("a connection or a node is left out, and the others are not", async () => {
    heard.forEach((list) => list.splice(0));
    await broadcast(0, { data: 1, except: { socket_id: clients[1].connection.socket_id } });
    await broadcast(0, { data: 2, except: { node: "n3" } });
    await broadcast(0, { data: 3 });
    await until(() => heard.every((list) => list.includes(3)), 5000, "the last one");
    assert.deepEqual(heard, [[1, 2, 3], [2, 3], [1, 3]]);
  });

  test("to a user and to a channel, on whatever node they are", async () => {
    const channel = await joined(clients[0], "room");
    const other = await joined(clients[2], "room");
    await broadcast(1, { data: "to the channel", to: { channel: "room" }, except: { node: "n3" } });
    await broadcast(1, { data: "again", to: { channel: "room" } });
    assert.deepEqual(await received(channel, "news", 2), ["to the channel", "again"]);
    assert.deepEqual(await received(other, "news"), ["again"]);
    const told = [];
    clients[2].user.bind("news", (data) => told.push(data));
    clients[2].signin();
    await until(() => clients[2].user.user_data, 5000, "a sign-in");
    await broadcast(0, { data: "to the user", to: { user: "user-2" } });
    await until(() => told.length > 0, 5000, "the event for the user");
    assert.deepEqual(told, ["to the user"]);
    assert.deepEqual(dataOf(channel, "news").length, 2);
  });
});
