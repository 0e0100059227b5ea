// Deltas and filters on the wire: what a client that asks gets, frame by frame, and what becomes
// of it when it asks again, goes, or the configuration changes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { applyDelta } from "fossil-delta";
import { sdk } from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, testOfOneNode, until } from "./support/server.mjs";

const bytes = (text) => [...Buffer.from(text)];
const FILL = "the same in every message, so that a delta is short ".repeat(4);
const price = (symbol, value) => JSON.stringify({ symbol, value, fill: FILL });

describe("deltas on the wire", () => {
  let server;
  let backend;
  before(async () => {
    server = await Server.start({
      channel_delta_compression: {
        "keyed*": { conflation_key: "symbol" },
        "off*": "disabled",
      },
    });
    backend = sdk(server);
  });
  after(async () => server?.stop());

  const publish = (channel, data, more = {}) => backend.post({
    path: "/events", body: { name: "price", channel, data, ...more },
  }).then((answer) => assert.equal(answer.status, 200));

  async function open(asked = {}, options) {
    const client = await RawClient.open(server, options);
    if (asked) {
      client.send({ event: "pusher:enable_delta_compression", data: asked });
      client.confirmed = (await client.next(`${options?.prefix ?? "pusher"}:delta_compression_enabled`)).data;
    }
    return client;
  }

  async function join(client, channel, more = {}) {
    client.subscribe(channel, more);
    await client.next("pusher_internal:subscription_succeeded");
  }

  /** The events of the channel that were delivered so far: [kind, frame]. */
  const kinds = (client, channel) => client.frames
    .filter((frame) => frame.channel === channel && (frame.event === "price" || frame.event === "pusher:delta"))
    .map((frame) => (frame.event === "pusher:delta" ? "delta" : "__delta_seq" in frame ? "full" : "plain"));

  async function kindsOf(client, channel, count) {
    await until(() => kinds(client, channel).length >= count, 5000,
      `${count} messages of ${channel}, got ${JSON.stringify(client.frames).slice(-2000)}`);
    return kinds(client, channel).join(" ");
  }

  test("who asks gets a start, a full message and deltas on it; others plain frames", async () => {
    const [asking, plain] = [await open({ algorithms: ["fossil"] }), await open(null)];
    assert.deepEqual(asking.confirmed, { enabled: true, algorithm: "fossil" });
    for (const client of [asking, plain]) await join(client, "wire");
    const start = await asking.next("pusher:delta_cache_sync");
    assert.deepEqual([start.channel, start.data], ["wire", { states: {} }]);
    for (let i = 1; i <= 12; i += 1) await publish("wire", price("A", i));
    assert.equal(await kindsOf(asking, "wire", 12),
      "full delta delta delta delta delta delta delta delta delta full delta");
    assert.equal(await kindsOf(plain, "wire", 12), Array(12).fill("plain").join(" "));
    let base = "";
    for (const frame of asking.frames.filter(({ channel, event }) => channel === "wire" && /price|pusher:delta$/.test(event))) {
      if (frame.event === "price") {
        const { __delta_seq: number, ...rest } = frame;
        assert.ok(number > 0);
        base = JSON.stringify(rest);
      } else {
        base = Buffer.from(applyDelta(bytes(base), [...Buffer.from(frame.data.delta, "base64")])).toString();
      }
    }
    assert.deepEqual(JSON.parse(base), plain.of("price", "wire").at(-1));
    asking.close();
    plain.close();
  });

  test("a key has a chain of its own", async () => {
    const client = await open();
    await join(client, "keyed-1");
    assert.equal((await client.next("pusher:delta_cache_sync")).data.conflation_key, "symbol");
    for (const symbol of ["A", "B", "A", "B"]) await publish("keyed-1", price(symbol, 1));
    assert.equal(await kindsOf(client, "keyed-1", 4), "full full delta delta");
    assert.deepEqual(client.of("pusher:delta").map(({ data }) => data.conflation_key), ["A", "B"]);
    client.close();
  });

  test("a subscriber's own wish goes before the pattern, the pattern before the connection", async () => {
    const client = await open();
    await join(client, "off-1");
    await join(client, "off-2", { delta: "fossil" });
    await join(client, "wished-off", { delta: false });
    for (const channel of ["off-1", "off-2", "wished-off"]) {
      for (let i = 0; i < 2; i += 1) await publish(channel, price("A", i));
    }
    assert.equal(await kindsOf(client, "off-1", 2), "plain plain");
    assert.equal(await kindsOf(client, "off-2", 2), "full delta");
    assert.equal(await kindsOf(client, "wished-off", 2), "plain plain");
    client.close();
  });

  test("switching on and off later holds for subscriptions that are there", async () => {
    const client = await open(null);
    await join(client, "later");
    await publish("later", price("A", 1));
    await kindsOf(client, "later", 1);
    client.send({ event: "pusher:enable_delta_compression" });
    await client.next("pusher:delta_cache_sync");
    for (let i = 2; i <= 3; i += 1) await publish("later", price("A", i));
    await kindsOf(client, "later", 3);
    client.send({ event: "pusher:enable_delta_compression", data: { enabled: false } });
    await client.roundTrip();
    await publish("later", price("A", 4));
    assert.equal(await kindsOf(client, "later", 4), "plain full delta plain");
    client.close();
  });

  test("delta: false is full, true is a delta also of small data", async () => {
    const client = await open();
    await join(client, "marked");
    await publish("marked", price("A", 1));
    await publish("marked", price("A", 2), { delta: false });
    await publish("marked", price("A", 3));
    await publish("marked", "small");
    await publish("marked", "small", { delta: true });
    assert.equal(await kindsOf(client, "marked", 5), "full full delta plain full");
    client.close();
  });

  test("a delta_sync_error is answered by a start; the next message is full", async () => {
    const client = await open();
    await join(client, "resync");
    await client.next("pusher:delta_cache_sync");
    for (let i = 1; i <= 2; i += 1) await publish("resync", price("A", i));
    await kindsOf(client, "resync", 2);
    client.send({ event: "pusher:delta_sync_error", data: { channel: "resync" } });
    await client.next("pusher:delta_cache_sync");
    for (let i = 3; i <= 4; i += 1) await publish("resync", price("A", i));
    assert.equal(await kindsOf(client, "resync", 4), "full delta full delta");
    client.close();
  });

  test("more resyncs than a second has are late, and none is left out", async () => {
    const client = await open();
    const channels = Array.from({ length: 15 }, (_, i) => `late-${i}`);
    for (const channel of channels) await join(client, channel);
    await until(() => client.of("pusher:delta_cache_sync").length === 15, 5000, "the starts");
    for (const channel of channels) client.send({ event: "pusher:delta_sync_error", data: { channel } });
    await until(() => client.of("pusher:delta_cache_sync").length === 30, 8000, "an answer to each");
    for (const channel of channels) {
      await publish(channel, price("A", 1));
      await publish(channel, price("A", 2));
      assert.equal(await kindsOf(client, channel, 2), "full delta", channel);
    }
    assert.match(await server.metrics(), /^millrace_delta_resyncs_late_total [1-9]/m);
    client.close();
  });

  test("a second subscribe changes the filter and loses nothing", async () => {
    const client = await open();
    const wants = (symbol) => ({ filter: { key: "symbol", cmp: "eq", val: symbol } });
    await join(client, "filtered", wants("A"));
    for (const symbol of ["A", "B", "A"]) {
      await publish("filtered", price(symbol, 1), { tags: { symbol } });
    }
    assert.equal(await kindsOf(client, "filtered", 2), "full delta");
    await join(client, "filtered", wants("B"));
    for (const symbol of ["A", "B", "A", "B"]) {
      await publish("filtered", price(symbol, 2), { tags: { symbol } });
    }
    assert.equal(await kindsOf(client, "filtered", 4), "full delta full delta");
    client.close();
  });

  test("a wrong filter refuses the subscription and says why", async () => {
    const client = await open(null);
    for (const filter of [{ op: "maybe", nodes: [] }, 7, { key: "a", cmp: "eq" }]) {
      client.subscribe("unheard", { filter });
      const refusal = await client.next("pusher:subscription_error");
      assert.equal(refusal.data.type, "FilterError");
      assert.match(refusal.data.error, /^filter: ./);
    }
    client.close();
  });

  // Bases are those of the node where a client is.
  testOfOneNode("the last message of each key comes with the start when it is asked for", async () => {
    const first = await open();
    await join(first, "keyed-bases");
    for (const symbol of ["A", "B"]) await publish("keyed-bases", price(symbol, 1));
    await kindsOf(first, "keyed-bases", 2);
    const client = await open({ cache_sync: "bases" });
    await join(client, "keyed-bases");
    const { states } = (await client.next("pusher:delta_cache_sync")).data;
    assert.deepEqual(Object.keys(states).sort(), ["A", "B"]);
    await publish("keyed-bases", price("A", 2));
    assert.equal(await kindsOf(client, "keyed-bases", 1), "delta");
    first.close();
    client.close();
  });

  testOfOneNode("SIGHUP switches deltas off and on for those who are connected", async () => {
    const own = await Server.start({ loops: 1 });
    try {
      const client = await RawClient.open(own);
      const send = (i) => sdk(own).trigger("live", "price", price("A", i));
      client.send({ event: "pusher:enable_delta_compression" });
      client.subscribe("live");
      await client.next("pusher:delta_cache_sync");
      for (let i = 1; i <= 2; i += 1) await send(i);
      const reload = async (settings) => {
        const before = own.output.split("configuration reloaded").length;
        own.rewrite(settings);
        own.signal("SIGHUP");
        await until(() => own.output.split("configuration reloaded").length > before, 5000, "the reload");
      };
      await reload({ ...own.settings, delta_compression: { enabled: false }, activity_timeout: 77 });
      assert.match(own.output, /changed keys need a restart.*activity_timeout/);
      await send(3);
      await reload(own.settings);
      await client.next("pusher:delta_cache_sync");
      for (let i = 4; i <= 5; i += 1) await send(i);
      assert.equal(await kindsOf(client, "live", 5), "full delta plain full delta");
      own.rewrite({ ...own.settings, delta_compression: { enabeld: false } });
      own.signal("SIGHUP");
      await until(() => own.output.includes("configuration not reloaded"), 5000, "the refusal");
      assert.match(own.output, /enabeld/);
      await send(6);
      assert.equal(await kindsOf(client, "live", 6), "full delta plain full delta delta");
      client.close();
    } finally {
      await own.stop();
    }
  });

  test("protocol 2 has its own names, and tags when they are enabled", async () => {
    const client = new RawClient(server, { path: `/app/${APPS.main.key}?protocol=2` });
    await client.next("sockudo:connection_established");
    client.send({ event: "sockudo:enable_delta_compression", data: {} });
    await client.next("sockudo:delta_compression_enabled");
    client.send({ event: "sockudo:subscribe", data: { channel: "second" } });
    await client.next("sockudo_internal:subscription_succeeded");
    await client.next("sockudo:delta_cache_sync");
    const first = await open();
    await join(first, "second");
    for (let i = 1; i <= 3; i += 1) await publish("second", price("A", i), { tags: { symbol: "A" } });
    assert.equal(await kindsOf(first, "second", 3), "full delta delta");
    await until(() => client.of("sockudo:delta").length === 2, 5000, "deltas of protocol 2");
    const { __delta_seq: number, ...full } = client.of("price")[0];
    assert.deepEqual([typeof number, full.tags], ["number", { symbol: "A" }]);
    assert.ok(!("tags" in first.of("price")[0]));
    let text = JSON.stringify(full);
    for (const { data } of client.of("sockudo:delta")) {
      text = Buffer.from(applyDelta(bytes(text), [...Buffer.from(data.delta, "base64")])).toString();
    }
    assert.deepEqual(JSON.parse(text), { ...full, data: price("A", 3) });
    client.send({ event: "sockudo:ping", data: {} });
    await client.next("sockudo:pong");
    first.close();
    client.close();
  });

  test("protocol 2: cached events have their tags, and a member does not hear of itself", async () => {
    const names = (client) => client.frames.map(({ event }) => event);
    const options = { path: `/app/${APPS.main.key}?protocol=2` };
    const second = new RawClient(server, options);
    await second.next("sockudo:connection_established");
    await publish("cache-second", price("A", 1), { tags: { symbol: "A" } });
    second.send({ event: "sockudo:subscribe", data: { channel: "cache-second" } });
    assert.deepEqual((await second.next("price")).tags, { symbol: "A" });
    const socketId = JSON.parse(second.frames[0].data).socket_id;
    const member = (info) => backend.authorizeChannel(socketId, "presence-second", { user_id: "u", user_info: { info } });
    for (const info of [1, 2]) {
      second.send({ event: "sockudo:subscribe", data: { channel: "presence-second", ...member(info) } });
      await second.next("sockudo_internal:subscription_succeeded");
    }
    second.send({ event: "sockudo:ping", data: {} });
    await second.next("sockudo:pong");
    assert.ok(!names(second).some((name) => /pusher|member_/.test(name)), names(second).join(" "));
    second.close();
  });

  test("/metrics has frames and bytes of each pattern, and no channel's name", async () => {
    const body = await server.metrics();
    assert.match(body, new RegExp(`^millrace_delta_compression_delta_messages_total\\{app_id="main",channel_name="keyed\\*",port="(${server.ports.join("|")})"\\} [1-9]`, "m"));
    assert.match(body, /^millrace_delta_compression_bandwidth_saved_bytes\{app_id="main",channel_name="\(none\)".*\} [1-9]/m);
    assert.ok(!/channel_name="keyed-/.test(body));
  });
});
