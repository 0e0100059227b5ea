import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { BINARY, SLOW, Server, within } from "./support/server.mjs";

// The client is built beside the server. It knows the cases; sanitizer builds take those whose
// streams are small.
const CLIENT = path.join(path.dirname(BINARY), "conformance_client");

describe("conformance with RFC 6455 over TCP", () => {
  let server;
  before(async () => { server = await Server.start({ conformance: { echo: true } }); });
  after(async () => server?.stop());

  async function cases(flags, groups, ms) {
    const runs = groups.map(async (group) => {
      const child = spawn(CLIENT, [...flags, "127.0.0.1", String(server.port), "/echo", group],
        { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.on("data", (bytes) => { output += bytes; });
      const ended = new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      });
      try {
        const code = await within(ended, ms, `the end of group '${group}': ${output}`);
        assert.equal(code, 0, output);
      } finally {
        child.kill("SIGKILL");
      }
      return Number(/^(\d+) passed, 0 failed$/m.exec(output)[1]);
    });
    return (await Promise.all(runs)).reduce((sum, count) => sum + count, 0);
  }

  const small = ["1.", "2.", "3.", "4.", "5.", "6.", "7.", "10."];
  const [groups, expected] = SLOW > 1 ? [small, 247] : [[...small, "9."], 301];

  test("all cases pass as they are sent", async () => assert.equal(await cases([], groups, 15000), expected));
  test("all cases pass with their streams cut at every byte", async () =>
    assert.equal(await cases(["--cut"], groups, 30000), expected));
});
