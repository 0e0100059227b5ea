// ./dev prove faults: each fault at length, over each broker, against its bounds; a table at the end.
import { brokerHangs, brokerKilled, brokerSlow, nodeCutOff, poisoned, presenceGhosts, quotaAfterKill } from "./support/faults.mjs";
import { BROKERS } from "./support/rig.mjs";

const seconds = Number(process.env.MILLRACE_FAULT_SECONDS || 30);
const rounds = Number(process.env.MILLRACE_FAULT_ROUNDS || 100);
const quotaRounds = Math.ceil(rounds / 5);
const load = { rate: Number(process.env.MILLRACE_FAULT_RATE || 200), channels: 30 };
const longest = Math.max(seconds, 4 * seconds);  // 120 s of a cut

const below = (name, limit, unit = "ms") => ({ text: `${name} <= ${limit} ${unit}`, holds: (found) => found[name] <= limit });
const is = (name, value) => ({ text: `${name} = ${value}`, holds: (found) => found[name] === value });
const honest = [is("untold", 0), is("missedAtHome", 0), is("duplicates", 0), is("inversions", 0),
  is("isAccountedFor", true), below("slowestRest", 1000), below("grownMiB", 64, "MiB")];
const noticed = [below("told", 3000), below("ready", 2000), below("live", 2000)];
const lossless = [is("missed", 0), is("unknown", 0)];

const cut = (name, way, length) => ({
  id: "F09", name, run: (broker) => nodeCutOff({ broker, ...load, seconds: length, way }), bounds: [...honest, ...noticed],
});

const FAULTS = [
  { id: "F02", name: `broker killed for ${seconds} s, with its file`, run: (broker) => brokerKilled({ broker, ...load, seconds, isDurable: true }), bounds: [...honest, ...noticed] },
  { id: "F03", name: `broker killed for ${seconds} s, empty afterwards`, run: (broker) => brokerKilled({ broker, ...load, seconds }), bounds: [...honest, ...noticed] },
  { id: "F04", name: `broker hangs for ${seconds} s`, run: (broker) => brokerHangs({ broker, ...load, seconds }), bounds: [...honest, ...noticed] },
  cut("a node cut off for 5 s", "both", 5),
  cut(`a node cut off for ${seconds} s`, "both", seconds),
  cut(`a node cut off for ${longest} s`, "both", longest),
  cut(`a node's way to the broker cut for ${seconds} s`, "toBroker", seconds),
  cut(`the broker's way to a node cut for ${seconds} s`, "toNode", seconds),
  { id: "F25", name: "a node with 1,000 members killed", run: (broker) => presenceGhosts({ broker, members: 1000, rounds: 1 }), bounds: [is("wrong", 0), below("slowest", 6000)] },
  { id: "F25", name: `a node with 20 members killed and started, ${rounds} times`, run: (broker) => presenceGhosts({ broker, members: 20, rounds }), bounds: [is("wrong", 0), below("slowest", 6000)] },
  { id: "F25-quota", name: `a node with 50 of an app's 150 connections killed, ${quotaRounds} times`, run: (broker) => quotaAfterKill({ broker, share: 50, rounds: quotaRounds }), bounds: [is("excess", 0), below("slowest", 6000)] },
  { id: "F31", name: `broker 500 ms late for ${seconds} s`, run: (broker) => brokerSlow({ broker, ...load, seconds }), bounds: [...honest, ...lossless] },
  { id: "F32", name: "1,000 envelopes of each kind that nobody can read", run: (broker) => poisoned({ broker, ...load, rounds: 1000 }),
    bounds: [...honest, { text: "logged <= 1 line a second and reason", holds: (found) => found.logged <= found.reasons * Math.ceil(found.seconds) }] },
];

const asked = process.argv.slice(2);
const brokers = asked.filter((word) => word in BROKERS);
const ids = asked.filter((word) => !(word in BROKERS));
const unknown = ids.filter((id) => !FAULTS.some((fault) => fault.id === id));
if (unknown.length > 0) {
  console.error(`no fault ${unknown.join(", ")}; there are ${[...new Set(FAULTS.map((fault) => fault.id))].join(" ")}, and the brokers ${Object.keys(BROKERS).join(" ")}`);
  process.exit(2);
}

const COLUMNS = ["told", "ready", "live", "published", "missed", "counted", "unknown", "slowestRest", "grownMiB"];
const figure = (value) => (value === undefined ? "" : typeof value === "number" ? Math.round(value).toLocaleString("en") : String(value));
const rows = [];
let failed = 0;
for (const broker of brokers.length > 0 ? brokers : Object.keys(BROKERS)) {
  for (const fault of FAULTS.filter((one) => ids.length === 0 || ids.includes(one.id))) {
    let broken;
    let found = {};
    try {
      found = await fault.run(broker);
      broken = fault.bounds.filter((bound) => !bound.holds(found)).map((bound) => bound.text);
    } catch (error) {
      broken = [error.message.slice(0, 400)];
    }
    if (broken.length > 0) failed += 1;
    const { nodes, ...told } = found;
    console.log(`${broken.length === 0 ? "ok     " : "FAILED "} ${fault.id} ${broker}: ${fault.name}`);
    console.log(`        ${JSON.stringify(told, (_, value) => (typeof value === "number" ? Math.round(value * 10) / 10 : value))}`);
    for (const text of broken) console.log(`        not so: ${text}`);
    rows.push(`| ${fault.id} | ${broker} | ${fault.name} | ${COLUMNS.map((name) => figure(found[name] ?? (name === "live" ? found.slowest : undefined))).join(" | ")} | ${broken.length === 0 ? "yes" : "NO"} |`);
  }
}
console.log("\n| | broker | fault | told, ms | /ready, ms | live, ms | published | missed | counted | unknown | slowest REST, ms | memory +MiB | held |");
console.log("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
for (const row of rows) console.log(row);
console.log(`\n${rows.length - failed} held, ${failed} did not`);
process.exit(failed === 0 ? 0 : 1);
