// The WebSocket inside pusher-js leaves its 30 s close timer behind when a closed socket is closed
// again. Timers that long must not keep a finished suite alive.
const startTimer = globalThis.setTimeout;
globalThis.setTimeout = (callback, ms, ...args) => {
  const timer = startTimer(callback, ms, ...args);
  if (ms >= 30000) timer.unref();
  return timer;
};
