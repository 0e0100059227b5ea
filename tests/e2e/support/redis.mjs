// A real redis-server of one suite alone: a free loopback port, no persistence, its own folder.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { freePorts, until } from "./server.mjs";

export class Redis {
  /** Answers when this returns. */
  static async start() {
    const redis = new Redis();
    redis.folder = mkdtempSync(path.join(os.tmpdir(), "millrace-redis-"));
    [redis.port] = await freePorts(1);
    await redis.run();
    return redis;
  }

  get url() { return `redis://127.0.0.1:${this.port}`; }

  /** Starts it (again) on the same port, empty. */
  async run() {
    this.exited = false;
    this.process = spawn("redis-server", ["--port", String(this.port), "--bind", "127.0.0.1",
      "--save", "", "--appendonly", "no", "--dir", this.folder], { stdio: "ignore" });
    this.ended = new Promise((resolve, reject) => {
      this.process.once("error", (error) => reject(new Error(`redis-server: ${error.message}; is the package installed?`)));
      this.process.once("close", () => { this.exited = true; resolve(); });
    });
    await Promise.race([this.ended, until(() => this.ask("PING").then((answer) => answer.startsWith("+PONG")), 5000, "redis-server")]);
  }

  /** The raw answer to one command line; empty: none. */
  ask(line) {
    return new Promise((resolve) => {
      let answer = "";
      const socket = net.connect(this.port, "127.0.0.1", () => socket.write(`${line}\r\nQUIT\r\n`));
      socket.setTimeout(2000, () => socket.destroy());
      socket.on("data", (bytes) => { answer += bytes; });
      socket.on("error", () => {});
      socket.on("close", () => resolve(answer));
    });
  }

  signal(name) { this.process.kill(name); }

  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async stop() {
    if (!this.exited) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
