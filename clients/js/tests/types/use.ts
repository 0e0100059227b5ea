// Compiled, never run: the declarations fit those of both versions of pusher-js.
import Pusher from "pusher-js";
import OldPusher from "pusher-js-8.0";
import type { DeltaClient, Filter } from "../../dist/index.js";
import { withDelta } from "../../dist/index.js";

const pusher = new Pusher("app-key", { cluster: "mt1" });
export const client: DeltaClient<Pusher> = withDelta(pusher, { algorithms: ["fossil"] });
const old = new OldPusher("app-key", { cluster: "mt1" });
withDelta(old, { onError: ({ code }) => console.log(code) });

const filter: Filter = {
  op: "and",
  nodes: [
    { key: "symbol", cmp: "in", vals: ["AAPL", "MSFT"] },
    { op: "not", nodes: [{ key: "size", cmp: "lt", val: 10 }] },
  ],
};
const channel = client.subscribe("ticker", { delta: "fossil", filter });
channel.bind("price", (data: unknown) => data).unbind("price");
client.configure("ticker", { delta: { enabled: true, cacheSync: "bases" } });
// @ts-expect-error: no such comparison
client.subscribe("ticker", { filter: { key: "symbol", cmp: "like", val: "A" } });
// @ts-expect-error: no such algorithm
client.subscribe("ticker", { delta: "gzip" });
