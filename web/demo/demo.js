"use strict";

const $ = (id) => document.getElementById(id);
const ROWS_MAX = 60;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = false;
}

function appendBounded(list, item, max) {
  list.append(item);
  while (list.children.length > max) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

// --- who am I: a thing, kept for this tab ------------------------------------------------------

const COLOURS = ["Amber", "Azure", "Cobalt", "Copper", "Coral", "Crimson", "Golden", "Indigo",
  "Ivory", "Jade", "Lilac", "Olive", "Pearly", "Russet", "Silver", "Teal"];
const THINGS = ["anvil", "bellows", "cogwheel", "compass", "gimlet", "hourglass", "kettle", "lantern",
  "ledger", "pulley", "quill", "rudder", "sextant", "spindle", "thimble", "waterwheel"];

function whoAmI() {
  const saved = sessionStorage.getItem("me");
  if (saved) return JSON.parse(saved);
  const dice = crypto.getRandomValues(new Uint32Array(3));
  const me = {
    id: "u" + dice[0].toString(36) + dice[1].toString(36),
    name: COLOURS[dice[2] % 16] + " " + THINGS[(dice[2] >>> 4) % 16],
  };
  sessionStorage.setItem("me", JSON.stringify(me));
  return me;
}

function colourOf(id) {
  let hash = 7;
  for (const letter of String(id)) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  return `hsl(${hash % 360} 62% 58%)`;
}

// --- prices -----------------------------------------------------------------------------------

class Prices {
  constructor(body) {
    this.body = body;
    this.rows = new Map();
    this.dirty = new Set();
  }

  onTicker(channel, tick) {
    if (!tick || typeof tick.symbol !== "string") return;
    const key = channel + " " + tick.symbol;
    let row = this.rows.get(key);
    if (!row) {
      if (this.rows.size >= ROWS_MAX) return;
      row = this.add(key, channel, tick);
    }
    row.tick = tick;
    row.mid = (Number(tick.bid) + Number(tick.ask)) / 2;
    row.spark.push(row.mid);
    if (this.dirty.size === 0) requestAnimationFrame(() => this.draw());
    this.dirty.add(row);
  }

  add(key, channel, tick) {
    $("empty")?.remove();
    const line = element("tr");
    line.dataset.symbol = tick.symbol;
    const name = element("td", "symbol", tick.symbol);
    if (channel !== "ticker-simulated") name.append(element("small", "", channel.replace("ticker-", "")));
    const cells = ["bid", "ask", "spread", "change"].map((kind) => {
      const cell = element("td", "num " + kind);
      cell.append(element("span"));
      return cell;
    });
    const trend = element("td", "trend");
    const canvas = element("canvas");
    trend.append(canvas);
    line.append(name, ...cells, trend);
    const row = { line, key, cells: cells.map((cell) => cell.firstChild), spark: new Sparkline(canvas) };
    this.rows.set(key, row);
    const after = [...this.rows.keys()].sort();
    const next = after[after.indexOf(key) + 1];
    this.body.insertBefore(line, next ? this.rows.get(next).line : null);
    return row;
  }

  draw() {
    for (const row of this.dirty) {
      const { bid, ask } = row.tick;
      const [bidCell, askCell, spreadCell, changeCell] = row.cells;
      this.set(bidCell, bid);
      this.set(askCell, ask);
      const decimals = (String(bid).split(".")[1] || "").replace(/0+$/, "").length;
      spreadCell.textContent = (Number(ask) - Number(bid)).toFixed(Math.max(2, decimals));
      const change = (row.mid / row.spark.first - 1) * 100;
      changeCell.textContent = (change >= 0 ? "+" : "") + change.toFixed(2) + "%";
      changeCell.className = change >= 0 ? "up" : "down";
      row.spark.draw();
    }
    this.dirty.clear();
  }

  set(cell, text) {
    const before = Number(cell.textContent);
    if (cell.textContent === text) return;
    const rose = Number(text) >= before;
    const first = cell.textContent === "";
    cell.textContent = text;
    if (first) return;
    cell.classList.remove("flash-up", "flash-down");
    void cell.offsetWidth;  // restarts the animation
    cell.classList.add(rose ? "flash-up" : "flash-down");
  }
}

// --- figures ----------------------------------------------------------------------------------

class Figures {
  constructor() {
    this.received = 0;
    this.recent = [];
    this.latencies = [];
    setInterval(() => this.draw(), 500);
  }

  onMessage(tick) {
    this.received += 1;
    this.recent.push(performance.now());
    // The publisher's clock and ours: exact on one machine, an estimate elsewhere.
    const age = tick ? Date.now() - Number(tick.ts) : NaN;
    if (age > -1000 && age < 60000) {
      this.latencies.push(Math.max(0, age));
      if (this.latencies.length > 200) this.latencies.shift();
    }
  }

  draw() {
    const edge = performance.now() - 3000;
    this.recent = this.recent.filter((at) => at > edge);
    $("rate").textContent = (this.recent.length / 3).toFixed(this.recent.length < 30 ? 1 : 0);
    $("received").textContent = this.received.toLocaleString("en");
    if (this.latencies.length === 0) return;
    const sorted = [...this.latencies].sort((a, b) => a - b);
    const middle = sorted[sorted.length >> 1];
    $("latency").textContent = middle < 1 ? "<1 ms" : "~" + Math.round(middle) + " ms";
  }
}

// --- presence and chat --------------------------------------------------------------------------

function showMembers(members, me) {
  const list = $("members");
  list.replaceChildren();
  const rows = [];
  members.each((member) => rows.push(member));
  rows.sort((a, b) => (a.id === me.id ? -1 : b.id === me.id ? 1 : 0));
  for (const member of rows) {
    const line = element("li", member.id === me.id ? "me" : "");
    const dot = element("i");
    dot.style.background = colourOf(member.id);
    const name = (member.info && member.info.name) || String(member.id);
    line.append(dot, document.createTextNode(member.id === me.id ? name + " (you)" : name));
    list.append(line);
  }
  $("count").textContent = members.count;
}

function joinPresence(pusher, me) {
  const channel = pusher.subscribe("presence-demo");
  const show = () => showMembers(channel.members, me);
  for (const event of ["pusher:subscription_succeeded", "pusher:member_added", "pusher:member_removed"]) {
    channel.bind(event, show);
  }
  channel.bind("pusher:subscription_error", (error) => notice("presence-demo was refused: " + (error.error || error.status)));
}

function joinChat(pusher, me) {
  const channel = pusher.subscribe("private-demo-chat");
  const input = $("chat-text");
  const button = $("chat-form").querySelector("button");
  const say = (name, text, mine) => {
    $("chat").querySelector(".hint")?.remove();
    const line = element("li", mine ? "mine" : "");
    line.append(element("b", "", name + " "), document.createTextNode(text));
    appendBounded($("chat"), line, 100);
  };
  channel.bind("pusher:subscription_succeeded", () => { input.disabled = button.disabled = false; });
  channel.bind("client-message", (message) => {
    if (message && typeof message.text === "string") say(String(message.name).slice(0, 40), message.text.slice(0, 280), false);
  });
  $("chat-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text || !channel.trigger("client-message", { name: me.name, text })) return;
    say(me.name, text, true);
    input.value = "";
  });
}

