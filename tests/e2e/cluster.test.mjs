// Three processes and one Redis: what enters at one node reaches the clients of all.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, connected, dataOf, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { diesAndComesBack, hangs } from "./support/outages.mjs";
import { Redis } from "./support/redis.mjs";
import { Server, freePorts, get, sample, until } from "./support/server.mjs";

describe("three nodes over one Redis", () => {
  let redis;
  let nodes = [];
  let serial = 0;
  const settings = (number) => ({ node: { name: `n${number}` }, redis: { url: redis.url } });
  const channelName = (text) => `${text}-${serial += 1}`;

  before(async () => {
    redis = await Redis.start();
    nodes = await Promise.all([1, 2, 3].map((number) => Server.start(settings(number))));
    for (const node of nodes) {
      await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "three nodes");
    }
  });
  after(async () => {
    disconnectAll();
    for (const node of nodes) await node?.stop();
    await redis?.stop();
  });

  const clientsOf = new Map();
  const on = (node, options) => {
    const client = connect(node, undefined, options);
    clientsOf.set(node, [...(clientsOf.get(node) ?? []), client]);
    return connected(client);
  };
  const disconnectOf = (node) => clientsOf.get(node)?.forEach((client) => client.disconnect());

  test("publishes that enter anywhere come to clients everywhere, once, each node's in order", async () => {
    const name = channelName("prices");
    const channels = await Promise.all(nodes.map(async (node) => joined(await on(node), name)));
    const backends = nodes.map((node) => sdk(node));
    for (let i = 0; i < 100; i += 1) {
      await Promise.all(backends.map((backend, node) => backend.trigger(name, "tick", { node, i })));
    }
    for (const channel of channels) {
      const ticks = await received(channel, "tick", 300, 10_000);
      assert.equal(ticks.length, 300);
      for (const node of [0, 1, 2]) {
        assert.deepEqual(ticks.filter((tick) => tick.node === node).map((tick) => tick.i), [...Array(100).keys()]);
      }
    }
  });

  test("the excluded connection may be on another node", async () => {
    const name = channelName("excluded");
    const [first, second] = [await on(nodes[0]), await on(nodes[1])];
    const [own, other] = [await joined(first, name), await joined(second, name)];
    const backend = sdk(nodes[2]);
    await backend.trigger(name, "a", 1, { socket_id: first.connection.socket_id });
    await backend.trigger(name, "b", 2);
    await received(own, "b");
    await received(other, "b");
    assert.deepEqual(dataOf(own, "a"), []);
    assert.deepEqual(dataOf(other, "a"), [1]);
  });

  test("client events and events for users cross nodes", async () => {
    const name = channelName("private-room");
    const [alice, bob] = [await on(nodes[0], { user: { id: "alice" } }), await on(nodes[1], { user: { id: "bob" } })];
    const [own, other] = [await joined(alice, name), await joined(bob, name)];
    own.trigger("client-said", { text: "hello" });
    assert.deepEqual(await received(other, "client-said"), [{ text: "hello" }]);
    const told = [];
    bob.user.bind("news", (data) => told.push(data));
    bob.signin();
    await bob.user.signinDonePromise;
    await until(() => bob.user.user_data, 5000, "bob is signed in");
    await sdk(nodes[2]).sendToUser("bob", "news", { x: 1 });
    await until(() => told.length > 0, 5000, "the event for bob");
    assert.deepEqual(told, [{ x: 1 }]);
  });

  test("presence is one for all nodes: lists, one addition and one removal of each user, queries", async () => {
    const name = channelName("presence-lobby");
    const members = (channel) => Object.keys(channel.members.members).sort();
    const alice = await on(nodes[0], { user: { id: "alice", info: { n: 1 } } });
    const room = await joined(alice, name);
    const tabs = [await on(nodes[1], { user: { id: "bob", info: { n: 2 } } }), await on(nodes[2], { user: { id: "bob", info: { n: 2 } } })];
    const rooms = [];
    for (const tab of tabs) rooms.push(await joined(tab, name));
    await until(() => members(rooms[1]).join() === "alice,bob", 3000, "the whole list at the third node");
    const added = await received(room, "pusher:member_added");
    assert.deepEqual(added, [{ id: "bob", info: { n: 2 } }]);
    for (const node of nodes) {
      const backend = sdk(node);
      const answer = await (await backend.get({ path: `/channels/${name}/users` })).json();
      assert.deepEqual(answer.users.map((user) => user.id).sort(), ["alice", "bob"]);
      // Nodes tell each other of subscriptions some milliseconds later.
      const state = await until(async () => {
        const now = await (await backend.get({ path: `/channels/${name}`, params: { info: "user_count,subscription_count" } })).json();
        return now.subscription_count === 3 && now;
      }, 3000, "three subscriptions");
      assert.deepEqual([state.occupied, state.user_count], [true, 2]);
      const all = await (await backend.get({ path: "/channels", params: { filter_by_prefix: "presence-lobby", info: "user_count" } })).json();
      assert.equal(all.channels[name].user_count, 2);
    }
    tabs[0].disconnect();
    await sdk(nodes[0]).trigger(name, "mark", 1);
    await received(room, "mark");
    assert.deepEqual(members(room), ["alice", "bob"], "bob's other tab is there");
    tabs[1].disconnect();
    await received(room, "pusher:member_removed");
    await sdk(nodes[0]).trigger(name, "mark", 2);
    await received(room, "mark", 2);
    assert.equal(dataOf(room, "pusher:member_added").length, 1);
    assert.equal(dataOf(room, "pusher:member_removed").length, 1);
    assert.deepEqual(members(room), ["alice"]);
  });

  test("users of a node that is killed are gone after the node timeout, once each", async () => {
    const name = channelName("presence-ghosts");
    const room = await joined(await on(nodes[0], { user: { id: "alice" } }), name);
    for (let i = 0; i < 20; i += 1) await joined(await on(nodes[2], { user: { id: `user-${i}` } }), name);
    await received(room, "pusher:member_added", 20);
    await nodes[2].kill();
    disconnectOf(nodes[2]);
    const begin = performance.now();
    await received(room, "pusher:member_removed", 20, 8000);
    assert.ok(performance.now() - begin > 1000, "not before anybody could know");
    assert.deepEqual(Object.keys(room.members.members), ["alice"]);
    await nodes[2].run();
    await until(async () => await sample(nodes[0], "millrace_cluster_nodes") === 3, 8000, "three nodes");
    assert.equal(dataOf(room, "pusher:member_removed").length, 20);
  });

  test("subscribers that come while another node publishes miss nothing after their yes", async () => {
    const backend = sdk(nodes[0]);
    for (let round = 0; round < 10; round += 1) {
      const name = channelName("race");
      let sent = 0;
      let isOver = false;
      const publishing = (async () => {
        while (!isOver) await backend.trigger(name, "n", sent += 1);
      })();
      const client = await on(nodes[1 + (round % 2)]);
      const channel = await joined(client, name);
      const first = sent + 1;
      await until(() => sent > first + 10, 5000, "some more");
      isOver = true;
      await publishing;
      const numbers = await until(() => {
        const heard = dataOf(channel, "n");
        return heard.at(-1) === sent && heard;
      }, 5000, "the last one");
      assert.ok(numbers[0] <= first, `${numbers[0]} after ${first}`);
      assert.deepEqual(numbers, [...Array(sent - numbers[0] + 1).keys()].map((i) => i + numbers[0]));
      client.disconnect();
    }
  });

  test("the broker dies and comes back: local service goes on, /ready tells, and nodes meet again", () => diesAndComesBack({ broker: redis, nodes, name: channelName("outage") }));

  test("a broker that hangs is noticed too, and publishers do not wait for it", () => hangs({ broker: redis, nodes, name: channelName("hang") }));

  test("a node that is killed is missed within the node timeout, and comes back", async () => {
    const name = channelName("killed");
    const channel = await joined(await on(nodes[0]), name);
    await nodes[2].kill();
    await sdk(nodes[1]).trigger(name, "meanwhile", 1);
    assert.deepEqual(await received(channel, "meanwhile"), [1]);
    await until(async () => await sample(nodes[0], "millrace_cluster_nodes") === 2, 8000, "two nodes");
    await nodes[2].run();
    await until(async () => await sample(nodes[0], "millrace_cluster_nodes") === 3, 8000, "three nodes");
    await sdk(nodes[2]).trigger(name, "back", 2);
    assert.deepEqual(await received(channel, "back"), [2]);
  });

  test("a node that ends in order is gone at once", async () => {
    const extra = await Server.start({ ...settings(4), shutdown_grace_period: 1, node: { name: "extra", region: "eu", address: "10.9.9.9" } });
    await until(async () => await sample(nodes[0], "millrace_cluster_nodes") === 4, 5000, "four nodes");
    const told = () => nodes[0].output.split("\n").filter((line) => line.includes('"extra"')).map((line) => JSON.parse(line));
    await until(() => told().some((line) => line.msg === "node joined"), 3000, "the line that it joined");
    await extra.stop();
    await until(async () => await sample(nodes[0], "millrace_cluster_nodes") === 3, 1500, "three nodes");
    await until(() => told().some((line) => line.msg === "node left"), 1500, "the line that it left");
    const [joining] = told();
    assert.deepEqual([joining.msg, joining.address, joining.region], ["node joined", `10.9.9.9:${extra.port}`, "eu"]);
    assert.equal(told().filter((line) => line.msg === "node joined").length, 1);
    assert.deepEqual(told().map((line) => line.status).filter(Boolean), ["healthy", "draining"], "told while it drained");
    assert.equal(await sample(nodes[0], "millrace_cluster_nodes_left_total") >= 1, true);
  });

  test("another database number, and another secret, is another cluster", async () => {
    const name = channelName("apart");
    const channel = await joined(await on(nodes[0]), name);
    const elsewhere = await Server.start({ node: { name: "db1" }, redis: { url: `${redis.url}/1` } });
    const stranger = await Server.start({ node: { name: "stranger" }, redis: { url: redis.url }, cluster: { secret: "another secret of this test" } });
    try {
      await sdk(elsewhere).trigger(name, "x", 1);
      await sdk(stranger).trigger(name, "x", 2);
      // Without a secret a signed envelope is taken; with one, an unsigned envelope is not.
      await joined(await on(stranger), name);
      await sdk(nodes[0]).trigger(name, "y", 3);
      await received(channel, "y");
      assert.equal(dataOf(channel, "x").includes(1), false);
      await until(async () => await sample(stranger, "millrace_cluster_refused_total") > 0, 3000, "refused envelopes");
      assert.equal(await sample(elsewhere, "millrace_cluster_nodes"), 1);
    } finally {
      disconnectAll();
      await elsewhere.stop();
      await stranger.stop();
    }
  });

  test("the environment alone makes a node of the cluster", async () => {
    const [port] = await freePorts(1);
    const node = await Server.start({ port }, { env: { ADAPTER_DRIVER: "redis", REDIS_URL: `127.0.0.1:${redis.port}`, NODE_NAME: "by-environment" } });
    await until(async () => await sample(node, "millrace_cluster_nodes") >= 4, 8000, "it sees the others");
    assert.match(await redis.ask("HVALS millrace:nodes"), /by-environment/);
    await node.stop();
  });
});
