// Clients below the Pusher libraries: a WebSocket that keeps its frames, and bare TCP.
import net from "node:net";
import WebSocket from "ws";
import { APPS, checkNoSecret, until } from "./server.mjs";

/** A WebSocket to /app/<key>; frames are parsed and kept in order. */
export class RawClient {
  constructor(server, { app = APPS.main, path, headers = {}, options = {} } = {}) {
    this.frames = [];
    this.closed = null;
    this.refused = null;  // HTTP status of a refused upgrade
    this.socket = new WebSocket(`ws://127.0.0.1:${server.clientPort}${path ?? `/app/${app.key}?protocol=7`}`,
      { headers, perMessageDeflate: false, ...options });
    this.socket.on("message", (bytes) => {
      const frame = parse(bytes.toString("utf8"));
      if (/error/.test(frame.event)) checkNoSecret(bytes.toString("utf8"), "an error to a client");
      this.frames.push(frame);
    });
    this.socket.on("close", (code, reason) => { this.closed = { code, reason: reason.toString() }; });
    this.socket.on("unexpected-response", (_, answer) => {
      this.refused = answer.statusCode;
      answer.resume();
      this.socket.terminate();
    });
    this.socket.on("error", (error) => { this.error = error; });
  }

  /** Connected and greeted. */
  static async open(server, options) {
    const client = new RawClient(server, options);
    client.greeting = await client.next("pusher:connection_established");
    client.socketId = JSON.parse(client.greeting.data).socket_id;
    return client;
  }

  send(message) {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  subscribe(channel, more = {}) {
    this.send({ event: "pusher:subscribe", data: { channel, ...more } });
  }

  /** All frames with that event (and channel) so far. */
  of(event, channel) {
    return this.frames.filter((frame) => frame.event === event && (!channel || frame.channel === channel));
  }

  /** Waits for the next frame of that event that was not taken before. */
  async next(event, ms = 5000) {
    this.taken ??= new Set();
    const find = () => this.frames.find((frame) => frame.event === event && !this.taken.has(frame));
    const frame = await until(() => find() || (this.closed && "closed"), ms,
      `${event} on a raw client, got ${JSON.stringify(this.frames).slice(0, 2000)}`);
    if (frame === "closed") {
      throw new Error(`closed (${JSON.stringify(this.closed)}) before ${event}; got ${JSON.stringify(this.frames).slice(0, 2000)}`);
    }
    this.taken.add(frame);
    return frame;
  }

  async end(ms = 8000) {
    return until(() => this.closed, ms, `close of a raw client, got ${JSON.stringify(this.frames).slice(0, 2000)}`);
  }

  /** A ping answered: everything sent before was read by the server. */
  async roundTrip() {
    this.send({ event: "pusher:ping", data: {} });
    return this.next("pusher:pong");
  }

  close() {
    this.socket.terminate();
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { event: "unparsed", text };
  }
}

/** A bare TCP connection that keeps every byte. */
export class RawSocket {
  constructor(port) {
    this.bytes = Buffer.alloc(0);
    this.ended = false;
    this.socket = net.connect(port, "127.0.0.1");
    this.socket.on("data", (more) => { this.bytes = Buffer.concat([this.bytes, more]); });
    this.socket.on("end", () => { this.ended = true; });
    this.socket.on("close", () => { this.ended = true; });
    this.socket.on("error", (error) => { this.error = error; this.ended = true; });
  }

  static async open(port) {
    const raw = new RawSocket(port);
    await until(() => raw.socket.readyState === "open" || raw.ended, 5000, "a TCP connection");
    return raw;
  }

  get text() { return this.bytes.toString("latin1"); }

  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  async has(pattern, ms = 5000) {
    return until(() => this.text.match(pattern), ms, `${pattern} in ${JSON.stringify(this.text.slice(-1500))}`);
  }

  async closed(ms = 8000) {
    await until(() => this.ended, ms, `end of a TCP connection, got ${JSON.stringify(this.text.slice(-600))}`);
  }

  destroy() {
    this.socket.destroy();
  }
}

/** Upgraded by hand, for frames that no library would send. */
export async function upgradedSocket(server, app = APPS.main) {
  const raw = await RawSocket.open(server.clientPort);
  raw.write(`GET /app/${app.key}?protocol=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  await raw.has(/connection_established/);
  return raw;
}

/** One client frame; masked unless told. */
export function clientFrame(opcode, payload, { masked = true, fin = true } = {}) {
  const body = Buffer.from(payload);
  const head = [(fin ? 0x80 : 0) | opcode];
  const bit = masked ? 0x80 : 0;
  if (body.length < 126) head.push(bit | body.length);
  else if (body.length < 65536) head.push(bit | 126, body.length >> 8, body.length & 255);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(body.length));
    head.push(bit | 127, ...length);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  const mask = Buffer.from([1, 2, 3, 4]);
  const hidden = Buffer.from(body.map((byte, i) => byte ^ mask[i & 3]));
  return Buffer.concat([Buffer.from(head), mask, hidden]);
}

/** The code of the close frame at the end of what a server sent, or undefined. */
export function closeCodeIn(bytes) {
  let at = bytes.indexOf("\r\n\r\n") + 4;
  while (at + 2 <= bytes.length) {
    const opcode = bytes[at] & 15;
    let size = bytes[at + 1] & 127;
    let head = 2;
    if (size === 126) { size = bytes.readUInt16BE(at + 2); head = 4; }
    if (size === 127) { size = Number(bytes.readBigUInt64BE(at + 2)); head = 10; }
    if (opcode === 8) return size >= 2 ? bytes.readUInt16BE(at + head) : 1005;
    at += head + size;
  }
  return undefined;
}
