// `millrace doctor` against real brokers: what is wrong, what to do, and the exit code.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Nats } from "./support/nats.mjs";
import { Redis } from "./support/redis.mjs";
import { freePorts, runToEnd } from "./support/server.mjs";

const APP = "apps=[{\"id\":\"a\",\"key\":\"k\",\"secret\":\"s\"}]";
const doctor = (env, ...args) => runToEnd(["doctor", ...args, "--set", APP], { env, ms: 30000 });
const examine = async (env, ...args) => {
  const { code, output } = await doctor(env, "--json", ...args);
  const findings = JSON.parse(output);
  return { code, findings, of: (check) => findings.filter((finding) => finding.check === check) };
};

test("a node alone, and a wrong configuration", async () => {
  const alone = await doctor({});
  assert.equal(alone.code, 0, alone.output);
  assert.match(alone.output, /^ok +configuration: it is valid$/m);
  assert.match(alone.output, /^ok +broker: none is configured/m);
  const wrong = await doctor({}, "--set", "cluster.partitions=0");
  assert.equal(wrong.code, 2);
  assert.match(wrong.output, /^error +configuration: .*cluster\.partitions/m);
  const short = await examine({}, "--set", "max_connections=100000000");
  assert.equal(short.code, 1);
  assert.match(short.of("files")[0].remedy, /LimitNOFILE/);
});

describe("over Redis", () => {
  let redis;
  let env;
  before(async () => {
    redis = await Redis.start();
    env = { REDIS_URL: redis.url };
  });
  after(() => redis?.stop());

  test("a good one: bus, store, version, memory, clock and the ACL line; nothing is left there", async () => {
    const { code, findings, of } = await examine(env);
    assert.equal(code, 0, JSON.stringify(findings));
    for (const check of ["bus", "store", "version", "memory", "clock", "registry", "acl"]) {
      assert.equal(of(check)[0]?.level, "ok", `${check} in ${JSON.stringify(findings)}`);
    }
    assert.match(of("acl")[0].text, /ACL SETUSER millrace on >PASSWORD resetchannels &millrace:0:bus:\*/);
    assert.match(await redis.ask("DBSIZE"), /:0\r\n/);
  });

  test("a policy that evicts is an error with its remedy", async () => {
    await redis.ask("CONFIG SET maxmemory-policy allkeys-lru");
    await redis.ask("CONFIG SET maxmemory 100mb");
    const { code, of } = await examine(env);
    await redis.ask("CONFIG SET maxmemory-policy noeviction");
    assert.equal(code, 1);
    assert.match(of("memory")[0].remedy, /maxmemory-policy noeviction/);
  });

  test("a user without a right: the ACL line that is needed", async () => {
    await redis.ask("ACL SETUSER half on >halfpass resetchannels &millrace:0:bus:* ~millrace:* +subscribe +unsubscribe +ping +select +client|setname +info +time");
    const { code, output } = await doctor({ REDIS_URL: `redis://half:halfpass@${redis.address}` });
    assert.equal(code, 1, output);
    assert.match(output, /^error .*ACL SETUSER half on >PASSWORD resetchannels/m);
    assert.doesNotMatch(output, /halfpass/);
  });

  test("the ACL line is enough", async () => {
    const { of } = await examine({ REDIS_URL: `redis://whole:wholepass@${redis.address}` });
    assert.match(of("broker")[0].text, /WRONGPASS/);
    const line = (await examine(env, "--set", "database.redis.username=whole", "--set", "database.redis.password=x")).of("broker")[0];
    assert.equal(line.level, "error");
    const needed = (await examine(env)).of("acl")[0].text.replace(/^.*ACL SETUSER millrace/, "ACL SETUSER whole").replace(">PASSWORD", ">wholepass");
    assert.match(await redis.ask(needed), /\+OK/);
    const whole = await examine({ REDIS_URL: `redis://whole:wholepass@${redis.address}` });
    assert.equal(whole.code, 0, JSON.stringify(whole.findings));
  });

  test("nobody there", async () => {
    const [port] = await freePorts(1);
    const { code, of } = await examine({ REDIS_URL: `127.0.0.1:${port}` });
    assert.equal(code, 1);
    assert.match(of("broker")[0].text, new RegExp(`127\\.0\\.0\\.1:${port}`));
  });
});

describe("over NATS", () => {
  let nats;
  after(() => nats?.stop());

  test("with JetStream: all is well", async () => {
    nats = await Nats.start({ jetStream: true });
    const { code, findings, of } = await examine({ ADAPTER_DRIVER: "nats", NATS_SERVERS: nats.address });
    assert.equal(code, 0, JSON.stringify(findings));
    for (const check of ["bus", "store", "version", "jetstream"]) assert.equal(of(check)[0]?.level, "ok", check);
    await nats.stop();
  });

  test("without JetStream, and with nobody there", async () => {
    nats = await Nats.start();
    const { code, of } = await examine({ ADAPTER_DRIVER: "nats", NATS_SERVERS: nats.address });
    assert.equal(code, 1, "nodes could share nothing");
    assert.equal(of("bus")[0].level, "ok");
    assert.match(of("jetstream")[0].remedy, /-js/);
    assert.equal(of("store")[0].level, "error");
    const address = nats.address;
    await nats.stop();
    nats = null;
    const gone = await examine({ ADAPTER_DRIVER: "nats", NATS_SERVERS: address });
    assert.equal(gone.code, 1);
    assert.equal(gone.of("broker")[0].text.includes(address), true);
  });
});
