import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import net from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { signedRequest } from "./support/clients.mjs";
import { RawClient } from "./support/raw.mjs";
import { APPS, Server, get, request, until } from "./support/server.mjs";

/** The log lines so far with that message. */
function linesOf(server, message) {
  return server.output.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line)).filter((line) => line.msg === message);
}

/** Waits for a line of `message` that holds `fields`. */
const line = (server, message, fields = {}) => until(
  () => linesOf(server, message).find((each) => Object.entries(fields).every(([name, value]) => each[name] === value)),
  5000, `a line "${message}" with ${JSON.stringify(fields)}`);

describe("log lines and counters", () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => server?.stop());

  test("a request has an id: the client's if it is sane, else a new one", async () => {
    const idFor = async (headers) => (await signedRequest(server, APPS.main, "GET", "/apps/main/channels", { headers })).headers["x-request-id"];
    assert.equal(await idFor({ "X-Request-Id": "trace-7/a b" }), "trace-7/a b");
    const made = await idFor({});
    assert.match(made, /^[0-9a-f]{32}$/);
    assert.notEqual(await idFor({}), made);
    for (const bad of ["", "x".repeat(65), "caf\u00e9", "a\tb"]) {
      assert.match(await idFor({ "X-Request-Id": bad }), /^[0-9a-f]{32}$/, JSON.stringify(bad));
    }
    assert.equal((await line(server, "request answered", { request_id: "trace-7/a b" })).status, 200);
  });

  test("a refused request is one line with its id, status, reason and path", async () => {
    for (const method of ["GET", "POST"]) {
      const id = `refused-${method}`;
      const body = method === "POST" ? "{}" : undefined;
      // At most one such line a second: asked until this one is it.
      const told = await until(async () => {
        const answer = await request(`${server.url}/apps/nobody/channels?auth_signature=x`, {
          method, body, headers: { "X-Request-Id": id, ...(body ? { "Content-Length": body.length } : {}) },
        });
        assert.equal(answer.headers["x-request-id"], id);
        return linesOf(server, "request refused").find((each) => each.request_id === id);
      }, 5000, `a line about ${id}`);
      const expected = method === "GET" ? [404, "app_not_found"] : [405, "method_not_allowed"];
      assert.deepEqual([told.status, told.reason, told.method, told.path], [...expected, method, "/apps/nobody/channels"]);
      assert.equal(told.peer, "127.0.0.1");
    }
  });

  test("a connection is told from its opening to its end", async () => {
    const raw = await RawClient.open(server);
    const opened = await line(server, "connection opened", { socket_id: raw.socketId });
    assert.equal(opened.app, "main");
    assert.match(opened.peer, /^127\.0\.0\.1$/);
    raw.close();
    const closed = await line(server, "connection closed", { socket_id: raw.socketId });
    assert.equal(closed.reason, "client");
    const gone = await RawClient.open(server);
    gone.socket.terminate();
    assert.equal((await line(server, "connection closed", { socket_id: gone.socketId })).code, 1006);
  });

  test("refused origins, app keys and sign-ins are told", async () => {
    await new RawClient(server, { app: APPS.origins, headers: { Origin: "https://evil.example" } }).end();
    assert.equal((await line(server, "origin refused")).origin, "https://evil.example");
    await new RawClient(server, { app: { key: "ghost-key" } }).end();
    assert.equal((await line(server, "app key refused")).key, "ghost-key");
    const raw = await RawClient.open(server);
    raw.send({ event: "pusher:signin", data: { auth: `${APPS.main.key}:0`, user_data: "{}" } });
    await raw.end();
    assert.match((await line(server, "sign-in refused", { socket_id: raw.socketId })).reason, /signature/);
    assert.equal((await line(server, "connection closed", { socket_id: raw.socketId })).code, 4009);
  });

  test("every counter of a loop is in /metrics", async () => {
    const { body } = await get(`${server.metricsUrl}/metrics`);
    for (const sample of [
      "millrace_accept_refusals_total{reason=\"descriptors\"} 0", "millrace_accept_refusals_total{reason=\"memory\"} 0",
      "millrace_accept_pauses_total 0", "millrace_evictions_total{table=\"cache\"} 0",
      "millrace_evictions_total{table=\"idempotency\"} 0", "millrace_loop_iteration_max_seconds{loop=\"0\"} ",
      "millrace_loop_iteration_max_seconds{loop=\"control\"} ", "millrace_loop_busy_seconds_total ",
    ]) assert.ok(body.includes(`\n${sample}`), sample);
  });
});

describe("without descriptors", () => {
  let server;
  afterEach(async () => server?.stop());

  test("connections refused for want of descriptors are counted and logged", async () => {
    server = await Server.start();
    execFileSync("prlimit", ["--nofile=48:48", "--pid", String(server.pid)]);
    const sockets = Array.from({ length: 100 }, () => net.connect(server.port, "127.0.0.1").on("error", () => {}));
    const told = await line(server, "connections refused, no descriptors are left");
    assert.ok(told.refused > 0);
    sockets.forEach((socket) => socket.destroy());
    await until(async () => {
      const answer = await get(`${server.metricsUrl}/metrics`).catch(() => ({ body: "" }));
      return /\nmillrace_accept_refusals_total\{reason="descriptors"\} [1-9]/.test(answer.body);
    }, 5000, "the counter");
  });
});

describe("a paused process", () => {
  let server;
  afterEach(async () => server?.stop());

  test("a pause of the whole process closes nobody who kept talking (4201, 4202)", async () => {
    server = await Server.start({ activity_timeout: 2, pong_timeout: 3, idle_timeout: 6 });
    const talker = await RawClient.open(server);
    const answers = await RawClient.open(server);
    await answers.next("pusher:ping");
    server.signal("SIGSTOP");
    const since = performance.now();
    for (let i = 0; i < 8; i += 1) {
      answers.send({ event: "pusher:pong", data: {} });
      talker.send({ event: "pusher:ping", data: {} });
      await until(() => performance.now() - since > 1000 * i, 5000);
    }
    server.signal("SIGCONT");
    await until(() => talker.of("pusher:pong").length === 8 || talker.closed, 5000, "the answers");
    await answers.roundTrip();
    assert.deepEqual([talker.closed, answers.closed], [null, null]);
    talker.close();
    answers.close();
  });
});
