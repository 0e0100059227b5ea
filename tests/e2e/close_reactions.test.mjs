import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { WebSocketServer } from "ws";
import { codesOf, connect, connected, disconnectAll, staysAway } from "./support/clients.mjs";
import { until } from "./support/server.mjs";

// The server sends each close as pusher:error and a close frame with that code. A double that does
// just that shows what pusher-js makes of codes which only faults would bring about.
describe("pusher-js against each close code, sent as the server sends it", () => {
  let double;
  let opened = 0;
  let onConnection;
  before(async () => {
    double = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    double.on("connection", (socket) => {
      opened += 1;
      onConnection(socket, opened);
    });
    await until(() => double.address(), 5000, "a listening double");
  });
  afterEach(() => disconnectAll());
  after(() => {
    double.clients.forEach((socket) => socket.terminate());
    double.close();
  });

  const greet = (socket, number) => socket.send(JSON.stringify({
    event: "pusher:connection_established", data: JSON.stringify({ socket_id: `${number}.${number}`, activity_timeout: 120 }),
  }));
  const closeWith = (socket, code) => {
    socket.send(JSON.stringify({ event: "pusher:error", data: { code, message: `code ${code}` } }));
    socket.close(code);
  };

  const reactions = {
    4001: "never", 4003: "never", 4004: "never", 4009: "never", 4100: "after a second",
    4200: "at once", 4201: "at once", 4202: "at once",
  };
  for (const [text, reaction] of Object.entries(reactions)) {
    const code = Number(text);
    for (const when of ["instead of a greeting", "after it"]) {
      test(`${code} ${when}: reconnects ${reaction}`, async () => {
        opened = 0;
        let closedAt;
        let delay;
        onConnection = (socket, number) => {
          if (number > 1) {
            delay = performance.now() - closedAt;
            greet(socket, number);
            return;
          }
          if (when === "after it") greet(socket, number);
          closeWith(socket, code);
          closedAt = performance.now();
        };
        const client = connect({ port: double.address().port });
        if (reaction === "never") {
          await staysAway(client, code);
          assert.equal(opened, 1);
          return;
        }
        await until(() => opened === 2, 8000, "a second connection");
        await connected(client);
        if (reaction === "at once") assert.ok(delay < 900, `after ${delay} ms`);
        else assert.ok(delay >= 900, `after ${delay} ms`);
      });
    }
  }

  for (const code of [4300, 4301, 4302]) {
    test(`${code} as a frame only: nothing happens to the connection`, async () => {
      opened = 0;
      onConnection = (socket, number) => {
        greet(socket, number);
        socket.send(JSON.stringify({ event: "pusher:error", data: { code, message: "no" } }));
        socket.send(JSON.stringify({ event: "after", channel: "c", data: "{}" }));
      };
      const client = connect({ port: double.address().port });
      let after = false;
      client.connection.bind("message", ({ event }) => { after ||= event === "after"; });
      await until(() => after, 5000, "the frame after the error");
      assert.equal(client.connection.state, "connected");
      assert.deepEqual(codesOf(client), [code]);
      assert.equal(opened, 1);
    });
  }
});
