// Three processes and one broker that speaks TLS, and wants a certificate of each node.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Authority } from "./support/certificates.mjs";
import { connect, connected, disconnectAll, joined, received, sdk } from "./support/clients.mjs";
import { Nats } from "./support/nats.mjs";
import { diesAndComesBack } from "./support/outages.mjs";
import { Redis } from "./support/redis.mjs";
import { Server, freePorts, keepSecret, runToEnd, sample, until } from "./support/server.mjs";

class SecureRedis extends Redis {
  command() {
    const { cert, key } = this.certificate;
    const [program] = super.command();
    return [program, ...super.command().slice(1), "--port", String(this.plainPort), "--tls-port", String(this.port),
      "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", this.ca, "--requirepass", this.password];
  }
  settings() {
    return { redis: { url: `rediss://:${this.password}@${this.address}` }, database: { redis: { tls: this.tls } } };
  }
  exchange(bytes, isWhole) {
    const { port } = this;
    this.port = this.plainPort;
    const answer = super.exchange(bytes, isWhole);
    this.port = port;
    return answer;
  }
  async answers() { return (await this.ask("PING")).startsWith("-NOAUTH"); }
}

class SecureNats extends Nats {
  command() {
    const { cert, key } = this.certificate;
    return [...super.command(), "--tlsverify", "--tlscert", cert, "--tlskey", key, "--tlscacert", this.ca,
      "--auth", this.password];
  }
  settings() {
    return { adapter: { driver: "nats", nats: { servers: [`tls://${this.address}`], token: this.password, tls: this.tls } } };
  }
  async answers() { return (await this.exchange("", (answer) => answer.includes("INFO {"))).includes("INFO {"); }
}

const KINDS = [
  { name: "Redis", make: () => new SecureRedis("redis"), section: "database.redis.tls" },
  { name: "NATS", make: () => Object.assign(new SecureNats("nats"), { jetStream: true }), section: "adapter.nats.tls" },
];

for (const { name, make, section } of KINDS) {
  describe(`three nodes over ${name} with TLS`, () => {
    let authority;
    let broker;
    let nodes = [];
    const settings = (number) => ({ node: { name: `n${number}` }, ...broker.settings() });

    before(async () => {
      authority = new Authority();
      broker = make();
      broker.ca = authority.ca;
      broker.password = keepSecret(`hunter-${name}-2718281828`);
      broker.certificate = authority.sign("IP:127.0.0.1,DNS:localhost");
      [broker.plainPort] = await freePorts(1);
      const own = authority.sign("DNS:node");
      broker.tls = { ca_file: authority.ca, cert_file: own.cert, key_file: own.key };
      await broker.run();
      nodes = await Promise.all([1, 2, 3].map((number) => Server.start(settings(number))));
      for (const node of nodes) {
        await until(async () => await sample(node, "millrace_cluster_nodes") === 3, 8000, "3 nodes");
      }
    });
    after(async () => {
      disconnectAll();
      const ends = await Promise.allSettled([...nodes, broker].map((one) => one?.stop()));
      authority?.remove();
      for (const end of ends) if (end.reason) throw end.reason;
    });

    test(`over ${name} with TLS publishes that enter anywhere come to clients everywhere, once and in order`, async () => {
      const channels = await Promise.all(nodes.map(async (node) => joined(await connected(connect(node)), "prices")));
      const backends = nodes.map((node) => sdk(node));
      for (let i = 0; i < 30; i += 1) {
        await Promise.all(backends.map((backend, node) => backend.trigger("prices", "tick", { node, i })));
      }
      for (const channel of channels) {
        const ticks = await received(channel, "tick", 90, 10_000);
        assert.equal(ticks.length, 90);
        for (const node of [0, 1, 2]) {
          assert.deepEqual(ticks.filter((tick) => tick.node === node).map((tick) => tick.i), [...Array(30).keys()]);
        }
      }
    });

    test(`${name} with TLS dies and comes back: nodes meet again`, () =>
      diesAndComesBack({ broker, nodes, name: "outage" }));

    /** A node or a doctor with one setting changed; environment variables hold the rest. */
    const tool = (words, changes) => {
      const tree = settings("x");
      const tls = { ...broker.tls, ...changes };
      if (tree.database) tree.database.redis.tls = tls; else tree.adapter.nats.tls = tls;
      const file = authority.file("node.json");
      writeFileSync(file, JSON.stringify({ ...tree, apps: [{ id: "a", key: "k", secret: "s" }] }));
      return runToEnd([...words, "--config", file], { ms: 30_000 });
    };

    test(`the doctor tries ${name} with TLS, and warns loudly where nothing is verified`, async () => {
      const good = await tool(["doctor"], {});
      assert.equal(good.code, 0, good.output);
      assert.match(good.output, /^ok +bus: messages go through the broker/m);
      const loose = await tool(["doctor"], { verify: false });
      assert.equal(loose.code, 0, loose.output);
      assert.match(loose.output, /^warning +configuration: .*tls\.verify" is off: anybody between/m);
      const strange = await tool(["doctor"], { server_name: "other.example" });
      assert.equal(strange.code, 1, strange.output);
      assert.match(strange.output, /not for "other\.example"/);
    });

    test(`files of ${name}'s TLS that cannot be used stop the start, with their key`, async () => {
      const junk = authority.file("junk.pem");
      writeFileSync(junk, "no certificate\n");
      const missing = await tool([], { ca_file: "/nowhere/ca.pem" });
      assert.equal(missing.code, 2, missing.output);
      assert.ok(missing.output.includes(`"${section}.ca_file": cannot read "/nowhere/ca.pem"`), missing.output);
      for (const key of ["ca_file", "cert_file", "key_file"]) {
        const unread = await tool([], { [key]: junk });
        assert.equal(unread.code, 2, unread.output);
        assert.ok(unread.output.includes(`"${section}.${key}" "${junk}"`), unread.output);
      }
      const others = await tool([], { key_file: broker.certificate.key });
      assert.equal(others.code, 2, others.output);
      assert.match(others.output, /key_file".*cannot be used/);
    });

    test(`a node that does not verify ${name} says so in its log`, async () => {
      const tree = settings("loose");
      if (tree.database) tree.database.redis.tls = { ...broker.tls, verify: false };
      else tree.adapter.nats.tls = { ...broker.tls, verify: false };
      const node = await Server.start(tree);
      await until(() => /certificates are not checked/.test(node.output), 3000, "the warning");
      await node.stop();
    });
  });
}
