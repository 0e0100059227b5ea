// The unmodified public clients, set up for a server of support/server.mjs.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { createRequire } from "node:module";
import "./long_timers.mjs";
import { APPS, keepSecret, request, until } from "./server.mjs";

const require = createRequire(import.meta.url);
export const PusherClient = require("pusher-js");
export const PusherSdk = require("pusher");

export const MASTER_KEY = keepSecret(Buffer.alloc(32, 7).toString("base64"));

/** The REST SDK for one app. */
export function sdk(server, app = APPS.main, options = {}) {
  const at = (port) => new PusherSdk({
    appId: app.id, key: app.key, secret: app.secret, host: "127.0.0.1", port: String(port),
    useTLS: false, encryptionMasterKeyBase64: MASTER_KEY, ...options,
  });
  const backend = at(server.port);
  backend.others = (server.ports ?? []).filter((port) => port !== server.port).map(at);
  return backend;
}

/** An answer of an auth endpoint; its signature and what it signs are confidential. */
function kept(answer) {
  keepSecret(answer.auth, answer.auth.split(":")[1], answer.channel_data ?? "", answer.user_data ?? "", answer.shared_secret ?? "");
  return answer;
}

const open = new Set();

/**
 * An unmodified pusher-js. `user` ({ id, info }) signs presence channels and sign-ins; the
 * authorizers do what a back end would do, with the REST SDK.
 */
export function connect(server, app = APPS.main, { user, ...options } = {}) {
  const backend = sdk(server, app);
  const client = new PusherClient(app.key, {
    cluster: "none", wsHost: "127.0.0.1", wsPort: server.clientPort ?? server.port, forceTLS: false,
    enabledTransports: ["ws"], enableStats: false,
    channelAuthorization: {
      customHandler({ socketId, channelName }, done) {
        const presence = channelName.startsWith("presence-")
          ? { user_id: user?.id ?? "nobody", user_info: user?.info ?? {} } : undefined;
        done(null, kept(backend.authorizeChannel(socketId, channelName, presence)));
      },
    },
    userAuthentication: {
      customHandler({ socketId }, done) {
        done(null, kept(backend.authenticateUser(socketId, { id: String(user?.id ?? "nobody"), ...(user?.data || {}) })));
      },
    },
    ...options,
  });
  client.states = [client.connection.state];
  client.errors = [];
  client.connection.bind("state_change", ({ current }) => client.states.push(current));
  client.connection.bind("error", (error) => client.errors.push(error));
  open.add(client);
  return client;
}

/** The codes of the errors that pusher-js reported: of a frame, or of a close with its frame. */
export const codesOf = (client) => client.errors.map((error) => (error.error ?? error).data?.code);

export function disconnectAll() {
  for (const client of open) client.disconnect();
  open.clear();
}

export async function connected(client, ms = 8000) {
  await until(() => client.connection.state === "connected", ms, `connected (is ${client.connection.state})`);
  return client;
}

/** Subscribes and waits for the server's yes; every event is kept in channel.seen. */
export async function joined(client, name, ms = 8000) {
  const channel = watched(client, name);
  await until(() => channel.subscribed || channel.refusal, ms, `subscribed to ${name}`);
  assert.equal(channel.refusal, undefined, `subscription to ${name} was refused`);
  return channel;
}

/** Waits until the node of each back end lists the user on a presence channel. */
export async function isListed(backend, name, id) {
  for (const node of [backend, ...backend.others]) {
    await until(async () => {
      const { users } = await (await node.get({ path: `/channels/${name}/users` })).json();
      return users.some((user) => user.id === id);
    }, 5000, `${id} among the users of ${name}`);
  }
}

/** Subscribes to a presence channel; every node knows it when this returns. */
export async function present(backend, client, name) {
  const channel = await joined(client, name);
  await isListed(backend, name, channel.members.me.id);
  return channel;
}

/** Subscribes and keeps what happens: channel.seen = [[event, data, metadata], ...]. */
export function watched(client, name) {
  const channel = client.subscribe(name);
  channel.seen = [];
  channel.bind_global((event, data) => {
    channel.seen.push([event, data]);
    if (event === "pusher:subscription_error") channel.refusal = data;
  });
  return channel;
}

/** The data of every `event` so far. */
export const dataOf = (channel, event) => channel.seen.filter(([name]) => name === event).map(([, data]) => data);

export async function received(channel, event, count = 1, ms = 5000) {
  await until(() => dataOf(channel, event).length >= count, ms,
    `${count} x ${event} on ${channel.name}, got ${JSON.stringify(channel.seen)}`);
  return dataOf(channel, event);
}

export const stateOf = (client, state, ms = 8000) =>
  until(() => client.connection.state === state, ms, `${state} (is ${client.connection.state}; ${client.states})`);
/** pusher-js gave up: disconnected, told why, and no attempt is planned. */
export async function staysAway(client, code) {
  await stateOf(client, "disconnected");
  assert.ok(codesOf(client).includes(code), JSON.stringify(client.errors));
  assert.ok(!client.connection.retryTimer, "a retry is planned");
}

let markers = 0;

/**
 * Publishes a marker at each node and waits for it on every channel object: what was sent before on
 * that channel has arrived by then, or never will.
 */
export async function settle(backend, ...channels) {
  markers += 1;
  const marker = `marker-${markers}`;
  const names = [...new Set(channels.map((channel) => channel.name))];
  const events = [marker, ...backend.others.map((_, i) => `${marker}-${i}`)];
  for (const name of names) {
    await Promise.all([backend, ...backend.others].map((at, i) => at.trigger(name, events[i], "")));
  }
  for (const channel of channels) await Promise.all(events.map((event) => received(channel, event)));
}

// --- requests without the SDK ------------------------------------------------------------------

const md5 = (text) => crypto.createHash("md5").update(text).digest("hex");

/**
 * A signed path; `overrides` replace parameters before signing, `after` afterwards. Unless `isKept`
 * is false its signature is confidential; a load of many thousands would be searched for too long.
 */
export function signedPath(app, method, path, { body = "", params = {}, overrides = {}, after = {}, isKept = true } = {}) {
  const query = {
    auth_key: app.key, auth_timestamp: String(Math.floor(Date.now() / 1000)), auth_version: "1.0",
    ...(body ? { body_md5: md5(body) } : {}), ...params, ...overrides,
  };
  for (const name of Object.keys(query)) if (query[name] === undefined) delete query[name];
  const names = Object.keys(query).sort();
  const text = names.map((name) => `${name}=${query[name]}`).join("&");
  const signature = crypto.createHmac("sha256", app.secret).update(`${method}\n${path}\n${text}`).digest("hex");
  if (isKept) keepSecret(signature);
  const all = { ...query, auth_signature: signature, ...after };
  const encoded = Object.entries(all).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return `${path}?${encoded}`;
}

export function signedRequest(server, app, method, path, { body = "", headers = {}, ...how } = {}) {
  return request(server.url + signedPath(app, method, path, { body, ...how }), {
    method, body: body || undefined,
    headers: { ...(body ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } : {}), ...headers },
  });
}

function signed(app, text) {
  return `${app.key}:${keepSecret(crypto.createHmac("sha256", app.secret).update(text).digest("hex"))}`;
}

export const channelAuth = (app, socketId, channel, channelData) => {
  keepSecret(channelData ?? "");
  return signed(app, [socketId, channel, ...(channelData === undefined ? [] : [channelData])].join(":"));
};

export function userAuth(app, socketId, userData) {
  keepSecret(userData);
  return signed(app, `${socketId}::user::${userData}`);
}
