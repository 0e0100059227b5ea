// Unmodified pusher-js, the newest and the oldest 8.x, with the package against a scripted server.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, describe, test } from "node:test";
import Echo from "laravel-echo";
import "../../../tests/e2e/support/long_timers.mjs";
import { withDelta } from "../dist/index.mjs";
import { TestServer } from "./support/test_server.mjs";
import { CASES, record } from "./support/scenario.mjs";

const require = createRequire(import.meta.url);
const VERSIONS = { "8.6.0": require("pusher-js"), "8.0.1": require("pusher-js-8.0") };
const open = [];

for (const [version, Pusher] of Object.entries(VERSIONS)) {
  describe(`pusher-js ${version}`, () => {
    afterEach(async () => {
      for (const close of open.splice(0).reverse()) await close();
    });

    async function serve(options) {
      const server = await TestServer.start(options);
      open.push(() => server.stop());
      return server;
    }

    /** A connected client, with deltas unless `options` is null; `errors` are their codes. */
    async function connect(server, options = {}, settings = {}) {
      const pusher = new Pusher("app-key", {
        cluster: "none", wsHost: "127.0.0.1", wsPort: server.port, forceTLS: false, enabledTransports: ["ws"], enableStats: false,
        channelAuthorization: { customHandler: (_, done) => done(null, { auth: "app-key:0", channel_data: '{"user_id":"u1"}' }) },
        userAuthentication: { customHandler: (_, done) => done(null, { auth: "app-key:0", user_data: '{"id":"u1"}' }) },
        ...settings,
      });
      open.push(() => pusher.disconnect());
      const errors = [];
      const delta = options && withDelta(pusher, { onError: ({ code }) => errors.push(code), ...options });
      await connected(pusher);
      return { pusher, delta, errors, events: record(pusher) };
    }

    function connected({ connection }) {
      return new Promise((done) => {
        const heard = () => {
          connection.unbind("connected", heard);
          done();
        };
        connection.bind("connected", heard);
      });
    }

    function reconnected({ pusher }, server) {
      const again = connected(pusher);
      server.last.close();
      return again;
    }

    let echoes = 0;
    /** Everything sent so far in both directions is heard, and what was answered to it. */
    async function settled({ pusher }) {
      for (let round = 0; round < 2; round++) {
        const number = ++echoes;
        await new Promise((done) => {
          const heard = (data) => {
            if (data.number !== number) return;
            pusher.unbind("test:echo", heard);
            done();
          };
          pusher.bind("test:echo", heard);
          pusher.send_event("test:echo", { number });
        });
      }
    }

    async function subscribe(client, name, options) {
      const channel = options && client.delta ? client.delta.subscribe(name, options) : client.pusher.subscribe(name);
      await settled(client);
      assert.ok(channel.subscribed, name);
      return channel;
    }

    for (const prefer of ["fossil", "xdelta3"]) {
      test(`handlers get the same arguments from deltas as without them (${prefer})`, async () => {
        const channels = { keyed: { keyed: true }, plain: {}, "presence-room": {}, "private-x": {} };
        const server = await serve({ channels, prefer });
        const clients = [await connect(server), await connect(server, null)];
        for (const client of clients) {
          for (const name of Object.keys(channels)) client.events.of(await subscribe(client, name));
        }
        for (const [name, event, data, options] of CASES(Object.keys(channels))) server.publish(name, event, data, options);
        for (const client of clients) await settled(client);
        const [ours, theirs] = clients.map(({ events }) => events.list.filter(([, event]) => event !== "test:echo"));
        assert.deepEqual(ours, theirs);
        const { delta, lost, algorithm } = clients[0].delta.stats();
        assert.ok(ours.length > 1000 && delta > ours.length / 10, `${ours.length} calls, ${delta} deltas`);
        assert.deepEqual([lost, algorithm, clients[0].errors], [0, prefer, []]);
      });
    }

    test("deltas are switched on before the first subscription, on every connection", async () => {
      const server = await serve();
      const client = await connect(server, { algorithms: ["xdelta3"], cacheSync: "empty" });
      await subscribe(client, "a", { delta: { algorithm: "xdelta3", cacheSync: "bases" }, filter: { key: "s", cmp: "eq", val: 1 } });
      await subscribe(client, "b");
      const first = [
        { event: "pusher:enable_delta_compression", data: { algorithms: ["xdelta3"], crc: true, cache_sync: "empty" } },
        { event: "pusher:subscribe", data: { auth: "", channel: "a", delta: { algorithm: "xdelta3", crc: true, cache_sync: "bases" }, filter: { key: "s", cmp: "eq", val: 1 } } },
        { event: "pusher:subscribe", data: { auth: "", channel: "b" } },
      ];
      const sent = () => server.last.heard.filter(({ event }) => event !== "test:echo");
      assert.deepEqual(sent(), first);
      await reconnected(client, server);
      await settled(client);
      assert.deepEqual(sent(), first);
    });

    test("with enabled: false only channels that ask for deltas get them; others send what pusher-js sends", async () => {
      const server = await serve({ channels: { on: { interval: 100 }, off: { interval: 100 } } });
      const client = await connect(server, { enabled: false, crc: false });
      await subscribe(client, "off");
      const on = client.events.of(await subscribe(client, "on", { delta: "fossil" }));
      const data = server.last.heard.filter(({ event }) => event !== "test:echo").map(({ data }) => data);
      assert.deepEqual(data, [{ auth: "", channel: "off" }, { auth: "", channel: "on", delta: { algorithm: "fossil" } }]);
      for (let i = 0; i < 5; i++) for (const name of ["on", "off"]) server.publish(name, "e", { i });
      await settled(client);
      assert.equal(client.delta.stats().delta, 4);
      assert.equal(on.callbacks.get("e"), undefined);
    });

    test("changed options of a subscribed channel are sent at once, equal ones are not", async () => {
      const server = await serve();
      const client = await connect(server);
      const filter = { key: "symbol", cmp: "in", vals: ["A", "B"] };
      await subscribe(client, "presence-c", { filter });
      await subscribe(client, "presence-c", { filter });
      await subscribe(client, "presence-c", { delta: false });
      await subscribe(client, "presence-c", { delta: true });
      client.delta.configure("presence-c", undefined);
      client.delta.configure("elsewhere", { delta: true });
      await settled(client);
      const common = { auth: "app-key:0", channel_data: '{"user_id":"u1"}', channel: "presence-c" };
      assert.deepEqual(server.last.said("pusher:subscribe"),
        [{ ...common, filter }, { ...common, delta: false }, { ...common, delta: { enabled: true, crc: true } }, common]);
    });

    test("a lost message leads to a resync, and then to the right data", async () => {
      const server = await serve({ channels: { c: { interval: 100 } } });
      const client = await connect(server);
      client.events.of(await subscribe(client, "c"));
      const publish = async (i) => {
        server.publish("c", "e", { i });
        await settled(client);
      };
      await publish(0);
      const member = server.last.members.get("c");
      const { send } = member;
      member.send = () => {};
      await publish(1);
      member.send = send;
      for (let i = 2; i < 6; i++) await publish(i);
      assert.deepEqual(client.events.numbers("e"), [0, 3, 4, 5]);
      assert.deepEqual(client.errors, ["missing_base"]);
      assert.deepEqual(server.last.said("pusher:delta_sync_error"), [{ channel: "c" }]);
    });

    test("a wrong sum leads to a resync; too many of them to a channel without deltas", async () => {
      const server = await serve({ channels: { c: { interval: 100 } }, prefer: "xdelta3" });
      const client = await connect(server, { maxResyncs: 2 });
      client.events.of(await subscribe(client, "c"));
      const member = server.last.members.get("c");
      const { send } = member;
      member.send = (text) => send(text.replace(/"crc":\d+/, '"crc":1'));
      for (let i = 0; i < 12; i++) {
        server.publish("c", "e", { i });
        await settled(client);
      }
      assert.deepEqual(client.events.numbers("e"), [0, 2, 4, 6, 7, 8, 9, 10, 11]);
      assert.deepEqual(client.errors, ["checksum", "checksum", "gave_up", "checksum"]);
      assert.deepEqual(server.last.said("pusher:subscribe").at(-1), { auth: "", channel: "c", delta: false });
      client.pusher.unsubscribe("c");
      await subscribe(client, "c");
      assert.deepEqual(server.last.said("pusher:subscribe").at(-1), { auth: "", channel: "c" });
    });

    test("a new connection tries deltas again on a channel that gave up, and holds nothing of the old one", async () => {
      const server = await serve();
      const client = await connect(server, { maxResyncs: 0 });
      for (const name of ["c", "d"]) await subscribe(client, name);
      server.publish("d", "e", {});
      server.last.send('{"event":"pusher:delta","channel":"c","data":{}}');
      await settled(client);
      assert.deepEqual([client.errors, client.delta.stats().keys], [["gave_up", "frame"], 1]);
      const old = server.last;
      assert.deepEqual(old.said("pusher:subscribe").at(-1), { auth: "", channel: "c", delta: false });
      await reconnected(client, server);
      await settled(client);
      assert.notEqual(server.last, old);
      assert.deepEqual(server.last.said("pusher:subscribe"), [{ auth: "", channel: "c" }, { auth: "", channel: "d" }]);
      server.publish("d", "e", {});
      await settled(client);
      client.pusher.disconnect();
      assert.deepEqual([client.delta.stats().keys, client.delta.stats().baseBytes], [0, 0]);
    });

    test("options whose authorization comes too late are not sent", async () => {
      const server = await serve();
      const held = [];
      let hold = false;
      const customHandler = (_, done) => (hold ? held.push(() => done(null, { auth: "late" })) : done(null, { auth: "now" }));
      const client = await connect(server, {}, { channelAuthorization: { customHandler } });
      const change = async (filter) => {
        hold = true;
        client.delta.configure("private-c", { filter: { key: "k", cmp: filter } });
        hold = false;
        assert.equal(held.length, 1);
      };
      await subscribe(client, "private-c");
      await change("ex");
      await reconnected(client, server);
      await settled(client);
      held.pop()();
      await change("nex");
      client.pusher.unsubscribe("private-c");
      held.pop()();
      await settled(client);
      assert.deepEqual(server.last.said("pusher:subscribe").map(({ auth }) => auth), ["now"]);
      await subscribe(client, "private-c");
      hold = true;
      client.delta.configure("private-c", undefined);
      held.pop()();
      await settled(client);
      assert.equal(server.last.said("pusher:subscribe").at(-1).auth, "late");
    });

    test("an authorization that is refused for changed options is told", async () => {
      const server = await serve();
      let refused = null;
      const customHandler = (_, done) => done(refused, { auth: "now" });
      const client = await connect(server, {}, { channelAuthorization: { customHandler } });
      await subscribe(client, "private-c");
      refused = new Error("no");
      client.delta.configure("private-c", { delta: true });
      assert.deepEqual(client.errors, ["authorization"]);
    });

    test("a delta for a channel that was left is dropped, and a new subscription begins anew", async () => {
      const server = await serve({ channels: { c: { interval: 100 }, d: { interval: 100 } } });
      const client = await connect(server);
      for (const name of ["c", "d"]) client.events.of(await subscribe(client, name));
      server.publish("c", "e", { i: 0 });
      server.publish("d", "e", { i: 100 });
      await settled(client);
      client.pusher.unsubscribe("c");
      server.publish("c", "e", { i: 1 }); // before the server hears of it
      server.publish("d", "e", { i: 101 });
      client.events.of(client.pusher.subscribe("c"));
      await settled(client);
      for (let i = 2; i < 5; i++) server.publish("c", "e", { i });
      await settled(client);
      assert.deepEqual(client.events.numbers("e"), [0, 100, 101, 2, 3, 4]);
      const { dropped, resyncs, delta } = client.delta.stats();
      assert.deepEqual([dropped, resyncs, delta, client.errors], [1, 0, 3, []]);
    });

    // In Node the older one takes two early closes for a sign that WebSockets do not work.
    if (version !== "8.0.1") {
      test("100 reconnects: every message is right, stale bases are never used", async () => {
        const server = await serve({ channels: { k: { keyed: true, interval: 1000 }, u: { interval: 1000 } }, prefer: "xdelta3" });
        const client = await connect(server);
        for (const name of ["k", "u"]) client.events.of(await subscribe(client, name));
        const expected = [];
        for (let round = 0; round < 100; round++) {
          for (let i = 0; i < 6; i++) {
            const number = round * 10 + i;
            expected.push(number);
            server.publish(i % 2 ? "k" : "u", "e", { i: number, round, text: "the same" }, { key: `s${i % 2}` });
          }
          await settled(client);
          if (round % 3 === 0) server.channels.clear(); // the numbers begin again
          await reconnected(client, server);
          await settled(client);
        }
        assert.deepEqual(client.events.numbers("e"), expected);
        const { delta, resyncs, lost, keys } = client.delta.stats();
        assert.deepEqual([resyncs, lost, keys, client.errors], [0, 0, 0, []]);
        assert.equal(delta, 100 * 4, "all but the first of each chain and connection");
      });
    }

    test("garbage never throws into the application, and the connection lives on", async () => {
      const server = await serve({ channels: { c: { interval: 100 } } });
      const client = await connect(server);
      client.events.of(await subscribe(client, "c"));
      const frames = ["", "{", '{"event":"pusher:delta"', '{"event":"pusher:delta"}', '{"event":"pusher:delta","channel":"c"}',
        '{"event":"pusher:delta","channel":"c","data":"x"}', '{"event":"pusher:delta","channel":{},"data":{}}',
        '{"event":"pusher:delta_cache_sync","channel":"c","data":{"states":{"a":[null]}}}', '{"event":"pusher:delta_compression_enabled"}',
        '{"event":"sockudo:delta","channel":"__proto__","data":{"event":"e","delta":"","seq":1,"base_index":0}}',
        '{"event":"e","channel":"c","data":"1","__delta_seq":1,"__conflation_key":"\\uD800"}'];
      for (const text of frames) server.last.send(text);
      for (let i = 0; i < 300; i++) server.last.send(frames[i % frames.length].slice(0, i));
      await settled(client);
      server.channel("c").join(server.last.members.get("c"));
      for (let i = 0; i < 3; i++) server.publish("c", "f", { i });
      await settled(client);
      assert.deepEqual(client.events.numbers("f"), [0, 1, 2]);
      assert.equal(client.pusher.connection.state, "connected");
    });

    test("a connected client with channels takes deltas from then on", async () => {
      const server = await serve({ channels: { c: { interval: 100 } } });
      const client = await connect(server, null);
      client.events.of(await subscribe(client, "c"));
      client.delta = withDelta(client.pusher);
      await settled(client);
      for (let i = 0; i < 4; i++) server.publish("c", "e", { i });
      await settled(client);
      assert.deepEqual([client.events.numbers("e"), client.delta.stats().delta], [[0, 1, 2, 3], 3]);
    });

    test("events of a signed-in user come as deltas too", async () => {
      const server = await serve({ channels: { "#server-to-user-u1": { interval: 100 } } });
      const client = await connect(server);
      const numbers = [];
      client.pusher.user.bind("e", ({ i }) => numbers.push(i));
      client.pusher.signin();
      await settled(client);
      await settled(client);
      for (let i = 0; i < 4; i++) server.publish("#server-to-user-u1", "e", { i });
      await settled(client);
      assert.deepEqual([numbers, client.delta.stats().delta], [[0, 1, 2, 3], 3]);
    });

    test("Laravel Echo on the same pusher gets deltas and the options of its channels", async () => {
      const server = await serve({ channels: { "private-c": { interval: 100 } } });
      const client = await connect(server);
      const filter = { key: "symbol", cmp: "eq", val: "A" };
      client.delta.configure("private-c", { filter });
      const numbers = [];
      new Echo({ broadcaster: "pusher", client: client.pusher }).private("c").listen(".e", ({ i }) => numbers.push(i));
      await settled(client);
      for (let i = 0; i < 4; i++) server.publish("private-c", "e", { i });
      await settled(client);
      assert.deepEqual([numbers, client.delta.stats().delta], [[0, 1, 2, 3], 3]);
      assert.deepEqual(server.last.said("pusher:subscribe").map((data) => data.filter), [filter]);
    });

    test("the other prefix is spoken when it is asked for", async () => {
      const server = await serve({ prefix: "sockudo" });
      const client = await connect(server, { prefix: "sockudo" });
      client.events.of(await subscribe(client, "c"));
      for (let i = 0; i < 4; i++) server.publish("c", "e", { i });
      server.last.send('{"event":"sockudo:delta","channel":"c","data":{}}');
      await settled(client);
      assert.deepEqual([client.events.numbers("e"), client.delta.stats().algorithm], [[0, 1, 2, 3], "fossil"]);
      const sent = server.last.heard.map(({ event }) => event).filter((event) => event !== "test:echo");
      assert.deepEqual(sent, ["sockudo:enable_delta_compression", "pusher:subscribe", "sockudo:delta_sync_error"]);
    });

    test("frames that nobody sees keep the connection alive all the same", async () => {
      const server = await serve();
      const client = await connect(server);
      await subscribe(client, "c");
      const { connection } = client.pusher;
      let resets = 0;
      const { resetActivityCheck } = connection;
      connection.resetActivityCheck = () => {
        resets++;
        resetActivityCheck.call(connection);
      };
      server.last.members.get("c").send(JSON.stringify({ event: "pusher:delta_cache_sync", channel: "c", data: { states: {} } }));
      await settled(client);
      assert.equal(resets, 3, "the sync and two echoes");
      assert.ok(!client.events.list.some(([, event]) => event.includes("delta")));
    });

    test("detach takes every hook out, and a second withDelta is refused until then", async () => {
      const server = await serve();
      const client = await connect(server, null);
      const { transport } = client.pusher.connection.connection;
      const before = [client.pusher.send_event, transport.emit];
      const delta = withDelta(client.pusher);
      assert.throws(() => withDelta(client.pusher), /has deltas already/);
      assert.notEqual(transport.emit, before[1]);
      delta.detach();
      assert.deepEqual([client.pusher.send_event, transport.emit], before);
      withDelta(client.pusher).detach();
    });
  });
}

test("a client without the expected inside stays a plain client and says so", () => {
  const sent = [];
  const handlers = {};
  const pusher = {
    connection: { state: "connecting", socket_id: "1.1", bind: (name, handler) => { handlers[name] = handler; }, unbind: () => {} },
    subscribe: (name) => pusher.send_event("pusher:subscribe", { auth: "", channel: name }),
    allChannels: () => [{ name: "c", authorize: () => assert.fail("nothing is subscribed yet") }],
    send_event: (...args) => sent.push(args),
  };
  const errors = [];
  const delta = withDelta(pusher, { onError: ({ code }) => errors.push(code) });
  const filter = { key: "k", cmp: "ex" };
  delta.configure("c", { delta: true, filter });
  handlers.state_change({ current: "connected" });
  delta.subscribe("c");
  assert.deepEqual([errors, sent], [["unsupported_client"], [["pusher:subscribe", { auth: "", channel: "c", filter }, undefined]]]);
});
