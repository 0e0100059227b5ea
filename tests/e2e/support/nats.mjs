// A real nats-server.
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { Broker } from "./broker.mjs";

// Debian's place for it is not in everybody's PATH.
const PROGRAM = existsSync("/usr/sbin/nats-server") ? "/usr/sbin/nats-server" : "nats-server";

export class Nats extends Broker {
  /** Answers when this returns. Without JetStream unless `jetStream` is true. */
  static start({ jetStream = false } = {}) {
    const nats = new Nats("nats");
    nats.jetStream = jetStream;
    return nats.run();
  }

  /** What a node needs to find it, at this port (of a proxy, say). */
  settings(port = this.port) {
    return { adapter: { driver: "nats", nats: { servers: [`nats://127.0.0.1:${port}`] } } };
  }

  command() {
    const store = path.join(this.folder, "store");
    rmSync(store, { recursive: true, force: true });
    return [PROGRAM, "-a", "127.0.0.1", "-p", String(this.port), ...(this.jetStream ? ["-js", "-sd", store] : [])];
  }
  async answers() { return (await this.ask("")).includes("PONG"); }

  /** What it says to these lines of a client, until it answers a PING behind them. */
  ask(lines) {
    return this.exchange(`CONNECT {"verbose":false}\r\n${lines}PING\r\n`, (answer) => answer.includes("PONG\r\n"));
  }
}
