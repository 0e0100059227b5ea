// ./dev prove coordination: full messages counted by four nodes together, over each broker.
import http from "node:http";
import { INTERVAL, event, median, publish, share, startNodes } from "./support/coordination.mjs";
import { BROKERS } from "./support/rig.mjs";
import { roundTrips } from "./support/round_trips.mjs";

const each = Number(process.env.MILLRACE_COORDINATION_MESSAGES || 10_000);
const TRIES = 3;
const ADDED = { redis: 0.5, nats: 0.7 };  // ms
const RATE = { nats: 3000 };              // messages a second on the key
const SAMPLES = 2000;

const asked = process.argv.slice(2);
const unknown = asked.filter((word) => !(word in BROKERS));
if (unknown.length > 0) {
  console.error(`no broker ${unknown.join(", ")}; there are ${Object.keys(BROKERS).join(" ")}`);
  process.exit(2);
}

const stop = async (nodes) => { for (const node of nodes) await node.stop(); };

/** What a publish takes to its answer, one after another. */
async function timed(node, channel, count, agent) {
  const times = [];
  for (let i = 0; i < count; i += 1) {
    const begin = performance.now();
    await publish(node, [event(channel, `m${i}`)], agent);
    times.push(performance.now() - begin);
  }
  return times;
}

/** Publishes with and without, and the broker alone, by turns: medians in ms. */
async function latencies(broker, kind, nodes) {
  const [alone] = await startNodes(broker, 1, { isOn: false, loops: 1, log: { format: "json", level: "info" }, [kind === "redis" ? "redis" : "adapter"]: other(broker, kind) });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const found = { on: [], off: [], broker: [] };
  for (let turn = 0; turn < 10; turn += 1) {
    found.off.push(...await timed(alone, "hot-time", SAMPLES / 10, agent));
    found.on.push(...await timed(nodes[0], "hot-time", SAMPLES / 10, agent));
    found.broker.push(...await roundTrips[kind](broker, SAMPLES / 10));
  }
  agent.destroy();
  await stop([alone]);
  return Object.fromEntries(Object.entries(found).map(([name, times]) => [name, median(times)]));
}

// A cluster of its own on the same broker.
const other = (broker, kind) => (kind === "redis"
  ? { ...broker.settings().redis, key_prefix: "other" }
  : { ...broker.settings().adapter, nats: { ...broker.settings().adapter.nats, prefix: "other" } });

async function measure(kind) {
  const broker = await BROKERS[kind]();
  const nodes = await startNodes(broker, 4, { loops: 1, log: { format: "json", level: "info" } });
  const tries = [];
  do {
    tries.push(await share(nodes, `hot-${tries.length}`, { each, batch: 10, lanes: 4 }));
    const { seconds, statuses, heard, ...told } = tries.at(-1);
    console.log(`${kind} try ${tries.length}: ${JSON.stringify(told)}`);
  } while (tries.at(-1).fallbacks > 0 && tries.length < TRIES);
  const times = await latencies(broker, kind, nodes);
  await stop(nodes);
  await broker.stop();
  return { ...tries.at(-1), tries: tries.length, times };
}

const rows = [];
let failed = 0;
for (const kind of asked.length > 0 ? asked : Object.keys(BROKERS)) {
  const found = await measure(kind);
  const { on, off, broker } = found.times;
  const allowed = Math.max(ADDED[kind], broker + 0.2);
  const bounds = {
    "exactly one in N is full": found.isWhole && found.fulls === found.total / INTERVAL,
    "the same ones on all nodes": found.differing === 0,
    "no fallback": found.fallbacks === 0,
    [`at least ${RATE[kind]} messages/s`]: !RATE[kind] || found.rate >= RATE[kind],
    [`added p50 at most ${allowed.toFixed(2)} ms`]: on - off <= allowed,
  };
  const broken = Object.keys(bounds).filter((name) => !bounds[name]);
  for (const name of broken) console.log(`${kind}: not so: ${name}`);
  failed += broken.length > 0 ? 1 : 0;
  const ms = (value) => value.toFixed(2);
  rows.push(`| ${kind} | ${found.fulls} of ${found.total} | ${found.differing} | ${found.fallbacks} | ${found.tries} | ${found.rate.toLocaleString("en")} | ${ms(off)} | ${ms(on)} | ${ms(on - off)} | ${ms(broker)} | ${ms(allowed)} | ${broken.length === 0 ? "yes" : "NO"} |`);
}
console.log("\n| broker | full | full at some nodes only | fallbacks | tries | messages/s on the key | publish p50 without, ms | with | added | the broker's own p50 | bound | held |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
for (const row of rows) console.log(row);
process.exit(failed === 0 ? 0 : 1);
