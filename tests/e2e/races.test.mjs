// What is published while a client subscribes, or nodes start, on another node: in short; the whole
// is ./dev prove races.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { firstSubscriptions, simultaneousStarts } from "./support/races.mjs";

for (const broker of ["redis", "nats"]) {
  describe(`races over ${broker}`, () => {
    test(`over ${broker} first subscriptions that race with publishes on another node miss nothing after their yes`, async () => {
      const found = await firstSubscriptions({ broker, count: 150 });
      assert.deepEqual(found.wrong, []);
    });

    test(`over ${broker} three nodes that start together: what any of them accepted reaches every client that had its yes`, async () => {
      const found = await simultaneousStarts({ broker, rounds: 1 });
      assert.ok(found.accepted > 0);
      assert.deepEqual(found.missed, []);
    });
  });
}
