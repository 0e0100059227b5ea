import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { connect, connected, dataOf, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { APPS, Server, describeExit, until } from "./support/server.mjs";

// pusher-js waits 15 s after an attempt that nobody answered, so these run side by side.
describe("a server that restarts on its port", { concurrency: true }, () => {
  after(() => disconnectAll());

  for (const [how, end] of [
    ["SIGTERM", async (server) => assert.equal((await server.terminate()).code, 0)],
    ["SIGKILL", async (server) => server.kill()],
  ]) {
    test(`after ${how} every kind of subscription comes back by itself`, async () => {
      const server = await Server.start();
      const client = await connected(connect(server, APPS.main, { user: { id: "stays", info: { n: 1 } } }));
      client.signin();
      const before = client.connection.socket_id;
      const channels = [];
      for (const kind of ["", "private-", "presence-", "private-encrypted-", "cache-"]) {
        channels.push(await joined(client, `${kind}restart`));
      }
      await until(() => client.user.serverToUserChannel?.subscribed, 5000, "signed in");

      await end(server);
      assert.ok(server.exited, describeExit(server.exited));
      await until(() => client.connection.state !== "connected", 5000, "the loss is noticed");
      await server.run();
      await connected(client, 25000);
      assert.notEqual(client.connection.socket_id, before);
      await until(() => channels.every((channel) => channel.subscribed), 8000, "all subscribed again");
      await until(() => client.user.serverToUserChannel?.subscribed, 8000, "signed in again");

      const backend = sdk(server);
      for (const channel of channels) {
        await backend.trigger(channel.name, "after", { restart: how });
        assert.deepEqual(await received(channel, "after"), [{ restart: how }]);
        assert.equal(dataOf(channel, "after").length, 1);
      }
      assert.equal(channels[2].members.count, 1);
      assert.equal(channels[2].members.me.id, "stays");
      let greeted = 0;
      client.user.bind("hello", () => { greeted += 1; });
      await backend.sendToUser("stays", "hello", {});
      await until(() => greeted === 1, 5000, "an event for the user");
      client.disconnect();
      await server.stop();
    });
  }

  test("a client that started before the server finds it", async () => {
    const server = await Server.start();
    await server.kill();
    const client = connect(server);
    await until(() => client.states.includes("connecting"), 5000, "an attempt");
    await server.run();
    await connected(client, 25000);
    client.disconnect();
    await server.stop();
  });
});