// --- publishing -------------------------------------------------------------------------------

function bodyOfForm() {
  return JSON.stringify({ name: $("pub-event").value, channel: $("pub-channel").value, data: $("pub-data").value });
}

// Signs itself when it is run, so that it works whenever it is pasted.
function curlText(settings) {
  const quoted = "'" + bodyOfForm().replaceAll("'", "'\\''") + "'";
  return [
    `body=${quoted}`,
    `path=/apps/${settings.app_id}/events`,
    `query="auth_key=${settings.key}&auth_timestamp=$(date +%s)&auth_version=1.0&body_md5=$(printf %s "$body" | openssl md5 -r | cut -c1-32)"`,
    `sig=$(printf 'POST\\n%s\\n%s' "$path" "$query" | openssl sha256 -hmac ${settings.secret} -r | cut -c1-64)`,
    `curl -H 'Content-Type: application/json' -d "$body" "${location.origin}$path?$query&auth_signature=$sig"`,
  ].join("\n");
}

async function publish(settings) {
  const body = bodyOfForm();
  const headers = { "Content-Type": "application/json" };
  const signed = await fetch("/demo/sign", {
    method: "POST", headers, body: JSON.stringify({ method: "POST", path: `/apps/${settings.app_id}/events`, body }),
  });
  if (!signed.ok) throw new Error(await signed.text());
  const answer = await fetch((await signed.json()).url, { method: "POST", headers, body });
  return `${answer.status} ${(await answer.text()).slice(0, 160)}`;
}

