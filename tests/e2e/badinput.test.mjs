import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { channelAuth, connect, connected, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { RawClient, RawSocket, clientFrame, closeCodeIn, upgradedSocket } from "./support/raw.mjs";
import { APPS, SLOW, Server, get, request, until } from "./support/server.mjs";

// One server for all of it: after each attack it must still serve, and at the end obey SIGTERM.
describe("bad input", () => {
  let server;
  let witness;
  let probes = 0;
  before(async () => {
    server = await Server.start({ http: { header_timeout: 1 }, websocket: { close_timeout: 60 } });
    witness = await joined(await connected(connect(server)), "witness");
  });
  afterEach(async () => {
    probes += 1;
    await sdk(server).trigger("witness", "probe", { probes });
    assert.deepEqual((await received(witness, "probe", probes)).at(-1), { probes });
    assert.equal(server.exited, null);
  });
  after(async () => {
    disconnectAll();
    await server?.stop();
  });

  /** Bytes on an upgraded socket are answered with that close code and the end of the connection. */
  async function closesWith(bytes, code) {
    const raw = await upgradedSocket(server);
    const chunks = Array.isArray(bytes) ? bytes : [bytes];
    for (const chunk of chunks) raw.write(chunk);
    await raw.closed();
    const greeting = raw.bytes.indexOf("\r\n\r\n");
    assert.ok(greeting > 0);
    assert.equal(closeCodeIn(raw.bytes), code);
  }

  test("unmasked frame: 1002", () => closesWith(clientFrame(1, "{\"event\":\"pusher:ping\"}", { masked: false }), 1002));
  test("reserved bits: 1002", () => {
    const frame = clientFrame(1, "x");
    frame[0] |= 0x40;
    return closesWith(frame, 1002);
  });
  test("reserved opcodes: 1002", () =>
    Promise.all([3, 7, 11, 15].map((opcode) => closesWith(clientFrame(opcode, "x"), 1002))));
  test("a fragmented or long control frame: 1002", () => Promise.all([
    closesWith(clientFrame(9, "x", { fin: false }), 1002), closesWith(clientFrame(9, "x".repeat(126)), 1002)]));
  test("a continuation of nothing, a message in a message: 1002", () => Promise.all([
    closesWith(clientFrame(0, "x"), 1002), closesWith([clientFrame(1, "{", { fin: false }), clientFrame(1, "}")], 1002)]));
  test("bad UTF-8 in a message and in a close reason: 1007", () => Promise.all([
    closesWith(clientFrame(1, Buffer.from([0x7b, 0xff, 0xfe])), 1007), closesWith(clientFrame(1, Buffer.from([0xc0, 0xaf])), 1007),
    closesWith(clientFrame(1, Buffer.from([0xed, 0xa0, 0x80])), 1007), closesWith(clientFrame(8, Buffer.from([0x03, 0xe8, 0xff])), 1007)]));
  test("close codes that may not be sent: 1002", () => Promise.all([
    ...[0, 999, 1004, 1005, 1006, 1015, 5000].map((code) => closesWith(clientFrame(8, Buffer.from([code >> 8, code & 255])), 1002)),
    closesWith(clientFrame(8, Buffer.from([3])), 1002)]));
  test("a message over the limit: 1009, told from its header", () => {
    const part = clientFrame(1, "x".repeat(40000), { fin: false });
    return Promise.all([
      closesWith(clientFrame(1, "x".repeat(70000)), 1009),
      // Only the header of 8 EiB is sent.
      closesWith(Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]), 1009),
      closesWith([part, clientFrame(0, "x".repeat(40000), { fin: false })], 1009),
    ]);
  });
  test("an orderly close is answered in kind", async () => {
    await closesWith(clientFrame(8, Buffer.from([0x03, 0xe8])), 1000);
  });

  test("texts that are no event are answered with pusher:error and the connection lives", async () => {
    const raw = await RawClient.open(server);
    const deep = "[".repeat(20000) + "]".repeat(20000);
    const texts = [
      "", "nonsense", "{", "null", "[]", "5", "\"text\"", "{}", "{\"event\":5}", "{\"event\":null}", "{\"data\":{}}", deep,
      `{"event":"pusher:subscribe","data":${deep}}`, "{\"event\":\"pusher:subscribe\"}",
      "{\"event\":\"pusher:subscribe\",\"data\":[]}", "{\"event\":\"pusher:subscribe\",\"data\":\"{\"}",
      "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":7}}", "{\"event\":\"pusher:unsubscribe\",\"data\":{\"channel\":null}}",
      "{\"event\":\"pusher:signin\",\"data\":{}}", "{\"event\":\"client-x\"}", "{\"event\":\"client-x\",\"channel\":3,\"data\":1}",
      "\u0000", "{\"event\":\"pusher:ping\"} trailing", "{\"event\":\"\\ud800\"}",
    ];
    for (const text of texts) {
      raw.send(text);
      const before = raw.frames.length;
      await raw.roundTrip();
      const answers = raw.frames.slice(0, -1).slice(Math.min(before, raw.frames.length - 1));
      assert.ok(raw.closed === null, `closed after ${text.slice(0, 60)}`);
      assert.ok(answers.every((frame) => /error/.test(frame.event)), JSON.stringify(answers));
    }
    assert.ok(raw.of("pusher:error").length >= 10, `${raw.of("pusher:error").length} errors for ${texts.length} texts`);
    raw.close();
  });

  test("unknown pusher: events do no harm", async () => {
    const raw = await RawClient.open(server);
    for (const event of ["pusher:nothing", "pusher_internal:member_added", "sockudo:ping", "x".repeat(5000)]) raw.send({ event, data: {} });
    await raw.roundTrip();
    assert.equal(raw.closed, null);
    raw.close();
  });

  test("what an error cuts is cut between characters", async () => {
    const raw = await RawClient.open(server);
    // A message that is not UTF-8 would close this client with 1007.
    for (let lead = 0; lead < 4; lead += 1) {
      const text = "x".repeat(lead) + "\u20ac".repeat(120);
      raw.send({ event: text, data: {} });
      const unknown = await raw.next("pusher:error");
      assert.match(unknown.data.message, /^Unknown event 'x*\u20ac+'/);
      raw.send({ event: "client-x", channel: text, data: {} });
      const refused = await raw.next("pusher:error");
      assert.match(refused.data.message, /not to x*\u20ac+$/);
    }
    await raw.roundTrip();
    assert.equal(raw.closed, null);
    raw.close();
  });

  test("a binary message is read like a text; bytes that are not UTF-8 are refused", async () => {
    const raw = await RawClient.open(server);
    raw.socket.send(Buffer.from("{\"event\":\"pusher:ping\"}"), { binary: true });
    await raw.next("pusher:pong");
    const broken = Buffer.concat([Buffer.from("{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\""), Buffer.from([0xff, 0xfe]), Buffer.from("\"}}")]);
    raw.socket.send(broken, { binary: true });
    await raw.next("pusher:error");
    await raw.roundTrip();
    assert.equal(raw.closed, null);
    raw.close();
  });

  test("a presence subscription without channel_data is refused and the connection lives", async () => {
    const raw = await RawClient.open(server);
    raw.subscribe("presence-x", { auth: channelAuth(APPS.main, raw.socketId, "presence-x") });
    await raw.next("pusher:subscription_error");
    await raw.roundTrip();
    raw.close();
  });

  test("10,000 subscriptions on one socket: 1,000 are taken, the others refused, the connection lives", async () => {
    const raw = await RawClient.open(server);
    for (let i = 0; i < 10000; i += 1) raw.subscribe(`many-${i}`);
    await until(() => raw.frames.length >= 10001 || raw.closed, 20000, "10,000 answers");
    assert.equal(raw.closed, null);
    assert.equal(raw.of("pusher_internal:subscription_succeeded").length, 1000);
    const refused = raw.of("pusher:subscription_error");
    assert.equal(refused.length, 9000);
    const data = typeof refused[0].data === "string" ? JSON.parse(refused[0].data) : refused[0].data;
    assert.match(data.error, /1000|1,000|max_subscriptions_per_connection/);
    raw.send({ event: "pusher:unsubscribe", data: { channel: "many-0" } });
    raw.subscribe("one-more");
    const yes = await until(() => raw.of("pusher_internal:subscription_succeeded", "one-more")[0], 5000, "room for one");
    assert.equal(yes.channel, "one-more");
    raw.close();
    await until(async () => Object.keys((await (await sdk(server).get({ path: "/channels" })).json()).channels).length <= 2, 10000, "all vacated");
  });

  test("subscribing and leaving 2,000 times leaves nothing", async () => {
    const raw = await RawClient.open(server);
    for (let i = 0; i < 2000; i += 1) {
      raw.subscribe("churn");
      raw.send({ event: "pusher:unsubscribe", data: { channel: "churn" } });
    }
    await raw.roundTrip();
    await until(async () => !(await (await sdk(server).get({ path: "/channels" })).json()).channels.churn, 5000, "vacated");
    raw.close();
  });

  for (const [what, head] of [
    ["one huge header", `X-Big: ${"x".repeat(20000)}\r\n`],
    ["many headers", Array.from({ length: 2000 }, (_, i) => `X-${i}: y\r\n`).join("")],
  ]) {
    test(`${what}: 431`, async () => {
      for (const start of ["GET / HTTP/1.1\r\nHost: x\r\n", `GET /app/${APPS.main.key} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`]) {
        const raw = await RawSocket.open(server.port);
        raw.write(`${start}${head}\r\n`);
        await raw.has(/^HTTP\/1\.1 431 /);
        await raw.closed();
      }
    });
  }

  test("a huge request line: 414 or 431", async () => {
    const raw = await RawSocket.open(server.port);
    raw.write(`GET /${"x".repeat(30000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await raw.has(/^HTTP\/1\.1 4(14|31) /);
    await raw.closed();
  });

  test("what is not HTTP: 400", async () => {
    for (const bytes of ["hello\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET / HTTP/1.1\r\nHost x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", "\0\0\0\0"]) {
      const raw = await RawSocket.open(server.port);
      raw.write(bytes);
      await raw.closed();
      assert.match(raw.text, /^(HTTP\/1\.[01] (400|501|505) |$)/, JSON.stringify(bytes));
    }
  });

  test("bad upgrades are refused with 400 or 426", async () => {
    const good = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
    for (const change of [{ "Sec-WebSocket-Key": "short" }, { "Sec-WebSocket-Key": undefined }, { "Sec-WebSocket-Version": "12" }]) {
      const headers = Object.fromEntries(Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined));
      const answer = await request(`${server.url}/app/${APPS.main.key}`, { headers });
      assert.ok([400, 426].includes(answer.status), `${JSON.stringify(change)} -> ${answer.status}`);
    }
  });

  test("slow request heads are cut off at the deadline, others are served meanwhile", async () => {
    const slow = await Promise.all(Array.from({ length: 200 }, () => RawSocket.open(server.port)));
    slow.forEach((raw, i) => raw.write(i % 2 ? "GET / HTTP/1.1\r\nX" : `GET /app/${APPS.main.key} HTTP/1.1\r\nConn`));
    let slowest = 0;
    for (let i = 0; i < 20; i += 1) {
      const since = performance.now();
      assert.equal((await get(server.url)).status, 200);
      (await RawClient.open(server)).close();
      slowest = Math.max(slowest, performance.now() - since);
    }
    assert.ok(slowest < 1000 * SLOW, `${slowest} ms`);
    await until(() => slow.every((raw) => raw.ended), 10000, "all slow ones cut off");
  });

  test("connections that vanish in the middle of anything", async () => {
    const starts = ["", "G", "GET /app/main-key HTTP/1.1\r\n", "POST /apps/main/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"na"];
    for (let i = 0; i < 60; i += 1) {
      const raw = await RawSocket.open(server.port);
      raw.write(starts[i % starts.length]);
      if (i % 3 === 0) raw.socket.resetAndDestroy?.();
      raw.destroy();
    }
    for (let i = 0; i < 20; i += 1) {
      const raw = await upgradedSocket(server);
      raw.write(clientFrame(1, "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"vanish\"}}").subarray(0, 3 + i * 3));
      raw.destroy();
    }
    await until(async () => !(await (await sdk(server).get({ path: "/channels" })).json()).channels.vanish, 5000, "vacated");
  });

  test("unknown routes and methods", async () => {
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]) {
      assert.equal((await request(`${server.url}/no/such/route`, { method })).status, 404, method);
    }
    const raw = await RawSocket.open(server.port);
    raw.write("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n");
    await raw.has(/^HTTP\/1\.1 (404|405|501) /);
    raw.destroy();
  });
});
