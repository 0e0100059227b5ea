import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  channelAuth, codesOf, connect, connected, dataOf, disconnectAll, joined, received, sdk, settle, signedRequest, userAuth,
} from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, until, within } from "./support/server.mjs";

describe("sign-in", () => {
  let server;
  let backend;
  before(async () => {
    server = await Server.start();
    backend = sdk(server);
  });
  after(async () => {
    disconnectAll();
    await server?.stop();
  });

  async function signedIn(id, app = APPS.main) {
    const client = await connected(connect(server, app, { user: { id } }));
    client.signin();
    await within(client.user.signinDonePromise, 5000, `sign-in of ${id}`);
    await until(() => client.user.serverToUserChannel?.subscribed, 5000, "the user's own channel");
    return client;
  }

  async function rawSignIn(id, app = APPS.main) {
    const raw = await RawClient.open(server, { app });
    const userData = JSON.stringify({ id });
    raw.send({ event: "pusher:signin", data: { auth: userAuth(app, raw.socketId, userData), user_data: userData } });
    return raw;
  }

  test("pusher-js signs in and keeps the user data", async () => {
    const client = await signedIn("kettle");
    assert.equal(client.user.user_data.id, "kettle");
    assert.deepEqual(client.errors, []);
  });

  test("the answer carries user_data as it was signed", async () => {
    const raw = await RawClient.open(server);
    const userData = "{\"id\":\"u1\",  \"user_info\":{\"name\":\"Ž\"}}";
    raw.send({ event: "pusher:signin", data: JSON.stringify({ auth: userAuth(APPS.main, raw.socketId, userData), user_data: userData }) });
    const answer = await raw.next("pusher:signin_success");
    const data = typeof answer.data === "string" ? JSON.parse(answer.data) : answer.data;
    assert.equal(data.user_data, userData);
    raw.close();
  });

  test("sendToUser reaches every connection of that user and nobody else", async () => {
    const tabs = [await signedIn("lantern"), await signedIn("lantern")];
    const other = await signedIn("quill");
    const seen = [];
    tabs.forEach((client, i) => client.user.bind("notice", (data) => seen.push([i, data])));
    other.user.bind("notice", () => seen.push("wrong user"));
    other.user.bind("marker", () => seen.push("marker"));
    await backend.sendToUser("lantern", "notice", { text: "for you" });
    await backend.sendToUser("quill", "marker", 1);
    await until(() => seen.length >= 3, 5000, "all notices");
    assert.deepEqual(seen.filter((entry) => entry !== "marker").sort(), [[0, { text: "for you" }], [1, { text: "for you" }]]);
  });

  test("nobody joins a user's channel without being that user", async () => {
    const raw = await RawClient.open(server);
    const name = "#server-to-user-lantern";
    raw.subscribe(name);
    await until(() => raw.frames.some((frame) => /error/.test(frame.event)), 5000, "a refusal");
    raw.subscribe(name, { auth: channelAuth(APPS.main, raw.socketId, name) });
    await backend.sendToUser("lantern", "secret", 1);
    await raw.roundTrip();
    assert.deepEqual(raw.of("secret"), []);
    raw.close();
  });

  test("a wrong sign-in is answered with 4009 and closed", async () => {
    const forms = [
      (raw) => ({ auth: userAuth(APPS.main, "1.1", "{\"id\":\"u\"}"), user_data: "{\"id\":\"u\"}" }),
      (raw) => ({ auth: userAuth(APPS.main, raw.socketId, "{\"id\":\"u\"}"), user_data: "{\"id\":\"v\"}" }),
      (raw) => ({ auth: channelAuth(APPS.main, raw.socketId, "x"), user_data: "{\"id\":\"u\"}" }),
    ];
    for (const form of forms) {
      const raw = await RawClient.open(server);
      raw.send({ event: "pusher:signin", data: form(raw) });
      const error = await raw.next("pusher:error");
      assert.equal(error.data.code, 4009);
      assert.equal((await raw.end()).code, 4009);
    }
  });

  test("user data without an id is refused", async () => {
    for (const userData of ["{}", "[]", "nonsense", "{\"id\":\"\"}", "{\"id\":null}"]) {
      const raw = await RawClient.open(server);
      raw.send({ event: "pusher:signin", data: { auth: userAuth(APPS.main, raw.socketId, userData), user_data: userData } });
      await raw.next("pusher:error");
      assert.deepEqual(raw.of("pusher:signin_success"), [], userData);
      raw.close();
    }
  });

  test("an app without user authentication says so", async () => {
    const raw = await rawSignIn("u", APPS.plain);
    const error = await raw.next("pusher:error");
    assert.match(error.data.message, /user authentication|enable_user_authentication/i);
    raw.close();
  });

  test("terminate_connections closes all of a user's connections with 4009; pusher-js stays away", async () => {
    const tabs = [await signedIn("rudder"), await signedIn("rudder")];
    const other = await signedIn("sextant");
    const raw = await rawSignIn("rudder");
    await raw.next("pusher:signin_success");
    const answer = await backend.terminateUserConnections("rudder");
    assert.equal(answer.status, 200);
    assert.equal((await raw.end()).code, 4009);
    for (const client of tabs) {
      await until(() => client.connection.state === "disconnected", 5000, `disconnected, is ${client.connection.state}`);
      assert.ok(codesOf(client).includes(4009), JSON.stringify(client.errors));
    }
    await backend.sendToUser("sextant", "still", 1);
    await until(() => other.connection.state === "connected", 1000, "the other user is untouched");
  });

  test("terminating somebody who is not there is no error, in any form SDKs send it", async () => {
    for (const body of ["", "{}"]) {
      const answer = await signedRequest(server, APPS.main, "POST", "/apps/main/users/nobody/terminate_connections", { body });
      assert.equal(answer.status, 200, answer.body);
      assert.deepEqual(JSON.parse(answer.body), {});
    }
  });

  test("ids of any characters work in the path", async () => {
    const id = "a b/ü+c%";
    const raw = await rawSignIn(id);
    await raw.next("pusher:signin_success");
    const answer = await signedRequest(server, APPS.main, "POST", `/apps/main/users/${encodeURIComponent(id)}/terminate_connections`, { body: "{}" });
    assert.equal(answer.status, 200, answer.body);
    assert.equal((await raw.end()).code, 4009);
  });

  test("a user has at most so many connections", async () => {
    await server.limitsAreOpen();
    const first = await rawSignIn("many", APPS.peruser);
    const second = await rawSignIn("many", APPS.peruser);
    await first.next("pusher:signin_success");
    await second.next("pusher:signin_success");
    const third = await rawSignIn("many", APPS.peruser);
    const error = await third.next("pusher:error");
    const closed = await third.end();
    assert.equal(error.data.code, closed.code);
    assert.ok(closed.code >= 4000 && closed.code < 4200, String(closed.code));
    await first.roundTrip();
    await second.roundTrip();
    first.close();
    await until(async () => {
      const again = await rawSignIn("many", APPS.peruser);
      await until(() => again.closed || again.of("pusher:signin_success").length, 5000, "an answer");
      const worked = again.of("pusher:signin_success").length === 1;
      again.close();
      return worked;
    }, 5000, "room for another connection");
    second.close();
  });

  test("events for a user do not reach channels", async () => {
    const client = await signedIn("pulley");
    const channel = await joined(client, "ordinary");
    await backend.sendToUser("pulley", "direct", 1);
    await settle(backend, channel);
    assert.deepEqual(dataOf(channel, "direct"), []);
    await backend.trigger("ordinary", "public", 1);
    await received(channel, "public");
  });

  test("who does not sign in within the time is closed with 4009", async () => {
    const strict = await Server.start({ user_authentication_timeout: 1 });
    try {
      const silent = await RawClient.open(strict);
      const error = await silent.next("pusher:error");
      assert.equal(error.data.code, 4009);
      assert.equal((await silent.end()).code, 4009);
      const exempt = await RawClient.open(strict, { app: APPS.plain });
      await exempt.roundTrip();
      exempt.close();
    } finally {
      await strict.stop();
    }
  });
});
