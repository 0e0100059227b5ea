// The named peer of the benchmarks: a bare µWebSockets server with the interface of floor_server.
// Every upgrade subscribes; POST /publish sends its body to all. Publishing is deferred out of the
// request's handler, where µWebSockets gathers best (its own limit is 32 messages a write).
import uWS from "uwebsockets";

const port = Number(process.argv[2]);
let waiting = [];

function publishWaiting() {
  for (const body of waiting) app.publish("all", body, false, false);
  waiting = [];
}

const app = uWS.App();
app.ws("/*", {
  compression: uWS.DISABLED,
  idleTimeout: 0,
  maxBackpressure: 64 << 20,
  open: (socket) => socket.subscribe("all"),
});
app.post("/publish", (response) => {
  const parts = [];
  response.onAborted(() => {});
  response.onData((chunk, isLast) => {
    parts.push(Buffer.from(chunk.slice(0)));
    if (!isLast) return;
    if (waiting.length === 0) setImmediate(publishWaiting);
    waiting.push(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    response.end("{}");
  });
});
app.listen("127.0.0.1", port, (token) => {
  if (!token) {
    console.error(`cannot listen on port ${port}; is it taken?`);
    process.exit(1);
  }
});
