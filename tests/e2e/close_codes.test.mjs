import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { codesOf, connect, connected, disconnectAll, joined, sdk, staysAway } from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, testOfOneNode, until } from "./support/server.mjs";

describe("pusher-js against the closes of the server", () => {
  let server;
  before(async () => { server = await Server.start(); });
  afterEach(() => disconnectAll());
  after(async () => server?.stop());

  async function frameThenClose(options, code, target = server) {
    const raw = new RawClient(target, options);
    const error = await raw.next("pusher:error");
    assert.equal(error.data.code, code);
    assert.ok(error.data.message.length > 5, error.data.message);
    assert.equal((await raw.end()).code, code);
    assert.equal(raw.of("pusher:error").length, 1);
    return raw;
  }

  test("4001, an unknown key: told and never again", async () => {
    const ghost = { id: "ghost", key: "ghost-key", secret: "s" };
    await frameThenClose({ app: ghost }, 4001);
    await staysAway(connect(server, ghost), 4001);
  });

  test("4003, a disabled app: told and never again", async () => {
    await frameThenClose({ app: APPS.disabled }, 4003);
    await staysAway(connect(server, APPS.disabled), 4003);
  });

  test("4004, over the app's quota: told and never again; room comes back", async () => {
    await server.limitsAreOpen();
    const first = await connected(connect(server, APPS.quota));
    await frameThenClose({ app: APPS.quota }, 4004);
    await staysAway(connect(server, APPS.quota), 4004);
    first.disconnect();
    await until(async () => {
      const raw = new RawClient(server, { app: APPS.quota });
      await until(() => raw.frames.length, 5000, "an answer");
      const welcome = raw.of("pusher:connection_established").length === 1;
      raw.close();
      return welcome;
    }, 5000, "room for one again");
  });

  test("4009, a wrong origin", async () => {
    await frameThenClose({ app: APPS.origins, options: { origin: "https://evil.example" } }, 4009);
  });

  test("4009, terminated by the back end: never again", async () => {
    const client = await connected(connect(server, APPS.main, { user: { id: "terminated" } }));
    client.signin();
    await until(() => client.user.serverToUserChannel?.subscribed, 5000, "signed in");
    await sdk(server).terminateUserConnections("terminated");
    await staysAway(client, 4009);
  });

  testOfOneNode("4100, the node is full: pusher-js comes back after a second and gets the free place", async () => {
    const small = await Server.start({ max_connections: 1 });
    try {
      const holder = await RawClient.open(small);
      await frameThenClose({}, 4100, small);
      const client = connect(small);
      await until(() => codesOf(client).includes(4100), 8000, "4100");
      holder.close();
      await connected(client, 10000);
    } finally {
      disconnectAll();
      await small.stop();
    }
  });

  test("4200, the connection is old enough: pusher-js is back at once and subscribed", async () => {
    const moving = await Server.start({ max_connection_duration: 1 });
    try {
      const client = await connected(connect(moving));
      const channel = await joined(client, "moves");
      const id = client.connection.socket_id;
      await frameThenClose({}, 4200, moving);
      await until(() => client.connection.socket_id !== id && client.connection.state === "connected", 8000, "a new connection");
      await until(() => channel.subscribed, 5000, "subscribed again");
    } finally {
      disconnectAll();
      await moving.stop();
    }
  });

  test("4201, no pong", async () => {
    const strict = await Server.start({ activity_timeout: 1, pong_timeout: 0.3 });
    try {
      const raw = await RawClient.open(strict);
      await raw.next("pusher:ping", 8000);
      const error = await raw.next("pusher:error");
      assert.equal(error.data.code, 4201);
      assert.equal((await raw.end()).code, 4201);
    } finally {
      await strict.stop();
    }
  });

  test("4202, idle: a client without frames goes, one that pings stays", async () => {
    const strict = await Server.start({ idle_timeout: 1.5 });
    try {
      const quiet = await RawClient.open(strict);
      const pinging = await RawClient.open(strict);
      const error = await until(() => {
        pinging.send({ event: "pusher:ping", data: {} });
        return quiet.of("pusher:error")[0];
      }, 8000, "an error");
      assert.equal(error.data.code, 4202);
      assert.equal((await quiet.end()).code, 4202);
      assert.equal(pinging.closed, null);
      pinging.close();
      const client = await connected(connect(strict));
      const id = client.connection.socket_id;
      await until(() => client.connection.state === "connected" && client.connection.socket_id !== id, 10000, "pusher-js is back");
    } finally {
      disconnectAll();
      await strict.stop();
    }
  });

  test("43xx is a frame only: the connection stays open and usable", async () => {
    const client = await connected(connect(server, APPS.main));
    const channel = await joined(client, "public-for-4301");
    channel.trigger("client-event", {});
    await until(() => client.errors.length, 5000, "an error");
    const [code] = codesOf(client);
    assert.ok(code >= 4300 && code <= 4399, JSON.stringify(client.errors));
    await joined(client, "still-works");
    assert.deepEqual(client.states.filter((state) => state !== "initialized"), ["connecting", "connected"]);
  });
});
