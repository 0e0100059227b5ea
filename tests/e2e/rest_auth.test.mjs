import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sdk, signedPath, signedRequest } from "./support/clients.mjs";
import { RawSocket } from "./support/raw.mjs";
import { APPS, Server, get, request, until } from "./support/server.mjs";

const EVENTS = "/apps/main/events";
const BODY = JSON.stringify({ name: "e", channel: "c", data: "d" });

describe("REST signatures and connections", () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => {
    for (const app of Object.values(APPS)) assert.ok(!server.output.includes(app.secret), "a secret in the log");
    await server?.stop();
  });

  const post = (how = {}, body = BODY) => signedRequest(server, how.app ?? APPS.main, "POST", how.path ?? EVENTS, { body, ...how });
  const now = () => Math.floor(Date.now() / 1000);
  function isRefused(answer, status, pattern) {
    assert.equal(answer.status, status, answer.body);
    assert.match(answer.headers["content-type"], /^application\/json/);
    assert.match(JSON.parse(answer.body).error, pattern);
    for (const app of Object.values(APPS)) assert.ok(!answer.body.includes(app.secret));
  }

  test("a right signature is taken, with any further parameters", async () => {
    assert.equal((await post()).status, 200);
    assert.equal((await post({ params: { extra: "a b&c=ž", UPPER: "x" } })).status !== 500, true);
    assert.equal((await post({ params: { zeta: "1", alpha: "2" } })).status, 200);
  });

  test("a wrong secret", async () => isRefused(await post({ app: { ...APPS.main, secret: "wrong" } }), 401, /signature/i));
  test("somebody else's key", async () => isRefused(await post({ app: APPS.plain }), 401, /key/i));
  test("an altered signature", async () => {
    for (const auth_signature of ["", "0".repeat(64), "x", "0".repeat(10000)]) {
      const answer = await post({ after: { auth_signature } });
      assert.ok([400, 401].includes(answer.status), `${answer.status}`);
    }
  });
  test("a stale or early timestamp, and the text names the skew", async () => {
    for (const skew of [-601 - 5, 601 + 5, -86400]) {
      isRefused(await post({ overrides: { auth_timestamp: String(now() + skew) } }), 401, /600|second|clock/i);
    }
    for (const skew of [-590, 590]) {
      assert.equal((await post({ overrides: { auth_timestamp: String(now() + skew) } })).status, 200);
    }
    const answer = await post({ overrides: { auth_timestamp: "yesterday" } });
    assert.ok([400, 401].includes(answer.status), String(answer.status));
  });
  test("a wrong body_md5, and a body altered after signing", async () => {
    isRefused(await post({ overrides: { body_md5: "0".repeat(32) } }), 401, /md5/i);
    const altered = await request(server.url + signedPath(APPS.main, "POST", EVENTS, { body: BODY }), { method: "POST", body: BODY.replace("d", "x") });
    isRefused(altered, 401, /md5/i);
  });
  test("missing and repeated parameters", async () => {
    for (const name of ["auth_key", "auth_timestamp", "auth_version", "body_md5"]) {
      const answer = await post({ overrides: { [name]: undefined } });
      assert.ok([400, 401].includes(answer.status), `${name}: ${answer.status}`);
      assert.match(JSON.parse(answer.body).error, new RegExp(name));
    }
    const none = await request(server.url + EVENTS, { method: "POST", body: BODY });
    assert.ok([400, 401].includes(none.status));
    const twice = await request(`${server.url}${signedPath(APPS.main, "POST", EVENTS, { body: BODY })}&auth_key=other`, { method: "POST", body: BODY });
    assert.ok([400, 401].includes(twice.status));
  });
  test("an altered path, method or query", async () => {
    const signed = signedPath(APPS.main, "GET", "/apps/main/channels");
    assert.equal((await get(server.url + signed)).status, 200);
    assert.equal((await get(server.url + signed.replace("/channels?", "/channels/c?"))).status, 401);
    assert.equal((await get(`${server.url}${signed}&info=subscription_count`)).status, 401);
    assert.equal((await request(server.url + signed.replace("/channels", "/events"), { method: "POST", body: BODY })).status, 401);
  });
  test("an unknown app", async () => {
    const answer = await post({ app: { id: "ghost", key: "ghost-key", secret: "s" }, path: "/apps/ghost/events" });
    assert.ok([401, 404].includes(answer.status), answer.body);
    assert.match(JSON.parse(answer.body).error, /app/i);
  });

  test("JSON bombs are answered 400 or 413 at once, and the server goes on", async () => {
    const deep = "[".repeat(100000) + "]".repeat(100000);
    const bombs = [
      deep, "{\"a\":".repeat(50000) + "1" + "}".repeat(50000),
      `{"name":"e","channel":"c","data":${deep}}`, "[".repeat(1000000), "\"".repeat(99999),
      `{"name":"e","channel":"c","data":"d"${",\"k\":1".repeat(200000)}`, "1e999999999", "\u0000", "\ufeff{}",
      `{"batch":[${"{},".repeat(100000)}{}]}`,
    ];
    for (const bomb of bombs) {
      for (const path of [EVENTS, "/apps/main/batch_events"]) {
        const since = performance.now();
        const answer = await post({ path }, bomb);
        assert.ok([400, 413].includes(answer.status), `${bomb.slice(0, 30)} -> ${answer.status}`);
        assert.ok(performance.now() - since < 5000);
      }
    }
    assert.equal((await post()).status, 200);
  });

  test("a body over the limit is refused before it is read", async () => {
    const raw = await RawSocket.open(server.port);
    raw.write(`POST ${EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n`);
    await raw.has(/^HTTP\/1\.1 413 /);
    await raw.closed();
  });

  test("keep-alive: the SDK's requests go over one connection", async () => {
    const { default: http } = await import("node:http");
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const backend = sdk(server, APPS.main, { agent });
    for (let i = 0; i < 20; i += 1) {
      const answer = await backend.trigger("c", "e", { i });
      assert.notEqual(answer.headers.get("connection"), "close");
      await answer.text();
    }
    const sockets = [...Object.values(agent.freeSockets), ...Object.values(agent.sockets)].flat();
    assert.equal(sockets.length, 1);
    agent.destroy();
  });

  test("pipelined requests are answered in order, also cut at every byte", async () => {
    const requests = Array.from({ length: 12 }, (_, i) =>
      `GET ${signedPath(APPS.main, "GET", `/apps/main/channels/pipe-${i}`)} HTTP/1.1\r\nHost: x\r\nX-Number: ${i}\r\n\r\n`
      + (i % 3 ? "" : `POST /nowhere-${i} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`)).join("");
    const whole = await RawSocket.open(server.port);
    whole.write(requests);
    const answers = (raw) => [...raw.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    await until(() => answers(whole).length === 16, 5000, "16 answers");
    const expected = Array.from({ length: 12 }, (_, i) => (i % 3 ? ["200"] : ["200", "404"])).flat();
    assert.deepEqual(answers(whole), expected);
    whole.destroy();

    const cut = await RawSocket.open(server.port);
    cut.socket.setNoDelay(true);
    const some = requests.slice(0, requests.indexOf("X-Number: 3"));
    for (const letter of some) {
      cut.write(letter);
      if (cut.socket.writableNeedDrain) await new Promise((resolve) => cut.socket.once("drain", resolve));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => answers(cut).length === 4, 10000, "four answers");
    assert.deepEqual(answers(cut), ["200", "404", "200", "200"]);
    cut.destroy();
  });

  test("HTTP/1.0 and Connection: close end the connection after the answer", async () => {
    for (const head of ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]) {
      const raw = await RawSocket.open(server.port);
      raw.write(head);
      await raw.has(/^HTTP\/1\.[01] 200 /);
      await raw.closed();
    }
  });

  test("Expect: 100-continue and chunked bodies work", async () => {
    const raw = await RawSocket.open(server.port);
    const path = signedPath(APPS.main, "POST", EVENTS, { body: BODY });
    raw.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (const part of [BODY.slice(0, 7), BODY.slice(7)]) raw.write(`${part.length.toString(16)}\r\n${part}\r\n`);
    raw.write("0\r\n\r\n");
    await raw.has(/HTTP\/1\.1 200 [\s\S]*\{\}$/);
    raw.destroy();
  });
});
