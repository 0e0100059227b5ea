// ./dev prove races [redis] [nats] [FIRST SUBSCRIPTIONS] [STARTS]
import { BROKERS } from "./support/rig.mjs";
import { firstSubscriptions, simultaneousStarts } from "./support/races.mjs";

const words = process.argv.slice(2);
const brokers = words.filter((word) => word in BROKERS);
const [count = 10_000, rounds = 20] = words.filter((word) => !(word in BROKERS)).map(Number);
let failed = 0;
for (const broker of brokers.length > 0 ? brokers : Object.keys(BROKERS)) {
  const first = await firstSubscriptions({ broker, count });
  console.log(`${broker}: ${first.races} first subscriptions while another node published ${first.published} messages; wrong: ${first.wrong.length}`);
  const starts = await simultaneousStarts({ broker, rounds });
  console.log(`${broker}: ${starts.rounds} times three nodes that start together, ${starts.accepted} messages accepted; missed or twice: ${starts.missed.length}`);
  for (const one of [...first.wrong, ...starts.missed].slice(0, 20)) console.log(JSON.stringify(one));
  failed += first.wrong.length + starts.missed.length;
}
process.exit(failed === 0 ? 0 : 1);
