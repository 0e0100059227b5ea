// What the README shows works as it stands: its lines are taken from it, only the port is another.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { PusherClient, PusherSdk, connected, disconnectAll } from "./support/clients.mjs";
import { ROOT, Server, freePorts, until } from "./support/server.mjs";

const README = readFileSync(path.join(ROOT, "README.md"), "utf8");
const block = (language, containing) =>
  [...README.matchAll(new RegExp("```" + language + "\\n([\\s\\S]*?)```", "g"))]
    .map(([, text]) => text).find((text) => text.includes(containing));

describe("the README", () => {
  let server;
  let client;
  before(async () => {
    const [port, metrics] = await freePorts(2);
    server = await Server.start({ port, metrics: { enabled: true, port: metrics } },
      { args: ["--port", String(port), "--metrics-port", String(metrics)] });
    const script = block("html", "new Pusher").match(/<script>\n([\s\S]*?)<\/script>/)[1];
    const seen = [];
    const made = new Function("Pusher", "console", `${script.replace("wsPort: 6001", `wsPort: ${server.port}`)}; return pusher;`);
    client = { pusher: made(PusherClient, { log: (data) => seen.push(data) }), seen };
    await connected(client.pusher);
    await until(() => client.pusher.channel("my-channel")?.subscribed, 5000, "the subscription");
  });
  after(async () => {
    client?.pusher.disconnect();
    disconnectAll();
    await server?.stop();
  });

  test("its snippet hears what its shell lines publish", async () => {
    const lines = block("sh", "openssl dgst").replaceAll("127.0.0.1:6001", `127.0.0.1:${server.port}`);
    assert.equal(execFileSync("bash", ["-c", lines], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim(), "{}");
    await until(() => client.seen.length === 1, 5000, "the event");
    assert.deepEqual(client.seen, [{ price: 101.25 }]);
  });

  test("its Laravel settings are those of the development node", async () => {
    const env = Object.fromEntries([...block("ini", "PUSHER_APP_ID").matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map(([, name, value]) => [name, value]));
    assert.equal(env.PUSHER_PORT, "6001");
    const sdk = new PusherSdk({
      appId: env.PUSHER_APP_ID, key: env.PUSHER_APP_KEY, secret: env.PUSHER_APP_SECRET, host: env.PUSHER_HOST,
      port: String(server.port), useTLS: env.PUSHER_SCHEME !== "http", cluster: env.PUSHER_APP_CLUSTER,
    });
    const answer = await sdk.trigger("my-channel", "my-event", { price: 1 });
    assert.equal(answer.status, 200);
    await until(() => client.seen.some(({ price }) => price === 1), 5000, "the event");
    for (const name of Object.keys(env).filter((key) => key.startsWith("VITE_"))) {
      assert.equal(env[name], `\${${name.slice(5)}}`);
    }
  });

  test("its addresses answer", async () => {
    for (const [address] of README.matchAll(/http:\/\/127\.0\.0\.1:(?:6001|9601)\/\w+/g)) {
      if (address.includes("/apps")) continue;
      const url = new URL(address);
      const base = url.port === "6001" ? server.url : server.metricsUrl;
      assert.equal(await server.status(url.pathname, base), 200, address);
    }
  });
});
