// A real nats-server of one suite alone: a free loopback port, its store in its own folder.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { freePorts, until } from "./server.mjs";

// Debian's place for it is not in everybody's PATH.
const PROGRAM = existsSync("/usr/sbin/nats-server") ? "/usr/sbin/nats-server" : "nats-server";

export class Nats {
  /** Answers when this returns. Without JetStream unless `jetStream` is true. */
  static async start({ jetStream = false } = {}) {
    const nats = new Nats();
    nats.jetStream = jetStream;
    nats.folder = mkdtempSync(path.join(os.tmpdir(), "millrace-nats-"));
    [nats.port] = await freePorts(1);
    await nats.run();
    return nats;
  }

  get address() { return `127.0.0.1:${this.port}`; }

  /** Starts it (again) on the same port, empty. */
  async run() {
    this.exited = false;
    const store = path.join(this.folder, "store");
    rmSync(store, { recursive: true, force: true });
    this.process = spawn(PROGRAM, ["-a", "127.0.0.1", "-p", String(this.port),
      ...(this.jetStream ? ["-js", "-sd", store] : [])], { stdio: "ignore" });
    this.ended = new Promise((resolve, reject) => {
      this.process.once("error", (error) => reject(new Error(`nats-server: ${error.message}; is the package installed?`)));
      this.process.once("close", () => { this.exited = true; resolve(); });
    });
    await Promise.race([this.ended, until(() => this.ask("").then((answer) => answer.includes("PONG")), 5000, "nats-server")]);
  }

  /** What it says to these lines of a client, until it answers a PING behind them. */
  ask(lines) {
    return new Promise((resolve) => {
      let answer = "";
      const socket = net.connect(this.port, "127.0.0.1", () => socket.write(`CONNECT {"verbose":false}\r\n${lines}PING\r\n`));
      socket.setTimeout(2000, () => socket.destroy());
      socket.on("data", (bytes) => {
        answer += bytes;
        if (answer.includes("PONG\r\n")) socket.destroy();
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

  async stop() {
    if (!this.exited) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
