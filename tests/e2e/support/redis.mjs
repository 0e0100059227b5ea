// A real redis-server, without persistence.
import { Broker } from "./broker.mjs";

export class Redis extends Broker {
  /** Answers when this returns. */
  static start() { return new Redis("redis").run(); }

  get url() { return `redis://${this.address}`; }

  command() {
    return ["redis-server", "--port", String(this.port), "--bind", "127.0.0.1",
      "--save", "", "--appendonly", "no", "--dir", this.folder];
  }
  async answers() { return (await this.ask("PING")).startsWith("+PONG"); }

  /** The raw answer to one command line; empty: none. */
  ask(line) { return this.exchange(`${line}\r\nQUIT\r\n`); }
}
