// The package against the server itself: what handlers get is what they get without the package,
// whether the server sends deltas or does not know of them.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { withDelta } from "../dist/index.mjs";
import { CASES, record } from "./support/scenario.mjs";

const SUITES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../tests/e2e");
const BINARY = process.env.MILLRACE_BIN ?? path.join(SUITES, "../../build/release/millrace");
const missing = !existsSync(BINARY) ? `${BINARY} is not there: ./dev build release makes it`
  : !existsSync(path.join(SUITES, "node_modules")) && "tests/e2e is not installed: ./dev test does it";

describe("with the server", { skip: missing || false }, () => {
  let suite;
  let server;
  let backend;
  before(async () => {
    suite = { ...await import("../../../tests/e2e/support/clients.mjs"), ...await import("../../../tests/e2e/support/server.mjs") };
    server = await suite.Server.start();
    backend = suite.sdk(server);
  });
  after(async () => {
    suite?.disconnectAll();
    await server?.stop();
  });

  async function connect(options) {
    const pusher = suite.connect(server, undefined, { user: { id: "u1" } });
    const errors = [];
    const delta = options && withDelta(pusher, { onError: ({ code }) => errors.push(code), ...options });
    await suite.connected(pusher);
    return { pusher, delta, errors, events: record(pusher) };
  }

  const channels = ["c", "private-c", "presence-c", "cache-c"];
  const padding = "the same in every message, long enough for a delta ".repeat(4);

  for (const algorithms of [["fossil"], ["xdelta3"]]) {
    test(`handlers get what they get without the package (${algorithms})`, async () => {
      const clients = [await connect({ algorithms }), await connect(undefined)];
      const joined = [];
      for (const { pusher, events } of clients) {
        for (const name of channels) joined.push(events.of(await suite.joined(pusher, name)));
      }
      for (const [name, event, data] of CASES(channels).slice(0, 120)) {
        await backend.trigger(name, event, typeof data === "string" ? data + padding : { data, padding });
      }
      await suite.settle(backend, ...joined);
      // In order on each channel; between channels there is no order.
      for (const name of [...channels, "pusher"]) {
        const [ours, theirs] = clients.map(({ events }) => events.list.filter(([where, event]) => where.startsWith(`${name} `) && /price|trade|ünï/.test(event)));
        const order = (calls) => (name === "pusher" ? calls.map((call) => JSON.stringify(call)).sort() : calls);
        assert.deepEqual(order(ours), order(theirs));
        assert.equal(ours.length, name === "pusher" ? 2 * 120 : 2 * 30, name);
      }
      const { lost, resyncs, delta, algorithm } = clients[0].delta.stats();
      assert.deepEqual([lost, resyncs, clients[0].errors], [0, 0, []]);
      if (algorithm) assert.ok(delta > 60, `${delta} deltas`);
    });
  }

  test("changed options of a subscribed channel leave it subscribed", async () => {
    const { pusher, delta, errors } = await connect({});
    const channel = await suite.joined(pusher, "changing");
    let answers = 1;
    for (const setting of [false, true, { algorithm: "fossil", cacheSync: "bases" }, undefined]) {
      delta.configure("changing", setting === undefined ? undefined : { delta: setting });
      await suite.received(channel, "pusher:subscription_succeeded", ++answers);
      await backend.trigger("changing", "e", { setting, padding });
      await suite.settle(backend, channel);
    }
    assert.equal(suite.dataOf(channel, "e").length, 4);
    assert.deepEqual(errors, []);
  });
});
