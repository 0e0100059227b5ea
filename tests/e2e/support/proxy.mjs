// A TCP proxy between a node and its broker that can cut, hold and delay what goes through it.
import net from "node:net";
import { freePorts } from "./server.mjs";

// One direction of one connection: bytes wait while it is cut, and for its delay.
class Pipe {
  constructor(from, to, way) {
    Object.assign(this, { from, to, way, waiting: [], timer: null });
    from.on("data", (bytes) => {
      this.waiting.push({ bytes, due: performance.now() + way.delay });
      // What the far side would not read stays in the sender's buffers.
      if (way.isCut) from.pause();
      this.flush();
    });
    from.on("end", () => {
      this.waiting.push({ bytes: null, due: performance.now() + way.delay });
      this.flush();
    });
  }

  flush() {
    clearTimeout(this.timer);
    if (this.way.isCut) return;
    this.from.resume();
    while (this.waiting.length > 0) {
      const { bytes, due } = this.waiting[0];
      const left = due - performance.now();
      if (left > 0) {
        this.timer = setTimeout(() => this.flush(), left);
        return;
      }
      this.waiting.shift();
      if (this.to.destroyed) continue;
      if (bytes) this.to.write(bytes);
      else this.to.end();
    }
  }
}

/** Forwards a free loopback port to `target` ({ host?, port }). */
export class Proxy {
  static async start(target) {
    const proxy = new Proxy();
    [proxy.port] = await freePorts(1);
    proxy.ways = { toBroker: { isCut: false, delay: 0 }, toNode: { isCut: false, delay: 0 } };
    proxy.pipes = new Set();
    proxy.sockets = new Set();
    proxy.server = net.createServer({ allowHalfOpen: true }, (near) => proxy.join(near, target));
    await new Promise((resolve, reject) => {
      proxy.server.once("error", reject);
      proxy.server.listen(proxy.port, "127.0.0.1", resolve);
    });
    return proxy;
  }

  join(near, target) {
    const far = net.connect({ host: "127.0.0.1", ...target, allowHalfOpen: true });
    const pipes = [new Pipe(near, far, this.ways.toBroker), new Pipe(far, near, this.ways.toNode)];
    pipes.forEach((pipe) => this.pipes.add(pipe));
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.sockets.delete(socket);
        if (near.destroyed && far.destroyed) pipes.forEach((pipe) => this.pipes.delete(pipe));
      });
    }
  }

  /** Nothing goes this way any more: "toBroker", "toNode", or "both". What is held goes on at heal(). */
  cut(way = "both") {
    for (const name of way === "both" ? ["toBroker", "toNode"] : [way]) this.ways[name].isCut = true;
  }

  heal() {
    for (const way of Object.values(this.ways)) way.isCut = false;
    for (const pipe of this.pipes) pipe.flush();
  }

  /** Everything takes so many milliseconds longer on its way to the node. */
  delay(ms) { this.ways.toNode.delay = ms; }

  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
