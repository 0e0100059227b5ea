import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll, joined, received, sdk, settle, userAuth } from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, until } from "./support/server.mjs";

describe("subscription counts", () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => {
    disconnectAll();
    await server?.stop();
  });

  test("pusher-js keeps channel.subscriptionCount up to date", async () => {
    const first = await joined(await connected(connect(server, APPS.counts)), "counted");
    const counts = [];
    first.bind("pusher:subscription_count", (data) => counts.push(data.subscription_count));
    await until(() => first.subscriptionCount === 1, 5000, "a count of one");
    const more = [];
    for (let i = 0; i < 3; i += 1) {
      more.push(await connected(connect(server, APPS.counts)));
      await joined(more[i], "counted");
    }
    await until(() => first.subscriptionCount === 4, 8000, "a count of four");
    more.forEach((client) => client.disconnect());
    await until(() => first.subscriptionCount === 1, 8000, "a count of one again");
    assert.equal(counts.at(-1), 1);
  });

  test("the channel of a user has no count", async () => {
    const raw = await RawClient.open(server, { app: APPS.counts });
    const user = JSON.stringify({ id: "counted" });
    raw.send({ event: "pusher:signin", data: { auth: userAuth(APPS.counts, raw.socketId, user), user_data: user } });
    await raw.next("pusher:signin_success");
    raw.subscribe("after-it");
    await raw.next("pusher_internal:subscription_count");
    assert.deepEqual(raw.of("pusher_internal:subscription_count", "#server-to-user-counted"), []);
    raw.close();
  });

  test("the frame, and at most one of them a second", async () => {
    const raw = await RawClient.open(server, { app: APPS.counts });
    raw.subscribe("burst");
    const first = await raw.next("pusher_internal:subscription_count");
    assert.equal(first.channel, "burst");
    assert.deepEqual(typeof first.data === "string" ? JSON.parse(first.data) : first.data, { subscription_count: 1 });
    const since = performance.now();
    const others = await Promise.all(Array.from({ length: 30 }, () => RawClient.open(server, { app: APPS.counts })));
    others.forEach((client) => client.subscribe("burst"));
    await until(() => raw.of("pusher_internal:subscription_count")
      .some((frame) => JSON.parse(frame.data).subscription_count === 31), 8000, "a count of 31");
    const seconds = (performance.now() - since) / 1000;
    const frames = raw.of("pusher_internal:subscription_count").length - 1;
    assert.ok(frames <= Math.ceil(seconds) + 1, `${frames} frames in ${seconds} s`);
    others.forEach((client) => client.close());
    raw.close();
  });

  test("an app without the switch gets none", async () => {
    const channel = await joined(await connected(connect(server)), "uncounted");
    await joined(await connected(connect(server)), "uncounted");
    await settle(sdk(server), channel);
    await received(channel, "pusher:subscription_succeeded");
    assert.equal(channel.subscriptionCount, undefined);
  });
});
