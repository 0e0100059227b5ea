// Faults under load with real processes, in short; ./dev prove faults has them in full, with figures.
// These wait for states: how fast they come is for the proof, on a quiet machine.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brokerHangs, brokerKilled, brokerSlow, failovers, nodeCutOff, poisoned, presenceGhosts, quotaAfterKill } from "./support/faults.mjs";
import { SLOW } from "./support/server.mjs";

/** Every publish was answered, nobody waited, all was heard once and in order, or counted. */
function isHonest(found) {
  const text = JSON.stringify(found);
  assert.equal(found.untold, 0, text);
  assert.ok(found.slowestRest < 3000 * SLOW, text);
  assert.deepEqual([found.missedAtHome, found.duplicates, found.inversions], [0, 0, 0], text);
  assert.ok(found.isAccountedFor, text);
  // A sanitizer keeps several bytes of its own for each.
  assert.ok(found.grownMiB < 64 * SLOW, text);
}

const load = { rate: 40, channels: 6 };

for (const broker of ["redis", "nats"]) {
  describe(`faults over ${broker}`, () => {
    test(`over ${broker} a broker that dies under load costs only what is counted`, async () => {
      isHonest(await brokerKilled({ broker, ...load, seconds: 1 }));
    });

    test(`over ${broker} a node that is cut off from the broker, and comes back, misses only what is counted`, async () => {
      isHonest(await nodeCutOff({ broker, ...load, seconds: 1, way: "both" }));
    });

    test(`over ${broker} envelopes that nobody can read are counted, logged in a few lines, and lose nothing uncounted`, async () => {
      const found = await poisoned({ broker, ...load, rounds: 20 });
      isHonest(found);
      assert.ok(found.logged <= 10 + found.reasons * Math.ceil(found.seconds), `${found.logged} lines in ${found.seconds} s`);
    });
  });
}

describe("more faults over redis", () => {
  test("a broker that kept what it had dies under load", async () => {
    isHonest(await brokerKilled({ broker: "redis", isDurable: true, ...load, seconds: 1 }));
  });

  test("a broker that hangs under load blocks no publisher", async () => {
    isHonest(await brokerHangs({ broker: "redis", ...load, seconds: 1 }));
  });

  for (const way of ["toBroker", "toNode"]) {
    test(`a cut ${way} alone is noticed as one both ways is`, async () => {
      isHonest(await nodeCutOff({ broker: "redis", ...load, seconds: 1, way }));
    });
  }

  test("a broker that is half a second late loses nothing and blocks no publisher", async () => {
    const found = await brokerSlow({ broker: "redis", ...load, seconds: 3 });
    isHonest(found);
    assert.equal(found.missed, 0, JSON.stringify(found));
    assert.ok(found.p50 >= 500, JSON.stringify(found));
  });

  test("a node that is killed with members leaves no ghosts, also when it starts again at once", async () => {
    const found = await presenceGhosts({ broker: "redis", members: 50, rounds: 2, cluster: { heartbeat_interval_ms: 500, node_timeout_ms: 3000 } });
    assert.equal(found.wrong, 0, JSON.stringify(found));
  });

  test("a failover by Sentinel under load costs only what is counted", async () => {
    isHonest(await failovers({ ...load, times: 1 }));
  });

  test("the connections of a node that is killed and starts again at once are free for the others, and not one more", async () => {
    const found = await quotaAfterKill({ broker: "redis", share: 10, rounds: 1, cluster: { heartbeat_interval_ms: 500, node_timeout_ms: 3000 } });
    assert.equal(found.excess, 0, JSON.stringify(found));
  });
});
