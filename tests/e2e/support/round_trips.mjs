// What a broker itself takes for one write, without anything of ours between.
import net from "node:net";

/** Sends `text` so many times, each when the answer to the one before was whole: times in ms. */
function timesOf(port, hello, textOf, isAnswer, count) {
  return new Promise((resolve, reject) => {
    const times = [];
    let begin = 0;
    let got = "";
    const socket = net.connect(port, "127.0.0.1", () => socket.write(hello));
    socket.setNoDelay(true);
    const next = () => {
      got = "";
      begin = performance.now();
      socket.write(textOf(times.length));
    };
    let isReady = hello === "";
    if (isReady) socket.once("connect", next);
    socket.on("data", (bytes) => {
      got += bytes;
      if (!isReady) {
        if (!got.includes("PONG\r\n")) return;
        isReady = true;
        return next();
      }
      if (!isAnswer(got)) return;
      times.push(performance.now() - begin);
      if (times.length < count) return next();
      socket.destroy();
      resolve(times);
    });
    socket.on("error", reject);
  });
}

const SCRIPT = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', 300000)";

export const roundTrips = {
  redis: (broker, count) => timesOf(broker.port, "", (i) => {
    const words = ["EVAL", SCRIPT, "1", "probe", String(i)];
    return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
  }, (answer) => answer.endsWith("\r\n"), count),

  // An update of a key of the same bucket's kind.
  nats: (broker, count) => timesOf(broker.port,
    'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB _INBOX.probe 1\r\nPING\r\n', (i) => {
      const value = `${i}`;
      return `PUB $KV.millrace_delta_counts.probe _INBOX.probe ${value.length}\r\n${value}\r\n`;
    }, (answer) => /^MSG _INBOX\.probe 1 .*\r\n.*\r\n/m.test(answer), count),
};
