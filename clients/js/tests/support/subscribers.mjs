// Subscribers whose life a test leads by the hand: each step is confirmed before the next publish,
// so that what they must get is known to the message.
import WebSocket from "ws";
import { withDelta } from "../../dist/index.mjs";
import { NpmReader } from "./npm_reader.mjs";

/** Resolves with the next event of that name (and channel) that `take` hears of. */
class Waits {
  constructor() {
    this.list = [];
  }
  for(event, channel) {
    return new Promise((resolve) => this.list.push({ event, channel, resolve }));
  }
  hear(event, channel, data) {
    const index = this.list.findIndex((wait) => wait.event === event && (!wait.channel || wait.channel === channel));
    if (index >= 0) this.list.splice(index, 1)[0].resolve(data);
  }
}

/** A bare WebSocket read with the npm decoders. */
export class BareSubscriber {
  static async open(server, key, channel) {
    const one = new BareSubscriber(channel);
    one.socket = new WebSocket(`ws://127.0.0.1:${server.port}/app/${key}?protocol=7`, { perMessageDeflate: false });
    one.socket.on("message", (bytes) => one.take(bytes.toString("utf8")));
    one.socket.on("close", (code) => one.fail(`closed with ${code}`));
    one.socket.on("error", (error) => one.fail(error.message));
    const greeting = await one.waits.for("pusher:connection_established");
    one.socketId = JSON.parse(greeting).socket_id;
    return one;
  }

  constructor(channel) {
    this.channel = channel;
    this.received = [];
    this.reader = new NpmReader();
    this.waits = new Waits();
    this.isEnding = false;
    this.canStall = true;
  }

  take(text) {
    let whole;
    try {
      whole = this.reader.read(text);
    } catch (error) {
      return this.fail(`${error.message} in ${text.slice(0, 300)}`);
    }
    const { event, channel, data } = JSON.parse(whole ?? text);
    if (whole !== undefined && channel === this.channel && !event.startsWith("pusher")) this.received.push(data);
    return this.waits.hear(event, channel, data);
  }

  fail(why) {
    if (!this.isEnding) this.failure ??= why;
  }
  send(event, data) {
    this.socket.send(JSON.stringify({ event, data }));
  }
  async subscribe(options) {
    const done = this.waits.for("pusher_internal:subscription_succeeded", this.channel);
    this.send("pusher:subscribe", { channel: this.channel, ...options });
    await done;
  }
  async unsubscribe() {
    this.send("pusher:unsubscribe", { channel: this.channel });
    await this.barrier();
    this.reader.forget(this.channel);
  }
  async enable(asked) {
    const done = this.waits.for("pusher:delta_compression_enabled");
    this.send("pusher:enable_delta_compression", asked);
    await done;
  }
  async resync() {
    this.send("pusher:delta_sync_error", { channel: this.channel });
    await this.barrier();
  }
  /** All that was published before has arrived. */
  async barrier() {
    for (let i = 0; i < 2; i += 1) {
      const done = this.waits.for("pusher:pong");
      this.send("pusher:ping", {});
      await done;
    }
  }
  stall() {
    this.socket.pause();
  }
  resume() {
    this.socket.resume();
  }
  stats() {
    const { full, delta, wireBytes, textBytes } = this.reader.counts;
    return { full, delta, wireBytes, textBytes };
  }
  end() {
    this.isEnding = true;
    this.socket.terminate();
  }
}

/** An unmodified pusher-js with the package of this folder. */
export class PackageSubscriber {
  static async open(server, key, channel, { connect, connected }, options) {
    const one = new PackageSubscriber(channel);
    one.pusher = connect(server, undefined, {});
    one.delta = withDelta(one.pusher, { ...options, onError: ({ code, message }) => one.fail(`${code}: ${message}`) });
    one.pusher.connection.bind("message", ({ event }) => one.waits.hear(event));
    await connected(one.pusher);
    one.socketId = one.pusher.connection.socket_id;
    return one;
  }

  constructor(channel) {
    this.channel = channel;
    this.received = [];
    this.waits = new Waits();
    this.canStall = false;
  }

  fail(why) {
    this.failure ??= why;
  }
  async subscribe(options = {}) {
    const channel = this.delta.subscribe(this.channel, options);
    if (channel !== this.bound) {
      this.bound = channel;
      channel.bind_global((event, data) => {
        this.waits.hear(event, this.channel, data);
        if (!event.startsWith("pusher:")) this.received.push(JSON.stringify(data));
      });
    }
    await this.waits.for("pusher:subscription_succeeded", this.channel);
  }
  async unsubscribe() {
    this.pusher.unsubscribe(this.channel);
    this.delta.configure(this.channel, undefined);
    this.bound.unbind_all();
    this.bound = undefined;
    await this.barrier();
  }
  async barrier() {
    for (let i = 0; i < 2; i += 1) {
      const done = this.waits.for("pusher:pong");
      this.pusher.send_event("pusher:ping", {});
      await done;
    }
  }
  stats() {
    return this.delta.stats();
  }
  end() {
    this.pusher.disconnect();
  }
}
