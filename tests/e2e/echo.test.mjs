import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Echo from "laravel-echo";
import { PusherClient, isListed, sdk } from "./support/clients.mjs";
import { APPS, Server, until } from "./support/server.mjs";

// Laravel Echo as an application sets it up: window.Pusher, broadcaster 'pusher' or 'reverb'.
describe("laravel-echo", () => {
  let server;
  let backend;
  const echos = [];
  before(async () => {
    globalThis.Pusher = PusherClient;
    globalThis.window = globalThis;
    server = await Server.start();
    backend = sdk(server);
  });
  after(async () => {
    echos.forEach((echo) => echo.disconnect());
    delete globalThis.Pusher;
    delete globalThis.window;
    await server?.stop();
  });

  function echoFor(id, options = {}) {
    const echo = new Echo({
      broadcaster: "pusher", key: APPS.main.key, cluster: "mt1", wsHost: "127.0.0.1", wsPort: server.clientPort,
      forceTLS: false, enabledTransports: ["ws"], disableStats: true,
      authorizer: (channel) => ({
        authorize(socketId, done) {
          const presence = channel.name.startsWith("presence-") ? { user_id: id, user_info: { name: `User ${id}` } } : undefined;
          done(null, backend.authorizeChannel(socketId, channel.name, presence));
        },
      }),
      ...options,
    });
    echos.push(echo);
    return echo;
  }
  const subscribed = (channel) => until(() => channel.subscription.subscribed, 8000, `subscribed to ${channel.name}`);

  // Laravel publishes an event class under its full name; Echo binds it as `.ClassName` forms.
  const EVENT = "App\\Events\\OrderShipped";

  test("public channel: listen, stopListening, leave", async () => {
    const channel = echoFor(1).channel("orders");
    const seen = [];
    channel.listen("OrderShipped", (event) => seen.push(event));
    await subscribed(channel);
    await backend.trigger("orders", EVENT, { id: 5, socket: null });
    await until(() => seen.length === 1, 5000, "an event");
    assert.deepEqual(seen, [{ id: 5, socket: null }]);
    channel.stopListening("OrderShipped");
    channel.listen(".marker", () => seen.push("marker"));
    await backend.trigger("orders", EVENT, { id: 6 });
    await backend.trigger("orders", "marker", {});
    await until(() => seen.length === 2, 5000, "the marker");
    assert.equal(seen[1], "marker");
  });

  for (const broadcaster of ["pusher", "reverb"]) {
    test(`private channel with whispers (broadcaster '${broadcaster}')`, async () => {
      const [one, two] = [echoFor(1, { broadcaster }), echoFor(2, { broadcaster })];
      const [mine, theirs] = [one.private(`chat.${broadcaster}`), two.private(`chat.${broadcaster}`)];
      const seen = [];
      mine.listenForWhisper("typing", () => seen.push("own whisper"));
      theirs.listenForWhisper("typing", (data) => seen.push(data));
      theirs.listen(".message", (data) => seen.push(data));
      await subscribed(mine);
      await subscribed(theirs);
      mine.whisper("typing", { name: "Anvil" });
      await until(() => seen.length === 1, 5000, "a whisper");
      await backend.trigger(`private-chat.${broadcaster}`, "message", { text: "hi" }, { socket_id: one.socketId() });
      await until(() => seen.length === 2, 5000, "a message");
      assert.deepEqual(seen, [{ name: "Anvil" }, { text: "hi" }]);
    });
  }

  test("presence channel with Laravel's numeric ids: here, joining, leaving, whisper", async () => {
    const one = echoFor(1);
    const two = echoFor(2);
    const log = [];
    const room = one.join("room.1")
      .here((users) => log.push(["here", users.map((user) => user.name)]))
      .joining((user) => log.push(["joining", user.name]))
      .leaving((user) => log.push(["leaving", user.name]))
      .listenForWhisper("wave", (data) => log.push(["wave", data]));
    await subscribed(room);
    await until(() => log.length === 1, 5000, "here");
    await isListed(backend, "presence-room.1", 1);
    const other = two.join("room.1");
    let othersHere;
    other.here((users) => { othersHere = users.map((user) => user.name).sort(); });
    await until(() => log.length === 2 && othersHere, 5000, "joining");
    other.whisper("wave", { hand: "left" });
    await until(() => log.length === 3, 5000, "a whisper");
    two.leave("room.1");
    await until(() => log.length === 4, 5000, "leaving");
    assert.deepEqual(othersHere, ["User 1", "User 2"]);
    assert.deepEqual(log, [["here", ["User 1"]], ["joining", "User 2"], ["wave", { hand: "left" }], ["leaving", "User 2"]]);
  });

  test("an encrypted private channel", async () => {
    const channel = echoFor(1).encryptedPrivate("vault");
    const seen = [];
    channel.listen(".opened", (data) => seen.push(data));
    await subscribed(channel);
    await backend.trigger("private-encrypted-vault", "opened", { by: "key" });
    await until(() => seen.length === 1, 5000, "an event");
    assert.deepEqual(seen, [{ by: "key" }]);
  });

  test("a refused private channel reports its error", async () => {
    const echo = echoFor(1, {
      authorizer: () => ({ authorize: (_, done) => done(null, { auth: `${APPS.main.key}:bad` }) }),
    });
    let error;
    echo.private("no-entry").error((event) => { error = event; });
    await until(() => error, 5000, "an error");
    assert.equal(error.status, 401);
  });
});
