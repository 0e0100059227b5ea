// A real server of another program that one suite starts: a free loopback port, its own folder.
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { until } from "./server.mjs";

/**
 * Below those that the system gives to clients: while a broker is away, one that tries to reach its
 * port from that very port would connect to itself, and the broker could not come back.
 */
export async function freePortOfAServer() {
  for (;;) {
    const port = 10_000 + crypto.randomInt(20_000);
    const isFree = await new Promise((resolve) => {
      const holder = net.createServer();
      holder.once("error", () => resolve(false));
      holder.listen(port, "127.0.0.1", () => holder.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

export class Broker {
  constructor(name) {
    this.name = name;
    this.folder = mkdtempSync(path.join(os.tmpdir(), `millrace-${name}-`));
  }

  /** The program and its arguments. */
  command() { throw new Error(`${this.name}: no command`); }
  async answers() { return false; }

  get address() { return `127.0.0.1:${this.port}`; }

  /** Starts it (again) on the same port, empty unless its kind says other. It answers when this returns. */
  async run() {
    this.port ??= await freePortOfAServer();
    this.exited = false;
    const [program, ...args] = this.command();
    this.process = spawn(program, args, { stdio: "ignore" });
    this.ended = new Promise((resolve, reject) => {
      this.process.once("error", (error) => reject(new Error(`${program}: ${error.message}; is the package installed?`)));
      this.process.once("close", () => { this.exited = true; resolve(); });
    });
    await Promise.race([this.ended, until(() => this.answers(), 5000, this.name)]);
    if (this.exited) throw new Error(`${program} ended at once; is its port ${this.port} taken?`);
    return this;
  }

  /** What it says to these bytes, until `isWhole` or its end. */
  exchange(bytes, isWhole = () => false) {
    return new Promise((resolve) => {
      let answer = "";
      const socket = net.connect(this.port, "127.0.0.1", () => socket.write(bytes));
      socket.setTimeout(2000, () => socket.destroy());
      socket.on("data", (more) => {
        answer += more;
        if (isWhole(answer)) socket.destroy();
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(answer));
    });
  }

  signal(name) { this.process.kill(name); }

  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  /** For the end of this process, which waits for nothing. */
  endNow() {
    this.process.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async stop() {
    if (this.process && !this.exited) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
