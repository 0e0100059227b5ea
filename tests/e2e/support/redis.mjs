// A real redis-server.
import { Broker } from "./broker.mjs";

export class Redis extends Broker {
  /** Answers when this returns. With `isDurable` it keeps an append-only file, written each second. */
  static start({ isDurable = false } = {}) {
    const redis = new Redis("redis");
    redis.isDurable = isDurable;
    return redis.run();
  }

  get url() { return `redis://${this.address}`; }

  /** What a node needs to find it, at this port (of a proxy, say). */
  settings(port = this.port) { return { redis: { url: `redis://127.0.0.1:${port}` } }; }

  command() {
    return ["redis-server", "--port", String(this.port), "--bind", "127.0.0.1",
      "--save", "", "--appendonly", this.isDurable ? "yes" : "no", "--dir", this.folder];
  }
  async answers() { return (await this.ask("PING")).startsWith("+PONG"); }

  /** The raw answer to one command line; empty: none. */
  ask(line) { return this.exchange(`${line}\r\nQUIT\r\n`); }
}
