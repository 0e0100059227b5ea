import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { channelAuth, sdk, signedPath, signedRequest, userAuth } from "./support/clients.mjs";
import { RawClient, RawSocket, clientFrame, upgradedSocket } from "./support/raw.mjs";
import { APPS, SLOW, Server, checkNoSecret, describeExit, freePorts, get, keepSecret, request, runToEnd, until } from "./support/server.mjs";

const EVENTS = "/apps/main/events";
const DEEP = "[".repeat(20000) + "]".repeat(20000);
const now = () => Math.floor(Date.now() / 1000);
const post = (server, body, how = {}) => signedRequest(server, how.app ?? APPS.main, "POST", EVENTS, { body, ...how });
const event = (data) => JSON.stringify({ name: "e", channel: "c", data });

/** The sum of a counter of /metrics over its labels that match. */
async function counter(server, name, labels = "") {
  const { body } = await get(`${server.metricsUrl}/metrics`);
  return body.split("\n").filter((line) => line.startsWith(name) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function manySlowHandshakes(server) {
  const count = SLOW > 1 ? 500 : 5000;
  const slow = [];
  for (let i = 0; i < count; i += 1) {
    const raw = new RawSocket(server.port);
    raw.write(i % 2 ? "GET / HTTP/1.1\r\nX" : `GET /app/${APPS.main.key} HTTP/1.1\r\nConn`);
    slow.push(raw);
  }
  await until(async () => await counter(server, "millrace_http_connections") >= count, 20000, "all connected");
  const since = performance.now();
  assert.equal((await get(server.url)).status, 200);
  (await RawClient.open(server)).close();
  assert.ok(performance.now() - since < 1000 * SLOW, `others waited ${performance.now() - since} ms`);
  assert.equal(slow.filter((raw) => raw.ended).length, 0, "nobody is cut before the deadline");
  await until(() => slow.every((raw) => raw.ended), 20000, "all slow ones cut off");
  assert.ok(slow.every((raw) => raw.text.startsWith("HTTP/1.1 408 ")));
  assert.equal(await counter(server, "millrace_http_refusals_total", "\"header_timeout\""), count);
  // As many again, still in the middle of their heads when the server is told to end.
  for (let i = 0; i < count; i += 1) new RawSocket(server.port).write("GET / HTTP/1.1\r\nX");
  await until(async () => await counter(server, "millrace_http_connections") >= count, 20000, "connected again");
}

/** Each leaves its connections as they are: SIGTERM finds the server in the middle of it. */
const ATTACKS = {
  async "presence without channel_data"(server) {
    const raw = await RawClient.open(server);
    raw.subscribe("presence-x", { auth: channelAuth(APPS.main, raw.socketId, "presence-x") });
    assert.match(JSON.stringify(await raw.next("pusher:subscription_error")), /channel_data/);
  },
  async "deeply nested JSON in client events and REST bodies"(server) {
    const raw = await RawClient.open(server);
    raw.subscribe("private-x", { auth: channelAuth(APPS.main, raw.socketId, "private-x") });
    await raw.next("pusher_internal:subscription_succeeded");
    raw.send(`{"event":"client-x","channel":"private-x","data":${DEEP}}`);
    await raw.next("pusher:error");
    assert.equal(raw.closed, null);
    for (const body of [DEEP, `{"name":"e","channel":"c","data":${DEEP}}`]) assert.equal((await post(server, body)).status, 400);
  },
  async "oversize frames"(server) {
    for (const bytes of [clientFrame(1, "x".repeat(70000)), Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4])]) {
      const raw = await upgradedSocket(server);
      raw.write(bytes);
      await raw.has(/\x88.\x03\xf1/s);  // a close frame with 1009
    }
  },
  async "unmasked frames"(server) {
    const raw = await upgradedSocket(server);
    raw.write(clientFrame(1, "{}", { masked: false }));
    await raw.has(/\x88.\x03\xea/s);  // 1002
  },
  async "bad UTF-8"(server) {
    const raw = await upgradedSocket(server);
    raw.write(clientFrame(1, Buffer.from([0x7b, 0xff, 0xfe])));
    await raw.has(/\x88.\x03\xef/s);  // 1007
  },
  async "huge headers"(server) {
    const raw = await RawSocket.open(server.port);
    raw.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${"x".repeat(20000)}\r\n\r\n`);
    await raw.has(/^HTTP\/1\.1 431 /);
    assert.equal(await counter(server, "millrace_http_refusals_total", "\"headers_too_large\""), 1);
  },
  "5,000 slow handshakes at once": manySlowHandshakes,
  async "wrong, stale and replayed signatures"(server) {
    assert.equal((await post(server, event("wrong"), { app: { ...APPS.main, secret: "wrong" } })).status, 401);
    assert.equal((await post(server, event("stale"), { overrides: { auth_timestamp: String(now() - 606) } })).status, 401);
    const heard = await RawClient.open(server);
    heard.subscribe("c");
    await heard.next("pusher_internal:subscription_succeeded");
    const url = server.url + signedPath(APPS.main, "POST", EVENTS, { body: event("once") });
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await request(url, { method: "POST", body: event("once") })).status, 200);
    }
    await sdk(server).trigger("c", "last", "");
    await heard.next("last");
    assert.deepEqual(heard.of("e").map((frame) => frame.data), ["once"]);
  },
  async "JSON bombs"(server) {
    for (const bomb of ["[".repeat(1000000), `{"batch":[${"{},".repeat(100000)}{}]}`, "{\"a\":".repeat(50000) + "1" + "}".repeat(50000)]) {
      assert.ok([400, 413].includes((await post(server, bomb)).status));
    }
  },
  async "10,000 subscriptions on one socket"(server) {
    const raw = await RawClient.open(server);
    for (let i = 0; i < 10000; i += 1) raw.subscribe(`many-${i}`);
    await until(() => raw.frames.length >= 10001 || raw.closed, 20000, "10,000 answers");
    assert.equal(raw.of("pusher_internal:subscription_succeeded").length, 1000);
    assert.match(JSON.stringify(raw.of("pusher:subscription_error")[0]), /1000/);
  },
  async "unknown routes and methods"(server) {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      assert.equal((await request(`${server.url}/no/such/route`, { method })).status, 404);
    }
    const raw = await RawSocket.open(server.port);
    raw.write("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n");
    await raw.has(/^HTTP\/1\.1 501 /);
    const lost = new RawClient(server, { path: "/no/such/socket" });
    await lost.end();
    assert.equal(lost.refused, 404);
  },
  async "a second node on its port"(server) {
    const [port] = await freePorts(1);
    const file = path.join(server.folder, "second.yaml");
    writeFileSync(file, JSON.stringify({ ...server.settings, metrics: { enabled: true, host: "127.0.0.1", port } }));
    const end = await runToEnd(["--config", file]);
    assert.equal(end.code, 1, end.output);
    assert.match(end.output, new RegExp(`${server.port}[\\s\\S]*\\b${server.pid}\\b`));
  },
};

describe("SIGTERM is obeyed after", () => {
  for (const [what, attack] of Object.entries(ATTACKS)) {
    test(what, async () => {
      const server = await Server.start({ http: { header_timeout: 6 }, http_api: { replay_cache: true } });
      try {
        await attack(server);
        assert.equal((await get(server.url)).status, 200, "others are served");
        const since = performance.now();
        const exit = await server.terminate();
        assert.equal(exit.code, 0, `${describeExit(exit)}\n${server.output.slice(-2000)}`);
        assert.ok(performance.now() - since < 2200 * SLOW, "the window and 2 s");
        server.checkLogs();
      } finally {
        await server.kill();
        server.cleanUp();
      }
    });
  }
});

describe("configuration that is wrong", () => {
  async function refused(text, ...patterns) {
    const [port] = await freePorts(1);
    const server = new Server({ port, metrics: {} }, {});
    try {
      writeFileSync(server.configFile, text);
      const end = await runToEnd(["--config", server.configFile]);
      assert.equal(end.code, 2, end.output);
      for (const pattern of patterns) assert.match(end.output, pattern);
    } finally {
      server.cleanUp();
    }
  }
  const app = "apps:\n  - { id: a, key: k, secret: s }\n";

  test("an unknown key stops the start with file, line, column and the key that was meant", () =>
    refused(`${app}prot: 1\nmetrics:\n  prot: 2\n`, /millrace\.yaml:3:1: .*"prot".*did you mean "port"/,
      /millrace\.yaml:5:3: .*"metrics\.prot".*did you mean "metrics\.port"/));
  test("a mistyped value stops the start with its place", () =>
    refused(`${app}port: many\nloops: 1.5\nmetrics: 7\n`, /millrace\.yaml:3:7: .*port/, /millrace\.yaml:4:8: .*loops/, /millrace\.yaml:5:\d+: .*metrics/));
});

describe("secrets", () => {
  test("a planted one is found", () => {
    keepSecret("planted \"text\"");
    for (const text of ["a planted \"text\" b", JSON.stringify({ line: "planted \"text\"" })]) {
      assert.throws(() => checkNoSecret(text, "it"), /planted/);
    }
    checkNoSecret("planted text", "it");
  });

  test("no log, metric or error holds secrets, signatures or what clients say of users, refused or not", async () => {
    const server = await Server.start();
    try {
      const marked = (name) => keepSecret(`marker-of-${name}-71c5`);
      const raw = await RawClient.open(server);
      const member = JSON.stringify({ user_id: "7", user_info: { name: marked("user-info") } });
      const user = JSON.stringify({ id: "7", user_info: { name: marked("user-data") } });
      raw.subscribe("presence-a", { auth: channelAuth(APPS.main, raw.socketId, "presence-a", member), channel_data: member });
      raw.subscribe("presence-b", { auth: channelAuth(APPS.plain, raw.socketId, "presence-b", member), channel_data: member });
      raw.subscribe("presence-c", { auth: channelAuth(APPS.main, raw.socketId, "presence-c", member), channel_data: `${member} ` });
      raw.subscribe("presence-d", { auth: `${APPS.main.key}:${marked("auth")}`, channel_data: "no JSON but " + marked("text") });
      raw.send({ event: "pusher:signin", data: { auth: userAuth(APPS.main, raw.socketId, user), user_data: user } });
      await raw.roundTrip();
      const other = await RawClient.open(server);
      other.send({ event: "pusher:signin", data: { auth: userAuth(APPS.plain, other.socketId, user), user_data: user } });
      await until(() => other.closed || other.of("pusher:error").length, 5000, "a refused sign-in");
      const secretOfCaller = { ...APPS.main, secret: marked("secret-of-caller") };
      assert.equal((await post(server, event(marked("event-data")))).status, 200);
      assert.equal((await post(server, event("x"), { app: secretOfCaller })).status, 401);
      assert.equal((await post(server, event("x"), { overrides: { auth_timestamp: "1" } })).status, 401);
      assert.equal((await post(server, `{"name":"${marked("broken-body")}`)).status, 400);
      await until(async () => /subscription refused/.test(server.output), 5000, "the log at its lowest level");
    } finally {
      await server.stop();
    }
  });
});