function joinOwnChannel(pusher, state) {
  const name = $("pub-channel").value.trim();
  if (!name || state.name === name) return;
  if (state.name) pusher.unsubscribe(state.name);
  state.name = name;
  pusher.subscribe(name).bind_global((event, data) => {
    if (event.startsWith("pusher:")) return;
    const line = element("li");
    line.append(element("b", "", event + " "), document.createTextNode(typeof data === "string" ? data : JSON.stringify(data)));
    appendBounded($("events"), line, 50);
  });
}

function startPublishForm(pusher, settings) {
  const own = { name: "" };
  const show = () => { $("curl").textContent = curlText(settings); };
  $("publish-form").addEventListener("input", show);
  $("pub-channel").addEventListener("change", () => {
    if (!settings.channels.includes($("pub-channel").value.trim())) joinOwnChannel(pusher, own);
  });
  $("publish-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      $("pub-result").textContent = await publish(settings);
    } catch (error) {
      $("pub-result").textContent = String(error.message || error);
    }
  });
  $("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText($("curl").textContent);
    $("copy").textContent = "Copied";
  });
  joinOwnChannel(pusher, own);
  show();
}

// --- start ------------------------------------------------------------------------------------

async function start() {
  if (typeof Pusher === "undefined") {
    notice("This binary was built without pusher-js. Run “npm ci” in the web folder, build again and restart; the server itself is complete without it.");
    $("state").textContent = "no client library";
    return;
  }
  const settings = await (await fetch("/demo/settings.json")).json();
  const me = whoAmI();
  const secure = location.protocol === "https:";
  const port = Number(location.port) || (secure ? 443 : 80);
  const pusher = new Pusher(settings.key, {
    cluster: "demo", wsHost: location.hostname, wsPort: port, wssPort: port, forceTLS: secure,
    enabledTransports: secure ? ["ws", "wss"] : ["ws"], enableStats: false,
    channelAuthorization: { endpoint: "/demo/auth", transport: "ajax", params: { user_id: me.id, user_name: me.name } },
  });
  window.millraceDemo = { pusher, me };  // for the console

  const figures = new Figures();
  const prices = new Prices($("rows"));
  pusher.connection.bind("state_change", ({ current }) => {
    $("state").textContent = current;
    $("state").dataset.state = current;
  });
  pusher.connection.bind("error", (event) => {
    const error = event && event.error && event.error.data;
    if (error && error.code) notice(`The server says ${error.code}: ${error.message}`);
  });
  for (const name of settings.channels) {
    pusher.subscribe(name).bind("ticker", (tick) => {
      figures.onMessage(tick);
      prices.onTicker(name, tick);
    });
  }
  joinPresence(pusher, me);
  joinChat(pusher, me);
  startPublishForm(pusher, settings);
}

start();
