// A WebSocket server that speaks protocol 7 and the delta frames, for unmodified pusher-js.
import http from "node:http";
import { readFileSync } from "node:fs";
import { WebSocketServer } from "ws";
import { DeltaChannel } from "./delta_channel.mjs";

const frame = (event, data, channel) => JSON.stringify({ event, ...(channel && { channel }), data });

class Connection {
  constructor(server, socket, number) {
    Object.assign(this, { server, socket, id: `${number}.1`, heard: [], members: new Map(), algorithm: undefined, crc: false });
    socket.on("message", (bytes) => this.hear(JSON.parse(bytes)));
    socket.on("close", () => this.gone());
    this.send(frame("pusher:connection_established", JSON.stringify({ socket_id: this.id, activity_timeout: 120 })));
  }

  send(text) {
    if (this.socket.readyState === 1) this.socket.send(text);
  }

  /** Closes with a code; 4200 makes pusher-js connect again at once. */
  close(code = 4200) {
    this.gone();
    this.socket.close(code);
  }

  gone() {
    for (const name of [...this.members.keys()]) this.leave(name);
    this.server.connections.delete(this);
  }

  hear(message) {
    const { event, data } = message;
    this.heard.push(message);
    const known = {
      "pusher:ping": () => this.send(frame("pusher:pong", {})),
      "pusher:enable_delta_compression": () => this.enable(data),
      "pusher:subscribe": () => this.subscribe(data),
      "pusher:unsubscribe": () => this.leave(data.channel),
      "pusher:delta_sync_error": () => this.members.has(data.channel) && this.server.channel(data.channel).join(this.members.get(data.channel)),
      "pusher:signin": () => this.send(frame("pusher:signin_success", { user_data: data.user_data })),
      "test:echo": () => this.send(frame("test:echo", data)),
    };
    known[event.replace(/^sockudo:/, "pusher:")]?.();
  }

  enable({ algorithms, crc }) {
    this.algorithm = algorithms.find((name) => name === this.server.prefer) ?? algorithms[0];
    this.crc = crc;
    this.send(frame(`${this.server.prefix}:delta_compression_enabled`, { enabled: true, algorithm: this.algorithm }));
    for (const [name, member] of this.members) {
      Object.assign(member, { algorithm: this.algorithm, crc });
      this.server.channel(name).join(member);
    }
  }

  subscribe({ channel: name, delta }) {
    const again = this.members.get(name);
    const wanted = delta ?? this.algorithm ?? false;
    const named = typeof wanted === "object" ? wanted.algorithm : wanted === true ? undefined : wanted;
    const crc = delta?.crc ?? this.crc;
    const member = again ?? { send: (text) => this.send(text) };
    Object.assign(member, { algorithm: wanted === false ? undefined : named ?? this.server.prefer, crc, named: this.server.named, prefix: this.server.prefix });
    this.members.set(name, member);
    const presence = { presence: { ids: ["u1"], hash: { u1: {} }, count: 1 } };
    this.send(frame("pusher_internal:subscription_succeeded", JSON.stringify(name.startsWith("presence-") ? presence : {}), name));
    this.server.channel(name).join(member);
  }

  leave(name) {
    this.server.channel(name).leave(this.members.get(name));
    this.members.delete(name);
  }

  /** The messages of one event that the client sent, without their prefix. */
  said(event) {
    return this.heard.filter((message) => message.event === event).map(({ data }) => data);
  }
}

export class TestServer {
  /** `channels`: name -> options of DeltaChannel; `files`: path -> [content type, file]. */
  static async start({ channels = {}, files = {}, prefer = "fossil", named = true, prefix = "pusher" } = {}) {
    const server = new TestServer();
    Object.assign(server, { options: channels, prefer, named, prefix, channels: new Map(), connections: new Set(), opened: 0 });
    server.http = http.createServer((request, response) => {
      const [type, file] = files[request.url] ?? [];
      response.writeHead(type ? 200 : 404, { "Content-Type": type ?? "text/plain" });
      response.end(type ? file.startsWith("<") ? file : readFileSync(file) : "");
    });
    server.sockets = new WebSocketServer({ server: server.http });
    server.sockets.on("connection", (socket) => server.connections.add(new Connection(server, socket, ++server.opened)));
    await new Promise((done) => { server.http.listen(0, "127.0.0.1", done); });
    server.port = server.http.address().port;
    return server;
  }

  channel(name) {
    if (!this.channels.has(name)) this.channels.set(name, new DeltaChannel(name, this.options[name]));
    return this.channels.get(name);
  }

  publish(name, event, data, options) {
    return this.channel(name).publish(event, data, options);
  }

  /** The connection that was opened last. */
  get last() {
    return [...this.connections].at(-1);
  }

  async stop() {
    for (const client of this.sockets.clients) client.terminate();
    this.sockets.close();
    await new Promise((done) => { this.http.close(done); });
  }
}
