// A real Redis Cluster of three primaries, each with a replica.
import { Redis } from "./redis.mjs";
import { freePorts, until } from "./server.mjs";

class Member extends Redis {
  command() {
    return [...super.command(), "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
      "--cluster-config-file", `nodes-${this.port}.conf`, "--repl-diskless-sync-delay", "0"];
  }
}

export class RedisCluster {
  /** Takes commands when this returns. */
  static async start() {
    const cluster = new RedisCluster();
    cluster.members = [];
    for (let i = 0; i < 6; i += 1) cluster.members.push(await Member.create());
    const asks = (number, line) => cluster.members[number].ask(line);
    const ids = await Promise.all(cluster.members.map(async (member) => (await member.ask("CLUSTER MYID")).split("\r\n")[1]));
    const thirds = ["0 5460", "5461 10922", "10923 16383"];
    for (let i = 0; i < 6; i += 1) {
      await asks(i, `CLUSTER SET-CONFIG-EPOCH ${i + 1}`);
      await asks(0, `CLUSTER MEET 127.0.0.1 ${cluster.members[i].port}`);
      if (i < 3) await asks(i, `CLUSTER ADDSLOTSRANGE ${thirds[i]}`);
    }
    await cluster.isWhole();
    for (let i = 3; i < 6; i += 1) {
      await until(async () => (await asks(i, `CLUSTER REPLICATE ${ids[i - 3]}`)).startsWith("+OK"), 5000, "a replica");
      await until(async () => (await asks(i, "INFO replication")).includes("master_link_status:up"), 10_000, "its copy");
    }
    return cluster;
  }

  get nodes() { return this.members.map((member) => member.address); }

  isWhole() {
    const isOk = async (member) => {
      const info = await member.ask("CLUSTER INFO");
      return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:6");
    };
    return Promise.all(this.members.map((member) => until(() => isOk(member), 15_000, "the cluster")));
  }
  async run() {
    await Promise.all(this.members.map((member) => member.run()));
    await this.isWhole();
  }
  signal(name) { for (const member of this.members) member.signal(name); }
  kill() { return Promise.all(this.members.map((member) => member.kill())); }
  stop() { return Promise.all(this.members.map((member) => member.stop())); }
}

Member.create = async () => {
  const member = new Member("redis-cluster");
  do [member.port] = await freePorts(1); while (member.port > 55_000);
  return member.run();
};
