import assert from "node:assert/strict";
import { existsSync, mkdtempSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { Server, freePorts, get, request, until } from "./support/server.mjs";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const missing = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not there`;

/** A development node: no configuration but its ports. */
async function developmentNode() {
  const [port, metricsPort] = await freePorts(2);
  const server = new Server({ port, metrics: { port: metricsPort } },
    { args: ["--port", String(port), "--metrics-port", String(metricsPort), "--set", "shutdown_grace_period=0.2"] });
  await server.run();
  return server;
}

describe("the demo page of a development node", () => {
  let server;
  let browser;
  const problems = [];
  before(async () => {
    server = await developmentNode();
    if (missing) return;
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
    });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function openPage(viewport = { width: 1360, height: 900 }) {
    const context = await browser.newContext({ viewport });
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
    page.on("requestfailed", (failed) => problems.push(`${failed.url()}: ${failed.failure()?.errorText}`));
    page.on("request", (sent) => {
      if (!sent.url().startsWith(server.url) && !sent.url().startsWith("data:")) problems.push(`a foreign request: ${sent.url()}`);
    });
    await page.goto(`${server.url}/demo`);
    await page.waitForSelector("#state[data-state=connected]", { timeout: 15000 });
    return page;
  }

  test("its files are served with their types", async () => {
    for (const [file, type] of [["", /html/], ["/demo.css", /css/], ["/demo.js", /javascript/], ["/pusher.min.js", /javascript/], ["/settings.json", /json/]]) {
      const answer = await get(`${server.url}/demo${file}`);
      assert.equal(answer.status, 200, `/demo${file}`);
      assert.match(answer.headers["content-type"], type);
    }
    const auth = await request(`${server.url}/demo/auth`, { method: "POST", body: "socket_id=1.2&channel_name=private-x",
      headers: { "Content-Type": "application/x-www-form-urlencoded" } });
    assert.match(JSON.parse(auth.body).auth, /^app-key:[0-9a-f]{64}$/);
  });

  test("live prices, presence, chat, own publish; a screenshot", { skip: missing }, async () => {
    const page = await openPage();
    const prices = () => page.$$eval("#rows td.bid", (cells) => cells.map((cell) => cell.textContent));
    await until(async () => (await prices()).length >= 8, 15000, "eight symbols");
    const before = await prices();
    await until(async () => (await prices()).some((price, i) => price !== before[i]), 10000, "a price that moves");
    await page.waitForSelector(".flash-up, .flash-down");
    await until(async () => Number(await page.textContent("#rate")) > 1, 10000, "a message rate");
    assert.match(await page.textContent("#latency"), /ms/);
    assert.equal(await page.textContent("#count"), "1");
    assert.match(await page.textContent("#members li.me"), /\(you\)/);

    const guest = await openPage({ width: 390, height: 844 });
    await until(async () => await page.textContent("#count") === "2", 10000, "the guest is here");
    await guest.waitForSelector("#chat-text:not([disabled])");
    await guest.fill("#chat-text", "hello from the other tab");
    await guest.press("#chat-text", "Enter");
    await page.waitForSelector("text=hello from the other tab");

    await page.click("#publish-form button");
    await until(async () => /^200 /.test(await page.textContent("#pub-result")), 10000, "the answer of the REST API");
    await until(async () => /greeting.*world/.test(await page.textContent("#events")), 10000, "my own event");
    assert.match(await page.textContent("#curl"), /openssl sha256 -hmac app-secret/);

    const folder = mkdtempSync(path.join(os.tmpdir(), "millrace-demo-"));
    await until(async () => Number((await page.textContent("#received")).replaceAll(",", "")) > 150, 20000, "some history for the lines");
    for (const [name, tab] of [["wide", page], ["narrow", guest]]) {
      const file = path.join(folder, `${name}.png`);
      await tab.screenshot({ path: file, fullPage: true });
      assert.ok(statSync(file).size > 20000);
      console.log(`screenshot: ${file}`);
    }
    const overflow = await guest.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the narrow page is ${overflow} px too wide`);

    await guest.context().close();
    await until(async () => await page.textContent("#count") === "1", 10000, "the guest left");
    assert.deepEqual(problems, []);
  });

  test("the page comes back after a restart", { skip: missing }, async () => {
    const page = await openPage();
    await server.kill();
    await page.waitForSelector("#state:not([data-state=connected])");
    await server.run();
    await page.waitForSelector("#state[data-state=connected]", { timeout: 30000 });
    const received = Number((await page.textContent("#received")).replaceAll(",", ""));
    await until(async () => Number((await page.textContent("#received")).replaceAll(",", "")) > received, 10000, "prices again");
  });

  test("the printed curl line works as it stands", async () => {
    const { execFileSync } = await import("node:child_process");
    const line = server.output.match(/^.*curl [^\n]*(?:\\\n[^\n]*)*$/m);
    assert.ok(line, `no curl line in:\n${server.output}`);
    const start = server.output.search(/^\s*\w+='\{/m);
    const text = start >= 0 ? server.output.slice(start, server.output.indexOf(line[0]) + line[0].length) : line[0];
    assert.match(execFileSync("bash", ["-c", text], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }), /\{\}/);
  });
});

describe("a production node", () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(async () => server?.stop());
  test("has no demo page, no auth endpoint and no demo app", async () => {
    assert.equal((await get(`${server.url}/demo`)).status, 404);
    assert.equal((await request(`${server.url}/demo/auth`, { method: "POST", body: "socket_id=1.2&channel_name=private-x" })).status, 404);
    assert.equal((await get(`${server.url}/demo/settings.json`)).status, 404);
    assert.equal((await get(`${server.url}/up/app-id`)).status, 404);
  });
});
