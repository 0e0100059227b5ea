import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { connect, connected, disconnectAll, joined, sdk } from "./support/clients.mjs";
import { APPS, ROOT, Server, runToEnd, until } from "./support/server.mjs";

const FILE = path.resolve(ROOT, "../shared/data/tickers.ndjson");
const missing = existsSync(FILE) ? false : `${path.relative(ROOT, FILE)} is not there`;

describe("recorded market data, seen live", { skip: missing }, () => {
  let server;
  let records;
  let client;
  let seen;
  before(async () => {
    records = readFileSync(FILE, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
    // Twenty thousand messages a second are more than a reader in this process keeps up with.
    server = await Server.start({ websocket: { max_bytes: 16 * 1024 * 1024 } });
  });
  after(async () => {
    disconnectAll();
    await server?.stop();
  });

  /** A pusher-js on every channel of the corpus; `seen` keeps the frames' data as they came. */
  async function watch() {
    client = await connected(connect(server));
    seen = new Map();
    for (const name of new Set(records.map((record) => record.channel))) {
      seen.set(name, []);
      await joined(client, name);
    }
    // The text of the frame itself: pusher-js hands parsed data to its callbacks.
    const socket = client.connection.connection.transport.socket;
    const previous = socket.onmessage;
    socket.onmessage = (message) => {
      const frame = JSON.parse(message.data);
      if (frame.event === "ticker") seen.get(frame.channel).push(frame.data);
      previous.call(socket, message);
    };
    client.parsed = 0;
    client.bind("ticker", (tick) => { if (tick.symbol) client.parsed += 1; });
  }

  const total = () => [...seen.values()].reduce((sum, list) => sum + list.length, 0);

  function compare() {
    assert.equal(total(), records.length);
    assert.equal(client.parsed, records.length);
    for (const [channel, list] of seen) {
      const wanted = records.filter((record) => record.channel === channel).map((record) => record.data);
      assert.deepEqual(list, wanted, channel);
    }
  }

  test("7,288 messages by the SDK in batches: every one, in order, byte for byte", async () => {
    assert.equal(records.length, 7288);
    await watch();
    const backend = sdk(server, APPS.main, { agent: new http.Agent({ keepAlive: true, maxSockets: 1 }) });
    for (let at = 0; at < records.length; at += 10) {
      const batch = records.slice(at, at + 10).map(({ channel, event, data }) => ({ channel, name: event, data }));
      await (await backend.triggerBatch(batch)).text();
    }
    await until(() => total() >= records.length, 30000, `all messages, got ${total()}`);
    compare();
    client.disconnect();
  });

  test("the same by `millrace replay`", async () => {
    await watch();
    const end = await runToEnd(["replay", FILE, "--host", "127.0.0.1", "--port", String(server.port), "--app-id", APPS.main.id,
      "--key", APPS.main.key, "--secret", APPS.main.secret, "--max", "--in-flight", "1"], { ms: 60000 });
    assert.equal(end.code, 0, end.output);
    assert.match(end.output, /7,?288/);
    await until(() => total() >= records.length, 30000, `all messages, got ${total()}`);
    compare();
  });
});
