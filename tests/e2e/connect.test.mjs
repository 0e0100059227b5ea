import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll } from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, request, until } from "./support/server.mjs";

describe("connecting", () => {
  let server;
  let impatient;
  before(async () => {
    server = await Server.start();
    impatient = await Server.start({ activity_timeout: 1, pong_timeout: 2 });
  });
  after(async () => {
    disconnectAll();
    await server?.stop();
    await impatient?.stop();
  });

  test("pusher-js connects and gets a socket id", async () => {
    const client = await connected(connect(server));
    assert.match(client.connection.socket_id, /^\d{1,10}\.\d{1,10}$/);
    assert.deepEqual(client.errors, []);
  });

  test("the greeting is a string of JSON with socket_id and activity_timeout", async () => {
    const client = await RawClient.open(server);
    assert.deepEqual(Object.keys(client.greeting), ["event", "data"]);
    assert.equal(typeof client.greeting.data, "string");
    const greeting = JSON.parse(client.greeting.data);
    assert.deepEqual(Object.keys(greeting), ["socket_id", "activity_timeout"]);
    assert.equal(greeting.activity_timeout, 120);
    client.close();
  });

  test("socket ids differ", async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(server)));
    assert.equal(new Set(clients.map((client) => client.socketId)).size, 50);
    clients.forEach((client) => client.close());
  });

  test("any query, or none, and a trailing slash connect", async () => {
    for (const path of [
      `/app/${APPS.main.key}`, `/app/${APPS.main.key}/`,
      `/app/${APPS.main.key}?protocol=7&client=js&version=8.6.0&flash=false`,
      `/app/${APPS.main.key}?client=other%20client&version=`,
    ]) {
      const client = await RawClient.open(server, { path });
      client.close();
    }
  });

  test("pusher:ping is answered, with data, with a string and without data", async () => {
    const client = await RawClient.open(server);
    for (const ping of [{ event: "pusher:ping", data: {} }, { event: "pusher:ping", data: "{}" }, { event: "pusher:ping" }]) {
      client.send(ping);
      assert.equal((await client.next("pusher:pong")).event, "pusher:pong");
    }
    assert.equal(client.of("pusher:pong").length, 3);
    client.close();
  });

  test("a WebSocket ping is answered with its payload", async () => {
    const client = await RawClient.open(server);
    let payload;
    client.socket.on("pong", (bytes) => { payload = bytes.toString(); });
    client.socket.ping("are you there");
    await until(() => payload === "are you there", 5000, "a pong");
    client.close();
  });

  test("a silent connection is pinged and lives when it answers", async () => {
    const raw = await RawClient.open(impatient);
    assert.equal(JSON.parse(raw.greeting.data).activity_timeout, 1);
    for (let i = 0; i < 2; i += 1) {
      await raw.next("pusher:ping", 10000);
      raw.send({ event: "pusher:pong", data: {} });
    }
    assert.equal(raw.closed, null);
    raw.close();
  });

  test("pusher-js answers the server's pings and stays", async () => {
    // Its own activity timer is held back by a longer setting than the server's.
    const client = await connected(connect(impatient));
    const id = client.connection.socket_id;
    let pings = 0;
    let pongs = 0;
    client.connection.bind("message", ({ event }) => {
      if (event === "pusher:pong") pongs += 1;
    });
    client.connection.connection.bind("ping", () => { pings += 1; });
    await until(() => pings + pongs >= 3, 15000, "three rounds of ping and pong");
    assert.equal(client.connection.state, "connected");
    assert.equal(client.connection.socket_id, id);
  });

  test("an allowed origin connects, another is refused with 4009, and the text names it", async () => {
    const good = await RawClient.open(server, { app: APPS.origins, options: { origin: "https://good.example" } });
    good.close();
    const bad = new RawClient(server, { app: APPS.origins, options: { origin: "https://bad.example" } });
    const error = await bad.next("pusher:error");
    assert.equal(error.data.code, 4009);
    assert.match(error.data.message, /origin/i);
    assert.equal((await bad.end()).code, 4009);
  });

  test("an upgrade anywhere else is a clear 404", async () => {
    for (const path of ["/", "/apps", "/ws", "/app", "/echo"]) {
      const client = new RawClient(server, { path });
      await client.end();
      assert.equal(client.refused, 404, path);
    }
  });

  test("/app/<key> without an upgrade says what to do", async () => {
    const answer = await request(`${server.url}/app/${APPS.main.key}`);
    assert.ok([400, 404, 426].includes(answer.status), String(answer.status));
    assert.match(answer.body, /websocket|upgrade/i);
  });

  test("an unsupported WebSocket version is told the right one", async () => {
    const answer = await request(`${server.url}/app/${APPS.main.key}`, {
      headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" },
    });
    assert.equal(answer.status, 426);
    assert.equal(answer.headers["sec-websocket-version"], "13");
  });
});
