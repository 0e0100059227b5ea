// What is published to, and recorded from, clients whose handlers are compared. Runs in Node and in
// a page.

const TEXTS = ["plain", "€uro 😀 ünï", 'quote " backslash \\ slash / \u2028', '","__delta_seq":7}', "tab\tnew\nline \u0000", "<script>&amp;"];
const DATA = [
  (i) => ({ symbol: `S${i % 5}`, price: i * 1.01, text: TEXTS[i % TEXTS.length], list: [i, null, true] }),
  (i) => `no JSON: ${TEXTS[i % TEXTS.length]} ${i}`,
  (i) => [i, TEXTS[i % TEXTS.length]],
  (i) => i + 1,
  (i) => ({ nested: JSON.stringify({ i, text: TEXTS[i % TEXTS.length] }), "ключ": i }),
];

/** [channel, event, data, options] of 300 messages over these channels. */
export function CASES(channels) {
  return Array.from({ length: 300 }, (_, i) => [
    channels[i % channels.length],
    ["price", "trade", "ünï code"][i % 3],
    DATA[(i >> 3) % DATA.length](i),
    { key: `S${i % 5}`, ...(channels[i % channels.length].startsWith("presence-") && i % 2 && { user: "u1" }) },
  ]);
}

/** Every call of handlers bound in each possible way: [where, event, ...arguments]. */
export function record(pusher) {
  const list = [];
  const bind = (where, target) => {
    target.bind_global((...args) => list.push([`${where} bind_global`, ...args]));
    for (const event of ["price", "trade", "ünï code"]) target.bind(event, (...args) => list.push([`${where} bind`, event, ...args]));
  };
  bind("pusher", pusher);
  return {
    list,
    of(channel) {
      bind(channel.name, channel);
      return channel;
    },
    /** The member `i` of what channels got under one event name. */
    numbers: (event) => list.filter(([where, name]) => where !== "pusher bind_global" && where.endsWith("bind_global") && name === event).map(([, , data]) => data.i),
  };
}
