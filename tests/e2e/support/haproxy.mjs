// Debian's haproxy with the very file of docs/deploy, on other addresses.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { Broker } from "./broker.mjs";
import { ROOT, get } from "./server.mjs";

export const HAPROXY_FILE = path.join(ROOT, "docs/deploy/haproxy.cfg");
const PROGRAM = existsSync("/usr/sbin/haproxy") ? "/usr/sbin/haproxy" : "haproxy";

export class HaProxy extends Broker {
  /** Before these nodes; answers when this returns. Each answer names the node in `x-entered`. */
  static start(nodes) {
    const proxy = new HaProxy("haproxy");
    proxy.nodes = nodes;
    return proxy.run();
  }

  get url() { return `http://127.0.0.1:${this.port}`; }

  command() {
    const replace = (text, from, to) => {
      if (!text.includes(from)) throw new Error(`${HAPROXY_FILE} has no "${from}"`);
      return text.replaceAll(from, to);
    };
    let text = readFileSync(HAPROXY_FILE, "utf8");
    text = replace(text, "bind *:80", `bind 127.0.0.1:${this.port}`);
    this.nodes.forEach((node, i) => { text = replace(text, `10.0.0.${i + 1}:6001`, `127.0.0.1:${node.port}`); });
    text = replace(text, "backend rest\n", "backend rest\n  http-response set-header x-entered %s\n");
    const file = path.join(this.folder, "haproxy.cfg");
    writeFileSync(file, text);
    return [PROGRAM, "-f", file];
  }
  async answers() { return (await get(`${this.url}/`).catch(() => ({ status: 0 }))).status === 200; }
}

/** Keeps connections, as a back end's SDK does. */
export const keptAgent = () => new http.Agent({ keepAlive: true, maxSockets: 8 });
