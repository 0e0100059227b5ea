import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, test } from "node:test";
import { disconnectAll, sdk, signedPath } from "./support/clients.mjs";
import { RawClient, RawSocket } from "./support/raw.mjs";
import { APPS, SLOW, Server, describeExit, get, until, within } from "./support/server.mjs";

describe("SIGTERM", () => {
  let server;
  afterEach(async () => {
    disconnectAll();
    await server?.kill();
    server?.cleanUp();
  });

  test("drains: not ready at once, no new sockets, REST served, closes 4200 spread over the window, exit 0", async () => {
    const window = 2;
    server = await Server.start({ shutdown_grace_period: window });
    const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.open(server)));
    clients.forEach((client) => client.subscribe("drain"));
    await Promise.all(clients.map((client) => client.next("pusher_internal:subscription_succeeded")));
    const closedAt = [];
    const since = performance.now();
    clients.forEach((client) => client.socket.on("close", () => closedAt.push((performance.now() - since) / 1000)));
    server.signal("SIGTERM");

    await until(async () => await server.status("/ready") === 503, 1000, "not ready");
    assert.ok(performance.now() - since < 700, "not ready soon after the signal");
    assert.equal((await get(`${server.metricsUrl}/health/ready`)).status, 503);
    assert.equal((await get(`${server.url}/health/live`)).status, 200);
    const kept = new http.Agent({ keepAlive: true });
    const told = await get(`${server.url}/health/live`, { agent: kept });
    assert.equal(told.headers.connection, "close", "kept connections are asked to move");
    kept.destroy();
    const late = new RawClient(server);
    await late.end();
    assert.equal(late.refused, 503);

    // Publishing goes on for those who are still here.
    const last = clients.at(-1);
    let published = 0;
    while (!clients.every((client) => client.closed)) {
      try {
        await sdk(server).trigger("drain", "tick", { n: published });
        published += 1;
      } catch (error) {
        if (!clients.every((client) => client.closed)) throw error;
      }
      await until(() => true, 100);
      if (performance.now() - since > 15000) break;
    }
    assert.ok(published >= 2, `${published} published while draining`);
    assert.ok(clients.some((client) => client.of("tick").length > 0), "ticks arrive while draining");
    const exit = await within(server.ended, 8000, "the exit");
    const took = (performance.now() - since) / 1000;
    assert.equal(exit.code, 0, `${describeExit(exit)}\n${server.output.slice(-2000)}`);
    assert.ok(took <= window + 2, `exit after ${took} s`);

    for (const client of clients) {
      assert.equal(client.closed.code, 4200);
      assert.equal(client.of("pusher:error")[0].data.code, 4200);
    }
    assert.ok(last.closed);
    // Each quarter of the window has its share: the busiest at most half of all.
    const quarters = [0, 0, 0, 0];
    for (const at of closedAt) quarters[Math.min(3, Math.floor((at / window) * 4))] += 1;
    assert.ok(Math.max(...quarters) <= 20, `closes by quarter: ${quarters}`);
    assert.ok(closedAt.every((at) => at <= window + 1), `last close after ${Math.max(...closedAt)} s`);
  });

  test("requests in flight are answered", async () => {
    server = await Server.start({ shutdown_grace_period: 2 });
    const body = JSON.stringify({ name: "e", channel: "c", data: "d" });
    const raw = await RawSocket.open(server.port);
    raw.write(`POST ${signedPath(APPS.main, "POST", "/apps/main/events", { body })} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
    server.signal("SIGTERM");
    await until(async () => await server.status("/ready") === 503, 1000, "draining");
    raw.write(body.slice(5));
    await raw.has(/^HTTP\/1\.1 200 [\s\S]*\{\}$/);
    await raw.closed();
    assert.equal((await within(server.ended, 8000, "the exit")).code, 0);
  });

  test("idle keep-alive connections do not hold it up", async () => {
    server = await Server.start({ shutdown_grace_period: 0.2 });
    const agent = new http.Agent({ keepAlive: true });
    await (await sdk(server, APPS.main, { agent }).trigger("c", "e", 1)).text();
    const since = performance.now();
    assert.equal((await server.terminate(5000)).code, 0);
    assert.ok(performance.now() - since < 3000);
    agent.destroy();
  });

  test("a second SIGTERM ends it at once", async () => {
    server = await Server.start({ shutdown_grace_period: 60 });
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(server)));
    server.signal("SIGTERM");
    await until(async () => await server.status("/ready") === 503, 1000, "draining");
    assert.equal(server.exited, null);
    const since = performance.now();
    server.signal("SIGTERM");
    await within(server.ended, 3000, "the exit");
    assert.ok(performance.now() - since <= 1000 * SLOW);
    await Promise.all(clients.map((client) => client.end()));
  });

  test("SIGINT drains too", async () => {
    server = await Server.start();
    const client = await RawClient.open(server);
    server.signal("SIGINT");
    assert.equal((await client.end()).code, 4200);
    assert.equal((await within(server.ended, 5000, "the exit")).code, 0);
  });

  test("a log reader that reads nothing holds up neither the service, nor SIGTERM, nor a second one", async () => {
    for (const signals of [1, 2]) {
      const window = signals === 1 ? 1 : 60;
      // A FIFO that this process holds open and never reads; the server inherits its writing end.
      const pipe = path.join(mkdtempSync(path.join(os.tmpdir(), "millrace-e2e-")), "stderr");
      execFileSync("mkfifo", [pipe]);
      const held = openSync(pipe, "r+");
      server = await Server.start({ shutdown_grace_period: window }, { stderr: held });
      const client = await RawClient.open(server);
      for (let i = 0; i < 600; i += 1) client.subscribe(`private-${"x".repeat(100)}${i}`, { auth: "k:0" });
      await until(() => client.of("pusher:subscription_error").length === 600, 5000, "the refusals");
      const dropped = async () => Number(/^millrace_log_lines_dropped_total (\d+)/m.exec((await get(`${server.metricsUrl}/metrics`)).body)[1]);
      await until(async () => await dropped() > 0, 5000, "lines that nobody took");
      const since = performance.now();
      server.signal("SIGTERM");
      if (signals === 2) {
        await until(async () => await server.status("/ready") === 503, 1000, "draining");
        server.signal("SIGTERM");
      }
      assert.equal((await within(server.ended, 5000, "the exit")).code, 0);
      const took = performance.now() - since;
      assert.ok(took <= (signals === 2 ? 1000 : (window + 2) * 1000) * SLOW, `exit after ${took} ms`);
      closeSync(held);
      rmSync(path.dirname(pipe), { recursive: true });
      server.cleanUp();
    }
  });

  test("SIGUSR1 reopens the log file", async () => {
    server = await Server.start({}, {});
    const { renameSync, existsSync, readFileSync } = await import("node:fs");
    await server.terminate();
    const file = `${server.folder}/server.log`;
    server.settings.log = { ...server.settings.log, file, level: "debug" };
    await server.run();
    await until(() => existsSync(file) && readFileSync(file, "utf8").length > 0, 5000, "a log file");
    renameSync(file, `${file}.1`);
    server.signal("SIGUSR1");
    await until(async () => {
      (await RawClient.open(server)).close();
      return existsSync(file);
    }, 5000, "a new log file");
    assert.equal((await server.terminate()).code, 0);
    assert.ok(readFileSync(file, "utf8").split("\n").filter(Boolean).every((line) => JSON.parse(line)));
  });
});
