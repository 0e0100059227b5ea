// A real Redis with a replica, and three sentinels that say where it is.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { freePortOfAServer } from "./broker.mjs";
import { Redis } from "./redis.mjs";
import { until } from "./server.mjs";

class Member extends Redis {
  command() {
    const of = this.primary ? ["--replicaof", "127.0.0.1", String(this.primary)] : [];
    return [...super.command(), ...of, "--repl-diskless-sync-delay", "0"];
  }
}

class Sentinel extends Redis {
  command() {
    const file = path.join(this.folder, "sentinel.conf");
    writeFileSync(file, `port ${this.port}\nbind 127.0.0.1\ndir ${this.folder}\n${this.lines}`);
    return ["redis-server", file, "--sentinel"];
  }
}

const idOf = (number) => "abc"[number].repeat(40);

export class Sentinels {
  /** With `downAfter` (ms) a primary that is silent for so long has a successor soon; else after 30 s. */
  static async start({ downAfter } = {}) {
    const group = new Sentinels();
    const [primary, replica] = [new Member("redis"), new Member("redis-replica")];
    Object.assign(group, { primary, replica });
    group.sentinels = Array.from({ length: 3 }, () => new Sentinel("sentinel"));
    group.members = [primary, replica, ...group.sentinels];
    for (const member of group.members) member.port = await freePortOfAServer();
    replica.primary = primary.port;
    await primary.run();
    await replica.run();
    await group.hasCopy();
    const times = downAfter ? `sentinel down-after-milliseconds mymaster ${downAfter}\nsentinel failover-timeout mymaster 3000\n` : "";
    // They know each other and the replica from the start: finding them takes ten seconds.
    group.sentinels.forEach((sentinel, own) => {
      const others = group.sentinels.map((other, i) => (i === own ? "" :
        `sentinel known-sentinel mymaster 127.0.0.1 ${other.port} ${idOf(i)}\n`));
      sentinel.lines = `sentinel monitor mymaster 127.0.0.1 ${primary.port} 2\n${times}` +
        `sentinel known-replica mymaster 127.0.0.1 ${replica.port}\nsentinel myid ${idOf(own)}\n${others.join("")}`;
    });
    await Promise.all(group.sentinels.map((sentinel) => sentinel.run()));
    return group;
  }

  /** What a node needs to find the primary. */
  settings() {
    const sentinels = this.sentinels.map((one) => one.address);
    return { adapter: { driver: "redis" }, database: { redis: { sentinels, name: "mymaster" } } };
  }

  hasCopy() {
    return until(async () => (await this.replica.ask("INFO replication")).includes("master_link_status:up"), 10_000, "the replica's copy");
  }

  /**
   * Waits until the replica of a primary that died takes writes and a sentinel names it: when. The
   * dead one is its replica from rejoin() on.
   */
  async isReplaced() {
    [this.primary, this.replica] = [this.replica, this.primary];
    await until(async () => (await this.primary.ask("INFO replication")).includes("role:master"), 20_000, "a new primary");
    const promoted = performance.now();
    // A sentinel does not close on QUIT.
    const names = async (sentinel) => (await sentinel.exchange("SENTINEL get-master-addr-by-name mymaster\r\n",
      (answer) => answer.split("\r\n").length > 5)).includes(`\r\n${this.primary.port}\r\n`);
    await Promise.any(this.sentinels.map((sentinel) => until(() => names(sentinel), 20_000, "a sentinel that names it")));
    this.primary.primary = undefined;
    this.replica.primary = this.primary.port;
    return { promoted, named: performance.now() };
  }

  /** The sentinels know both again when this returns. */
  async rejoin() {
    await this.replica.run();
    await this.hasCopy();
    for (const sentinel of this.sentinels) {
      await until(async () => {
        const known = await sentinel.ask("SENTINEL replicas mymaster");
        return known.includes(String(this.replica.port)) && /\r\nflags\r\n\$5\r\nslave\r\n/.test(known);
      }, 20_000, "a replica that the sentinels know");
    }
  }

  async stop() { await Promise.all(this.members.map((member) => member.stop())); }
}
