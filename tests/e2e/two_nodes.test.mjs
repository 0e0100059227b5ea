import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { RawClient } from "./support/raw.mjs";
import { Server, freePorts, runToEnd } from "./support/server.mjs";

describe("two processes on one port", () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => server?.stop());

  async function second(settings) {
    const file = path.join(server.folder, `second-${settings.port}-${settings.metrics.port}.yaml`);
    writeFileSync(file, JSON.stringify({ ...server.settings, ...settings }));
    return runToEnd(["--config", file]);
  }

  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    test(`the second one on ${host} is refused with the port and its owner named`, async () => {
      const [metrics] = await freePorts(1);
      const end = await second({ host, port: server.port, metrics: { enabled: true, host: "127.0.0.1", port: metrics } });
      assert.notEqual(end.code, 0);
      assert.equal(end.signal, null, end.output);
      assert.match(end.output, new RegExp(String(server.port)));
      assert.match(end.output, new RegExp(`\\b${server.pid}\\b|millrace`), end.output);
      assert.match(end.output, new RegExp(`\\b${server.pid}\\b`), `the owner's process id: ${end.output}`);
    });
  }

  test("so is one whose metrics port is taken", async () => {
    const [port] = await freePorts(1);
    const end = await second({ port, metrics: { enabled: true, host: "127.0.0.1", port: server.metricsPort } });
    assert.notEqual(end.code, 0);
    assert.match(end.output, new RegExp(String(server.metricsPort)));
  });

  test("the first one goes on unharmed", async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server)));
    clients.forEach((client) => client.close());
  });
});
