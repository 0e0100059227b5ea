// A real Redis with a replica, and three sentinels that say where it is.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { freePortOfAServer } from "./broker.mjs";
import { Redis } from "./redis.mjs";
import { until } from "./server.mjs";

class Replica extends Redis {
  command() {
    return [...super.command(), "--replicaof", "127.0.0.1", String(this.primary), "--repl-diskless-sync-delay", "0"];
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
  static async start() {
    const group = new Sentinels();
    const [primary, replica] = [new Redis("redis"), new Replica("redis-replica")];
    group.sentinels = Array.from({ length: 3 }, () => new Sentinel("sentinel"));
    group.members = [primary, replica, ...group.sentinels];
    for (const member of group.members) member.port = await freePortOfAServer();
    replica.primary = primary.port;
    await primary.run();
    await replica.run();
    await until(async () => (await replica.ask("INFO replication")).includes("master_link_status:up"), 10_000, "the replica's copy");
    // They know each other and the replica from the start: finding them takes ten seconds.
    group.sentinels.forEach((sentinel, own) => {
      const others = group.sentinels.map((other, i) => (i === own ? "" :
        `sentinel known-sentinel mymaster 127.0.0.1 ${other.port} ${idOf(i)}\n`));
      sentinel.lines = `sentinel monitor mymaster 127.0.0.1 ${primary.port} 2\n` +
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
  async stop() { await Promise.all(this.members.map((member) => member.stop())); }
}
